"""What is known of a run while it goes on: one row per node, fed by its events. Pure: no clock, nothing is printed.

A row gathers all visits of a node and all branches it runs in. Rows of a sub-graph appear when it is entered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from graphflow.core.plan import Edge, Node, Plan
from graphflow.core.usage import Usage
from graphflow.runtime import events
from graphflow.runtime.events import Event
from graphflow.service.spots import Spot, spot_of

Status = Literal["not run", "running", "retrying", "waiting", "done", "failed", "cancelled"]
FEW = 8
"""Branches of a map that are shown one by one; of more, only how many are where."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A failed attempt that is followed by another: when it is due, and why it failed."""

    due: float
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Open:
    """A question that is open, and since when."""

    since: float
    text: str


@dataclass(slots=True)
class BranchRow:
    """One branch of a map, as long as there are few."""

    label: str
    status: Status = "not run"
    since: float = 0.0
    seconds: float = 0.0
    wait: Wait | None = None
    note: str = ""


@dataclass(slots=True)
class Row:
    """One node. ``expected`` is how many branches it runs in, None for a node that is in no map."""

    node: Node
    plan: Plan
    rows: dict[str, Row] = field(default_factory=lambda: dict[str, Row]())  # of a sub-graph that was entered
    running: dict[str, float] = field(default_factory=dict[str, float])  # cursor -> when it began
    sleeping: dict[str, Wait] = field(default_factory=dict[str, Wait])
    asking: dict[str, Open] = field(default_factory=dict[str, Open])
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    expected: int | None = None
    seconds: float = 0.0
    way: str = ""  # where it went last
    note: str = ""  # why it failed last
    text: str = ""  # what it streams, or which tool it calls
    speaker: str = ""  # the cursor whose text that is: of many side by side, one
    usage: Usage = field(default_factory=Usage)
    branches: dict[str, BranchRow] = field(default_factory=dict[str, BranchRow])  # fork's prefix with branch -> row

    @property
    def status(self) -> Status:
        if self.asking:
            return "waiting"
        if self.running:
            return "running"
        if self.sleeping:
            return "retrying"
        if self.expected is not None and 0 < self.settled < self.expected:
            return "running"
        if self.note and not (self.done and self.expected is not None):
            return "failed"
        if self.done:
            return "done"
        return "cancelled" if self.cancelled else "not run"

    @property
    def settled(self) -> int:
        """Branches, or visits, that have ended."""
        return self.done + self.failed + self.cancelled


