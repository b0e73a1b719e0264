"""When the nodes of a run were at work, piece by piece: attempts, waits for a retry, waits for an answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphflow.views.overlay import Status


@dataclass(frozen=True, slots=True)
class Span:
    """What one cursor was at, from ``begin`` to ``end`` in seconds since 1970, and which entry ended it; 0 if none has.

    ``status`` is what it was at, or for work that came to an end how that ended. ``attempt`` counts from 1.
    """

    path: str
    cursor: str
    begin: float
    end: float
    status: Status
    attempt: int
    seq: int


@dataclass(slots=True)
class Spans:
    """The spans of a run, in the order in which they ended."""

    found: list[Span] = field(default_factory=list[Span])
    _told_until: dict[str, float] = field(default_factory=dict[str, float])
    _failed: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, path: str, cursor: str, since: float, t: float, status: Status, seq: int) -> None:
        """A cursor that came there at ``since`` was at this until now, from where the last span of it ended."""
        self.found.append(self.until(path, cursor, since, t, status, seq))
        self._told_until[cursor] = t
        if status == "failed":
            self._failed[cursor] = self._failed.get(cursor, 0) + 1

    def until(self, path: str, cursor: str, since: float, t: float, status: Status, seq: int) -> Span:
        """The same, without noting it: for what goes on."""
        begin = max(since, self._told_until.get(cursor, since))
        return Span(path, cursor, min(begin, t), t, status, self._failed.get(cursor, 0) + 1, seq)
