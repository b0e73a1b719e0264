"""Which arrows of a drawing lead back, and which way through it is the main one.

Every format lays out the same flow: arrows that would close a cycle are turned around for the layout. Limited edges,
timers and error edges are looked at last, since they are what leads back in a graph as people think of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow's ends. ``is_weak``: it leads back rather than another."""

    tail: str
    head: str
    is_weak: bool = False


@dataclass(slots=True)
class Flow:
    """The links sorted into those that lead ahead, which form no cycle, and those that lead back, by position."""

    links: Sequence[Link]
    ids: Sequence[str]
    back: set[int] = field(default_factory=set[int])
    ahead: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    strong: dict[str, list[str]] = field(default_factory=dict[str, list[str]])  # those ahead that are not weak
    _seen: set[str] = field(default_factory=set[str])
    _ways: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def __post_init__(self) -> None:
        for position, link in enumerate(self.links):
            self._ways.setdefault(link.tail, []).append(position)
        for start in self.ids:
            if start not in self._seen:
                self._explore(start)

    def _explore(self, start: str) -> None:
        """Follow strong links as far as they lead, then a weak one, and from its head strong ones again."""
        self._seen.add(start)
        weak: list[int] = []
        stack = [iter(self._ways.get(start, ()))]
        while stack or weak:
            if not stack:
                stack = [iter((weak.pop(0),))]
                is_weak_turn = True
            else:
                is_weak_turn = False
            for position in stack[-1]:
                link = self.links[position]
                if link.is_weak and not is_weak_turn:
                    weak.append(position)
                    continue
                self._place(position, link)
                if link.head not in self._seen:
                    self._seen.add(link.head)
                    stack.append(iter(self._ways.get(link.head, ())))
                    break
            else:
                stack.pop()

    def _place(self, position: int, link: Link) -> None:
        if link.head == link.tail or reaches(self.ahead, link.head, link.tail):
            self.back.add(position)
        else:
            self.ahead.setdefault(link.tail, []).append(link.head)
            if not link.is_weak:
                self.strong.setdefault(link.tail, []).append(link.head)

    def order(self) -> list[str]:
        """All ids so that every link ahead leads to a later one; else as given."""
        rank = {one: position for position, one in enumerate(self.ids)}
        finished: list[str] = []
        seen: set[str] = set()
        for start in reversed(self.ids):
            if start in seen:
                continue
            seen.add(start)
            stack: list[tuple[str, Iterator[str]]] = [(start, self._below(start, rank))]
            while stack:
                one, below = stack[-1]
                following = next((head for head in below if head not in seen), None)
                if following is None:
                    finished.append(one)
                    stack.pop()
                else:
                    seen.add(following)
                    stack.append((following, self._below(following, rank)))
        return finished[::-1]

    def _below(self, one: str, rank: Mapping[str, int]) -> Iterator[str]:
        return iter(sorted(self.ahead.get(one, ()), key=lambda head: rank.get(head, -1), reverse=True))

    def longest(self, counted: frozenset[str]) -> int:
        """How many of the counted ids lie on the longest way."""
        return max(self._lengths(self.ahead, counted).values(), default=0)

    def spine(self, start: str, counted: frozenset[str], jumps: Mapping[str, str]) -> frozenset[tuple[str, str]]:
        """The steps of the longest way along strong links, where it is longer than every other from there.

        ``jumps`` lead over what has no main way: from where branches begin to where they meet.
        """
        lengths = self._lengths(self.strong, counted)
        steps: set[tuple[str, str]] = set()
        while heads := self.strong.get(start):
            if start in jumps:
                start = jumps[start]
                continue
            best = max(heads, key=lambda head: lengths[head])
            if all(head == best or lengths[head] < lengths[best] for head in heads):
                steps.add((start, best))
            start = best
        return frozenset(steps)

    def _lengths(self, ahead: Mapping[str, Sequence[str]], counted: frozenset[str]) -> dict[str, int]:
        """For each id, how many counted ids lie on the longest way from it."""
        lengths: dict[str, int] = {}
        for one in reversed(self.order()):
            lengths[one] = max((lengths[head] for head in ahead.get(one, ())), default=0) + (one in counted)
        return lengths


def reaches(ahead: Mapping[str, Sequence[str]], start: str, goal: str) -> bool:
    """Whether a way leads from one id to the other."""
    stack, seen = [start], {start}
    while stack:
        one = stack.pop()
        if one == goal:
            return True
        for head in ahead.get(one, ()):
            if head not in seen:
                seen.add(head)
                stack.append(head)
    return False
