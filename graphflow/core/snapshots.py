"""A run as it stands at one entry, as data: what a journal begins with once the entries before were pruned (S15.2).

A snapshot is an entry like any other, of kind ``snapshot``, in the place of the one whose ``seq`` it has and of all
before it. Folding what follows gives what folding the whole journal gives; ``replay`` begins with either.

None is written while a run goes on. Folding a journal takes some 6 us a step, so that resuming after 10,000 steps
takes less than 0.1 s, and a copy of the state every so often would cost more than it saves, in every step and on disk.
It is made where it is needed: when history is pruned.

What is in it follows from the slots of machine, scopes and forks, see ``kept``. Values that a scope shares with what is around it are kept
once, so a snapshot is as large as the state and what branches have written to it since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final, get_args

from graphflow.core.discretion import described
from graphflow.core.journal import SNAPSHOT, Entry, dump_all_given, dump_items, revive_given, revive_items
from graphflow.core.kept import keep, told
from graphflow.core.machine import Machine
from graphflow.core.plan import Node, Plan
from graphflow.core.remembered import remember
from graphflow.core.schema import Schema, Update, adapter
from graphflow.core.scopes import Altered, Fork, Recorded, Scope, limit_key
from graphflow.core.spending import Spent
from graphflow.core.usage import Budget, Usage
from graphflow.errors import Internal, JournalInvalid

FORMAT: Final = 1
"""The version of snapshots."""


def take(machine: Machine) -> Entry:
    """The entry that stands for all of a folded machine's history. Give it to ``encode`` with the machine's plan."""
    if machine.running or machine.entries or machine.stops or machine.gates:
        raise Internal("A snapshot was asked of a run that is being driven.")
    return {
        "kind": SNAPSHOT,
        "format": FORMAT,
        "seq": machine.seq,
        "t": machine.now,
        "run": machine.run_id,
        "graph": machine.plan.name,
        "fingerprint": machine.plan.fingerprint,
        **_Taking(machine).data(),
    }


def restore(plans: Mapping[str, Plan], entry: Entry) -> Machine:
    """The machine that ``take`` saw. ``plans`` are those it was driven under, by fingerprint. Raises JournalInvalid."""
    if entry.get("format") != FORMAT:
        raise JournalInvalid(
            f"The journal begins with a snapshot of format {entry.get('format')!r}",
            why=f"This version reads format {FORMAT}, and formats are never guessed.",
            fix="Use the version of graphflow that wrote it.",
        )
    try:
        return _Restoring(plans, entry).machine()
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise JournalInvalid(
            f"The snapshot at entry {entry.get('seq')} cannot be read",
            why=f"{type(error).__name__}: {error}",
            fix="The journal is damaged, or belongs to another graph.",
        ) from error


def ask_node(machine: Machine, target: str) -> Any:
    """The node that an early answer is for: a question's id, or a node's name. Raises JournalInvalid."""
    last = target.rsplit("/", 1)[-1].rsplit(":", 1)[0]
    for plan in machine.plans():
        for node in plan.nodes:
            if node.kind == "ask" and (node.name == target or node.id == last):
                return node
    raise JournalInvalid(f"An answer for {target!r}, where nothing asks", why="The journal is of another graph.")


def _blank_scope(plan: Plan, node: Node) -> Scope:
    return Scope(plan, node, {})


def blank_fork(owner: Scope) -> Fork:
    """A fork whose slots have the values they are born with."""
    return Fork(None, _blank_scope(owner.plan, owner.node), (), None, 1)


def _inner_plan(owner: Scope, fork: Fork) -> Plan:
    """The plan that branches of a fork are in, or the entry of a sub-graph, unless told otherwise."""
    if fork.edge is not None or owner.node.graph is None:
        return owner.plan
    return owner.node.graph.plan()


class _Taking:
    """One machine on its way to data."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._numbers: dict[int, int] = {}  # of scopes, in the order in which they are told
        self._forks: list[Fork] = []

    def data(self) -> dict[str, Any]:
        machine = self._machine
        root = self._scope(machine.root, machine.plan, "", None)
        parked = [
            [self._numbers[id(branch)], [self._numbers[id(one)] for one in cursors if id(one) in self._numbers]]
            for fork in self._forks
            for branch, cursors in (fork.parked or {}).items()
            if id(branch) in self._numbers
        ]
        found: dict[str, Any] = {
            "budget": None if machine.budget is None else machine.budget.as_json(),
            "error": None if machine.error is None else described(machine.error, machine.scopes()),
            "spent": _spent(machine.spent),
            "usage_by_node": {name: _usage(usage) for name, usage in machine.usage_by_node.items()},
            "answers": {target: self._answer(target, value) for target, value in machine.answers.items()},
            "idle": [self._numbers[id(scope)] for scope in machine.idle],
            "parked": parked,
        }
        filled = {name: value for name, value in found.items() if value not in (None, {}, [])}
        return told(machine, Machine(machine.plan)) | filled | {"root": root}

    def _answer(self, target: str, value: Any) -> Any:
        return adapter(ask_node(self._machine, target).ask.answer).dump_python(value, mode="json")

    def _scope(self, scope: Scope, plan: Plan, prefix: str, base: dict[str, Any] | None) -> dict[str, Any]:
        self._numbers[id(scope)] = len(self._numbers)
        schema = scope.plan.schema
        data = {"node": scope.node.id} | told(scope, _blank_scope(scope.plan, scope.node))
        if scope.plan.fingerprint != plan.fingerprint:
            data["plan"] = scope.plan.fingerprint
        if scope.prefix != prefix:
            data["prefix"] = scope.prefix
        data |= _values(scope.plan, scope.values, base)
        if scope.log is not None:
            data["log"] = [
                [schema.dump(changes)] if isinstance(changes, Altered) else schema.dump(changes)
                for changes in scope.log
            ]
        if scope.visits is not None:
            data["visits"] = {scope.plan.nodes[index].id: count for index, count in scope.visits.items()}
        if scope.taken is not None:
            data["taken"] = _taken(scope)
        if scope.error is not None:
            data["error"] = described(scope.error, (scope,))
        if scope.effects is not None:
            data["effects"] = {key: _effect(schema, effect) for key, effect in scope.effects.items()}
        for name, fork in (("open", scope.open), ("met", scope.branches)):
            if fork is not None:
                data[name] = self._fork(fork, scope)
        return data

    def _fork(self, fork: Fork, owner: Scope) -> dict[str, Any]:
        self._forks.append(fork)
        data = told(fork, blank_fork(owner)) | {"starts": list(fork.starts)}
        if fork.edge is not None:
            data["edge"] = fork.edge.index
            if fork.items is not None:
                data["items"] = dump_items(fork.edge, fork.items)
        if fork.prefix != owner.path:
            data["prefix"] = fork.prefix
        data |= _values(owner.plan, fork.values, owner.values)
        if fork.writers is not None:
            data["writers"] = [_writer(owner.plan, key, branches) for key, branches in fork.writers.items()]
        plan = _inner_plan(owner, fork)
        base = fork.values if plan.state is owner.plan.state else None
        data["children"] = [
            [index, self._scope(child, plan, f"{fork.prefix}[{index}]/", base)]
            for index, child in enumerate(fork.children)
            if child is not None
        ]
        return data


