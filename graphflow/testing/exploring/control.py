"""What decides where a run goes on: the key by which two standings of a run are the same to an explorer.

Kept of a run are its frontier, open forks and takings, and of the state the *control fields*: those that a condition,
a map, or a function that is run for real looks at. Two runs with one key have the same futures, whatever their other
fields hold: the agents are asked for the same answers, the functions see the same, and every condition says the same.
Left out are cursors' visit numbers (unless a function looks at them), the size of the state, the step count and times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, cast

from pydantic import BaseModel

from graphflow.core.machine import Machine
from graphflow.core.plan import Guard, Node, Plan
from graphflow.core.scopes import DONE, ENDED, READY, Altered, Fork, Scope
from graphflow.errors import GraphflowError
from graphflow.testing.exploring.looking import Looks

_PLACE = ("visit", "cursor", "attempt", "idempotency_key", "run_id", "once")
_VISIT = re.compile(r":\d+(~\d+)?")
_TRUE, _FALSE = ("true",), ("false",)


class Control:
    """The control fields of a plan and the plans in it, and the keys that follow from them.

    ``looks`` says for nodes, by identity, what the function that answers for them looks at: their own, which is run for
    real, or one of ``agents=``. ``watched`` are further fields of the outermost state, of which properties speak.
    """

    def __init__(self, plans: Sequence[Plan], looks: Mapping[int, Looks], watched: Iterable[str] = ()) -> None:
        self.plans = plans
        self.looks = looks
        self.fields: dict[int, frozenset[str]] = self._control_fields(frozenset(watched))
        self._names = {id(plan): tuple(sorted(self.fields[id(plan)])) for plan in self.plans}
        self._reads = {id(node): self._reads_of(plan, node) for plan in self.plans for node in plan.nodes}

    def _reads_of(self, plan: Plan, node: Node) -> tuple[str, ...]:
        looks = self.looks.get(id(node))
        return () if looks is None else tuple(sorted(_fields_seen(plan, node, looks)))

    def read_by(self, node: Node) -> tuple[str, ...]:
        """The fields that a function which is run for real may look at; none of other nodes."""
        return self._reads[id(node)]

    def seen_by_functions(self) -> dict[int, frozenset[str]]:
        """The fields that functions look at, by plan; every field where a validator or a guardrail may see the whole."""
        return {
            id(plan): frozenset(plan.schema.fields)
            if _is_seen_whole(plan)
            else frozenset(name for node in plan.nodes for name in self._reads[id(node)])
            for plan in self.plans
        }

    # -- fields ----------------------------------------------------------------------------------------------------

    def _control_fields(self, watched: frozenset[str]) -> dict[int, frozenset[str]]:
        found = {id(plan): self._own_fields(plan) for plan in self.plans}
        found[id(self.plans[0])] |= watched & self.plans[0].schema.fields.keys()
        is_settled = False
        while not is_settled:  # what passes in or out of a graph inside counts on both sides
            before = dict(found)
            for plan in self.plans:
                for node in plan.nodes:
                    if node.graph is not None:
                        self._link(plan, node, found)
            is_settled = before == found
        return found

    def _own_fields(self, plan: Plan) -> frozenset[str]:
        schema = plan.schema
        every = frozenset(schema.fields)
        if _is_seen_whole(plan):
            return every
        found = {name for name, spec in schema.fields.items() if spec.check is not None}
        for guard in guards_of(plan):
            found |= every if guard.reads is None else guard.reads
        for edge in plan.edges:
            if edge.over is not None:
                found |= every if edge.over.field is None else {edge.over.field}
        for node in plan.nodes:
            looks = self.looks.get(id(node))
            if looks is not None:
                found |= _fields_seen(plan, node, looks)
                if _sees_branches(looks) and looks.may_name("state", "values"):
                    found |= every
        return frozenset(found & every)

    def _link(self, plan: Plan, node: Node, found: dict[int, frozenset[str]]) -> None:
        assert node.graph is not None
        inner = node.graph.plan()
        if id(inner) not in found:
            return
        if node.graph.inward is None:
            both = found[id(plan)] | found[id(inner)]
            found[id(plan)] = found[id(inner)] = both
            return
        found[id(plan)] |= {outer for within, outer in node.graph.inward if within in found[id(inner)]}
        found[id(inner)] |= {within for outer, within in node.graph.outward or () if outer in found[id(plan)]}

    # -- keys ------------------------------------------------------------------------------------------------------

    def key(self, machine: Machine) -> object:
        """The key of how a run stands."""
        if machine.status != "running":
            return (
                machine.status,
                error_key(machine.error),
                _place(machine),
                self._values(machine.root),
            )
        places: dict[int, int] = {}
        standing = self._scope(machine.root, places)
        gates = tuple(
            (index, running[0], tuple(places.get(id(scope), -1) for scope in line))
            for (_, index), (running, line) in machine.gates.items()
        )
        return machine.is_exhausted, machine.is_wrapped, gates, standing

    def seen(self, scope: Scope) -> object:
        """All that a function run for real sees of a cursor: what it comes to is a function of this."""
        node = scope.node
        values = scope.read()
        state = tuple([freeze(values[name]) for name in self._reads[id(node)]])
        return id(node), state, tuple(map(freeze, scope.items)), self._context(scope)

    def _values(self, scope: Scope) -> object:
        names = self._names[id(scope.plan)]
        if not names:
            return ()
        values = scope.read()
        return tuple([freeze(values[name]) for name in names])

    def _scope(self, scope: Scope, places: dict[int, int]) -> object:
        places[id(scope)] = len(places)
        node = scope.node
        taken = frozenset(scope.taken.items()) if scope.taken else ()
        log = self._log(scope, scope.log) if scope.log else ()
        attempt = scope.attempt if node.retry is not None else 0
        due = None if scope.due is None else scope.due - scope.since
        fork = None if scope.open is None else self._fork(scope.open, places)
        status = READY if scope.status == "running" and node.at_once is None else scope.status
        return node.index, status, self._values(scope), taken, log, attempt, due, fork, self._context(scope)

    def _context(self, scope: Scope) -> object:
        """What a function run for real may see beside the state."""
        node = scope.node
        looks = self.looks.get(id(node))
        effects = tuple(scope.effects) if scope.effects else ()
        if looks is None or "ctx" not in looks.attributes:
            return effects
        ctx = looks.at("ctx")
        error = error_key(scope.error) if ctx is None or "error" in ctx else None
        branches = None
        if scope.branches is not None and _sees_branches(looks):
            branches = self._fork(scope.branches, {}, is_met=True)
        place = scope.path if ctx is None or not ctx.isdisjoint(_PLACE) else None
        return effects, error, branches, place, scope.attempt if place else 0

    def _fork(self, fork: Fork, places: dict[int, int], is_met: bool = False) -> object:
        items = None if fork.items is None else tuple(map(freeze, fork.items))
        children = tuple(self._branch(fork, index, places, is_met) for index in range(fork.total))
        edge = -1 if fork.edge is None else fork.edge.index
        due = None if fork.due is None else fork.due - fork.owner.since
        writers = None if fork.writers is None else frozenset(fork.writers.items())
        return edge, tuple(fork.starts), items, fork.next, children, due, writers

    def _branch(self, fork: Fork, index: int, places: dict[int, int], is_met: bool) -> object:
        child = fork.branch(index)
        if child is None:
            return None
        if child.status not in ENDED and not is_met:
            return self._scope(child, places)
        log = self._log(child, child.log or ()) if child.status == DONE or is_met else ()
        return child.status, error_key(child.error), log, self._values(child) if is_met else ()

    def _log(self, scope: Scope, log: Iterable[dict[str, Any]]) -> object:
        """What a branch hands to its join: which fields, and of those that count, what (S6.4, S6.5)."""
        fields, specs = self.fields[id(scope.plan)], scope.plan.schema.specs
        names: set[str] = set()
        changes: list[tuple[str, object]] = []
        for update in log:
            if type(update) is Altered:
                continue
            for name, change in update.items():
                spec = specs[name]
                names.add(name)
                has_keys = spec.reducer is not None and spec.reducer.keys_conflict
                if spec.name in fields:
                    changes.append((name, freeze(change)))
                elif has_keys:
                    changes.append((name, frozenset(change)))
        return frozenset(names), tuple(changes)


def watched(plan: Plan, claims: Iterable[Guard]) -> frozenset[str]:
    """The fields of which properties speak: all of them, where one is a plain predicate."""
    every = frozenset(plan.schema.fields)
    return frozenset[str]().union(*(every if guard.reads is None else guard.reads for guard in claims))


def guards_of(plan: Plan) -> Iterator[Guard]:
    """All conditions of a plan: of its edges, of branches, and of joins."""
    for edge in plan.edges:
        for guard in (edge.guard, *edge.branch_guards, edge.need.guard):
            if guard is not None:
                yield guard


def _is_seen_whole(plan: Plan) -> bool:
    """Whether something of the user's looks at the state as a whole: a validator of the model, a guardrail."""
    has_rails = any(edge.guardrails for edge in plan.edges) or any(node.guardrails for node in plan.nodes)
    return plan.schema.has_model_validators or has_rails


