"""Values that hold secrets to JSON and back: a token in the place of each secret, all around it as it always is (S1.1).

Pydantic writes ``SecretStr``, ``SecretBytes`` and ``Secret[...]`` to JSON as asterisks, from which nothing comes back.
Here the schema that pydantic has made of a type is taken, and what it says of secrets is put in other words: at any
depth, in lists, unions, models and dataclasses, and nowhere else. Decided once for each type; a type without secrets
gets None, and goes its old way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard, cast

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr, TypeAdapter
from pydantic.types import Secret
from pydantic_core import (
    PydanticSerializationError,
    PydanticSerializationUnexpectedValue,
    SchemaSerializer,
    SchemaValidator,
    core_schema,
    to_json,
)

from graphflow.core import tokens

SECRETS: tuple[type[Any], ...] = (SecretStr, SecretBytes, Secret)
"""The types whose values are secrets, with all below them."""

Core = dict[str, Any]
_Change = Callable[[Any], Any]

_NO_SCHEMAS = frozenset(("cls", "metadata", "default", "expected", "members", "function", "config"))
_CONFIG: Any = {"ser_json_bytes": "base64", "val_json_bytes": "base64", "ser_json_inf_nan": "constants"}


def is_secret(core: Core) -> bool:
    """Whether a node of a core schema is that of a secret type: pydantic writes it by one of these functions."""
    serialization: Any = core.get("serialization")
    return isinstance(serialization, dict) and cast("Core", serialization).get("function") in _writers()


def holds_secret(core: Any) -> bool:
    """Whether a secret is anywhere in a core schema."""
    return any(is_secret(node) for node in _nodes(core))


def own_serializer_around(core: Any) -> bool:
    """Whether something that writes values its own way stands around a secret: it would decide what becomes of it."""
    return any(
        "serialization" in node
        and not is_secret(node)
        and any(is_secret(one) for one in _nodes(node) if one is not node)
        for node in _nodes(core)
    )


def sealing(adapter: TypeAdapter[Any]) -> tuple[_Change, _Change] | None:
    """How values of a type with secrets in it go to JSON-able data and back; None if there are none in it."""
    core = cast("Core", adapter.core_schema)
    if not holds_secret(core):
        return None
    rewritten = _Rewriting(core)
    writer: Any = _built(SchemaSerializer, rewritten.core)
    reader: Any = _built(SchemaValidator, rewritten.core)

    def dump(value: Any) -> Any:
        return writer.to_python(value, mode="json", round_trip=True, by_alias=False)

    def revive(data: Any) -> Any:
        try:
            text = to_json(data, inf_nan_mode="constants")
        except ValueError:  # a lone surrogate beside a secret
            return reader.validate_python(data, by_alias=False, by_name=True)
        return reader.validate_json(text, by_alias=False, by_name=True)

    return dump, revive


def secret_values(value: Any, depth: int = 8) -> Iterator[str]:
    """The texts of all secrets in a value."""
    if isinstance(value, SECRETS):
        yield from _texts(value.get_secret_value())
    elif depth and not isinstance(value, str | bytes | int | float):
        for part in _parts(value):
            yield from secret_values(part, depth - 1)


def all_texts(value: Any, depth: int = 8) -> Iterator[str]:
    """All texts in a value that was given for a secret, and has not been validated."""
    yield from secret_values(value, depth)
    yield from _texts(value, depth)


def _texts(value: Any, depth: int = 8) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    elif isinstance(value, int | float):
        yield str(value)
    elif depth and value is not None:
        for part in _parts(value):
            yield from _texts(part, depth - 1)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, BaseModel):
        return list(value.__dict__.values())
    if _is_dict(value):
        return [*value, *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return list(cast("list[Any]", value))
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return [getattr(value, name, None) for name in value.__dataclass_fields__]
    return []


def _is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


_SHORTEST = 4
"""Characters: a shorter secret is none, and taking it out would spoil any text."""


def scrubbed(text: str, secrets: Iterator[str]) -> str:
    """A text without these secrets in it.

    >>> scrubbed("bad key 'hunter2'", iter(["hunter2"]))
    "bad key '**********'"
    """
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            as_json = (json.dumps(secret, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
            for form in {secret, repr(secret)[1:-1], *as_json}:
                text = text.replace(form, tokens.MASK)
    return text


# -- the schema in other words -----------------------------------------------------------------------------------------


class _Rewriting:
    """A core schema whose secrets are written as tokens."""

    def __init__(self, core: Core) -> None:
        self._definitions: list[Core] = []
        self.core: Core = self._rewritten(core)

    def _rewritten(self, node: Any) -> Any:
        if isinstance(node, dict):
            found = cast("Core", node)
            if is_secret(found):
                return self._secret(found)
            made = {name: one if name in _NO_SCHEMAS else self._rewritten(one) for name, one in found.items()}
            if made.get("type") == "definitions":
                self._definitions.extend(made["definitions"])
            return made
        if isinstance(node, list | tuple):
            parts = cast("list[Any]", node)
            return type(parts)(map(self._rewritten, parts))
        return node

    def _secret(self, node: Core) -> Core:
        """A secret's node: what is in it is written as JSON, and put away in a token."""
        from_json: Core = node["json_schema"]
        inner = _Inner(self, self._rewritten(from_json))
        plain = core_schema.no_info_plain_validator_function(inner.opened)
        return cast(
            "Core",
            core_schema.json_or_python_schema(
                json_schema=plain,
                python_schema=plain,
                serialization=core_schema.plain_serializer_function_ser_schema(
                    inner.closed, when_used="json-unless-none"
                ),
            ),
        )

    def around(self, core: Core) -> Core:
        """A part of the schema that can stand alone."""
        if not self._definitions:
            return core
        return {"type": "definitions", "schema": core, "definitions": self._definitions}


