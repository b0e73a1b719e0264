"""Half characters: JSON can name one half of a surrogate pair, no encoding can hold it. They are replaced, once, on entry."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, TypeVar, cast

T = TypeVar("T")
_HALF = re.compile("[\ud800-\udfff]")


def whole(value: T) -> T:
    """The same text, or JSON with texts, in characters that every encoding takes; pairs of halves are joined.

    >>> whole("a" + chr(0xD83E) + chr(0xDD89) + chr(0xD800))
    'a🦉�'
    """
    return cast("T", _whole(value))


def _whole(value: Any) -> Any:
    given: Any = value
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _HALF.search(value) else value
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in given.items()}
    if isinstance(value, list):
        return [_whole(item) for item in given]
    if isinstance(value, tuple):
        return tuple(_whole(item) for item in given)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{f.name: _whole(getattr(given, f.name)) for f in dataclasses.fields(value)})
    return given
