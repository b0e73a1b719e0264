"""Edges that can never be taken, as their order, class or time alone shows (S4.3, S8.2, S10.3)."""

from __future__ import annotations

from collections.abc import Iterator

from graphflow.core.plan import Edge, Node
from graphflow.errors import Finding
from graphflow.graph.check.structure import OUTWARD, Structure
from graphflow.graph.check.wording import Wording

_NEAR = 200  # how many nodes a search for a common join looks at


def check_edges(structure: Structure) -> Iterator[Finding]:
    """Findings GF145 and GF152 to GF154."""
    words = Wording(structure.plan)
    for node in structure.plan.nodes:
        dead = dead_edges(node)
        if dead:
            yield _dead(structure, words, node, dead)
        if node.error_edges:
            yield from _errors(words, node)
        if node.timer_edges:
            yield from _timers(words, node)
    for edge in structure.plan.edges:
        if edge.at_most == 0 or (edge.limit is not None and edge.limit.at_most == 0):
            yield _never(words, edge)


def always_matches(edge: Edge) -> bool:
    """Whether an edge is enabled on every state, however often it was taken (S4.2)."""
    return edge.guard is None and not edge.is_limited


def dead_edges(node: Node) -> tuple[Edge, ...]:
    """The exits declared behind one that always matches (S4.3)."""
    for position, edge in enumerate(node.exits):
        if always_matches(edge):
            return node.exits[position + 1 :]
    return ()


def _dead(structure: Structure, words: Wording, node: Node, dead: tuple[Edge, ...]) -> Finding:
    first = node.exits[len(node.exits) - len(dead) - 1]
    several = len(dead) > 1
    what = f"Edge {words.edge(dead[0])} can never be taken"
    if several:
        what = f"{len(dead)} edges of {words.name(node.index)} can never be taken"
    return words.finding(
        "GF145",
        "error",
        what,
        where=[first.place, *(edge.place for edge in dead)],
        why=f"Edges are tried in the order declared, and {words.edge(first)} before {'them' if several else 'it'} has "
        "no condition and no limit, so it is always taken. (S4.2, S4.3)",
        fix=_untangled(structure, words, first, dead),
        nodes=[node.index, *dict.fromkeys(target for edge in dead for target in edge.targets)],
    )


def _untangled(structure: Structure, words: Wording, first: Edge, dead: tuple[Edge, ...]) -> str:
    """The fork to write if all were meant (S4.3), else the order to declare them in."""
    guarded = [edge for edge in dead if edge.guard is not None or edge.is_limited]
    plain = [edge for edge in (first, *dead) if edge.guard is None and edge.kind == "edge"]
    targets = list(dict.fromkeys(edge.target for edge in plain))
    lines: list[str] = []
    if guarded:
        lines.append(f"Declare {words.line(first)} last, behind the edges with a condition or limit.")
    if any(structure.plan.nodes[target].kind in OUTWARD for target in targets):
        if not guarded:
            lines.append("Give the earlier one a condition, when=..., or leave out the one that is not meant.")
    elif len(targets) > 1:
        forked = ", ".join(words.written(target) for target in targets)
        join = _common_join(structure, targets)
        to = "..." if join is None else words.written(join)
        lines.append(f"If all were meant: graph.fork({words.written(first.source)}, [{forked}], join={to})")
        lines.append("If one of them: give the earlier one a condition, when=...")
    return "\n".join(lines) or "Leave it out; the earlier edge already leads there."


def _common_join(structure: Structure, targets: list[int]) -> int | None:
    """The nearest node that every target leads to, if there is one near by."""
    common: list[int] | None = None
    for target in targets:
        queue = [target]
        for node in queue:
            if len(queue) > _NEAR:
                break
            queue.extend(way.target for way in structure.out[node] if way.target not in queue)
        common = [node for node in (queue if common is None else common) if node in queue]
    eligible = (n for n in common or () if n not in targets and structure.plan.nodes[n].kind != "fail")
    return next(eligible, None)


def _errors(words: Wording, node: Node) -> Iterator[Finding]:
    caught: list[tuple[type[BaseException], Edge]] = []
    for edge in node.error_edges:
        covers = [_cover(error, caught) for error in edge.errors]
        broader = [cover for cover in covers if cover is not None]
        if covers and len(broader) == len(covers):
            yield _shadowed_error(words, edge, *broader[0])
        if always_matches(edge):
            caught.extend((error, edge) for error in edge.errors)


def _cover(
    error: type[BaseException], caught: list[tuple[type[BaseException], Edge]]
) -> tuple[type[BaseException], Edge] | None:
    return next(((broader, edge) for broader, edge in caught if issubclass(error, broader)), None)


def _shadowed_error(words: Wording, edge: Edge, broader: type[BaseException], earlier: Edge) -> Finding:
    classes = ", ".join(error.__name__ for error in edge.errors)
    same = broader in edge.errors
    relation = "catches it" if same else f"catches {broader.__name__}, which {classes} is a kind of"
    return words.finding(
        "GF153",
        "error",
        f"Error edge {words.edge(edge)} for {classes} can never be taken",
        where=[earlier.place, edge.place],
        why=f"Error edges are tried in the order declared, and {words.edge(earlier)} before it {relation}. (S8.2)",
        fix="Leave one of them out." if same else f"Declare {words.line(edge)} first.",
        nodes=[edge.source, edge.target],
    )


def _timers(words: Wording, node: Node) -> Iterator[Finding]:
    certain = [edge for edge in node.timer_edges if always_matches(edge) and edge.after_s is not None]
    if not certain:
        return
    first = min(certain, key=lambda edge: edge.after_s or 0.0)  # of equal ones the first declared
    for edge in node.timer_edges:
        if edge is first or edge.after_s is None or first.after_s is None or edge.after_s < first.after_s:
            continue
        if edge.after_s == first.after_s and edge.index < first.index:
            continue  # tried before it
        yield words.finding(
            "GF154",
            "error",
            f"Timer {words.edge(edge)} after {edge.after_s:g} s can never be taken",
            where=[first.place, edge.place],
            why=f"{words.edge(first)} is always taken after {first.after_s:g} s, and {words.name(node.index)} is left "
            "then. (S10.3)",
            fix="Give the earlier one a condition or an at_most, or leave one of them out.",
            nodes=[edge.source, edge.target],
        )


def _never(words: Wording, edge: Edge) -> Finding:
    return words.finding(
        "GF152",
        "advice",
        f"Edge {words.edge(edge)} is never taken",
        where=[edge.place],
        why="Its at_most is 0, which is legal. (S4.5)",
        fix="If this was meant, do nothing. Else say how often: at_most=1",
        nodes=[edge.source],
    )
