"""Can every node be reached, and is there a way out of every node (S1.2)? Also whether the shortest way is too long."""

from __future__ import annotations

from collections.abc import Iterator

from graphflow.core.plan import START_INDEX, Node
from graphflow.errors import Finding
from graphflow.graph.check.edges import always_matches
from graphflow.graph.check.structure import OUTWARD, Region, Structure, components, path_to, walked
from graphflow.graph.check.wording import Wording, node_places


def check_ways(structure: Structure) -> Iterator[Finding]:
    """Findings GF140 to GF144, GF158 and GF164."""
    words = Wording(structure.plan)
    if not structure.out[START_INDEX]:
        yield _nothing_starts(structure, words)
        return
    if not structure.work:
        yield _empty(structure, words)
    bare = [node for node in structure.work if _is_bare(structure, node)]
    for node in bare:
        yield _edgeless(node, words)
    yield from _unreachable(structure, words, {node.index for node in bare})
    yield from _stuck(structure, words)
    yield from _too_long(structure, words)


def _nothing_starts(structure: Structure, words: Wording) -> Finding:
    plan = structure.plan
    if not structure.work:
        return words.finding(
            "GF140",
            "error",
            f"Graph {plan.name!r} is empty",
            where=[plan.place],
            why="It has no nodes, and START leads nowhere. (S1.1)",
            fix="Declare a node and lead to it: graph.edge(START, first)",
        )
    first = next((node for node in structure.work if not structure.into[node.index]), structure.work[0])
    return words.finding(
        "GF141",
        "error",
        f"Nothing starts in graph {plan.name!r}",
        where=[plan.place],
        why="START has no edges, so no node is ever reached. (S1.1, S1.2)",
        fix=f"graph.edge(START, {words.written(first.index)})",
        nodes=[START_INDEX],
    )


def _empty(structure: Structure, words: Wording) -> Finding:
    return words.finding(
        "GF140",
        "advice",
        f"Graph {structure.plan.name!r} does nothing",
        where=[structure.plan.place],
        why="It has no nodes: a run ends where it starts, with the state unchanged. (S1.1)",
        fix="Declare a node and lead to it: graph.edge(START, first)",
    )


def _is_bare(structure: Structure, node: Node) -> bool:
    return not structure.out[node.index] and not structure.into[node.index] and node.index not in structure.roots


def _edgeless(node: Node, words: Wording) -> Finding:
    written = words.written(node.index)
    return words.finding(
        "GF144",
        "error",
        f"Node {node.name!r} has no edges",
        where=[node.place],
        why="No edge leads to it and none away, so it never runs. (S1.2)",
        fix=f"Lead to it and on from it, as in graph.edge({written}, END), or remove the node.",
        nodes=[node.index],
    )


def _unreachable(structure: Structure, words: Wording, bare: set[int]) -> Iterator[Finding]:
    lost = {node.index for node in structure.work} - structure.reached - bare
    if not lost:
        return
    unexplained = set(lost)
    for component in components(lost, structure.out):
        members = set(component)
        if any(way.source in lost and way.source not in members for node in component for way in structure.into[node]):
            continue  # something else that cannot be reached leads here, and is reported
        behind = set(walked(component, structure.out, within=unexplained)) - members
        unexplained -= behind
        yield _not_reached(structure, words, component, sorted(behind))


def _not_reached(structure: Structure, words: Wording, component: list[int], behind: list[int]) -> Finding:
    several = len(component) > 1
    what = (
        f"Nodes {words.names(component)} cannot be reached"
        if several
        else (f"Node {words.name(component[0])} cannot be reached")
    )
    why = "No edge leads to it from any node that can be reached from START."
    if several:
        why = "They lead to each other only; no edge comes from a node that can be reached from START."
    if behind:
        why += f" So {words.names(behind)} cannot be reached through {'them' if several else 'it'} either."
    return words.finding(
        "GF142",
        "error",
        what,
        where=node_places(structure.plan, component),
        why=f"{why} (S1.2)",
        fix=f"Lead to it: graph.edge(..., {words.written(component[0])}), or remove {'them' if several else 'it'}.",
        nodes=component,
    )


def _stuck(structure: Structure, words: Wording) -> Iterator[Finding]:
    """Dead ends and closed circles: of all nodes without a way out, those that the others only lead to."""
    caught = {node.index for node in structure.work if node.index in structure.reached} - structure.saved
    for component in components(caught, structure.out):
        members = set(component)
        if any(way.target not in members for node in component for way in structure.out[node]):
            continue
        yield _no_way_out(structure, words, component)
    for node in structure.work:
        if node.index in structure.reached and node.index in structure.saved and _only_fails(node):
            yield _only_exceptional(structure, words, node)


