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
WAITING: Final = "waiting"  # a question is open: an ask node's, or whether a tool may be called
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


@dataclass(slots=True, eq=False, repr=False)
class Scope:
    """The run, one entry of a sub-graph, or one branch of one fork.

    Its place comes first, in the order in which a fork gives it to a branch: ten thousand of them are made at once, so
    what is mostly so is a default, and nothing is worked out at birth.
    """

    plan: Plan
    node: Node
    values: dict[str, Any]
    prefix: str = ""
    parent: Scope | None = None
    fork: Fork | None = None  # the fork this scope is a branch of
    index: int = -1
    join: int = -1  # index of the join node that ends this branch
    items: tuple[Any, ...] = ()
    writes_to: Scope | None = None  # where its writes go if not here: under state="shared" (S6.10)
    log: list[Update] | None = None  # None where nobody folds it: at the top, and under state="shared"
    is_borrowing: bool = False  # values are the parent's dict, not to be altered
    status: Status = READY
    since: float = 0.0  # when the cursor arrived
    visit: int = 0
    turn: int = 0  # raised at every move: a late result carries an old one and falls away (S15.5)
    attempt: int = 0
    open: Fork | None = None  # the fork it has opened
    held: Status = READY  # the status before it failed or was set aside, for a resume
    rests: bool = False  # everything in it sleeps or waits, so it holds no slot (S6.9)
    is_shared: bool = False  # branches of its open fork write to it at once (S6.10)
    own: set[str] | None = None
    folded: int = 0  # how many updates of the log are folded into values
    visits: dict[int, int] | None = None  # None as long as ``visit`` says it all
    taken: dict[object, int] | None = None
    error: Exception | None = None  # what led here along an error edge, or ended the scope
    branches: Fork | None = None  # at a join: the fork that met here
    effects: dict[str, Recorded] | None = None
    call_failed: bool = False  # the last attempt failed in a recorded call (S11.1)
    due: float | None = None
    question: str | None = None  # of an ask node
    approvals: dict[str, Any] | None = None  # of tool calls, see ``suspending``; plain data, replaced and never altered
    view: Any = None
    performer: Any = None  # whatever a driver needs to find again who performs the node

    @property
    def home(self) -> Scope:
        """Where its writes go: mostly itself."""
        return self if self.writes_to is None else self.writes_to

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
        self.status = READY if node.is_performed else PASSING


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

    __slots__ = (
        "active",
        "at_once",
        "cancelled",
        "changed",
        "children",
        "done",
        "due",
        "edge",
        "failed",
        "is_closed",
        "is_lost",
        "is_simple",
        "items",
        "next",
        "owner",
        "parked",
        "prefix",
        "starts",
        "total",
        "values",
        "writers",
    )

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
        self.changed: list[Update | None] | None = None  # by those that took their only step in a lane, see ``lanes``
        self.active = 0  # branches that hold a slot
        self.done = 0
        self.failed = 0
        self.cancelled = 0
        self.is_simple: bool | None = None  # whether it can have a lane; None as long as nobody has asked
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
        index = self.next
        self.next = index + 1
        self.active += 1
        return self._make(index, now)

    def branch(self, index: int) -> Scope | None:
        """A branch that has begun, else None. Of one that took its only step in a lane the scope is made up now."""
        found = self.children[index]
        if found is None and self.changed is not None and (changes := self.changed[index]) is not None:
            found = self._make(index, 0.0)
            found.status, found.turn, found.attempt = DONE, 2, 1
            if changes:
                found.log = [changes]
        return found

    def done_ones(self) -> list[int]:
        """The indices of the branches that are done."""
        if self.done == self.total:
            return list(range(self.total))
        changed = self.changed or self.children
        rows = enumerate(zip(self.children, changed, strict=True))
        return [i for i, (child, made) in rows if (made is not None if child is None else child.status == DONE)]

    def log_of(self, index: int) -> Sequence[Update]:
        """What a branch has changed so far."""
        child = self.children[index]
        if child is not None:
            return child.log or ()
        changes = None if self.changed is None else self.changed[index]
        return (changes,) if changes else ()

    def updates_of(self, members: Sequence[int]) -> list[Update]:
        """What some branches wrote, in branch order then step order (S6.4)."""
        children, changed = self.children, self.changed or self.children
        found: list[Any] = []
        for index in members:
            child = children[index]
            if child is None:
                found.append(changed[index])
            elif child.log:
                found += [changes for changes in child.log if type(changes) is not Altered]
        return [changes for changes in found if changes]

    def _make(self, index: int, now: float) -> Scope:
        edge, owner, items = self.edge, self.owner, self.items
        assert edge is not None
        plan = owner.plan
        node = plan.nodes[edge.targets[self.starts[index if items is None else 0]]]
        branch = self.children[index] = Scope(
            plan,
            node,
            self.values,
            f"{self.prefix}[{index}]/",
            owner,
            self,
            index,
            -1 if edge.join is None else edge.join,
            owner.items if items is None else (*owner.items, items[index]),
            owner.home if edge.shared else None,
            None if edge.shared else [],
            True,
            READY if node.is_performed else PASSING,
            now,
            1,
            1,
        )
        return branch
