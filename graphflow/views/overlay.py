"""What is to be seen of a run on the drawing of its graph: a fold of its journal up to an entry, as plain data.

The same entries give the same overlay; no node runs, and guards are asked again
only for the tooltips that say why (``graphflow.core.reasons``). A sub-graph that is drawn folded shows what is
under it. Numbers on arrows are entries' ``seq``, so what is read off a drawing can be given to ``run.at`` and
``graph.rerun``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from graphflow.core import scopes
from graphflow.core.journal import Entry
from graphflow.core.machine import Machine
from graphflow.core.plan import Edge, Node, Plan
from graphflow.core.reasons import Reason, reasons
from graphflow.core.replay import replay
from graphflow.core.usage import Usage
from graphflow.views.drawing import Drawing, arrow_id, card_id, path_of

Status = Literal["not run", "running", "retrying", "waiting", "done", "failed", "cancelled"]
_SEGMENT = re.compile(r"(?P<node>.*?):(?P<visit>\d+)(?:~\d+)?(?:\[(?P<branch>\d+)\])?$")
_ENDS_VISIT = ("finished", "answered", "left", "timer")


@dataclass(slots=True)
class Mark:
    """What is to be seen of one node. ``seconds`` are summed over visits, from arrival to leaving, waits included.

    ``note`` is why it failed last, with the attempt; ``cells`` the branches of a map that led to it, one status each.
    """

    status: Status = "not run"
    visits: int = 0
    seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)
    note: str = ""
    cells: list[Status] = field(default_factory=list[Status])


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


def overlay_of(plans: Mapping[str, Plan], journal: Sequence[Entry], seq: int, drawing: Drawing) -> Overlay:
    """What a drawing shows of a run after entry ``seq``. Raises JournalInvalid."""
    entries = [entry for entry in journal if entry["seq"] <= seq]
    machine = replay(plans, entries)
    fold = _Fold(machine.plan)
    for entry in entries:
        fold.take(entry)
    fold.look_at(machine)
    last_taken = {numbers[-1]: arrow for arrow, numbers in fold.taken.items() if "~" not in arrow}
    considered = reasons(plans, entries, last_taken)
    return Overlay(
        run_id=machine.run_id,
        seq=seq,
        last=journal[-1]["seq"],
        status=machine.status,
        marks=fold.marks_on(drawing),
        taken={arrow: tuple(numbers) for arrow, numbers in fold.taken.items()},
        whys={last_taken[number]: found for number, found in considered.items()},
    )


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a cursor stands: the plan of its level, its node, and the node's path in ids."""

    plan: Plan
    node: Node
    path: str


@dataclass(slots=True)
class _Branches:
    """The branches of one taking of a fork or map."""

    edge: Edge
    source: str  # the path of the node that forked
    cells: list[Status]


