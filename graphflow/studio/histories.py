"""What runs did, read from the store once: journals decoded and folded, and gone on with as they grow.

A few runs are kept, those asked for last. Each is used by one thread at a time, so that a long run never keeps who looks
at another one waiting. Nothing of a user's is imported: plans are those that the store keeps with a run (S15.2).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from graphflow.core.journal import Entry, decode, pruned_before
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.errors import StudioRefused
from graphflow.service.standings import standing_now
from graphflow.service.stored_runs import StoredRun
from graphflow.stores.store import RunRow
from graphflow.studio.desk import Desk
from graphflow.views.drawing import Drawing
from graphflow.views.extraction import extract
from graphflow.views.moments import Moments
from graphflow.views.spans import Span

T = TypeVar("T")
_MOST_RUNS = 6
_MOST_ENTRIES = 200_000  # decoded, of all runs that are kept


@dataclass(slots=True)
class History:
    """A run as it has been read so far. ``pruned`` of its first entries are gone."""

    row: RunRow
    plans: dict[str, Plan]
    texts: list[bytes]
    moments: Moments
    plan: Plan
    pruned: int
    cards: frozenset[str]
    standing_row: RunRow | None = field(default=None)

    @property
    def drawing(self) -> Drawing:
        return self.moments.drawing

    @property
    def entries(self) -> list[Entry]:
        return self.moments.journal

    @property
    def own_since(self) -> float:
        """When a rerun began that this run is, in seconds since 1970; 0 for any other run (S15.3)."""
        return max((entry["t"] for entry in self.entries if entry["kind"] == "rerun"), default=0.0)

    @property
    def spans(self) -> list[Span]:
        """What cursors were at and when. Of a rerun nothing lasts from the old run into it, or began in between."""
        spans = self.moments.spans
        for rerun in (entry for entry in self.entries if entry["kind"] == "rerun"):
            spans = [
                one if one.begin >= rerun["t"] or 0 < one.seq <= rerun["seq"] else replace(one, begin=rerun["t"])
                for one in spans
                if one.status != "cancelled"
                or one.begin >= rerun["t"]
                or one.end > rerun["t"]
                or one.seq <= rerun["seq"]
            ]
        return spans

    @property
    def first(self) -> int:
        """The first entry that can be looked at."""
        return self.pruned + 1

    @property
    def last(self) -> int:
        return self.moments.machine.seq

    def entry(self, seq: int) -> Entry:
        """One entry. Raises StudioRefused for one that there is not, or not any more."""
        self.check(seq)
        return self.entries[seq - self.first]

    def check(self, seq: int) -> None:
        """Raises StudioRefused unless there is an entry ``seq``."""
        if not self.first <= seq <= self.last:
            was_pruned = 1 <= seq < self.first
            raise StudioRefused(
                f"Entry {seq} of run {self.row.run!r} was pruned" if was_pruned else f"There is no entry {seq} in run {self.row.run!r}",
                code="GF545",
                status=410 if was_pruned else 404,
                why=f"Its entries are {self.first} to {self.last}.",
                fix=f"Look at entry {self.first if was_pruned else self.last}.",
            )  # fmt: skip

    def kept(self) -> StoredRun:
        """The same as commands have it; its machine is to be read only."""
        return StoredRun(self.row, self.plans, self.texts, self.moments.machine)

    def now(self) -> RunRow:
        """The row with where the run stands as of its last entry, whatever the store was told."""
        if self.standing_row is None:
            self.standing_row = replace(self.row, standing=standing_now(self.kept()))
        return self.standing_row


@dataclass(slots=True)
class _Place:
    """Where one run is kept; whoever holds its lock may use it."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    history: History | None = None


class Histories:
    """The runs of a desk's store, as they were asked for last."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._places: OrderedDict[str, _Place] = OrderedDict()

    def use(self, run_id: str, work: Callable[[History], T]) -> T:
        """What ``work`` makes of the run as it stands now. Raises RunNotFound, StoreError, StudioRefused.

        What it returns must be data: the history goes on with the run.
        """
        place = self._place(run_id)
        with place.lock:
            return work(self._read(place, self._desk.store.row(run_id)))

    def use_two(self, one: str, other: str, work: Callable[[History, History], T]) -> T:
        """The same with two runs, which may be one and the same."""
        first, second = sorted((one, other))
        places = {run_id: self._place(run_id) for run_id in (first, second)}
        with places[first].lock, places[second].lock:
            read = {name: self._read(place, self._desk.store.row(name)) for name, place in places.items()}
            return work(read[one], read[other])

    def _place(self, run_id: str) -> _Place:
        with self._lock:
            place = self._places.setdefault(run_id, _Place())
            self._places.move_to_end(run_id)
            while len(self._places) > 1 and (len(self._places) > _MOST_RUNS or self._size() > _MOST_ENTRIES):
                self._places.popitem(last=False)
            return place

    def _size(self) -> int:
        return sum(0 if one.history is None else len(one.history.texts) for one in self._places.values())

    def _read(self, place: _Place, row: RunRow) -> History:
        known = place.history
        if known is not None and known.row.created == row.created and known.last == row.standing.seq:
            if known.row != row:
                known.row, known.standing_row = row, None
            return known
        place.history = None  # should anything fail, it is read anew the next time
        place.history = self._brought_up(known, row)
        return place.history

    def _brought_up(self, known: History | None, row: RunRow) -> History:
        texts = list(self._desk.store.read(row.run))
        if not texts:
            raise never_began(row.run)
        if known is None or known.row.created != row.created or not _goes_on(known.texts, texts):
            return self._made(row, texts)
        new = list(map(decode, texts[len(known.texts) :]))
        if any(entry["kind"] == "migrated" for entry in new):  # it is drawn on the graph as it is now (S16)
            return self._made(row, texts)
        known.moments.extend(new)
        known.row, known.texts, known.standing_row = row, texts, None
        return known

    def _made(self, row: RunRow, texts: list[bytes]) -> History:
        plans = self._desk.store.plans(row.run)
        entries = list(map(decode, texts))
        moved = [entry for entry in entries if "fingerprint" in entry]
        plan = plans.get(moved[-1]["fingerprint"] if moved else row.fingerprint)
        if plan is None:
            plan = replay(plans, entries).plan  # which says what is wrong with it
        drawing = extract(plan)
        moments = Moments(plans, entries, drawing, plan)
        cards = frozenset(card.id for card in drawing.cards)
        return History(row, plans, texts, moments, plan, pruned_before(texts[:1]), cards)


def _goes_on(before: list[bytes], now: list[bytes]) -> bool:
    """Whether a journal is what it was, and perhaps longer: it may have been pruned, or be another run's of that id."""
    return len(now) >= len(before) and now[0] == before[0] and now[len(before) - 1] == before[-1]


def never_began(run_id: str) -> StudioRefused:
    """A run of which there is nothing to be seen."""
    return StudioRefused(
        f"Run {run_id!r} never began",
        code="GF545",
        status=404,
        why="Its process ended before the state it starts with was safe in the store, so there is nothing to be shown.",
        fix=f"Remove it, and run it anew: graphflow runs rm {run_id}",
    )
