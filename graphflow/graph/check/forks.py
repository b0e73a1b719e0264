"""Forks, maps, their regions and their joins (S6.1, S6.2, S6.6)."""

from __future__ import annotations

from collections.abc import Iterator

from graphflow.core.plan import Edge
from graphflow.errors import Finding
from graphflow.graph.check.structure import OUTWARD, Region, Structure, Way
from graphflow.graph.check.wording import Wording


def check_forks(structure: Structure) -> Iterator[Finding]:
    """Findings GF160 to GF163 and GF165 to GF167."""
    words = Wording(structure.plan)
    for fork in structure.forks:
        yield from _targets(words, fork)
        yield from _need(words, fork)
    misplaced = [fork for fork in structure.forks if not _is_join_in_place(structure, fork)]
    for fork in misplaced:
        yield _join_elsewhere(structure, words, fork)
    for region in sorted(structure.regions, key=lambda region: region.fork.index):
        yield from _leaving(structure, words, region, misplaced)
        for way in region.entering:
            yield _entering(words, region, way)
    yield from _wrap_up(structure, words)


def _targets(words: Wording, fork: Edge) -> Iterator[Finding]:
    assert fork.join is not None  # a fork's edge always has one
    for target in dict.fromkeys(fork.targets):
        if target not in (fork.join, fork.source):
            continue
        role = "its join" if target == fork.join else "the node that forks"
        yield words.finding(
            "GF165",
            "error",
            f"A branch of {words.edge(fork)} cannot start at {words.name(target)}",
            where=[fork.place],
            why=f"{words.name(target)} is {role}; a branch is a path between the two. (S6.2)",
            fix='Name the first node of the branch. For a branch that does nothing: nothing = graph.point("nothing")',
            nodes=[fork.source, target],
        )


def _need(words: Wording, fork: Edge) -> Iterator[Finding]:
    assert fork.join is not None  # a fork's edge always has one
    need, width = fork.need, len(fork.targets)
    if fork.kind != "fork" or need.kind not in ("quorum", "best_effort") or need.count <= width:
        return
    most = f"quorum({width})" if need.kind == "quorum" else f"best_effort(at_least={width}, ...)"
    yield words.finding(
        "GF166",
        "error",
        f"Join {words.name(fork.join)} can never fire",
        where=[fork.place],
        why=f"It needs {need.count} branches, but the fork has {width}: {words.names(fork.targets)}. (S6.6)",
        fix=f"need={most} at most, or need={'all'!r}.",
        nodes=[fork.source, fork.join],
    )


def _is_join_in_place(structure: Structure, fork: Edge) -> bool:
    assert fork.join is not None  # a fork's edge always has one
    around = structure.region_of[fork.source]
    return fork.source not in structure.reached or around is structure.region_of[fork.join]


def _join_elsewhere(structure: Structure, words: Wording, fork: Edge) -> Finding:
    assert fork.join is not None  # a fork's edge always has one
    around, there = structure.region_of[fork.source], structure.region_of[fork.join]
    source, join = words.name(fork.source), words.name(fork.join)
    if around is None or (there is not None and there.nodes < around.nodes):
        assert there is not None  # the two differ
        why = f"{join} lies inside the fork {words.edge(there.fork)}, and {source} does not."
        fix = f"Choose a join outside it, such as {words.written(there.join)}."
    else:
        why = f"{source} lies inside the fork {words.edge(around.fork)}, and {join} does not."
        point = f"{structure.plan.nodes[fork.source].name} done"
        fix = (
            f"Give it a join of its own inside: done = graph.point({point!r}), then join=done and "
            f"graph.edge(done, {words.written(around.join)})"
        )
    return words.finding(
        "GF163",
        "error",
        f"The fork of {source} joins at {join}, outside its own region",
        where=[fork.place, *(region.fork.place for region in (around, there) if region is not None)],
        why=f"{why} Regions nest like brackets. (S6.2)",
        fix=fix,
        nodes=[fork.source, fork.join],
    )


def _leaving(structure: Structure, words: Wording, region: Region, misplaced: list[Edge]) -> Iterator[Finding]:
    if not region.leaving:
        return
    # The way to a join in the wrong place is that join's fault.
    excused = {fork.join for fork in misplaced if fork.source in region.nodes}
    for way in region.leaving:
        if way.target in excused:
            continue
        if structure.plan.nodes[way.target].kind in OUTWARD:
            yield _end_inside(words, region, way)
        else:
            yield _leaves(words, region, way)


def _end_inside(words: Wording, region: Region, way: Way) -> Finding:
    return words.finding(
        "GF160",
        "error",
        f"{words.name(way.target)} is inside the fork of {words.name(region.fork.source)}",
        where=[way.edge.place, region.fork.place],
        why=f"{words.name(way.source)} is in a branch, and a branch ends at its join {words.name(region.join)} only: an end "
        "inside would have to stop its siblings. (S6.2)",
        fix=_led_to_join(words, way, region.join),
        nodes=[way.source, way.target],
    )


def _led_to_join(words: Wording, way: Way, join: int) -> str:
    edge = way.edge
    if edge.join is not None:
        return f"graph.edge({words.written(way.source)}, {words.written(join)})"
    return words.line(edge, target=join)


def _leaves(words: Wording, region: Region, way: Way) -> Finding:
    return words.finding(
        "GF161",
        "error",
        f"The edge {words.name(way.source)} -> {words.name(way.target)} leaves its fork",
        where=[way.edge.place, region.fork.place],
        why=f"{words.name(way.source)} is in a branch of {words.edge(region.fork)}, and {words.name(way.target)} is "
        f"not. Every edge of a node in a branch stays in it or goes to its join {words.name(region.join)}. (S6.2)",
        fix=_led_to_join(words, way, region.join),
        nodes=[way.source, way.target],
    )


def _entering(words: Wording, region: Region, way: Way) -> Finding:
    fork = region.fork
    return words.finding(
        "GF162",
        "error",
        f"The edge {words.name(way.source)} -> {words.name(way.target)} enters a fork from outside",
        where=[way.edge.place, fork.place],
        why=f"{words.name(way.target)} is in a branch of {words.edge(fork)}; only the fork enters its branches. (S6.2)",
        fix=f"Lead it to the fork, graph.edge({words.written(way.source)}, {words.written(fork.source)}), or give it a "
        f"node of its own: one function or agent may be several nodes, graph.node(..., name={_second(words, way)!r}).",
        nodes=[way.source, way.target],
    )


def _second(words: Wording, way: Way) -> str:
    return f"{words.bare(way.target)} again"


def _wrap_up(structure: Structure, words: Wording) -> Iterator[Finding]:
    node = structure.plan.on_budget
    region = None if node is None else structure.region_of[node]
    if node is None or region is None:
        return
    yield words.finding(
        "GF167",
        "error",
        f"{words.name(node)}, which wraps up when the budget is used up, is inside a fork",
        where=[structure.plan.nodes[node].place, region.fork.place],
        why="When the budget is used up open forks close and one cursor goes to it, so it cannot lie in a branch of "
        f"{words.edge(region.fork)}. (S13.2, S6.2)",
        fix="Give the wrap-up a node of its own outside the fork: graph.on_budget(wrap_up)",
        nodes=[node],
    )
