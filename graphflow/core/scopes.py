"""Where a run stands: scopes, cursors and open forks (S2).

A scope has exactly one cursor or one open fork (S2.2), so the cursor's fields are the scope's. A scope's state is a
plain dict: the parent's by reference until the first write. What a branch or sub-graph entry changed is kept in its
``log``, in order, for the join to fold (S6.4), and is folded into its own values once somebody reads them.
Containers named in ``own`` belong to this scope alone and may change in place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from graphflow.core.plan import Edge, Limit, Node, Plan
from graphflow.core.schema import Update

READY: Final = "ready"  # may be taken by a driver
RUNNING: Final = "running"  # taken
SLEEPING: Final = "sleeping"  # between attempts, until ``due``
WAITING: Final = "waiting"  # a question is open
PASSING: Final = "passing"  # at a start, point, ask or sub-graph that the machine itself moves on
FORKED: Final = "forked"  # has an open fork instead of a cursor
HELD: Final = "held"  # in a branch that failed and was collected: set aside, in case a resume picks it up
EXIT: Final = "exit"  # the node is done, but no edge could be chosen (S3.2)
DONE: Final = "done"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"

Status = Literal[
    "ready", "running", "sleeping", "waiting", "passing", "forked", "held", "exit", "done", "failed", "cancelled"
]
ENDED: Final = frozenset((DONE, FAILED, CANCELLED))
SEGMENT: Final = re.compile(r"(?P<node>.*):(?P<visit>\d+)(?:~(?P<again>\d+))?(?:\[(?P<branch>\d+)\])?$")
"""One step into a cursor's path: node, visit, attempt at a sub-graph, branch (S2.2)."""

IDLE: Final = frozenset((SLEEPING, WAITING))
"""A cursor that is idle holds no slot of ``at_once`` (S6.9)."""


@dataclass(slots=True)
class Recorded:
    """One effect as recorded: JSON-able value, usage fields, updates, and how a tool failed (S11.1)."""

    value: Any
    usage: dict[str, Any]
    updates: tuple[dict[str, Any], ...]
    error: str = ""


class Altered(dict[str, Any]):
    """In a log: what the state's validators altered, not a write of a node. The join's own validation finds it again,
    so it is not handed over, and two branches in which it happens do not conflict (S6.4, S6.5)."""