def _fields_seen(plan: Plan, node: Node, looks: Looks) -> frozenset[str]:
    """The fields of its state that a function may look at: what it declares, what its code says, or all."""
    every = frozenset(plan.schema.fields)
    if "state" not in looks.attributes:
        return frozenset()
    seen = looks.at("state")
    found = every if seen is None or not seen <= every else seen
    return found if node.reads is None else found & node.reads


def _sees_branches(looks: Looks) -> bool:
    ctx = looks.at("ctx")
    return "ctx" in looks.attributes and (ctx is None or "branches" in ctx)


def error_key(error: BaseException | None) -> object:
    """What tells errors apart to those that read them."""
    if error is None:
        return None
    return type(error), error.what if isinstance(error, GraphflowError) else str(error)


def _place(machine: Machine) -> str:
    """Where a run failed, without the numbers of visits."""
    return _VISIT.sub("", machine.error_at)


def freeze(value: Any) -> object:
    """A value as part of a key: equal only where no condition and no function could tell the difference."""
    kind = cast("type[object]", type(value))
    if kind is str or kind is int or value is None:
        return value
    if kind is bool:
        return _TRUE if value else _FALSE
    if kind in (list, tuple):
        return kind, tuple([freeze(part) for part in value])
    if kind is dict:
        pairs = cast("dict[Any, Any]", value).items()
        return kind, tuple([(freeze(key), freeze(part)) for key, part in pairs])
    if kind in (set, frozenset):
        return "set", frozenset(map(freeze, value))
    if isinstance(value, BaseModel):
        return kind, tuple([freeze(part) for part in value.__dict__.values()])
    if isinstance(value, Enum):
        return value
    try:
        hash(value)
    except TypeError:
        return kind, repr(value)
    return kind, value
