"""The plan as a graph to reason about: its ways, what they reach, and which nodes lie between a fork and its join.

A *way* is one arrow of the drawing. A fork or map edge is several: one into each branch, and one straight on to its
join, which is how the forking scope itself goes on (S6.1). Everything here is linear in the plan, regions are linear
in their own size, and a plan that breaks the rules still gets an answer: ``forks`` reports what broke.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import networkx as nx

from graphflow.core.plan import START_INDEX, Edge, Node, Plan

OUTWARD = ("end", "fail")


class Way(NamedTuple):
    """One arrow. ``branch`` leads from a fork into a branch, ``straight`` from a fork to its join (S6.1)."""

    source: int
    target: int
    role: Literal["step", "branch", "straight"]
    edge: Edge

    @property
    def key(self) -> tuple[int, int, int]:
        """What tells ways apart. Edges themselves are not compared: expressions in guards answer == their own way."""
        return self.source, self.target, self.edge.index


@dataclass(frozen=True, slots=True)
class Region:
    """What lies between one fork and its join, and the ways by which that breaks S6.2.

    ``nodes`` are those a branch can come to by rights; ``leaving`` ways lead out other than to the join, ``entering``
    ways lead in other than from the fork.
    """

    fork: Edge
    join: int
    nodes: frozenset[int]
    leaving: tuple[Way, ...] = ()
    entering: tuple[Way, ...] = ()


@dataclass(eq=False)
class Structure:
    """A plan with its ways. ``out[n]`` and ``into[n]`` are the ways from and to node ``n``, in the order declared."""

    plan: Plan
    out: list[list[Way]] = field(init=False)
    into: list[list[Way]] = field(init=False)

    def __post_init__(self) -> None:
        self.out = [[] for _ in self.plan.nodes]
        self.into = [[] for _ in self.plan.nodes]
        for edge in self.plan.edges:
            for way in _ways(edge):
                self.out[way.source].append(way)
                self.into[way.target].append(way)

    @property
    def ways(self) -> Iterator[Way]:
        """All ways, by source."""
        return (way for ways in self.out for way in ways)

    @cached_property
    def forks(self) -> tuple[Edge, ...]:
        """The fork and map edges, in the order declared."""
        return tuple(edge for edge in self.plan.edges if edge.join is not None)

    @cached_property
    def roots(self) -> tuple[int, ...]:
        """Where cursors come from: START, and the node entered when the budget is used up (S13.2)."""
        wrap_up = self.plan.on_budget
        return (START_INDEX,) if wrap_up is None else (START_INDEX, wrap_up)

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """END and every FAIL."""
        return tuple(node.index for node in self.plan.nodes if node.kind in OUTWARD)

    @cached_property
    def work(self) -> tuple[Node, ...]:
        """The nodes that are neither START nor an end."""
        return tuple(node for node in self.plan.nodes if node.kind not in ("start", *OUTWARD))

    @cached_property
    def reached(self) -> frozenset[int]:
        """Every node that some way from a root leads to."""
        return frozenset(walked(self.roots, self.out))

    @cached_property
    def saved(self) -> frozenset[int]:
        """Every node from which an end can be reached."""
        return frozenset(walked(self.ends, self.into, backwards=True))

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """One per fork, innermost first; a way that breaks several regions is laid at the innermost one's door."""
        made = [_region(self, fork, fork.join) for fork in self.forks if fork.join is not None]
        found = sorted(made, key=lambda region: (len(region.nodes), region.fork.index))
        blamed: set[tuple[int, int, int]] = set()
        distinct: list[Region] = []
        for region in found:
            leaving = tuple(way for way in region.leaving if way.key not in blamed)
            entering = tuple(way for way in region.entering if way.key not in blamed)
            blamed.update(way.key for way in leaving + entering)
            distinct.append(replace(region, leaving=leaving, entering=entering))
        return tuple(distinct)

    @cached_property
    def region_of(self) -> list[Region | None]:
        """For every node the innermost region it lies in; None at the top."""
        inside: list[Region | None] = [None] * len(self.plan.nodes)
        for region in reversed(self.regions):
            for node in region.nodes:
                inside[node] = region
        return inside

    def around(self, node: int) -> Iterator[Region]:
        """The regions a node lies in, innermost first. In a plan whose regions do not nest each is told once."""
        told: set[int] = set()
        region = self.region_of[node]
        while region is not None and region.fork.index not in told:
            told.add(region.fork.index)
            yield region
            region = self.region_of[region.fork.source]


