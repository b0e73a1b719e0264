"""Equal requests of one attempt are told apart by a number: the first, the second, ... (S11.1)."""

from __future__ import annotations

from collections.abc import Hashable
from heapq import heappop, heappush


class Occurrences:
    """Numbers requests from 0. That of a call that failed, and so left no record, is given out again.

    Otherwise what came after a failed call would not be found again by a resume, which meets no failure.

    >>> asked = Occurrences()
    >>> asked.next("hello"), asked.next("hello")
    (0, 1)
    >>> asked.give_back("hello", 0)
    >>> asked.next("hello"), asked.next("hello")
    (0, 2)
    """

    __slots__ = ("_asked", "_free")

    def __init__(self) -> None:
        self._asked: dict[Hashable, int] = {}
        self._free: dict[Hashable, list[int]] = {}

    def next(self, request: Hashable) -> int:
        """The number of a request that is made now."""
        if free := self._free.get(request):
            return heappop(free)
        number = self._asked.get(request, 0)
        self._asked[request] = number + 1
        return number

    def give_back(self, request: Hashable, number: int) -> None:
        """The call of that number has failed."""
        heappush(self._free.setdefault(request, []), number)
