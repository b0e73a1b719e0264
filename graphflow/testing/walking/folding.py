"""Rounds of a run that are all the same, so that they are told once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LONGEST = 8
_FEWEST = 4
_SHORT = 20


@dataclass(frozen=True, slots=True)
class Rounds:
    """``length`` items from ``first`` on, ``times`` in a row."""

    first: int
    length: int
    times: int

    @property
    def end(self) -> int:
        """Behind the last of them."""
        return self.first + self.length * self.times


def rounds(items: Sequence[str]) -> list[Rounds]:
    """All items in order, as rounds; where nothing is repeated often, a round of one. What is short is left as it is.

    >>> [(one.first, one.length, one.times) for one in rounds(["start", *["ask", "answer"] * 15, "end"])]
    [(0, 1, 1), (1, 2, 15), (31, 1, 1)]
    """
    return list(_folded(items)) if len(items) > _SHORT else [Rounds(index, 1, 1) for index in range(len(items))]


def _folded(items: Sequence[str]) -> Iterator[Rounds]:
    index = 0
    while index < len(items):
        found = Rounds(index, 1, 1)
        for length in range(1, _LONGEST + 1):
            times = _times(items, index, length)
            if times >= _FEWEST and times * length > found.length * found.times:
                found = Rounds(index, length, times)
        yield found
        index = found.end


def _times(items: Sequence[str], first: int, length: int) -> int:
    wanted = items[first : first + length]
    times = 1
    while items[first + times * length : first + (times + 1) * length] == wanted:
        times += 1
    return times