class Progress:
    """Everything there is to be shown of a run. ``observe`` takes its events."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rows = _rows_of(plan)
        self.run_id = ""
        self.status = "running"
        self.started = 0.0
        self.now = 0.0
        self.steps = 0
        self.usage = Usage()
        self._forks: dict[str, list[Row]] = {}  # cursor of an open fork -> the rows of its region
        self._suspended: set[str] = set()  # cursors whose attempt goes on once a call is approved

    def observe(self, event: Event) -> None:
        """Take in one event."""
        self.now = max(self.now, event.t)
        if isinstance(event, events.RunStarted):
            self.run_id, self.started = event.run_id, event.t
        elif isinstance(event, events.RunEnded):
            self.status = event.status
            self.drop_under("")
        elif event.cursor:
            found = self.row_of(event.cursor)
            if found is not None:
                self._take(event, *found)

    def go_on(self, run_id: str, steps: int, now: float) -> None:
        """The run goes on from where it stood; what came before was observed as it is told here, or not at all."""
        self.run_id, self.steps, self.status = run_id, steps, "running"
        self.started = self.now = now

    def row_of(self, cursor: str) -> tuple[Row, Spot] | None:
        """The row of a cursor's node; None for a start and other nodes that have no row."""
        return self._row_at(spot_of(cursor))

    def row_told(self, event: Event) -> tuple[Row, Spot] | None:
        """The row of the node that an event is told of; None for what is no step of a node."""
        return self._row_at(spot_at(event)) if event.cursor else None

    def _row_at(self, spot: Spot) -> tuple[Row, Spot] | None:
        rows = self.rows
        for group in spot.groups:
            outer = rows.get(group)
            if outer is None or outer.node.graph is None:
                return None
            if not outer.rows:
                outer.rows = _rows_of(outer.node.graph.plan())
            rows = outer.rows
        row = rows.get(spot.node)
        return None if row is None else (row, spot)

    def all_rows(self) -> Iterator[Row]:
        """Every row, those of a sub-graph after its node."""
        waiting = list(reversed(self.rows.values()))
        while waiting:
            row = waiting.pop()
            yield row
            waiting.extend(reversed(row.rows.values()))

    def drop_under(self, cursor: str) -> None:
        """Whatever still runs under a cursor is over: its fork was joined, failed, or the run ended."""
        under = (f"{cursor}[", f"{cursor}/") if cursor else ""
        for row in self.all_rows():
            for table in (row.running, row.sleeping, row.asking):
                for known in [known for known in table if known.startswith(under)]:
                    del table[known]
                    row.cancelled += 1
            for known, branch in row.branches.items():
                if known.startswith(under) and branch.status in ("running", "retrying", "waiting", "not run"):
                    branch.status = "cancelled"

    def _take(self, event: Event, row: Row, spot: Spot) -> None:
        branch = row.branches.get(event.cursor.rpartition("/")[0])
        if isinstance(event, events.NodeStarted):
            self._started(event, row, branch)
        elif isinstance(event, events.NodeFinished):
            self._finished(event, row, branch)
        elif isinstance(event, events.NodeFailed):
            self._failed(event, row, branch)
        elif isinstance(event, events.Joined):
            self._close(event.cursor)
        elif isinstance(event, events.Asked):
            self._asked(event, row, branch)
        elif isinstance(event, events.Decided):
            row.asking.pop(event.id, None)
        elif isinstance(event, events.TimerFired):
            self._timer(event, row, branch)
        elif isinstance(event, events.EffectRecorded):
            cost = Usage(**event.usage)
            row.usage, self.usage = row.usage + cost, self.usage + cost
            _forget_text(event.cursor, row)  # the answer is there, or the tool is done
        elif isinstance(event, events.TextStreamed):
            _show_text(event, row)
        elif isinstance(event, events.Changed):
            if event.kind == "entered":
                row.running[event.cursor] = event.t
            elif event.kind == "withdrawn":
                _forget_questions(event.cursor, row)
            elif event.kind == "cancelled":
                self.drop_under(event.cursor)

    def _started(self, event: events.NodeStarted, row: Row, branch: BranchRow | None) -> None:
        row.sleeping.pop(event.cursor, None)
        row.running[event.cursor] = event.t
        _forget_text(event.cursor, row)
        if event.attempt == 1 and event.cursor not in self._suspended:
            self.steps += 1
        self._suspended.discard(event.cursor)
        if branch is not None:
            branch.status, branch.since, branch.wait = "running", event.t, None

    def _asked(self, event: events.Asked, row: Row, branch: BranchRow | None) -> None:
        """A question of the graph, or of an agent at work, which waits for the answer."""
        if event.tool:
            self._suspended.add(event.cursor)
        since = row.running.pop(event.cursor, None)
        if since is not None:
            row.seconds += event.t - since
            if branch is not None:
                branch.seconds += event.t - since
        row.asking[event.id] = Open(event.t, event.question)
        _set(branch, "waiting")

    def _finished(self, event: events.NodeFinished, row: Row, branch: BranchRow | None) -> None:
        self._end(event, row, branch)
        row.done += 1
        row.note = row.note if row.expected is not None else ""
        row.way = self._way(event, row)
        _set(branch, "done")
        edge = None if event.edge is None else row.plan.edges[event.edge]
        if edge is not None and edge.kind in ("fork", "map"):
            self._open(event, edge, row)

    def _failed(self, event: events.NodeFailed, row: Row, branch: BranchRow | None) -> None:
        reason = reason_of(event.error)
        if event.cursor in self._forks:  # a join that failed stands at its fork
            self._close(event.cursor)
            return
        self._end(event, row, branch)
        if event.due is not None:
            wait = row.sleeping[event.cursor] = Wait(event.due, event.attempt, reason)
            if branch is not None:
                branch.status, branch.wait = "retrying", wait
            return
        self.drop_under(event.cursor)
        row.failed += 1
        row.note = reason
        row.way = ", ".join(event.to)
        if branch is not None:
            branch.status, branch.note = "failed", reason

    def _timer(self, event: events.TimerFired, row: Row, branch: BranchRow | None) -> None:
        row.sleeping.pop(event.cursor, None)
        if event.to:
            self._end(event, row, branch)
            self.drop_under(event.cursor)
            row.done += 1
            row.way = ", ".join(event.to) + " (time is over)"
            _set(branch, "done")

    def _end(self, event: Event, row: Row, branch: BranchRow | None) -> None:
        """An attempt has ended, one way or another."""
        asked = row.asking.pop(event.cursor, None)
        _forget_questions(event.cursor, row)
        since = row.running.pop(event.cursor, asked.since if asked is not None else event.t)
        row.sleeping.pop(event.cursor, None)
        _forget_text(event.cursor, row)
        row.seconds += event.t - since
        if branch is not None:
            branch.seconds += event.t - since

    def _open(self, event: events.NodeFinished, edge: Edge, row: Row) -> None:
        """A fork or map was taken: the rows of its region expect so many branches."""
        prefix = event.cursor.rpartition("/")[0]
        rows = self.row_of(event.cursor)
        inner = self._region(row.plan, edge, prefix) if rows is not None else []
        self._forks[event.cursor] = inner
        if edge.kind != "map":
            return
        for one in inner:
            one.expected = (one.expected or 0) + event.width
            is_alone = len(inner) == 1 and one.node.kind != "graph"
            one.branches = {}
            if is_alone and event.width <= FEW:
                labels = labels_of(event)
                one.branches = {f"{event.cursor}[{k}]": BranchRow(label) for k, label in enumerate(labels)}

    def _region(self, plan: Plan, edge: Edge, prefix: str) -> list[Row]:
        names = [plan.nodes[index].name for index in sorted(plan.regions.get(edge.index, ()))]
        found = [self.row_of(f"{prefix}/{name}:1" if prefix else f"{name}:1") for name in names]
        return [one[0] for one in found if one is not None]

    def _close(self, cursor: str) -> None:
        self.drop_under(cursor)
        for row in self._forks.pop(cursor, ()):
            if row.expected is not None and row.node.kind != "graph" and row.settled < row.expected:
                row.cancelled += row.expected - row.settled  # branches that never came here

    def _way(self, event: events.NodeFinished, row: Row) -> str:
        """Where the cursor went: the target, and what held there."""
        edge = None if event.edge is None else row.plan.edges[event.edge]
        return way_of(edge, event.to, event.width)


