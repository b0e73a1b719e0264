"""Which nodes lie between a fork and its join, and which of these regions a node is in (S6.2).

This says where things are, also in a graph that breaks the rules; ``check`` says what is wrong with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from graphflow.core.plan import Edge, EdgeKind, Node

OUTWARD = ("end", "fail")


def implicit_edges(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[Edge]:
    """A fork's target without edges of its own leads to the join (S6.2): the edges that nobody had to write."""
    with_edges = {edge.source for edge in edges}
    made: list[Edge] = []
    for fork in edges:
        for target in fork.targets if fork.join is not None else ():
            is_idle = target not in with_edges and target != fork.join and nodes[target].kind not in OUTWARD
            if is_idle and fork.join is not None:
                with_edges.add(target)
                index = len(edges) + len(made)
                made.append(Edge(index, "edge", target, (fork.join,), place=fork.place))
    return made


def regions(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[int, frozenset[int]]:
    """For every fork and map edge the nodes that its branches can come to without passing the join."""
    following: list[set[int]] = [set() for _ in nodes]
    for edge in edges:
        following[edge.source].update(edge.targets)
        if edge.join is not None:
            following[edge.source].add(edge.join)
    outward = {node.index for node in nodes if node.kind in OUTWARD}
    return {
        edge.index: _between(edge.targets, {edge.source, edge.join, *outward}, following)
        for edge in edges
        if edge.join is not None
    }


def _between(targets: Iterable[int], barred: set[int | None], following: Sequence[set[int]]) -> frozenset[int]:
    found = {target for target in targets if target not in barred}
    queue = sorted(found)
    for node in queue:
        fresh = sorted(following[node] - found - barred)
        found.update(fresh)
        queue.extend(fresh)
    return frozenset(found)


def innermost(nodes: Sequence[Node], inside: dict[int, frozenset[int]]) -> list[int | None]:
    """For every node the index of the fork whose region it is in; the smallest, where they nest."""
    found: list[int | None] = [None] * len(nodes)
    for fork, members in sorted(inside.items(), key=lambda pair: len(pair[1]), reverse=True):
        for node in members:
            found[node] = fork
    return found


def with_edges(nodes: Sequence[Node], edges: Sequence[Edge], inside: dict[int, frozenset[int]]) -> tuple[Node, ...]:
    """The nodes with their edges, in the order declared, and the region they are in."""
    of: defaultdict[tuple[int, EdgeKind], list[Edge]] = defaultdict(list)
    for edge in edges:
        of[edge.source, "edge" if edge.kind in ("fork", "map") else edge.kind].append(edge)
    around = innermost(nodes, inside)
    return tuple(
        replace(
            node,
            exits=tuple(of.get((node.index, "edge"), ())),
            handoffs=tuple(of.get((node.index, "handoff"), ())),
            error_edges=tuple(of.get((node.index, "error"), ())),
            timer_edges=tuple(of.get((node.index, "timer"), ())),
            region=around[node.index],
        )
        for node in nodes
    )
