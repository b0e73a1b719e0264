"""Graphs used as nodes: each is checked once, and one that contains itself must be able to end (S12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from graphflow.core.plan import START_INDEX, Plan
from graphflow.errors import Finding
from graphflow.graph.check.structure import Structure, item_type, walked
from graphflow.graph.check.wording import Wording, node_places


@dataclass(frozen=True, slots=True)
class Nested:
    """A plan and the path of node names by which it was first come to: ``desk/refund``."""

    plan: Plan
    path: str
    inner: dict[int, Plan]


def nested(plan: Plan) -> list[Nested]:
    """The plan and all plans in it, each once, outermost first."""
    same: dict[object, Plan] = {_identity(plan): plan}  # a graph may compile anew at each call
    found: list[Nested] = []
    queue = [(plan, plan.name)]
    for current, path in queue:
        inner: dict[int, Plan] = {}
        for node in current.nodes:
            if node.graph is None:
                continue
            other = node.graph.plan()
            if _identity(other) not in same:
                same[_identity(other)] = other
                queue.append((other, f"{path}/{node.name}"))
            inner[node.index] = same[_identity(other)]
        found.append(Nested(current, path, inner))
    return found


def _identity(plan: Plan) -> object:
    return (plan.name, plan.fingerprint) if plan.fingerprint else id(plan)


def under_maps(every: list[Nested], structures: dict[int, Structure]) -> frozenset[int]:
    """The plans that can be entered where there is an item (S6.1): under a map, or in a plan that is."""
    found: set[int] = set()
    fresh = True
    while fresh:
        fresh = False
        for one in every:
            structure = structures[id(one.plan)]
            for index, inner in one.inner.items():
                has_item = id(one.plan) in found or item_type(structure, index) is not None
                if has_item and id(inner) not in found:
                    found.add(id(inner))
                    fresh = True
    return frozenset(found)


def check_recursion(every: list[Nested], structures: dict[int, Structure]) -> Iterator[tuple[int, Finding]]:
    """Findings GF181, with the plan they are about: of graphs that only end by entering each other, the outermost."""
    ending = _ending(every, structures)
    stuck = {id(one.plan): one for one in every if id(one.plan) not in ending}
    calls: nx.DiGraph[int] = nx.DiGraph()
    calls.add_nodes_from(stuck)
    entered = {key: _entered(one, structures[key]) for key, one in stuck.items()}
    calls.add_edges_from((key, id(plan)) for key, inner in entered.items() for plan in inner.values())
    for knot in nx.strongly_connected_components(calls.subgraph(stuck)):
        first = next(one for one in every if id(one.plan) in knot)
        again = sorted(index for index, plan in entered[id(first.plan)].items() if id(plan) in knot)
        if again:
            yield id(first.plan), _endless(structures[id(first.plan)], first, again)


def _entered(one: Nested, structure: Structure) -> dict[int, Plan]:
    return {index: plan for index, plan in one.inner.items() if index in structure.reached}


def _ending(every: list[Nested], structures: dict[int, Structure]) -> set[int]:
    """The plans in which some path ends without entering a graph of which that is not known yet: a least fixpoint.

    A plan without any way out counts too: that is a finding of its own.
    """
    ending = {key for key, structure in structures.items() if START_INDEX not in structure.saved}
    while True:
        fresh = {
            id(one.plan)
            for one in every
            if id(one.plan) not in ending and _can_end(structures[id(one.plan)], one.inner, ending)
        }
        if not fresh:
            return ending
        ending |= fresh


def _can_end(structure: Structure, inner: dict[int, Plan], ending: set[int]) -> bool:
    barred = {index for index, plan in inner.items() if id(plan) not in ending}
    passable = frozenset(range(len(structure.plan.nodes))) - barred
    found = walked([START_INDEX], structure.out, within=passable)
    return any(end in found for end in structure.ends)


def _endless(structure: Structure, one: Nested, again: list[int]) -> Finding:
    words = Wording(structure.plan)
    return words.finding(
        "GF181",
        "error",
        f"Graph {one.plan.name!r} can only end by entering itself again",
        where=[structure.plan.place, *node_places(structure.plan, again)],
        why=f"Every path from START to an end passes {words.names(again)}, which leads back into this graph, so a run "
        "ends with TooDeep. (S12.2)",
        fix=f"Lead to an end before it, on a condition: graph.edge(..., END, when=...) declared before the edge to "
        f"{words.written(again[0])}.",
        nodes=again,
    )