def way_of(edge: Edge | None, to: tuple[str, ...], width: int) -> str:
    """Where a cursor went, and why: ``END [score >= 7]``, ``research ×5``."""
    if not to:
        return ""
    targets = ", ".join(to[:4]) + (f", {len(to) - 4} more" if len(to) > 4 else "")
    if edge is None:
        return targets
    if edge.kind == "map":
        return f"{targets} ×{width}"
    if edge.kind == "handoff":
        return f"{targets} (handed off)"
    if edge.guard is not None:
        return f"{targets} [{edge.guard.label}]"
    return targets


def spot_at(event: Event) -> Spot:
    """Where an event is, for a reader: a join that cannot fire stands at its fork, and is the join's own (S8.3)."""
    spot = spot_of(event.cursor)
    is_join = isinstance(event, events.NodeFailed) and not event.attempt and event.node != spot.node
    return replace(spot, node=event.node, visit=1) if is_join else spot


def labels_of(event: events.NodeFinished) -> list[str]:
    """What the branches of a map are called: their items, where the event tells them."""
    items: tuple[Any, ...] | None = event.items
    if items is None:
        return [f"[{k}]" for k in range(event.width)]
    return [item if isinstance(item, str) else f"[{k}] {item}" for k, item in enumerate(items)]


def reason_of(error: dict[str, Any]) -> str:
    """An error, as it is journalled, in one line."""
    return f"{error.get('type', 'Error')}: {error.get('what', '')}".rstrip(": ")


def _show_text(event: events.TextStreamed, row: Row) -> None:
    """The end of what a cursor's model writes; arguments of a tool are no text to read, its name says enough."""
    if not row.speaker:
        row.speaker, row.text = event.cursor, ""
    if row.speaker == event.cursor:
        row.text = f"calls {event.tool}" if event.tool else (row.text + event.text)[-200:]


def decided(event: events.Decided) -> str:
    """What became of a call that was asked about."""
    return f"{event.id.rpartition('/')[2]} was {'approved' if event.is_approved else 'refused'}"


def _forget_questions(cursor: str, row: Row) -> None:
    """The calls that it asked about are asked about no more."""
    for known in [known for known in row.asking if known.startswith(f"{cursor}/")]:
        del row.asking[known]


def _forget_text(cursor: str, row: Row) -> None:
    if row.speaker == cursor:
        row.speaker, row.text = "", ""


def _set(branch: BranchRow | None, status: Status) -> None:
    if branch is not None:
        branch.status = status


def _rows_of(plan: Plan) -> dict[str, Row]:
    """A row for every node that does something, in the order in which a run comes to them."""
    return {node.name: Row(node, plan) for node in in_order(plan) if node.kind not in ("start", "end", "fail")}


def in_order(plan: Plan) -> list[Node]:
    """The nodes so that each stands before those it leads to, loops aside; those that nothing leads to come last."""
    found: list[Node] = []
    seen: set[int] = set()
    for root in plan.nodes:  # the first is START
        ways = [(root, iter(_next(plan, root)))] if root.index not in seen else []
        seen.add(root.index)
        after: list[Node] = []
        while ways:
            node, rest = ways[-1]
            following = next((one for one in rest if one not in seen), None)
            if following is None:
                ways.pop()
                after.append(node)
            else:
                seen.add(following)
                ways.append((plan.nodes[following], iter(_next(plan, plan.nodes[following]))))
        found += reversed(after)
    return found


def _next(plan: Plan, node: Node) -> list[int]:
    """Where a node leads to, the way declared last first: it then ends up behind the others."""
    edges = (*node.exits, *node.handoffs, *node.error_edges, *node.timer_edges)
    targets = [target for edge in edges for target in (*edge.targets, *(() if edge.join is None else (edge.join,)))]
    return targets[::-1]
