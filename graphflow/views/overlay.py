"""What is to be seen of a run on the drawing of its graph, as plain data.

The same entries give the same overlay. ``graphflow.views.folding`` makes it of a journal. Numbers on arrows are
entries' ``seq``, so what is read off a drawing can be given to ``run.at`` and ``graph.rerun``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from graphflow.core.reasons import Reason
from graphflow.core.usage import Usage

Status = Literal["not run", "running", "retrying", "waiting", "done", "failed", "cancelled"]


@dataclass(slots=True)
class Mark:
    """What is to be seen of one node.

    ``visits`` are those that came to an end, whatever the end was; ``seconds`` are summed over visits, from arrival to
    leaving, waits included, the present visit as far as it has come. ``note`` is how it failed last, with the attempt;
    ``cells`` the branches of the map that leads to it, one status each: those of its last taking, in every branch
    around it. Of many runs together no time is told: ``is_timed`` is False.
    """

    status: Status = "not run"
    visits: int = 0
    seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)
    note: str = ""
    cells: list[Status] = field(default_factory=list[Status])
    is_timed: bool = True


@dataclass(frozen=True, slots=True)
class Overlay:
    """A run after entry ``seq`` of ``last``: ``marks`` by card id, ``taken`` by arrow id the entries that took it."""

    run_id: str
    seq: int
    last: int
    status: str
    marks: Mapping[str, Mark]
    taken: Mapping[str, tuple[int, ...]]
    whys: Mapping[str, tuple[Reason, ...]]
    """By arrow id: every edge that was considered when it was taken last, with the values seen."""

    def mark(self, card: str) -> Mark:
        return self.marks.get(card) or Mark()