class Scope:
    """The run, one entry of a sub-graph, or one branch of one fork.

    What is mostly so stands on the class, and an instance holds what differs: a branch sets a dozen of the 34.
    """

    parent: Scope | None = None
    fork: Fork | None = None  # the fork this scope is a branch of
    open: Fork | None = None  # the fork it has opened
    join = -1  # index of the join node that ends this branch
    index = -1
    items: tuple[Any, ...] = ()
    visit = 0
    attempt = 0
    turn = 0  # raised at every move: a late result carries an old one and falls away (S15.5)
    status: Status = READY
    held: Status = READY  # the status before it failed or was set aside, for a resume
    rests = False  # everything in it sleeps or waits, so it holds no slot (S6.9)
    is_borrowing = False  # values are the parent's dict, not to be altered
    is_shared = False  # branches of its open fork write to it at once (S6.10)
    own: set[str] | None = None
    folded = 0  # how many updates of the log are folded into values
    log: list[Update] | None = None  # None at the top, where nobody folds it
    visits: dict[int, int] | None = None  # None as long as ``visit`` says it all
    taken: dict[object, int] | None = None
    error: Exception | None = None  # what led here along an error edge, or ended the scope
    branches: Fork | None = None  # at a join: the fork that met here
    effects: dict[str, Recorded] | None = None
    call_failed = False  # the last attempt failed in a recorded call (S11.1)
    due: float | None = None
    since = 0.0  # when the cursor arrived
    question: str | None = None
    answer: Any = None
    view: Any = None
    performer: Any = None  # whatever a driver needs to find again who performs the node

    def __init__(self, plan: Plan, node: Node, values: dict[str, Any], prefix: str = "") -> None:
        self.plan = plan
        self.node = node
        self.values = values
        self.prefix = prefix
        self.home: Scope = self  # where its writes go: elsewhere only under state="shared" (S6.10)

    @property
    def path(self) -> str:
        """The cursor: scope path, node, visit (``plan:2[3]/search:1``)."""
        return f"{self.prefix}{self.node.id}:{self.visit}"

    @property
    def is_branch(self) -> bool:
        """Whether this is a branch of a fork or map, rather than the run or a sub-graph's entry."""
        return self.fork is not None and self.fork.edge is not None

    def read(self) -> dict[str, Any]:
        """The scope's values, with everything pending folded in."""
        home = self.home
        if home.log is not None and home.folded < len(home.log):
            home._fold_log(home.log)
        if home is not self and (kept := self.plan.schema.local_names):
            return {**home.values, **{name: self.values[name] for name in kept}}
        return home.values

    def _fold_log(self, log: list[Update]) -> None:
        if self.is_borrowing:  # only now: a branch of one node, whose values nobody reads, needs no copy of them
            self.values = self.values.copy()
            self.is_borrowing = False
        self._fold_now(log[self.folded :])
        self.folded = len(log)

    def _fold_now(self, updates: Sequence[Update]) -> None:
        specs, values, own = self.plan.schema.specs, self.values, self.own
        if own is None:
            own = self.own = set()
        if len(updates) > _WIDE and (name := _only_field(updates)) is not None:
            specs[name].fold_all_into(values, own, [changes[name] for changes in updates])
            return
        for changes in updates:
            for name, change in changes.items():
                specs[name].fold_into(values, own, change)

    def fold(self, changes: Update) -> None:
        """Apply one update where this scope's writes go."""
        self.fold_all((changes,))

    def fold_all(self, updates: Sequence[Update]) -> None:
        """Apply updates in order where this scope's writes go. Containers are altered only where they are its own.

        With a log the values wait until they are read: a branch of one node is folded once, by its join.
        """
        home = self.home
        if home is not self and self.plan.schema.local_names:
            updates = self._without_locals(updates)
        if home.log is None:
            home._fold_now(updates)
        else:
            home.log.extend(updates)

    def _without_locals(self, updates: Sequence[Update]) -> list[Update]:
        """Under state="shared" writes go to the parent at once, but those of local fields stay in the branch (S6.5)."""
        specs = self.plan.schema.specs
        if self.is_borrowing:
            self.values = self.values.copy()
            self.is_borrowing = False
        self._fold_now([{n: change for n, change in changes.items() if specs[n].is_local} for changes in updates])
        return [{n: change for n, change in changes.items() if not specs[n].is_local} for changes in updates]

    def overwrite(self, altered: dict[str, Any]) -> None:
        """Set what the model's validators altered (a replay sets it without running them)."""
        self.fold(Altered({"=" + name: value for name, value in altered.items()}))

    def lend(self) -> dict[str, Any]:
        """The values as a fork's branches see them: from now on nothing in them changes in place."""
        values = self.read()
        home = self.home
        if home is not self or home.is_shared:  # siblings go on writing to it meanwhile
            values = values.copy()
        if home.own:
            home.own.clear()
        if self.own:
            self.own.clear()
        return values

    def times_taken(self, edge: Edge) -> int:
        return 0 if self.taken is None else self.taken.get(limit_key(edge), 0)

    def has_room(self, edge: Edge) -> bool:
        """Whether the edge's limit is not used up in this scope (S4.5)."""
        most = edge.limit.at_most if edge.limit is not None else edge.at_most
        return most is None or self.times_taken(edge) < most

    def count_taking(self, edge: Edge) -> None:
        if edge.is_limited:
            if self.taken is None:
                self.taken = {}
            key = limit_key(edge)
            self.taken[key] = self.taken.get(key, 0) + 1

    def visits_of(self, node: Node) -> int:
        """How often the scope's cursor has been at a node so far."""
        if self.visits is not None:
            return self.visits.get(node.index, 0)
        return self.visit if node is self.node else 0

    def arrive(self, node: Node, now: float) -> None:
        """The cursor moves to a node: a new visit."""
        visits = self.visits
        if visits is not None:
            self.visit = visits[node.index] = visits.get(node.index, 0) + 1
        elif self.visit == 0:
            self.visit = 1  # the first node of a branch, mostly its only one, needs no dict (230 B)
        else:
            visits = self.visits = {self.node.index: self.visit}
            self.visit = visits[node.index] = visits.get(node.index, 0) + 1
        self.node = node
        self.attempt = 0
        self.turn += 1
        self.since = now
        self.effects = None
        self.call_failed = False
        self.due = None
        kind = node.kind
        self.status = READY if kind == "function" or kind == "agent" else PASSING


