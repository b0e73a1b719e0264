"""Advice: many agents in a row, each building on the last one's mistakes (patterns: errors compound)."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from graphflow.core.plan import Node
from graphflow.errors import Finding
from graphflow.graph.check.agents import facts_of
from graphflow.graph.check.structure import Structure, Way, walked
from graphflow.graph.check.wording import Wording, node_places

_MANY = 6
"""Beyond four or five model steps in a row errors compound."""


def check_rows(structure: Structure) -> Iterator[Finding]:
    """Findings GF185: for each group of agents that lead to each other the longest row, if it is too long."""
    words = Wording(structure.plan)
    onward = _onward(structure)
    best = _longest(structure, onward)
    long = sorted((node for node in best if best[node][0] >= _MANY), key=lambda node: (-best[node][0], node))
    group_of = _groups(onward) if long else {}
    told: set[int] = set()
    for first in long:
        if group_of[first] in told:
            continue
        told.add(group_of[first])
        row = [node for node in _followed(first, best) if structure.plan.nodes[node].kind == "agent"]
        yield _advice(structure, words, row)


def _onward(structure: Structure) -> dict[int, list[Way]]:
    """The ways between agents. Points between them do nothing; whatever looks at what was said breaks the row.

    A function or a person between them does, and so does a guardrail, or a condition that decides where it goes on.
    """
    nodes = structure.plan.nodes
    members = [node for node in walked(structure.roots, structure.out) if nodes[node].kind in ("agent", "point")]
    chosen = frozenset(members)

    def counts(way: Way) -> bool:
        built_upon = way.role != "straight" and way.edge.kind not in ("error", "timer")
        return built_upon and way.target in chosen and not way.edge.guardrails

    return {
        node: [] if _is_checked(nodes[node]) else [way for way in structure.out[node] if counts(way)]
        for node in members
    }


def _is_checked(node: Node) -> bool:
    """Whether what a node says is looked at before the next one builds on it (S4.2, S8.4)."""
    facts = facts_of(node)
    if any(rail.on == "output" for rail in node.guardrails) or (facts is not None and facts.is_guarded):
        return True
    return any(guard is not None for edge in node.exits for guard in (edge.guard, *edge.branch_guards))


def _longest(structure: Structure, onward: dict[int, list[Way]]) -> dict[int, tuple[int, int | None]]:
    """For every node how many agents the longest row from it has, and the next node of that row.

    Ways that close a cycle are not followed, so that a row never passes a node twice.
    """
    best: dict[int, tuple[int, int | None]] = {}
    is_open: set[int] = set()
    for root in onward:
        stack = [(root, iter(onward[root]))] if root not in best else []
        is_open.update(node for node, _ in stack)
        while stack:
            node, ways = stack[-1]
            way = next(ways, None)
            if way is None:
                stack.pop()
                best[node] = _extended(structure, node, onward[node], best)
                is_open.discard(node)
            elif way.target not in best and way.target not in is_open:
                is_open.add(way.target)
                stack.append((way.target, iter(onward[way.target])))
    return best


def _extended(
    structure: Structure, node: int, ways: list[Way], best: dict[int, tuple[int, int | None]]
) -> tuple[int, int | None]:
    own = 1 if structure.plan.nodes[node].kind == "agent" else 0
    following = [way.target for way in ways if way.target in best]  # others are still open: they close a cycle
    if not following:
        return own, None
    chosen = max(following, key=lambda target: best[target][0])
    return own + best[chosen][0], chosen


def _followed(first: int, best: dict[int, tuple[int, int | None]]) -> Iterator[int]:
    node: int | None = first
    while node is not None:
        yield node
        node = best[node][1]


def _groups(onward: dict[int, list[Way]]) -> dict[int, int]:
    """For every node the number of the group of nodes it is connected with, in either direction."""
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(onward)
    graph.add_edges_from((node, way.target) for node, ways in onward.items() for way in ways)
    return {node: number for number, group in enumerate(nx.connected_components(graph)) for node in group}


def _advice(structure: Structure, words: Wording, row: list[int]) -> Finding:
    return words.finding(
        "GF185",
        "advice",
        f"{len(row)} agents in a row",
        where=node_places(structure.plan, row[:1]),
        why=f"{words.path(row)}: each builds on what the one before said, and beyond four or five errors compound.",
        fix=f"Let something check in between: a function that validates, or graph.ask(...) behind "
        f"{words.written(row[len(row) // 2 - 1])}; a condition on an edge, a guardrail; or merge steps.",
        nodes=row,
    )
