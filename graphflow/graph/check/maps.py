"""Maps that do not say what becomes of the others when one branch fails (S6.7)."""

from __future__ import annotations

from collections.abc import Iterator

from graphflow.core.plan import Edge
from graphflow.errors import Finding, JoinFailed
from graphflow.graph.check.structure import OUTWARD, Region, Structure
from graphflow.graph.check.wording import Wording


def check_maps(structure: Structure) -> Iterator[Finding]:
    """Findings GF188."""
    words = Wording(structure.plan)
    for region in sorted(structure.regions, key=lambda region: region.fork.index):
        fork = region.fork
        if fork.over is None or fork.source not in structure.reached or not _can_fail(structure, region):
            continue
        around = [outer.fork for outer in structure.around(fork.source)]
        is_within_map = any(edge.over is not None for edge in around)  # whose own failures are then the question
        if not is_within_map and not any(_is_settled(structure, edge) for edge in (fork, *around)):
            yield _unsaid(structure, words, fork, region.join)


def _can_fail(structure: Structure, region: Region) -> bool:
    """Whether something in a branch does work, and has no way of its own out of failing (S8.2)."""
    nodes = structure.plan.nodes
    return any(nodes[n].kind in ("function", "agent", "graph") and not nodes[n].error_edges for n in region.nodes)


def _is_settled(structure: Structure, fork: Edge) -> bool:
    """Whether it is said what a failed branch means: here, by the number that has to succeed, or behind the join."""
    if fork.failures_said or fork.failures == "collect" or fork.need.kind != "all" or fork.join is None:
        return True
    ways_out = structure.plan.nodes[fork.join].error_edges
    return any(issubclass(JoinFailed, error) for edge in ways_out for error in edge.errors)


def _unsaid(structure: Structure, words: Wording, fork: Edge, join: int) -> Finding:
    label = fork.over.label if fork.over is not None else ""
    lines = [
        (words.line(fork, need="best_effort(at_least=1)"), "go on with those that succeeded"),
        (words.line(fork, failures='"collect"'), f"{words.name(join)} sees failures in ctx.branches"),
        (
            f"graph.edge({words.written(join)}, ..., on_error=JoinFailed)",
            "one failure stops all, and this is the way on",
        ),
        (words.line(fork, failures='"stop"'), "one failure stops all, and the run fails: that is meant"),
    ]
    if structure.plan.nodes[join].kind in OUTWARD:  # an end does no work: it sees no branches, and nothing leads on
        lines = [lines[0], lines[3]]
    return words.finding(
        "GF188",
        "warning",
        f"Nothing says what happens when a branch of {words.edge(fork)} fails",
        where=[fork.place],
        why=f"Of many branches, one for each of {label}, some will fail. By default the first failure stops all others, and "
        "the run fails with JoinFailed. (S6.7)",
        fix="\n".join(f"{line}   # {meaning}" for line, meaning in lines),
        nodes=[fork.source, *fork.targets, join],
    )
