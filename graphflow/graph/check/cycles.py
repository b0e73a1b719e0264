"""Every cycle has an ``at_most`` on it, or an ask or a timer (S4.5).

Takings are counted per scope, and each entry of a branch is a scope of its own (S2.2). So a limit inside a branch does
not bound a cycle around the fork: cycles are looked for region by region, a fork standing for its way to the join.
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from graphflow.errors import Finding
from graphflow.graph.check.structure import Structure, Way, components, walked
from graphflow.graph.check.wording import Wording, shortened

_LINES = 3  # how many lines to write a fix shows


def check_cycles(structure: Structure) -> Iterator[Finding]:
    """Findings GF156: one per knot of cycles, with the edges that untie it."""
    words = Wording(structure.plan)
    loose = unlimited(structure)
    for component in knots(loose):
        yield _endless(structure, words, component, loose)


def unlimited(structure: Structure) -> list[list[Way]]:
    """The ways within one scope that nothing bounds: no limit, no timer, no ask node."""
    loose: list[list[Way]] = [[] for _ in structure.plan.nodes]
    waits = _regions_that_wait(structure)
    for node in structure.plan.nodes:
        if node.index not in structure.reached or node.kind == "ask":
            continue
        loose[node.index] = [way for way in structure.out[node.index] if _is_loose(structure, way, waits)]
    return loose


def _is_loose(structure: Structure, way: Way, waits: set[int]) -> bool:
    edge = way.edge
    if way.role == "branch" or edge.index in waits:
        return False
    if edge.is_limited or edge.unbounded or edge.kind == "timer" or structure.plan.nodes[way.target].kind == "ask":
        return False
    return structure.region_of[way.source] is structure.region_of[way.target]


def _regions_that_wait(structure: Structure) -> set[int]:
    """Forks in whose branches something is asked or timed: a cycle around them passes it."""
    waits: set[int] = set()
    for node in structure.work:
        region = structure.region_of[node.index]
        if region is not None and (node.kind == "ask" or node.timer_edges):
            waits.add(region.fork.index)
    for region in structure.regions:  # innermost first, so that waiting climbs
        outer = structure.region_of[region.fork.source]
        if region.fork.index in waits and outer is not None:
            waits.add(outer.fork.index)
    return waits


def knots(loose: list[list[Way]]) -> Iterator[list[int]]:
    """Sets of nodes that can all come back to themselves by loose ways."""
    for component in components((node for node, ways in enumerate(loose) if ways), loose):
        if len(component) > 1 or any(way.target == component[0] for way in loose[component[0]]):
            yield component


def to_limit(structure: Structure, knot: list[int], loose: list[list[Way]]) -> list[Way]:
    """Ways of a knot that suffice: with a limit on each no cycle is left.

    Ways out of nodes that have another way are preferred, since a node whose only way is used up is stuck (S4.4).
    """
    members = set(knot)
    inside = {node: [way for way in loose[node] if way.target in members] for node in knot}
    entered = (node for node in knot if any(way.source not in members for way in structure.into[node]))
    rank = {node: place for place, node in enumerate(walked([next(entered, knot[0])], loose, within=frozenset(knot)))}
    forced = {node: [way for way in ways if not has_other_way(structure, way)] for node, ways in inside.items()}
    closing = _closing(sorted(knot, key=rank.__getitem__), forced)
    closed = {way.key for way in closing}
    order: nx.DiGraph[int] = nx.DiGraph()
    order.add_nodes_from(knot)
    order.add_edges_from((way.source, way.target) for ways in forced.values() for way in ways if way.key not in closed)
    place = {node: n for n, node in enumerate(nx.lexicographical_topological_sort(order, key=rank.__getitem__))}
    closing += [
        way
        for ways in inside.values()
        for way in ways
        if has_other_way(structure, way) and place[way.target] <= place[way.source]
    ]
    return sorted(closing, key=lambda way: way.edge.index)


def has_other_way(structure: Structure, way: Way) -> bool:
    """Whether its node can still go on, or fail for a reason of its own, once a limit on the way is used up."""
    node, edge = structure.plan.nodes[way.source], way.edge
    if edge.kind == "handoff":
        return bool(node.exits)
    return edge.kind == "error" or node.exits[-1] is not edge


def _closing(roots: list[int], ways_from: dict[int, list[Way]]) -> list[Way]:
    """The ways that close a cycle, seen from ``roots`` in that order: without them there is none."""
    closing: list[Way] = []
    seen: set[int] = set()
    is_open: set[int] = set()
    for root in roots:
        stack = [] if root in seen else [(root, iter(ways_from[root]))]
        seen.add(root)
        is_open.update(node for node, _ in stack)
        while stack:
            node, ways = stack[-1]
            way = next(ways, None)
            if way is None:
                stack.pop()
                is_open.discard(node)
            elif way.target in is_open:
                closing.append(way)
            elif way.target not in seen:
                seen.add(way.target)
                is_open.add(way.target)
                stack.append((way.target, iter(ways_from[way.target])))
    return closing


def _endless(structure: Structure, words: Wording, knot: list[int], loose: list[list[Way]]) -> Finding:
    ways = to_limit(structure, knot, loose)
    cycle = _cycle(knot, loose, ways[0])
    more = "" if len(ways) == 1 else " So may other cycles through the same nodes."
    return words.finding(
        "GF156",
        "error",
        f"The cycle {_shown(words, cycle)} has no limit",
        where=[way.edge.place for way in ways[:_LINES]],
        why="No edge on it has an at_most, and no node or timer on it waits, so a run may go round until its steps are "
        f"used up.{more} (S4.5)",
        fix=_fix(structure, words, ways),
        nodes=[way.source for way in cycle],
    )


def _cycle(knot: list[int], loose: list[list[Way]], back: Way) -> list[Way]:
    """The shortest cycle through ``back``, told from the node that was declared first."""
    found = walked([back.target], loose, within=frozenset(knot))
    ways = [back]
    while (way := found[ways[-1].source]) is not None:
        ways.append(way)
    ways.reverse()
    start = min(range(len(ways)), key=lambda place: ways[place].source)
    return ways[start:] + ways[:start]


def _shown(words: Wording, cycle: list[Way]) -> str:
    names = [words.bare(cycle[0].source)]
    for way in cycle:
        if way.role == "straight":
            branches = ", ".join(words.bare(target) for target in way.edge.targets[:_LINES])
            names.append(f"({branches}{', ...' if len(way.edge.targets) > _LINES else ''})")
        names.append(words.bare(way.target))
    return shortened(names)


def _fix(structure: Structure, words: Wording, ways: list[Way]) -> str:
    if len(ways) == 1:
        lines = [words.line(ways[0].edge, at_most="3")]
        if not has_other_way(structure, ways[0]):
            region = structure.region_of[ways[0].source]
            onward = "END" if region is None else words.written(region.join)
            lines.append(f"graph.edge({words.written(ways[0].source)}, {onward})   # and after the last round")
        lines.append('or at_most="unbounded", which says that the conditions end it.')
        return "\n".join(lines)
    written = list(dict.fromkeys(words.line(way.edge, at_most="rounds") for way in ways))
    more = [f"and {len(written) - _LINES} more"] if len(written) > _LINES else []
    return "\n".join(["rounds = Limit(10)   # one count for all of these", *written[:_LINES], *more])