class _Inner:
    """What is within a secret, to JSON text and back. Made when first needed: definitions are all known by then."""

    def __init__(self, rewriting: _Rewriting, core: Core) -> None:
        self._rewriting = rewriting
        self._core = core
        self._writer: Any = None
        self._reader: Any = None

    def closed(self, value: Any) -> dict[str, str]:
        if not isinstance(value, SECRETS):
            raise PydanticSerializationUnexpectedValue("It is no secret.")  # of a union, the next is tried
        if self._writer is None:
            self._writer = _built(SchemaSerializer, self._rewriting.around(self._core["schema"]), _CONFIG)
        inner: Any = value.get_secret_value()
        try:
            plain: bytes = self._writer.to_json(inner, round_trip=True, by_alias=False)
        except PydanticSerializationError:  # a lone surrogate: escaped it survives
            plain = json.dumps(self._writer.to_python(inner, mode="json", round_trip=True)).encode()
        return tokens.wrapped(plain)

    def opened(self, data: Any) -> Any:
        if isinstance(data, SECRETS):
            return data
        if not tokens.is_token(data):
            raise ValueError("it is no token of a secret")
        plain = tokens.unwrapped(data[tokens.NAME])
        if self._reader is None:
            self._reader = _built(SchemaValidator, self._rewriting.around(self._core), _CONFIG)
        try:
            return self._reader.validate_json(plain, by_alias=False, by_name=True)
        except ValueError:
            return self._reader.validate_python(json.loads(plain), by_alias=False, by_name=True)


def _nodes(core: Any) -> Iterator[Core]:
    """Every node of a core schema that says something of values."""
    queue: list[Any] = [core]
    while queue:
        one = queue.pop()
        if isinstance(one, dict):
            node = cast("Core", one)
            yield node
            queue.extend(part for name, part in node.items() if name not in _NO_SCHEMAS)
        elif isinstance(one, list | tuple):
            queue.extend(cast("list[Any]", one))


_found: list[Any] = []


def _writers() -> list[Any]:
    """The functions by which pydantic writes secrets: found in what it makes of the types themselves."""
    if not _found:
        for kind in (SecretStr, SecretBytes, Secret[int]):
            core: Any = TypeAdapter[Any](kind).core_schema
            for node in _nodes(core):
                function = node.get("serialization", {}).get("function")
                if function is not None and function not in _found:
                    _found.append(function)
    return _found


def _built(kind: Any, core: Core, config: ConfigDict | None = None) -> Any:
    """A serializer or validator of just this schema. Pydantic would else take what a nested model has ready."""
    try:
        return kind(core, config, _use_prebuilt=False)
    except TypeError:  # before pydantic 2.13
        with _as_if_incomplete(core):
            return kind(core, config)


@contextmanager
def _as_if_incomplete(core: Core) -> Generator[None]:
    """The models in a schema seem to have nothing ready meanwhile."""
    models: list[Any] = [node["cls"] for node in _nodes(core) if node.get("type") in ("model", "dataclass")]
    classes = [one for one in models if one.__dict__.get("__pydantic_complete__")]
    try:
        for one in classes:
            type.__setattr__(one, "__pydantic_complete__", False)
        yield
    finally:
        for one in classes:
            type.__setattr__(one, "__pydantic_complete__", True)