def _values(plan: Plan, values: dict[str, Any], base: dict[str, Any] | None) -> dict[str, Any]:
    """What differs from the values around; all, where they are of another kind; nothing, where they are the same."""
    if values is base:
        return {}
    if base is None or base.keys() != values.keys():
        return {"state": plan.schema.dump_state(values)}
    return {"values": plan.schema.dump_state({name: v for name, v in values.items() if v is not base[name]})}


def _taken(scope: Scope) -> list[list[int]]:
    """How often limited edges were taken; a limit that several share is told with the first of them."""
    first = {limit_key(edge): edge.index for edge in reversed(scope.plan.edges)}
    assert scope.taken is not None
    return [[first[key], count] for key, count in scope.taken.items()]


def _effect(schema: Schema, effect: Recorded) -> list[Any]:
    return [effect.value, effect.usage, dump_all_given(schema, effect.updates), effect.error]


def _writer(plan: Plan, key: Any, branches: Iterable[int]) -> list[Any]:
    """Who wrote a field under state="shared", or one key of it."""
    if isinstance(key, str):
        return [key, sorted(branches)]
    name, one = key
    return [name, sorted(branches), _key_type(plan, name).dump_python(one, mode="json")]


def _key_type(plan: Plan, name: str) -> Any:
    arguments = get_args(plan.schema.specs[name].change_type)
    return adapter(arguments[0] if arguments else Any)


def _spent(spent: Spent) -> dict[str, Any]:
    found = {part.name: getattr(spent, part.name) for part in fields(Spent)}
    return found | {"usage": _usage(spent.usage)}


def _usage(usage: Usage) -> dict[str, Any]:
    found = {part.name: getattr(usage, part.name) for part in fields(Usage)}
    return {name: value for name, value in found.items() if value != getattr(_NO_USAGE, name)}


_NO_USAGE = Usage()


