"""Half characters: JSON can name one half of a surrogate pair, no encoding can hold it. They are replaced, once, on entry."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, TypeVar, cast

from graphflow.core.usage import Usage

T = TypeVar("T")
_HALF = re.compile("[\ud800-\udfff]")
_WITHOUT_TEXT = frozenset({int, float, bool, type(None), Usage})


def whole(value: T) -> T:
    """The same text, or JSON with texts, in characters that every encoding takes; pairs of halves are joined.

    >>> whole("a" + chr(0xD83E) + chr(0xDD89) + chr(0xD800))
    'a🦉�'
    """
    return cast("T", _whole(value))


def _whole(value: Any) -> Any:
    given: Any = value
    if isinstance(value, str):
        is_whole = value.isascii() or not _HALF.search(value)
        return value if is_whole else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in given.items()}
    if isinstance(value, list):
        return [_whole(item) for item in given]
    if isinstance(value, tuple):
        return tuple(_whole(item) for item in given)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed: dict[str, Any] = {}
        for name in value.__dataclass_fields__:
            part = getattr(given, name)
            if part and type(part) not in _WITHOUT_TEXT and (after := _whole(part)) is not part:
                changed[name] = after
        return dataclasses.replace(value, **changed) if changed else given
    return given
