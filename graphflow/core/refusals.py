"""What is said of a value that is no valid change of a field: which field, which value, why, and the mend (S3.3, S1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from graphflow.errors import UpdateInvalid, shown

if TYPE_CHECKING:
    from graphflow.core.schema import FieldSpec


def must_dump(spec: FieldSpec, change: Any) -> None:
    """S1.1: what enters the state must survive JSON; else it would break the journal, not the node that made it."""
    try:
        assert spec.dump is not None
        data = spec.dump(change)
        if not spec.is_open or spec.revive is None:
            return
        back = spec.revive(data)
    except (ValueError, TypeError, RecursionError) as error:
        is_bytes = isinstance(error, UnicodeDecodeError) or "utf-8" in str(error)
        raise UpdateInvalid(
            f"The update gives {spec.name!r} a value that JSON cannot hold: {shown(change)}",
            why=f"{str(error).rstrip('.')}. The state must survive a round trip through JSON. (S1.1)",
            fix='Give the field a type that JSON can hold, e.g. Base64Bytes, or ConfigDict(ser_json_bytes="base64").'
            if is_bytes
            else "Keep plain data in the state: texts, numbers, lists, dicts and models.",
        ) from None
    if type(back) is not type(change) or (back != change and repr(back) != repr(change)):
        raise UpdateInvalid(
            f"The update gives {spec.name!r} a value that does not come back from JSON as it was: {shown(change)}",
            why=f"It comes back as {shown(back)}. The state must survive a round trip through JSON. (S1.1)",
            fix=f"Annotate {spec.name} with the type of its values, or keep texts, numbers, lists and dicts in it.",
        )


def not_valid(spec: FieldSpec, value: Any, error: ValidationError, kind: str = "the value") -> UpdateInvalid:
    if kind != "the value" and spec.reducer is not None and spec.reducer.is_given:
        return UpdateInvalid(
            f"The reducer {spec.reducer.name} of {spec.name!r} gave a value that does not validate: {shown(value)}",
            why=f"{reasons(error)} ({spec.name}: {_type_name(spec.annotation)}). (S7.2)",
            fix="Mend the reducer, or leave out of the update what it cannot fold.",
        )
    takes = f" The reducer {spec.reducer} takes {_type_name(spec.change_type)}." if spec.reducer else ""
    return UpdateInvalid(
        f"The update gives {spec.name!r} a value that does not validate: {shown(value)}",
        why=f"{reasons(error)} ({kind} of {spec.name}: {_type_name(spec.annotation)}).{takes} (S3.3)",
        fix=f"Return a value of type {_type_name(spec.change_type)} for {spec.name}.",
    )


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if type(annotation) is type else str(annotation).replace("typing.", "")


def reasons(error: ValidationError) -> str:
    parts: list[str] = []
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(map(str, detail["loc"]))
        place = place if len(place) <= 60 else f"{place[:30]} ... {place[-20:]}"
        parts.append(f"{place}: {detail['msg']}" if place else detail["msg"])
    return "; ".join(parts[:4]) + ("" if len(parts) <= 4 else f"; and {len(parts) - 4} more")
