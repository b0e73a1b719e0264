"""JSON cut to a length, and still JSON: elements left out at the end, texts cut, a mark wherever something is gone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

LEAST = 2
"""Characters: the shortest a list or object can become."""

_HALVES = re.compile("[\ud800-\udfff]")


class _Number(str):
    """A number as it was written: it is kept whole or left out, never rounded."""


def parsed(text: str) -> Any:
    """The list or object that a whole text is as JSON; None if it is none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def fitted(value: Any, limit: int, mark: str, cut: Callable[[str, int], str]) -> str:
    """The JSON of a list or object in at most ``limit`` characters, which are at least ``LEAST``.

    Members of an object share the room: short ones stay whole. Of a list the first elements stay. ``cut(text, limit)``
    cuts a text. Raises RecursionError for what is nested beyond all measure.
    """
    return _Fitting(mark, cut).value(value, limit)


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are no JSON


class _Fitting:
    def __init__(self, mark: str, cut: Callable[[str, int], str]) -> None:
        self._mark = _written(mark)
        self._cut = cut

    def value(self, value: Any, room: int) -> str:
        """The value in at most ``room`` characters, which are at least its ``least``."""
        whole = _written(value)
        if len(whole) <= room:
            return whole
        if isinstance(value, str):
            return self._text(value, room)
        return self._list(value, room) if _is_list(value) else self._object(value, room)

    def least(self, value: Any) -> int:
        """How many characters it takes at least. Numbers, true, false and null are never cut."""
        whole, marked = len(_written(value)), len(self._mark)
        if isinstance(value, _Number) or not (isinstance(value, str) or _is_list(value) or _is_object(value)):
            return whole
        return min(whole, marked if isinstance(value, str) else LEAST + (marked if _is_list(value) else 2 * marked + 1))

    def _text(self, text: str, room: int) -> str:
        length = min(len(text) - 1, room - LEAST)
        while length > 0:
            written = _written(self._cut(text, length))
            if len(written) <= room:
                return written
            length -= max(1, (len(written) - room) // 6)  # an escaped character takes six at most
        return self._mark

    def _list(self, elements: Sequence[Any], room: int) -> str:
        """The first elements, the next one cut, and a mark if more were left out."""
        parts: list[str] = []
        left = room - LEAST
        for number, element in enumerate(elements):
            comma = 1 if parts else 0
            ending = 0 if number == len(elements) - 1 else 1 + len(self._mark)
            room_here = left - comma - ending
            if self.least(element) > room_here:
                parts += [self._mark] if len(self._mark) + comma <= left else []
                break
            parts.append(self.value(element, room_here))
            left -= len(parts[-1]) + comma
            if len(_written(element)) > room_here:
                parts += [self._mark] if ending else []
                break
        return f"[{','.join(parts)}]"

    def _object(self, members: dict[str, Any], room: int) -> str:
        """The members for which there is room, each with a share of it, and a mark if some were left out."""
        names = list(members)
        ending = 2 * len(self._mark) + 1  # "…":"…"
        used, count = LEAST, 0
        for name in names:
            needed = len(_written(name)) + 1 + self.least(members[name]) + (1 if count else 0)
            if used + needed + (0 if count == len(names) - 1 else 1 + ending) > room:
                break
            used, count = used + needed, count + 1
        if count < len(names):
            used += ending + (1 if count else 0)
        if used > room:
            return "{}"
        kept = [(name, members[name], self.least(members[name])) for name in names[:count]]
        more = _shares([len(_written(value)) - least for _, value, least in kept], room - used)
        pairs = [
            f"{_written(name)}:{self.value(value, least + extra)}"
            for (name, value, least), extra in zip(kept, more, strict=True)
        ]
        if count < len(names):
            pairs.append(f"{self._mark}:{self._mark}")
        return "{" + ",".join(pairs) + "}"


def _shares(lengths: Sequence[int], room: int) -> list[int]:
    """Room for each: what is short gets what it needs, the others the same share of the rest."""
    shares = [0] * len(lengths)
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    for done, index in enumerate(order):
        shares[index] = min(lengths[index], max(0, room) // (len(order) - done))
        room -= shares[index]
    return shares


def _written(value: Any) -> str:
    """A value as JSON, as tight as it goes; numbers as they were."""
    if isinstance(value, _Number):
        return str(value)
    if _is_list(value):
        return f"[{','.join(map(_written, value))}]"
    if _is_object(value):
        return "{" + ",".join(f"{_written(name)}:{_written(member)}" for name, member in value.items()) + "}"
    return json.dumps(value, ensure_ascii=isinstance(value, str) and _HALVES.search(value) is not None)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
