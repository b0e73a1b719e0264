"""How often each node of a run ran, and which calls were not paid twice: read off the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphflow.core.journal import Entry
from graphflow.core.plan import Plan
from graphflow.core.reading import step_of

_ENDS = ("finished", "answered", "left", "timer")


@dataclass(slots=True)
class Tally:
    """One node. ``finished`` are visits that ended, ``repeated`` those that ended twice, which must not happen.

    ``lost`` are visits that failed for good, ``failed`` are attempts: a visit may fail twice, and finish at its third.
    ``calls`` are recorded calls by kind, ``reused`` those of them that an attempt was cut off
    behind, by a stop or a failed call, and that the next one did not make again (S11.1).
    """

    node: str
    finished: int = 0
    lost: int = 0
    failed: int = 0
    repeated: int = 0
    calls: dict[str, int] = field(default_factory=dict[str, int])
    reused: dict[str, int] = field(default_factory=dict[str, int])

    def as_data(self) -> dict[str, Any]:
        return {
            "node": self.node,
            "finished": self.finished,
            "lost": self.lost,
            "failed": self.failed,
            "repeated": self.repeated,
            "calls": self.calls,
            "reused": self.reused,
        }


class _Tallying:
    """Goes through a journal once."""

    def __init__(self) -> None:
        self.found: dict[str, Tally] = {}
        self._ended: set[str] = set()
        self._lost: set[str] = set()  # cursors that failed for good, unless somebody goes on with them
        self._records: dict[str, dict[str, bool]] = {}  # cursor at work -> its records: was an attempt cut off behind?

    def take(self, entry: Entry, plan: Plan) -> None:
        kind = entry["kind"]
        if kind == "resumed":
            for records in self._records.values():
                records.update(dict.fromkeys(records, True))
            return
        if kind not in (*_ENDS, "failed", "effect") or "at" not in entry:
            return
        cursor, node = entry["at"], step_of(plan, entry).node
        if node == "START":
            return
        tally = self.found.setdefault(node, Tally(node))
        if kind == "effect":
            self._record(entry, tally)
        elif kind == "failed":
            self._fail(entry, tally)
        else:
            tally.finished += 1
            tally.lost -= cursor in self._lost
            self._lost.discard(cursor)
            tally.repeated += cursor in self._ended
            self._ended.add(cursor)
            self._settle(cursor, tally)

    def _record(self, entry: Entry, tally: Tally) -> None:
        call = _kind_of(entry["key"])
        tally.calls[call] = tally.calls.get(call, 0) + 1
        self._records.setdefault(entry["at"], {})[entry["key"]] = False

    def _fail(self, entry: Entry, tally: Tally) -> None:
        """The next attempt goes on behind the records if what failed was a call; of the others only ``once`` is kept."""
        tally.failed += "attempt" in entry
        if "due" not in entry and "attempt" in entry and entry["at"] not in self._lost:
            tally.lost += 1
            self._lost.add(entry["at"])
        records = self._records.get(entry["at"], {})
        if not entry.get("in_call"):
            records = {key: True for key in records if key.startswith("once ")}
        self._records[entry["at"]] = dict.fromkeys(records, True)

    def _settle(self, cursor: str, tally: Tally) -> None:
        for key, was_cut_off in self._records.pop(cursor, {}).items():
            if was_cut_off:
                call = _kind_of(key)
                tally.reused[call] = tally.reused.get(call, 0) + 1


def tallies(entries: Iterator[tuple[Entry, Plan]]) -> list[Tally]:
    """The nodes of a run that did something, in the order they came to it."""
    tallying = _Tallying()
    for entry, plan in entries:
        tallying.take(entry, plan)
    return list(tallying.found.values())


def times_resumed(journal: Sequence[Entry]) -> int:
    """How often somebody went on with the run: a rerun itself, which begins like that, does not count (S15.3)."""
    count = 0
    for entry in journal:
        count = -1 if entry["kind"] == "rerun" else count + (entry["kind"] == "resumed")
    return max(0, count)


def _kind_of(key: str) -> str:
    return key.split(" ", 1)[0]