class _Restoring:
    """Data on its way to a machine."""

    def __init__(self, plans: Mapping[str, Plan], entry: Entry) -> None:
        self._entry = entry
        self._plan = plans[entry["fingerprint"]]
        self._plans = {inner.fingerprint: inner for plan in plans.values() for inner in Machine(plan).plans()}
        self._scopes: list[Scope] = []  # by their numbers

    def machine(self) -> Machine:
        entry = self._entry
        budget = entry.get("budget")
        machine = Machine(self._plan, entry["run"], None if budget is None else Budget(**_known(Budget, budget)))
        keep(machine, entry)
        machine.seq, machine.now = entry["seq"], entry["t"]
        machine.root = self._scope(entry["root"], self._plan, None, -1)
        if "error" in entry:
            machine.error = remember(entry["error"])
        spent: dict[str, Any] = _known(Spent, entry["spent"])
        spent["usage"] = _as_usage(spent["usage"])
        machine.spent = Spent(**spent)
        machine.usage_by_node = {name: _as_usage(data) for name, data in entry.get("usage_by_node", {}).items()}
        for target, value in entry.get("answers", {}).items():
            machine.answers[target] = adapter(ask_node(machine, target).ask.answer).validate_python(value)
        idle: list[int] = entry.get("idle", [])
        parked: list[tuple[int, list[int]]] = entry.get("parked", [])
        machine.idle = dict.fromkeys(self._scopes[number] for number in idle)
        for branch, cursors in parked:
            fork = self._scopes[branch].fork
            assert fork is not None
            fork.parked = (fork.parked or {}) | {self._scopes[branch]: [self._scopes[number] for number in cursors]}
        return machine

    def _scope(self, data: Mapping[str, Any], plan: Plan, fork: Fork | None, index: int) -> Scope:
        if "plan" in data:
            plan = self._plans[data["plan"]]
        node = {node.id: node for node in plan.nodes}[data["node"]]
        scope = _blank_scope(plan, node)
        self._scopes.append(scope)
        keep(scope, data)
        if fork is not None:
            _place(scope, fork, index)
        scope.prefix = data.get("prefix", scope.prefix)
        scope.values = _as_values(data, plan, None if fork is None else fork.values)
        if "log" in data:
            scope.log = [_as_update(plan, one) for one in data["log"]]
        if "visits" in data:
            by_id = {node.id: node.index for node in plan.nodes}
            scope.visits = {by_id[name]: count for name, count in data["visits"].items()}
        if "taken" in data:
            scope.taken = {limit_key(plan.edge(edge)): count for edge, count in data["taken"]}
        if "error" in data:
            scope.error = remember(data["error"])
        if "effects" in data:
            scope.effects = {
                key: Recorded(value, usage, revive_given(plan.schema, updates), error)
                for key, (value, usage, updates, error) in data["effects"].items()
            }
        if "open" in data:
            scope.open = self._fork(data["open"], scope)
        if "met" in data:
            scope.branches = self._fork(data["met"], scope)
        return scope

    def _fork(self, data: Mapping[str, Any], owner: Scope) -> Fork:
        fork = blank_fork(owner)
        keep(fork, data)
        fork.owner = owner
        fork.edge = owner.plan.edge(data["edge"]) if "edge" in data else None
        fork.starts = data["starts"]
        if fork.edge is not None and "items" in data:
            fork.items = revive_items(fork.edge, data["items"])
        fork.total = len(fork.starts) if fork.items is None else len(fork.items)
        fork.prefix = data.get("prefix", owner.path)
        fork.values = _as_values(data, owner.plan, owner.values)
        if "writers" in data:
            fork.writers = dict(_as_writer(owner.plan, *writer) for writer in data["writers"])
        fork.children = [None] * fork.total
        plan = _inner_plan(owner, fork)
        for index, child in data["children"]:
            fork.children[index] = self._scope(child, plan, fork, index)
        return fork


def _place(scope: Scope, fork: Fork, index: int) -> None:
    """What follows from where a scope is, as it does when it begins."""
    owner, edge = fork.owner, fork.edge
    scope.prefix = f"{fork.prefix}[{index}]/"
    scope.parent, scope.fork, scope.index = owner, fork, index
    scope.items = owner.items if fork.items is None else (*owner.items, fork.items[index])
    if edge is not None:
        scope.join = -1 if edge.join is None else edge.join
        scope.writes_to = owner.home if edge.shared else None


def _as_values(data: Mapping[str, Any], plan: Plan, base: dict[str, Any] | None) -> dict[str, Any]:
    if "state" in data:
        return plan.schema.revive_state(data["state"])
    assert base is not None
    return base | plan.schema.revive_state(data["values"]) if "values" in data else base


def _as_update(plan: Plan, one: dict[str, Any] | list[dict[str, Any]]) -> Update:
    """One of a log's; what validators altered stands in a list of one."""
    return Altered(plan.schema.revive(one[0])) if isinstance(one, list) else plan.schema.revive(one)


def _as_writer(plan: Plan, name: str, branches: Iterable[int], *key: Any) -> tuple[Any, frozenset[int]]:
    found = (name, _key_type(plan, name).validate_python(key[0])) if key else name
    return found, frozenset(branches)


def _as_usage(data: Mapping[str, Any]) -> Usage:
    return Usage(**_known(Usage, data))


def _known(kind: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """What this version knows of; a newer one may tell more."""
    names = {part.name for part in fields(kind)}
    return {name: value for name, value in data.items() if name in names}