@dataclass(slots=True)
class _Fold:
    """Counts over the entries so far; by the paths of nodes."""

    plan: Plan
    marks: dict[str, Mark] = field(default_factory=lambda: defaultdict(Mark))
    taken: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    branches: dict[str, _Branches] = field(default_factory=dict[str, _Branches])  # by the cursor that forked
    arrived: dict[str, float] = field(default_factory=dict[str, float])  # by scope path: when its cursor came there

    def take(self, entry: Entry) -> None:
        kind, at = entry["kind"], entry.get("at", "")
        if kind in ("effect", "spent"):
            spot = self.spot(at)
            if spot is not None and entry.get("usage"):
                mark = self.marks[spot.path]
                mark.usage = mark.usage + Usage(**entry["usage"])
            return
        spot = self.spot(at) if at else None
        if spot is None:
            return
        self._note_branch(entry, spot)
        if kind in ("began", "entered"):
            self.arrived[_scope_of(at) if kind == "began" else at] = entry["t"]
        elif kind in _ENDS_VISIT:
            self._end_visit(entry, spot)
        elif kind == "failed":
            self._fail(entry, spot)
        if "edge" in entry:
            self._take_edge(entry)

    def _end_visit(self, entry: Entry, spot: _Spot) -> None:
        mark = self.marks[spot.path]
        mark.visits += 1
        mark.status = "done"
        self._add_time(entry, mark)

    def _fail(self, entry: Entry, spot: _Spot) -> None:
        if "join" in entry:  # the fork's join failed, and with it what is behind it
            edge = spot.plan.edge(entry["join"])
            if edge.join is not None:
                spot = _Spot(
                    spot.plan, spot.plan.nodes[edge.join], _sibling(spot.path, spot.plan.nodes[edge.join].name)
                )
        mark = self.marks[spot.path]
        error, attempts = entry["error"], 1 if spot.node.retry is None else spot.node.retry.attempts
        tried = f" · try {entry['attempt']} of {attempts}" if attempts > 1 and "attempt" in entry else ""
        mark.note = f"{error.get('type', 'error')}{tried}"
        if "due" not in entry:
            mark.status = "failed"
            self._add_time(entry, mark)

    def _add_time(self, entry: Entry, mark: Mark) -> None:
        scope = _scope_of(entry["at"])
        since = self.arrived.get(scope)
        if since is None:
            since = self.arrived.get(_forked_at(scope), entry["t"])
        mark.seconds += max(0.0, entry["t"] - since)
        self.arrived[scope] = entry["t"]

    def _take_edge(self, entry: Entry) -> None:
        level = self.spot(str(entry.get("level", entry["at"])))
        if level is None or entry["edge"] >= len(level.plan.edges):
            return
        plan, seq = level.plan, entry["seq"]
        edge = plan.edge(entry["edge"])
        number = [other.index for other in plan.edges if other.source == edge.source].index(edge.index)
        path = _sibling(level.path, plan.nodes[edge.source].name)
        if entry["kind"] == "joined":
            self.taken[arrow_id(path, number, "join")].append(seq)
            self.arrived[_scope_of(entry["at"])] = entry["t"]
            self._settle(entry["at"])
            return
        self.taken[arrow_id(path, number)].append(seq)
        self.arrived[_scope_of(entry["at"])] = entry["t"]
        if edge.kind in ("fork", "map"):
            self._fork(entry, edge, path, number)

    def _settle(self, fork: str) -> None:
        """The join has fired: whoever was not done is cancelled (S6.6)."""
        found = self.branches.get(fork)
        if found is not None:
            found.cells[:] = [cell if cell in ("done", "failed") else "cancelled" for cell in found.cells]

    def _fork(self, entry: Entry, edge: Edge, path: str, number: int) -> None:
        count = len(entry["items"]) if edge.kind == "map" else len(entry.get("starts", edge.targets))
        starts: Sequence[int] = entry.get("starts", range(len(edge.targets))) if edge.kind == "fork" else (0,)
        for position in starts if count else ():
            self.taken[arrow_id(path, number, position)].append(entry["seq"])
        if not count:
            self.taken[arrow_id(path, number, "join")].append(entry["seq"])
        self.arrived[entry["at"]] = entry["t"]
        self.branches[entry["at"]] = _Branches(edge, path, ["not run"] * count)

    def _note_branch(self, entry: Entry, spot: _Spot) -> None:
        scope = _scope_of(entry["at"])
        found = self.branches.get(_forked_at(scope))
        match = _SEGMENT.match(scope.rpartition("/")[2]) if scope else None
        if found is None or match is None or match["branch"] is None:
            return
        status: Status = "running"
        if entry["kind"] == "failed" and "edge" not in entry:
            status = "retrying" if "due" in entry else "failed"
        elif entry["kind"] == "asked":
            status = "waiting"
        elif "edge" in entry and "level" not in entry:
            edge = spot.plan.edge(entry["edge"])
            if edge.kind not in ("fork", "map") and edge.target == found.edge.join:
                status = "done"
        elif entry["kind"] == "joined":
            return
        found.cells[int(match["branch"])] = status

    def look_at(self, machine: Machine) -> None:
        """What only the run as it stands now tells: where its cursors are."""
        is_over = machine.status in ("done", "failed", "cancelled")
        for scope in machine.scopes():
            fork, spot = scope.open, self.spot(scope.path)
            if spot is None:
                continue
            if fork is not None and fork.edge is not None:
                self._begin_cells(scope.path, fork, is_over)
                continue
            mark = self.marks[spot.path]
            if is_over:
                mark.status = (
                    "failed" if scope.path == machine.error_at else mark.status if mark.visits else "cancelled"
                )
            elif spot.node.kind not in ("start", "end", "fail"):
                mark.status = _live_status(scope)
        if machine.status == "done":
            for node in self.plan.nodes:
                if node.kind == "end" and not self.marks[path_of(node.name)].visits:
                    self.marks[path_of(node.name)].status = "done"

    def _begin_cells(self, path: str, fork: Any, is_over: bool) -> None:
        found = self.branches.get(path)
        if found is None:
            return
        active = sum(cell in ("running", "retrying") for cell in found.cells)
        for position, cell in enumerate(found.cells):
            if is_over and cell not in ("done", "failed"):
                found.cells[position] = "cancelled"
            elif cell == "not run" and active < fork.at_once:  # begins at once, which is no entry (S2.4)
                found.cells[position] = "running"
                active += 1

    def marks_on(self, drawing: Drawing) -> dict[str, Mark]:
        """The marks of the cards there are; what is in a folded sub-graph counts for its card."""
        cards = {card.id for card in drawing.cards}
        for branches in self.branches.values():
            if branches.edge.kind == "map":
                for target in branches.edge.targets:
                    level = self.plan_around(branches.source)
                    if level is not None:
                        path = _sibling(branches.source, level.nodes[target].name)
                        self._add_cells(self.marks[path], branches.cells)
        shown: dict[str, Mark] = {}
        for path, mark in self.marks.items():
            if card_id(path) in cards:
                shown[card_id(path)] = mark
        for path, mark in self.marks.items():
            above = path
            while card_id(above) not in cards and "/" in above:
                above = above.rpartition("/")[0]
            if above != path and card_id(above) in shown:
                shown[card_id(above)].usage += mark.usage
        return shown

    def _add_cells(self, mark: Mark, cells: Sequence[Status]) -> None:
        mark.cells += cells
        if "running" in mark.cells and mark.status in ("not run", "done"):
            mark.status = "running"
        elif mark.status == "failed" and "done" in mark.cells:  # one branch of many: its cell, or its error edge, tells
            mark.status = "done"

    def spot(self, cursor: str) -> _Spot | None:
        """Where a cursor stands; None if it leads nowhere."""
        plan, within = self.plan, ""
        segments = cursor.split("/")
        for place, segment in enumerate(segments):
            match = _SEGMENT.match(segment)
            node = next((node for node in plan.nodes if match is not None and node.id == match["node"]), None)
            if node is None or match is None:
                return None
            if place == len(segments) - 1:
                return _Spot(plan, node, path_of(node.name, within))
            if match["branch"] is None and node.graph is not None:
                within, plan = path_of(node.name, within), node.graph.plan()
        return None

    def plan_around(self, path: str) -> Plan | None:
        """The plan of the level that a path of ids is in."""
        plan = self.plan
        for name in path.split("/")[:-1]:
            node = next((node for node in plan.nodes if path_of(node.name) == name), None)
            if node is None or node.graph is None:
                return None
            plan = node.graph.plan()
        return plan


def _live_status(scope: scopes.Scope) -> Status:
    if scope.status == scopes.WAITING:
        return "waiting"
    return "retrying" if scope.status == scopes.SLEEPING else "running"


def _scope_of(cursor: str) -> str:
    return cursor.rpartition("/")[0]


def _forked_at(scope: str) -> str:
    """The cursor that forked, of a branch: ``plan:1`` of ``plan:1[3]``; of a sub-graph's scope, its own."""
    return scope.rpartition("[")[0] if scope.endswith("]") else scope


def _sibling(path: str, name: str) -> str:
    """The path of another node of the same level."""
    return path_of(name, path.rpartition("/")[0])