def item_type(structure: Structure, node: int) -> Any:
    """The annotation of the item that a node has from the maps of its own graph (S6.1); None without one."""
    overs = (region.fork.over for region in structure.around(node))
    return next((over.item_type for over in overs if over is not None), None)


def components(nodes: Iterable[int], out: list[list[Way]]) -> list[list[int]]:
    """The strongly connected components among ``nodes``, sources first; each sorted, the order stable."""
    chosen = set(nodes)
    part: nx.DiGraph[int] = nx.DiGraph()
    part.add_nodes_from(sorted(chosen))
    part.add_edges_from((n, way.target) for n in sorted(chosen) for way in out[n] if way.target in chosen)
    return [sorted(component) for component in reversed(list(nx.strongly_connected_components(part)))]


def walked(
    starts: Iterable[int], ways: list[list[Way]], *, backwards: bool = False, within: Set[int] | None = None
) -> dict[int, Way | None]:
    """Breadth first from ``starts`` along ``ways``: each node reached, and the way it was first reached by."""
    found: dict[int, Way | None] = dict.fromkeys(starts)
    queue = list(found)
    for node in queue:
        for way in ways[node]:
            following = way.source if backwards else way.target
            if following not in found and (within is None or following in within):
                found[following] = way
                queue.append(following)
    return found


def path_to(node: int, found: dict[int, Way | None]) -> list[int]:
    """The nodes of the shortest path to ``node`` in what ``walked`` (forwards) found."""
    path = [node]
    while (way := found[path[-1]]) is not None:
        path.append(way.source)
    return path[::-1]


def _ways(edge: Edge) -> Iterator[Way]:
    if edge.join is None:
        yield Way(edge.source, edge.target, "step", edge)
        return
    for target in edge.targets:
        yield Way(edge.source, target, "branch", edge)
    yield Way(edge.source, edge.join, "straight", edge)


def _region(structure: Structure, fork: Edge, join: int) -> Region:
    """What can be reached from the fork's targets without passing its join, less what is not the region's own.

    A node that is also reached from outside belongs outside if from it the run can end, or come back to the fork,
    without the join: then the way to it leaves the region. Else it belongs inside, and the way from outside enters.
    """
    targets = [target for target in fork.targets if target not in (join, fork.source)]
    foreign = {fork.source, *structure.ends} - {join}
    everything = _closure(structure, targets, join, foreign)
    escapes = everything & foreign
    lost = _shared_with_outside(structure, fork, everything, escapes) - set(targets) if escapes else set[int]()
    barred = foreign | lost
    own = (_closure(structure, targets, join, barred) if escapes else everything) - barred
    leaving = [way for node in sorted(own) for way in structure.out[node] if way.target in barred]
    entering = [
        way
        for node in sorted(own)
        for way in structure.into[node]
        if way.source not in own and way.edge is not fork and way.source in structure.reached
    ]
    return Region(fork, join, frozenset(own), tuple(leaving), tuple(entering))


def _closure(structure: Structure, targets: list[int], join: int, barred: set[int]) -> set[int]:
    found = set(targets)
    queue = list(found)
    for node in queue:
        if node in barred:
            continue
        for way in structure.out[node]:
            if way.target != join and way.target not in found:
                found.add(way.target)
                queue.append(way.target)
    return found


def _shared_with_outside(structure: Structure, fork: Edge, everything: set[int], escapes: set[int]) -> set[int]:
    back: dict[int, list[int]] = {}
    for node in everything - escapes:
        for way in structure.out[node]:
            back.setdefault(way.target, []).append(node)
    leading_out = set(escapes)
    queue = list(escapes)
    for node in queue:
        fresh = [before for before in back.get(node, ()) if before not in leading_out]
        leading_out.update(fresh)
        queue.extend(fresh)

    def is_shared(node: int) -> bool:
        return any(
            way.source not in everything and way.edge is not fork and way.source in structure.reached
            for way in structure.into[node]
        )

    return {node for node in leading_out if is_shared(node)}
