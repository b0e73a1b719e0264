"""What can be asked of a run: its state, frontier, path, the branches of a join. Reading changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphflow.core import deciding
from graphflow.core.journal import Entry
from graphflow.core.machine import Machine
from graphflow.core.plan import Edge, Node, Plan
from graphflow.core.scopes import ENDED, Fork, Scope

_PART = re.compile(r"(?P<node>.*?):(?P<visit>\d+)(?:~(?P<again>\d+))?(?:\[(?P<branch>\d+)\])?$")


@dataclass(frozen=True, slots=True)
class Step:
    """One committed transition of a cursor: where, what it changed, which edge it took and where to.

    ``kind`` is the journal's: ``finished``, ``failed``, ``answered``, ``joined``, ... ``t`` is the driver's clock.
    """

    seq: int
    cursor: str
    node: str
    kind: str
    updates: tuple[dict[str, Any], ...]
    edge: int | None
    to: tuple[str, ...]
    t: float
    error: dict[str, Any] | None = None


def state_of(machine: Machine) -> Any:
    """The run's state as an instance of its own, safe to alter."""
    return machine.plan.schema.snapshot(machine.root.read())


def frontier(machine: Machine) -> tuple[str, ...]:
    """All live cursors, those of branches that have not begun included, in order of their scope path (S2.1)."""
    if machine.status in ("done", "cancelled"):
        return ()
    return tuple(_frontier(machine.root))


def _frontier(scope: Scope) -> Iterator[str]:
    if scope.status in ENDED:
        return
    fork = scope.open
    if fork is None:
        yield scope.path
        return
    for index, child in enumerate(fork.children):
        if fork.changed is not None and fork.changed[index] is not None:
            continue
        if child is not None:
            yield from _frontier(child)
        elif fork.edge is not None:
            position = fork.starts[0] if fork.items is not None else fork.starts[index]
            yield f"{fork.prefix}[{index}]/{scope.plan.nodes[fork.edge.targets[position]].id}:1"


def under_plans(plans: Plan | Mapping[str, Plan], entries: Iterable[Entry]) -> Iterator[tuple[Entry, Plan]]:
    """Each entry with the plan it was made under: that of the start, until the run moved to another (S16)."""
    known = {plans.fingerprint: plans} if isinstance(plans, Plan) else plans
    plan: Plan | None = None
    for entry in entries:
        if plan is None or entry["kind"] == "migrated":
            plan = known[entry["fingerprint"]]
        yield entry, plan


def steps(plans: Plan | Mapping[str, Plan], entries: Iterable[Entry]) -> list[Step]:
    """The steps of a journal, in the order in which they were committed, each read under its own plan (S16)."""
    return [
        step_of(plan, entry) for entry, plan in under_plans(plans, entries) if entry["kind"] in _STEPS and "at" in entry
    ]


_STEPS = frozenset(
    ("finished", "answered", "left", "chosen", "failed", "timer", "joined", "wrapped", "asked", "entered")
)


def step_of(plan: Plan, entry: Entry) -> Step:
    """One journal entry as a step. ``plan`` is the run's own; sub-graphs are found by the cursor."""
    inner, name = _where(plan, entry["at"])
    if "join" in entry:  # a join that cannot fire stands at its fork, and is an error of the join node (S8.3)
        join = inner.edge(entry["join"]).join
        name = name if join is None else inner.nodes[join].name
    if "level" in entry:  # an error that climbed: the edge is one of the scope that caught it (S8.3)
        inner, _ = _where(plan, entry["level"])
    edge: Edge | None = inner.edge(entry["edge"]) if "edge" in entry else None
    to: tuple[str, ...] = ()
    if edge is not None:
        to = tuple(inner.nodes[target].name for target in edge.targets)
        if entry["kind"] == "joined" and edge.join is not None:
            to = (inner.nodes[edge.join].name,)
        elif "starts" in entry:
            starts: list[int] = entry["starts"]
            to = tuple(to[position] for position in starts)
    return Step(
        seq=entry["seq"],
        cursor=entry["at"],
        node=name,
        kind=entry["kind"],
        updates=tuple(entry.get("updates", ())),
        edge=None if edge is None else edge.index,
        to=to,
        t=entry["t"],
        error=entry.get("error"),
    )


