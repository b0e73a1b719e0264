"""Every cycle has an ``at_most`` on it, or an ask or a timer (S4.5).

Takings are counted per scope, and each entry of a branch is a scope of its own (S2.2). So a limit inside a branch does
not bound a cycle around the fork: cycles are looked for region by region, a fork standing for its way to the join.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphflow.core.plan import Edge
from graphflow.errors import Finding
from graphflow.graph.check.structure import Structure, Way, components, walked
from graphflow.graph.check.wording import Wording, shortened

_LINES = 3  # how many lines to write a fix shows


def check_cycles(structure: Structure) -> Iterator[Finding]:
    """Findings GF156: one per knot of cycles, with the edges that untie it."""
    words = Wording(structure.plan)
    loose = _unlimited(structure)
    for component in _knots(loose):
        yield _endless(words, component, loose, _back_edges(structure, component, loose))


def _unlimited(structure: Structure) -> list[list[Way]]:
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


def _knots(loose: list[list[Way]]) -> Iterator[list[int]]:
    """Sets of nodes that can all come back to themselves by loose ways."""
    for component in components((node for node, ways in enumerate(loose) if ways), loose):
        if len(component) > 1 or any(way.target == component[0] for way in loose[component[0]]):
            yield component


def _back_edges(structure: Structure, component: list[int], loose: list[list[Way]]) -> list[Way]:
    """Ways that lead back, seen from where the knot is entered: without them it holds no cycle."""
    members = set(component)
    entered = (n for n in component if any(way.source not in members for way in structure.into[n]))
    root = next(entered, component[0])
    back: list[Way] = []
    seen, open_now = {root}, {root}
    stack = [(root, iter(loose[root]))]
    while stack:
        node, ways = stack[-1]
        way = next(ways, None)
        if way is None:
            stack.pop()
            open_now.discard(node)
        elif way.target in open_now:
            back.append(way)
        elif way.target in members and way.target not in seen:
            seen.add(way.target)
            open_now.add(way.target)
            stack.append((way.target, iter(loose[way.target])))
    return back


def _endless(words: Wording, component: list[int], loose: list[list[Way]], back: list[Way]) -> Finding:
    cycle = _cycle(component, loose, back[0])
    more = (
        "" if len(back) == 1 else f" {len(back) - 1} more edge{'s' if len(back) > 2 else ''} close other cycles here."
    )
    edges = list({way.edge.index: way.edge for way in back}.values())
    return words.finding(
        "GF156",
        "error",
        f"The cycle {_shown(words, cycle)} has no limit",
        where=[edge.place for edge in edges[:_LINES]],
        why="No edge on it has an at_most, and no node or timer on it waits, so a run may go round until its steps are "
        f"used up.{more} (S4.5)",
        fix=_fix(words, edges),
        nodes=[way.source for way in cycle],
    )


def _cycle(component: list[int], loose: list[list[Way]], back: Way) -> list[Way]:
    """The shortest cycle through ``back``, starting where that leads to."""
    found = walked([back.target], loose, within=frozenset(component))
    ways = [back]
    while (way := found[ways[-1].source]) is not None:
        ways.append(way)
    return ways[::-1]


def _shown(words: Wording, cycle: list[Way]) -> str:
    names = [words.bare(cycle[0].source)]
    for way in cycle:
        if way.role == "straight":
            branches = ", ".join(words.bare(target) for target in way.edge.targets[:_LINES])
            names.append(f"({branches}{', ...' if len(way.edge.targets) > _LINES else ''})")
        names.append(words.bare(way.target))
    return shortened(names)


def _fix(words: Wording, edges: list[Edge]) -> str:
    if len(edges) == 1:
        return f'{words.line(edges[0], at_most="3")}\nor at_most="unbounded", which says that its conditions end it.'
    lines = ["rounds = Limit(10)   # one count for all of these, or at_most= for each"]
    lines += [words.line(edge, at_most="rounds") for edge in edges[:_LINES]]
    if len(edges) > _LINES:
        lines.append(f"and {len(edges) - _LINES} more")
    return "\n".join(lines)