_WIDE = 8
"""From so many updates on it pays to look whether all are of one field: the usual map, 0.3 us less a branch."""


def _only_field(updates: Sequence[Update]) -> str | None:
    """The field that each of many updates changes, if it is one and the same."""
    names = set[str]().union(*updates)
    if len(names) == 1 and all(updates):
        return next(iter(names))
    return None


def limit_key(edge: Edge) -> object:
    """What an edge's takings are counted under: a shared Limit by identity, else the edge."""
    limit: Limit | None = edge.limit
    return ("shared", id(limit)) if limit is not None else edge.index


class Fork:
    """An open fork, map or sub-graph entry: the branches of one taking, and how each has ended so far.

    ``edge`` is None for a sub-graph, a fork of one (S12.1). Branches from ``next`` on have not begun and cost nothing.
    """

    def __init__(
        self, edge: Edge | None, owner: Scope, starts: Sequence[int], items: Sequence[Any] | None, at_once: int
    ) -> None:
        self.edge = edge
        self.owner = owner
        self.starts = starts  # fork: the targets taken, as positions in edge.targets
        self.items = items  # map: the items, fixed here (S6.1)
        self.total = len(items) if items is not None else len(starts)
        self.at_once = at_once
        self.values = owner.lend()
        self.prefix = owner.path
        if edge is not None and edge.shared:
            owner.home.is_shared = True
        self.next = 0
        self.children: list[Scope | None] = [None] * self.total
        self.active = 0  # branches that hold a slot
        self.done = 0
        self.failed = 0
        self.cancelled = 0
        self.begun = 0
        self.due: float | None = None  # best_effort(within_s=...)
        self.parked: dict[Scope, list[Scope]] | None = None  # resting branches that wait for a slot, and for whom
        self.writers: dict[Any, frozenset[int]] | None = None  # state="shared": which branches wrote what
        self.is_closed = False
        self.is_lost = False  # its join failed, and with it the run

    @property
    def settled(self) -> int:
        return self.done + self.failed + self.cancelled

    @property
    def is_collecting(self) -> bool:
        return self.edge is not None and self.edge.failures == "collect"

    @property
    def has_room(self) -> bool:
        return (
            self.next < self.total and self.active < self.at_once and not self.is_closed and self.owner.status == FORKED
        )

    def begin(self, now: float) -> Scope:
        """Start the next branch: its cursor stands ready at its target."""
        edge, owner, index = self.edge, self.owner, self.next
        assert edge is not None
        self.next = index + 1
        self.active += 1
        self.begun += 1
        position = self.starts[0] if self.items is not None else self.starts[index]
        plan = owner.plan
        node = plan.nodes[edge.targets[position]]
        branch = Scope(plan, node, self.values, f"{self.prefix}[{index}]/")
        branch.parent = owner
        branch.fork = self
        branch.index = index
        branch.join = edge.join if edge.join is not None else -1
        branch.visit = branch.turn = 1
        branch.since = now
        if node.kind != "function" and node.kind != "agent":
            branch.status = PASSING
        branch.items = owner.items if self.items is None else (*owner.items, self.items[index])
        branch.is_borrowing = True
        if edge.shared:
            branch.home = owner.home
        else:
            branch.log = []
        self.children[index] = branch
        return branch
