"""What a graph declares that bears on answers: what conditions ask of each field, which failures are dealt with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from graphflow.core.plan import Guard, Node, Plan
from graphflow.errors import NodeError
from graphflow.graph.demands import Demand, note
from graphflow.graph.labels import ITEM_NAME
from graphflow.graph.representatives import domain_of, holds_stand_in
from graphflow.graph.shapes import shape_of
from graphflow.graph.terms import Term, atoms
from graphflow.testing.exploring.control import guards_of

_MOST_ITEMS = 3


def declared_errors(plan: Plan, node: Node) -> Iterator[Exception]:
    """One error of each class that is declared to be dealt with, at the node or around it (S8.1-S8.3)."""
    classes: dict[type[BaseException], None] = {}
    for edge in node.error_edges:
        classes.update(dict.fromkeys(edge.errors))
    if node.retry is not None:
        on = node.retry.on
        classes.update(dict.fromkeys(on if isinstance(on, tuple) else (on,)))
    region = node.region
    while region is not None:
        fork = plan.edge(region)
        if fork.failures == "collect" or (fork.join is not None and plan.nodes[fork.join].error_edges):
            classes.setdefault(NodeError)
        region = plan.nodes[fork.source].region
    told: set[type[Exception]] = set()
    for one in classes:
        error = error_of(one, node)
        if error is not None and type(error) not in told:
            told.add(type(error))
            yield error


def error_of(kind: type[BaseException], node: Node) -> Exception | None:
    """An error of a class, as a node might raise it; None where none can be made. Of joins' own errors there is none."""
    if kind in (Exception, BaseException):
        kind = NodeError
    if not issubclass(kind, Exception):
        return None
    try:
        return kind(f"{node.name} failed")
    except Exception:  # an exception of the user's that wants more than a text
        return None


def demands_of(plans: Sequence[Plan], claims: Iterable[Guard]) -> dict[int, Demand]:
    """What is asked of the fields of each plan, by its own conditions and those of graphs that share them."""
    found = {id(plan): Demand() for plan in plans}
    for plan in plans:
        for guard in (*guards_of(plan), *(claims if plan is plans[0] else ())):
            if isinstance(guard.expression, Term):
                for atom in atoms(guard.expression):
                    note(atom, found[id(plan)])
    for plan in plans:
        _ask_of_items(plan, found[id(plan)])
    for _ in plans:  # as often as graphs may nest
        for plan in plans:
            for node in plan.nodes:
                if node.graph is not None and id(node.graph.plan()) in found:
                    _link(node.graph, plan, found)
    return found


def _ask_of_items(plan: Plan, demands: Demand) -> None:
    """A map asks how many items there are, and its conditions what they are."""
    for edge in plan.edges:
        if edge.over is not None and edge.over.field is not None:
            demand = demands.at((edge.over.field,))
            demand.sizes += [0, 1]
            if ITEM_NAME in demands.below:
                items = domain_of(shape_of(edge.over.item_type), demands.below[ITEM_NAME]).values
                demand.members += [item for item in items[:_MOST_ITEMS] if not holds_stand_in(item)]


def _link(graph: Any, plan: Plan, found: Mapping[int, Demand]) -> None:
    outer, inner = found[id(plan)], found[id(graph.plan())]
    if graph.inward is None:
        names = outer.below.keys() | inner.below.keys()
        pairs = [(name, name) for name in sorted(names)]
    else:
        pairs = [(own, within) for within, own in graph.inward] + list(graph.outward or ())
    for own, within in pairs:
        for one, other, name, source in ((outer, inner, own, within), (inner, outer, within, own)):
            if source in other.below:
                _join(one.at((name,)), other.below[source])


def _join(one: Demand, other: Demand) -> None:
    """What is asked on one side is asked on the other."""
    if one is other:
        return
    for mine, others in ((one.constants, other.constants), (one.sizes, other.sizes), (one.members, other.members)):
        mine.extend(
            value for value in others if not any(type(value) is type(known) and value == known for known in mine)
        )
    one.is_ordered = one.is_ordered or other.is_ordered
    one.asks_truth = one.asks_truth or other.asks_truth
    for name, below in other.below.items():
        _join(one.at((name,)), below)
