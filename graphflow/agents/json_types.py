"""A Python type as a model is asked for it: its JSON schema, and the way from what was written to a value.

Providers want an object at the root, so any other type is wrapped as ``{"value": ...}``; what is read may be wrapped
or not. Values are validated as JSON is, so that dates, enums and tuples come back as such.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic.json_schema import PydanticJsonSchemaWarning
from pydantic_core import to_json

from graphflow.agents.extraction import json_values
from graphflow.core.annotations import stripped
from graphflow.errors import Place, ToolInvalid

WRAPPED = "value"


class ReadingFailed(Exception):
    """What was written is no value of the type. ``told`` is for the model, ``kept`` says the same without payload."""

    def __init__(self, told: str, kept: str) -> None:
        super().__init__(kept)
        self.told = told
        self.kept = kept


@dataclass(slots=True, eq=False)
class JsonType:
    """One type: ``schema`` has an object at its root, ``is_wrapped`` says that this is our wrapping.

    >>> JsonType(list[int]).read_text("The numbers are [1, 2].")
    [1, 2]
    """

    annotation: Any
    place: Place | None = None
    schema: dict[str, Any] = field(init=False)
    is_wrapped: bool = field(init=False)
    is_text: bool = field(init=False)  # plain text, which a model just writes
    _adapter: TypeAdapter[Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            self._adapter = TypeAdapter(self.annotation)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PydanticJsonSchemaWarning)  # a default that JSON cannot show
                schema = self._adapter.json_schema()
        except (PydanticUserError, TypeError, NameError, AttributeError) as error:
            raise ToolInvalid(
                f"{self.annotation!r} cannot be asked of a model",
                why=f"It has no JSON schema: {str(error).splitlines()[0]}",
                fix="Use a pydantic model, or types that JSON knows.",
                where=() if self.place is None else (self.place,),
            ) from error
        self.is_wrapped = schema.get("type") != "object" or "properties" not in schema
        self.schema = _wrapped(schema) if self.is_wrapped else schema
        self.is_text = stripped(self.annotation) is str

    def read(self, data: Any) -> Any:
        """The value of parsed JSON. Raises ReadingFailed."""
        unwrapped = _unwrapped(data) if self.is_wrapped else _NOT_WRAPPED
        try:
            written = to_json(data if unwrapped is _NOT_WRAPPED else unwrapped)
        except ValueError as error:  # half of a character, or nested beyond all measure
            raise ReadingFailed(f"Your answer is no valid JSON: {error}", "The answer is no valid JSON.") from None
        try:
            return self._adapter.validate_json(written)
        except ValidationError as error:
            raise _failed(error) from None

    def read_text(self, text: str) -> Any:
        """The value in what a model wrote. Raises ReadingFailed, whatever the text is."""
        if not text.strip():
            raise ReadingFailed("Your answer was empty.", "The answer was empty.")
        if self.is_text:
            return self._read_plain(text)
        first: ReadingFailed | None = None
        for value in json_values(text):
            for meant in self._meant(value):
                try:
                    return self.read(meant)
                except ReadingFailed as failed:
                    first = first or failed
        if self.is_wrapped:
            try:
                return self._read_plain(text.strip())
            except ReadingFailed as failed:
                first = first or failed
        if first is None:
            raise ReadingFailed("Your answer held no complete JSON.", "The answer held no complete JSON.")
        raise first

    def _meant(self, value: object) -> tuple[object, ...]:
        """A value, and what is in it if it is only a wrapping: ``{"plan": {...}}`` or ``[{...}]`` for a plan.

        What is inside comes first where the key is none of the type's: by itself it would leave all fields out.
        """
        if isinstance(value, list):
            listed = list(cast("Sequence[object]", value))
            return (listed, listed[0]) if len(listed) == 1 and _is_object(listed[0]) else (listed,)
        if not _is_object(value):
            return (value,)
        given = cast("dict[str, object]", value)
        if len(given) != 1:
            return (given,)
        [(key, inner)] = given.items()
        if not isinstance(inner, dict | list):
            return (given,)
        is_foreign = not self.is_wrapped and key not in self.schema["properties"]
        return (given[key], given) if is_foreign else (given, given[key])

    def _read_plain(self, text: str) -> Any:
        try:
            return self._adapter.validate_python(text)
        except ValidationError as error:
            raise _failed(error) from None


_NOT_WRAPPED: Any = object()


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _unwrapped(data: Any) -> Any:
    if isinstance(data, dict):
        only = cast("dict[str, Any]", data)
        if set(only) == {WRAPPED}:
            return only[WRAPPED]
    return _NOT_WRAPPED


def _wrapped(schema: dict[str, Any]) -> dict[str, Any]:
    inner = dict(schema)
    definitions = inner.pop("$defs", None)
    outer: dict[str, Any] = {
        "type": "object",
        "properties": {WRAPPED: inner},
        "required": [WRAPPED],
        "additionalProperties": False,
    }
    return outer if definitions is None else {**outer, "$defs": definitions}


def _failed(error: ValidationError) -> ReadingFailed:
    told: list[str] = []
    kept: list[str] = []
    for detail in error.errors(include_url=False, include_context=False):
        where = ".".join(map(str, detail["loc"])) or "answer"
        said = f"{where}: {detail['msg']}"
        kept.append(said)
        given = repr(detail.get("input"))
        told.append(said if detail["type"] == "missing" else f"{said} (you gave {given[:200]})")
    return ReadingFailed("\n".join(told), "; ".join(kept))
