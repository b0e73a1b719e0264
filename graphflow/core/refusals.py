"""What is said of a value that is no valid change of a field: which field, which value, why, and the mend (S3.3, S1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from graphflow.core.sealing import all_texts, scrubbed, secret_values
from graphflow.errors import UpdateInvalid, shown

if TYPE_CHECKING:
    from graphflow.core.schema import FieldSpec, Schema


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
        said = _without_secrets(spec, str(error).rstrip("."), change)
        raise UpdateInvalid(
            f"The update gives {spec.name!r} a value that JSON cannot hold: {value_shown(spec, change)}",
            why=f"{said}. The state must survive a round trip through JSON. (S1.1)",
            fix='Give the field a type that JSON can hold, e.g. Base64Bytes, or ConfigDict(ser_json_bytes="base64").'
            if is_bytes
            else "Keep plain data in the state: texts, numbers, lists, dicts and models.",
        ) from None
    if type(back) is not type(change) or (back != change and repr(back) != repr(change)):
        raise UpdateInvalid(
            f"The update gives {spec.name!r} a value that does not come back from JSON as it was: "
            f"{value_shown(spec, change)}",
            why=f"It comes back as {value_shown(spec, back)}. The state must survive a round trip through JSON. (S1.1)",
            fix=f"Annotate {spec.name} with the type of its values, or keep texts, numbers, lists and dicts in it.",
        )


def value_shown(spec: FieldSpec, value: Any) -> str:
    """A value given for a field, as messages show it; of one that holds secrets only what it is."""
    return f"<{type(value).__name__}, not shown: secret>" if spec.is_secret else shown(value)


def not_valid(spec: FieldSpec, value: Any, error: ValidationError, kind: str = "the value") -> UpdateInvalid:
    said = _without_secrets(spec, reasons(error), value)
    if kind != "the value" and spec.reducer is not None and spec.reducer.is_given:
        return UpdateInvalid(
            f"The reducer {spec.reducer.name} of {spec.name!r} gave a value that does not validate: "
            f"{value_shown(spec, value)}",
            why=f"{said} ({spec.name}: {_type_name(spec.annotation)}). (S7.2)",
            fix="Mend the reducer, or leave out of the update what it cannot fold.",
        )
    takes = f" The reducer {spec.reducer} takes {_type_name(spec.change_type)}." if spec.reducer else ""
    return UpdateInvalid(
        f"The update gives {spec.name!r} a value that does not validate: {value_shown(spec, value)}",
        why=f"{said} ({kind} of {spec.name}: {_type_name(spec.annotation)}).{takes} (S3.3)",
        fix=f"Return a value of type {_type_name(spec.change_type)} for {spec.name}.",
    )


def told_reasons(error: ValidationError, schema: Schema, values: Mapping[str, Any]) -> str:
    """What is wrong with a whole state, without the secrets in it: a validator of the user's may have told them."""
    return without_secrets(reasons(error), schema, [values])


def without_secrets(text: str, schema: Schema, states: Iterable[Mapping[str, Any]]) -> str:
    """A text in which no secret of these states stands."""
    if not schema.secret_names:
        return text
    return scrubbed(text, _secrets_in(schema, states))


def _secrets_in(schema: Schema, states: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for values in states:
        for name in schema.secret_names:
            yield from secret_values(values.get(name))


def _without_secrets(spec: FieldSpec, text: str, value: Any) -> str:
    return scrubbed(text, all_texts(value)) if spec.is_secret else text


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if type(annotation) is type else str(annotation).replace("typing.", "")


def reasons(error: ValidationError) -> str:
    parts: list[str] = []
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(map(str, detail["loc"]))
        place = place if len(place) <= 60 else f"{place[:30]} ... {place[-20:]}"
        parts.append(f"{place}: {detail['msg']}" if place else detail["msg"])
    return "; ".join(parts[:4]) + ("" if len(parts) <= 4 else f"; and {len(parts) - 4} more")