def _no_way_out(structure: Structure, words: Wording, component: list[int]) -> Finding:
    around = structure.around(component[0])
    region = next((region for region in around if region.nodes.issuperset(component)), None)
    if region is not None:
        return _waits_for_ever(structure, words, component, region)
    plan = structure.plan
    last = component[-1]
    if len(component) == 1 and not structure.out[last]:
        why = "It has no edges, so a run that comes here fails with NoWayOut."
        what = f"Node {words.name(last)} has no way out"
    else:
        why = "They lead to each other only." if len(component) > 1 else "It leads to itself only."
        why += " No END or FAIL can be reached from here."
        what = f"{'Nodes' if len(component) > 1 else 'Node'} {words.names(component)} {_have(component)} no way out"
    return words.finding(
        "GF143",
        "error",
        what,
        where=node_places(plan, component),
        why=f"{why} (S1.2, S4.4)",
        fix=_led(structure, words, last, "END"),
        nodes=component,
    )


def _led(structure: Structure, words: Wording, node: int, target: str) -> str:
    """The edge to write; behind one that always matches it would be dead, so it has to come before (S4.3)."""
    first = next((edge for edge in structure.plan.nodes[node].exits if always_matches(edge)), None)
    if first is None:
        return f"graph.edge({words.written(node)}, {target})"
    return f"graph.edge({words.written(node)}, {target}, when=...)   # before {words.line(first)}"


def _have(component: list[int]) -> str:
    return "have" if len(component) > 1 else "has"


def _waits_for_ever(structure: Structure, words: Wording, component: list[int], region: Region) -> Finding:
    fork = region.fork
    path = _path_from_fork(structure, component[0], region)
    entry = [way.edge.place for node in component for way in structure.into[node]]
    end = "is caught there" if structure.out[component[0]] else "stops there"
    return words.finding(
        "GF164",
        "error",
        f"Join {words.name(region.join)} can wait for ever",
        where=[*entry[:1], *node_places(structure.plan, component), fork.place],
        why=f"A branch that takes the path {words.path([fork.source, *path])} {end} without reaching "
        f"{words.name(region.join)}, so it can never arrive. (S6.2)",
        fix=f"Lead it to the join: {_led(structure, words, component[-1], words.written(region.join))}",
        nodes=[*component, region.join],
    )


def _path_from_fork(structure: Structure, node: int, region: Region) -> list[int]:
    """The shortest path of a branch to a node of its region."""
    found = walked([node], structure.into, backwards=True, within=region.nodes)
    targets = set(region.fork.targets)
    path = [next(start for start in found if start in targets)]
    while (way := found[path[-1]]) is not None:
        path.append(way.target)
    return path


def _only_fails(node: Node) -> bool:
    """Whether a node has ways for when it fails or takes too long, but none for when it finishes."""
    return not node.exits and not node.handoffs


def _only_exceptional(structure: Structure, words: Wording, node: Node) -> Finding:
    region = structure.region_of[node.index]
    onward = "END" if region is None else words.written(region.join)
    return words.finding(
        "GF143",
        "error",
        f"Node {node.name!r} has no way out when it finishes",
        where=[node.place, *(edge.place for edge in (*node.error_edges, *node.timer_edges))],
        why="Its only edges are for errors and timers. When it finishes in time without an error, none is enabled and "
        "the run fails with NoWayOut. (S1.2, S4.4)",
        fix=f"graph.edge({words.written(node.index)}, {onward})",
        nodes=[node.index],
    )


def _too_long(structure: Structure, words: Wording) -> Iterator[Finding]:
    found = walked([START_INDEX], structure.out)
    nearest_end = next((node for node in found if structure.plan.nodes[node].kind in OUTWARD), None)
    shortest = [] if nearest_end is None else path_to(nearest_end, found)
    steps = sum(structure.plan.nodes[node].kind not in ("start", *OUTWARD) for node in shortest)
    if steps > structure.plan.limits.steps:
        yield words.finding(
            "GF158",
            "warning",
            f"The shortest way through graph {structure.plan.name!r} takes {steps:,} steps",
            where=[structure.plan.place],
            why=f"A run may take {structure.plan.limits.steps:,} steps, so none can reach its end: "
            f"{words.path(shortest)}. (S4.5, S17)",
            fix=f"Graph(..., limits=Limits(steps={2 * steps:_}))",
        )
