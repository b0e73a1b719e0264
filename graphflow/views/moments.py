"""A run at any of its entries, quickly: the journal is folded once, and copies of the fold are kept along the way.

Folding takes some 20 us an entry, so the copies are what makes a long run come back at once when somebody goes to and
fro in it. Each is as large as what is open in the run, so there are few, and further apart the longer a run is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphflow.core.journal import Entry
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.replay import forget_owed
from graphflow.views.drawing import Drawing
from graphflow.views.folding import Folding
from graphflow.views.overlay import Overlay
from graphflow.views.spans import Span, Spans

_APART = 1_000  # entries
_MOST = 32


@dataclass(frozen=True, slots=True)
class _Kept:
    """The fold after so many entries of the journal."""

    place: int
    folding: Folding


class Moments:
    """A run, drawn on its graph, after each entry of ``journal``; ``extend`` it as the run goes on.

    Nothing in it may be used by two threads at once. Raises JournalInvalid where a journal cannot be folded.
    """

    def __init__(self, plans: Mapping[str, Plan], journal: Sequence[Entry], drawing: Drawing, drawn: Plan) -> None:
        self.drawing = drawing
        self.journal: list[Entry] = []
        self._plans = plans
        self._spans = Spans()
        self._head = Folding(plans, drawn, spans=self._spans)
        self._apart = _APART
        self._kept: list[_Kept] = []
        self.extend(journal)

    @property
    def machine(self) -> Machine:
        """The machine as of the last entry, to be read only."""
        assert self._head.machine is not None
        return self._head.machine

    @property
    def ways(self) -> Mapping[int, str]:
        """By entry: the arrow that it took."""
        return self._head.ways

    @property
    def spans(self) -> list[Span]:
        """What cursors were at and when, as far as the last entry tells."""
        return self._spans.found + self._head.open_spans()

    def extend(self, entries: Sequence[Entry]) -> None:
        """The run has gone on by these entries."""
        for entry in entries:
            self.journal.append(entry)
            self._head.take(entry, self.journal, len(self.journal) - 1)
            if len(self.journal) % self._apart == 0:
                self._keep()
        if entries:
            forget_owed(self.machine)

    def overlay(self, seq: int) -> Overlay:
        """What the drawing shows after entry ``seq``, which has to be one of the journal's."""
        last = self.journal[-1]["seq"]
        if seq == last:
            return self._head.overlay(self.drawing, last)
        return self._folded(seq).overlay(self.drawing, last)

    def before(self, seq: int) -> Machine | None:
        """A machine of the caller's own, as it stood before entry ``seq``; None before the first entry there is."""
        if seq <= self.journal[0]["seq"]:
            return None
        return self._folded(seq - 1).machine

    def _folded(self, seq: int) -> Folding:
        """A fold of its own, after an entry of the journal."""
        wanted = len(self.journal) - (self.journal[-1]["seq"] - seq)
        place, folding = self._before(wanted)
        while place < wanted:
            folding.take(self.journal[place], self.journal, place)
            place += 1
        return folding

    def _before(self, wanted: int) -> tuple[int, Folding]:
        """A fold that may go on, after as many entries as are kept before the wanted one."""
        for kept in reversed(self._kept):
            if kept.place <= wanted:
                return kept.place, kept.folding.copied()
        return 0, Folding(self._plans, self._head.drawn)

    def _keep(self) -> None:
        forget_owed(self.machine)
        if self._kept and len(self._kept) >= _MOST:
            self._kept = self._kept[1::2]
            self._apart *= 2
        self._kept.append(_Kept(len(self.journal), self._head.copied()))