def node_at(plan: Plan, cursor: str) -> Node | None:
    """The node a cursor stands at; None if it leads nowhere."""
    inner, name = _where(plan, cursor)
    return next((node for node in inner.nodes if node.name == name), None)


def _where(plan: Plan, path: str) -> tuple[Plan, str]:
    """The plan and node name a cursor path leads to, through sub-graphs."""
    name = ""
    segments = path.split("/")
    for number, segment in enumerate(segments):
        match = _PART.match(segment)
        identity = match["node"] if match else segment
        node = next((node for node in plan.nodes if node.id == identity), None)
        name = node.name if node is not None else identity
        if (
            number < len(segments) - 1
            and node is not None
            and node.graph is not None
            and not (match and match["branch"])
        ):
            plan = node.graph.plan()
    return plan, name


def order_of(path: str) -> tuple[tuple[Any, ...], ...]:
    """A sort key that puts cursors in order of their scope path, by branch index rather than by text."""
    key: list[tuple[Any, ...]] = []
    for segment in path.split("/"):
        match = _PART.match(segment)
        if match is None:
            key.append((segment, 0, 0, -1))
        else:
            key.append((match["node"], int(match["visit"]), int(match["again"] or 1), int(match["branch"] or -1)))
    return tuple(key)


def path(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The cursors whose node is done, ordered by scope path: in a scope as they followed each other (S15.4)."""
    done: dict[str, list[str]] = {}  # scope path -> its cursors, in order
    inner: dict[str, dict[str, dict[str, None]]] = {}  # scope path -> cursor -> the scopes opened there
    for entry in entries:
        if entry["kind"] in ("finished", "answered", "left", "timer"):
            scope, _, cursor = entry["at"].rpartition("/")
            if not cursor.startswith("START:"):
                done.setdefault(scope, []).append(cursor)
            _note_scope(scope, inner)
    return tuple(_in_order("", done, inner))


def _note_scope(scope: str, inner: dict[str, dict[str, dict[str, None]]]) -> None:
    """Register a scope under the cursor that opened it, and so on outwards."""
    while scope:
        outer, _, segment = scope.rpartition("/")
        opened = inner.setdefault(outer, {}).setdefault(_cursor_part(segment), {})
        if scope in opened:
            return
        opened[scope] = None
        scope = outer


def _in_order(scope: str, done: dict[str, list[str]], inner: dict[str, dict[str, dict[str, None]]]) -> Iterator[str]:
    opened = inner.get(scope, {})
    told: set[str] = set()
    for cursor in done.get(scope, ()):
        yield f"{scope}/{cursor}" if scope else cursor
        told.add(cursor)
        for child in sorted(opened.get(cursor, ()), key=order_of):
            yield from _in_order(child, done, inner)
    for cursor in sorted(opened.keys() - told, key=order_of):  # opened by a cursor that never got done
        for child in sorted(opened[cursor], key=order_of):
            yield from _in_order(child, done, inner)


def _cursor_part(segment: str) -> str:
    match = _PART.match(segment)
    return f"{match['node']}:{match['visit']}" if match else segment


def offers(scope: Scope) -> list[Edge]:
    """The handoff edges enabled at a cursor now (S9.1). Raises GuardFailed."""
    return [edge for edge in scope.node.handoffs if deciding.is_enabled(edge, scope)]


def branch_values(fork: Fork) -> list[tuple[Any, str, Exception | None, int, dict[str, Any]]]:
    """For a join: each branch's item, status, error, attempts and values (S6.7)."""
    rows: list[tuple[Any, str, Exception | None, int, dict[str, Any]]] = []
    for index in range(fork.total):
        child = fork.branch(index)
        item = fork.items[index] if fork.items is not None else None
        if child is None:  # cancelled before it began
            rows.append((item, "cancelled", None, 0, fork.values))
        else:
            status = child.status if child.status in ENDED else "cancelled"
            rows.append((item, status, child.error, child.attempt, child.read()))
    return rows
