"""A lane: the branches of a map that take one step each, from the map straight to its join.

A usual map is ten thousand of these. As long as such a branch only computes, nobody can meet it half way: it begins and
ends in one go, without a scope, a place in a queue or a log of its own (3 us instead of 5). What is left of it is
what it changed (``Fork.changed``) and its entry, the same as the general way writes. A branch that turns out not to be
so simple (its node waits, fails, hands off, or gives an update that does not validate) becomes an ordinary one before
anything has changed (``give_way``), as does one whose node has the run looked at or altered from inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphflow.core import slots, starting, unwritten
from graphflow.core.annotations import own_copy
from graphflow.core.journal import expand
from graphflow.core.plan import Plan
from graphflow.core.schema import Update
from graphflow.core.scopes import FORKED, Fork, Scope
from graphflow.core.shortcuts import Shortcut, shortcut_of

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


class Lane:
    """The branches of ``fork`` that have not begun. A driver performs them in order, calling for each

    ``arguments()``, and then ``end(result)`` or ``give_way()``; as long as ``is_free``.
    """

    __slots__ = ("_changed", "_is_alone", "_items", "_shortcut", "_view", "fork", "machine", "node", "scope", "turn")

    def __init__(self, machine: Machine, fork: Fork, shortcut: Shortcut) -> None:
        assert fork.edge is not None
        assert fork.items is not None
        changed: list[Update | None] = [None] * fork.total if fork.changed is None else fork.changed
        self.machine = machine
        self.fork = fork
        self.node = fork.owner.plan.nodes[fork.edge.target]
        self.scope: Scope | None = None  # what the branch at work has become
        self.turn = 0
        self._items = fork.items
        self._is_alone = len(self.node.arguments) == 1
        self._changed = fork.changed = changed
        self._shortcut = shortcut
        self._view: Any = None  # of the branch at work, where somebody heeds what it alters

    @property
    def is_free(self) -> bool:
        """Whether another branch may begin here: nothing else comes first, and it needs no leave."""
        machine, fork = self.machine, self.fork
        return (
            fork.next < fork.total
            and fork.active < fork.at_once
            and not machine.ready
            and machine.spent.steps < machine.plan.limits.steps
        )

    def arguments(self) -> list[Any]:
        """What the node of the next branch is called with: its view, and mostly its item."""
        fork = self.fork
        view = self._shortcut.make_view(fork.values)  # what is lent does not change: the view may live on
        if self._shortcut.has_copies and self.machine.heed is not None:
            self._view = view
        return [view] if self._is_alone else [view, own_copy(self._items[fork.next])]

    def end(self, result: Any) -> bool:
        """The node of the next branch has returned. False: it is not so simple; nothing has changed."""
        machine, fork = self.machine, self.fork
        plan = fork.owner.plan
        changes = self._shortcut.changes_of(result)
        way = self._shortcut.only
        if changes is None or way is None:
            return False
        if self._view is not None:
            unwritten.notice(machine, self.node, self._view, (changes,))
            self._view = None
        index = fork.next
        fork.next = index + 1
        fork.done += 1
        self._changed[index] = changes
        machine.spent.steps += 1
        seq = machine.seq = machine.seq + 1
        brief = (f"{fork.prefix}[{index}]/", self.node.id, 1, changes, way.index, seq, machine.now)
        is_brief = self._shortcut.is_brief and type(changes) is dict
        machine.entries.append((brief if is_brief else expand(brief), plan))
        if index + 1 == fork.total:
            self._settle()
        return True

    def _settle(self) -> None:
        machine, fork = self.machine, self.fork
        if fork.settled == fork.total:
            machine.meeting.append(fork)
            machine.settle()
        elif not fork.active:
            slots.rest_around(machine, fork)

    def close(self) -> None:
        """The node has waited: mostly the next ones will too, and a lane would cost them 2 us for nothing."""
        self.fork.is_simple = False

    def give_way(self) -> Scope:
        """Begin the next branch in the ordinary way: its cursor, marked running, in its first ``turn``."""
        if self.scope is None:
            self.scope = starting.take_next(self.machine, self.fork)
            self.turn = self.scope.turn
            self.scope.view, self._view = self._view, None
        return self.scope


def lane_of(machine: Machine) -> Lane | None:
    """The lane that is open now: of the oldest fork whose branches may begin, if it is so simple and nothing is ready."""
    if not machine.opening or machine.ready or machine.is_exhausted or machine.budget is not None:
        return None
    fork = machine.opening[0]
    owner = fork.owner
    if fork.is_simple is None:
        fork.is_simple = _is_simple(fork, owner.plan)
    if not fork.is_simple or fork.is_closed or fork.parked or owner.status != FORKED or owner.rests:
        return None
    assert fork.edge is not None
    lane = Lane(machine, fork, shortcut_of(owner.plan, owner.plan.nodes[fork.edge.target]))
    return lane if lane.is_free else None


def _is_simple(fork: Fork, plan: Plan) -> bool:
    edge = fork.edge
    if edge is None or edge.kind != "map" or edge.shared or edge.need.kind != "all":
        return False
    node = plan.nodes[edge.target]
    is_plain = node.kind == "function" and node.call is not None and node.mode != "blocking"
    if not is_plain or node.timeout_s is not None or node.at_once is not None or node.timer_edges:
        return False
    shortcut = shortcut_of(plan, node)
    leads_to_join = shortcut.only is not None and shortcut.only.target == edge.join
    return shortcut.is_open and leads_to_join and node.arguments in (("state",), ("state", "item"))
