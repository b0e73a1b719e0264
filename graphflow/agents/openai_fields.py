"""Fields of a response's body, checked one by one: the client gives back whatever was in it, of whatever type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from graphflow.agents.messages import JsonObject
from graphflow.agents.openai_errors import bad_response


def listed(data: JsonObject, name: str, model: str) -> list[Any]:
    """A list that holds something. Raises BadResponse."""
    value: object = data.get(name)
    found = as_list(value)
    if not found:
        raise bad_response(model, f"`{name}` is {'empty' if found == [] else f'no list but {type(value).__name__}'}.")
    return found


def as_list(value: object) -> list[Any] | None:
    """The value if it is a list."""
    return list(cast("Sequence[Any]", value)) if isinstance(value, list) else None


def as_object(value: object) -> JsonObject | None:
    """The value if it is an object."""
    return cast("JsonObject", value) if isinstance(value, dict) else None


def object_in(holder: Any, key: str | int, where: str, model: str) -> JsonObject:
    """An object at a key or index. Raises BadResponse."""
    value: object = holder.get(key) if isinstance(key, str) else holder[key]
    if not isinstance(value, dict):
        raise bad_response(model, f"`{where}.{key}` is no object but {type(value).__name__}.")
    return cast("JsonObject", value)


def text_in(holder: JsonObject, key: str, model: str) -> str:
    """A text, empty where there is none. Raises BadResponse if it is something else."""
    value = holder.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise bad_response(model, f"`{key}` is no text but {type(value).__name__}.")
    return value


def content_in(holder: JsonObject, key: str, model: str) -> str:
    """A text that may also be a list of parts, of which those that are text count (others are thoughts)."""
    parts = as_list(holder.get(key))
    if parts is None:
        return text_in(holder, key, model)
    objects = [object_in(parts, index, key, model) for index in range(len(parts))]
    return "".join(text_in(part, "text", model) for part in objects if part.get("type") == "text")


def count(holder: Any, *path: str) -> int:
    """A count of tokens, 0 where the server does not say."""
    value = holder
    for key in path:
        value = cast("JsonObject", value).get(key) if type(value) is dict else None
    return value if type(value) is int and value > 0 else 0
