"""What the prover says of the conditions on edges: dead ones, gaps, overlaps, and those that raise (S4.2-S4.4, S5).

Only what is proved for every state, or shown on one that the schema allows, is said. Whether a run ever comes to such
a state nobody can know here, so all but a node that can never go on is a warning or advice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphflow.core.plan import Edge, Guard, Node
from graphflow.errors import Finding
from graphflow.graph.check.edges import dead_edges
from graphflow.graph.check.proofs import Proofs, state_shown
from graphflow.graph.check.structure import Structure, components
from graphflow.graph.check.wording import Wording
from graphflow.graph.verdicts import Overlap, Raising, Shadowed, Verdict, Witness

_MOST_SHOWN = 6


def check_conditions(structure: Structure, proofs: Proofs | None = None) -> Iterator[Finding]:
    """Findings GF146 to GF151 and GF159."""
    words, proofs = Wording(structure.plan), proofs or Proofs(structure)
    repeated: set[int] | None = None
    for node in structure.plan.nodes:
        if node.index not in structure.reached:
            continue
        exits = exits_tried(node)
        if any(edge.guard is not None or edge.is_limited for edge in exits):
            if repeated is None:
                repeated = _repeated(structure)
            verdict = proofs.of_exits(node.index, exits)
            yield from _of_exits(structure, words, node, exits, verdict, node.index in repeated)
        for edge, guard in lone_guards(node):
            if 0 in proofs.verdict(node.index, [guard]).dead:
                yield _never_true(structure, words, edge, guard)


def _repeated(structure: Structure) -> set[int]:
    """The nodes that one scope can visit again, so that limits of their edges can be used up (S2.2, S4.5)."""
    around = structure.region_of
    ways = [
        [way for way in out if way.role != "branch" and around[way.source] is around[way.target]]
        for out in structure.out
    ]
    on_cycles: set[int] = set()
    for component in components(sorted(structure.reached), ways):
        if len(component) > 1 or any(way.target == component[0] for way in ways[component[0]]):
            on_cycles.update(component)
    return on_cycles


def exits_tried(node: Node) -> tuple[Edge, ...]:
    """The exits that are tried in their order, without those behind one that always matches (S4.3)."""
    return node.exits[: len(node.exits) - len(dead_edges(node))]


def lone_guards(node: Node) -> Iterator[tuple[Edge, Guard]]:
    """Conditions that are asked for themselves: no other edge is taken in their place."""
    for edge in (*node.handoffs, *node.error_edges, *node.timer_edges):
        if edge.guard is not None:
            yield edge, edge.guard
    for edge in node.exits:
        for guard in edge.branch_guards:
            if guard is not None:
                yield edge, guard


def _of_exits(
    structure: Structure, words: Wording, node: Node, exits: Sequence[Edge], verdict: Verdict, is_repeated: bool
) -> Iterator[Finding]:
    never = {*verdict.dead, *(n for n, edge in enumerate(exits) if edge.at_most == 0)}
    if len(never) == len(exits) and verdict.dead and not node.handoffs:
        yield _stuck(structure, words, node, exits)
        return
    for index in verdict.dead:
        guard = exits[index].guard
        if guard is not None:
            yield _never_true(structure, words, exits[index], guard)
    for shadowed in verdict.shadowed:
        if exits[shadowed.index].guard is not None:  # a catch-all that is never needed is caution, and no mistake
            yield _shadowed(words, exits, shadowed)
    for raising in verdict.raises:
        yield _raising(structure, words, exits, raising)
    telling = [overlap for overlap in verdict.overlaps if _is_telling(exits, overlap)]
    if telling:
        yield _overlapping(words, exits, telling)
    if node.index not in structure.saved:
        return  # that it has no way out is a finding of its own
    if verdict.gap is not None:
        yield _gap(structure, words, node, exits, verdict.gap)
    elif verdict.gap_without_limited is not None and is_repeated:
        yield _used_up(structure, words, node, exits, verdict.gap_without_limited)


def _stuck(structure: Structure, words: Wording, node: Node, exits: Sequence[Edge]) -> Finding:
    return words.finding(
        "GF149",
        "error",
        f"No edge of {words.name(node.index)} can ever be enabled",
        where=[edge.place for edge in exits],
        why=f"No state that {structure.plan.state.__name__} allows makes a condition true: {_needs(words, exits)}. So "
        "a run that comes here fails with NoWayOut. (S4.4)",
        fix="Correct the conditions, or add an edge without one, declared last.",
        nodes=[node.index],
    )


def _never_true(structure: Structure, words: Wording, edge: Edge, guard: Guard) -> Finding:
    return words.finding(
        "GF147",
        "warning",
        f"The condition {guard.label} of {words.edge(edge)} is never true",
        where=[guard.place or edge.place],
        why=f"No state that {structure.plan.state.__name__} allows makes it true. This is proved. (S5.2)",
        fix="Correct the condition, or leave the edge out.",
        nodes=[edge.source],
    )


def _shadowed(words: Wording, exits: Sequence[Edge], shadowed: Shadowed) -> Finding:
    edge = exits[shadowed.index]
    before = [exits[index] for index in shadowed.by]
    conditions = " or ".join(one.guard.label for one in before if one.guard is not None)
    label = edge.guard.label if edge.guard is not None else ""
    return words.finding(
        "GF146",
        "warning",
        f"Edge {words.edge(edge)} can never be taken",
        where=[*(one.place for one in before), edge.place],
        why=f"Wherever {label} holds, {conditions} holds too, and is tried before it. This is proved. (S4.2)",
        fix=f"If it is the special case, declare it first: {words.line(edge)}",
        nodes=[edge.source, *edge.targets],
    )


def _raising(structure: Structure, words: Wording, exits: Sequence[Edge], raising: Raising) -> Finding:
    edge = exits[raising.index]
    guard = edge.guard
    label = "" if guard is None else guard.label
    state = structure.plan.state.__name__
    return words.finding(
        "GF151",
        "warning",
        f"The condition {label} of {words.edge(edge)} can raise",
        where=[edge.place],
        why=f"{state} allows {state_shown(raising.witness)}, and there it raises {raising.error}. (S5.4)",
        fix=f"Ask for None first, or write it over fields({state}): there a comparison with None is false."
        if "NoneType" in raising.error
        else f"Let it answer there too: ask first whether it can, or write it over fields({state}).",
        nodes=[edge.source],
    )


def _gap(structure: Structure, words: Wording, node: Node, exits: Sequence[Edge], witness: Witness) -> Finding:
    return words.finding(
        "GF148",
        "warning",
        f"No edge of {words.name(node.index)} is enabled where {state_shown(witness)}",
        where=[edge.place for edge in exits],
        why=f"{_needs(words, exits)}. A run that comes here with such a state fails with NoWayOut. (S4.4)",
        fix=_last_edge(structure, words, node),
        nodes=[node.index],
    )


def _used_up(structure: Structure, words: Wording, node: Node, exits: Sequence[Edge], witness: Witness) -> Finding:
    limited = [edge for edge in exits if edge.is_limited]
    on = f" where {state_shown(witness)}" if witness else ""
    return words.finding(
        "GF159",
        "advice",
        f"No edge of {words.name(node.index)} is left{on}, once limits are used up",
        where=[edge.place for edge in limited],
        why=f"It lies on a cycle, and only {' and '.join(map(words.edge, limited[:_MOST_SHOWN]))} "
        f"{'is' if len(limited) == 1 else 'are'} enabled there, with a limit. A run that used it up fails with "
        "NoWayOut. (S4.4, S4.5)",
        fix=_last_edge(structure, words, node),
        nodes=[node.index],
    )


def _last_edge(structure: Structure, words: Wording, node: Node) -> str:
    region = structure.region_of[node.index]
    onward = "END" if region is None else words.written(region.join)
    return f"graph.edge({words.written(node.index)}, {onward})   # last, without a condition: in all other cases"


def _needs(words: Wording, exits: Sequence[Edge]) -> str:
    parts = [
        f"-> {words.name(edge.target) if edge.join is None else 'the fork'} needs {edge.guard.label}"
        for edge in exits
        if edge.guard is not None
    ]
    more = f", and {len(parts) - _MOST_SHOWN} more" if len(parts) > _MOST_SHOWN else ""
    return ", ".join(parts[:_MOST_SHOWN]) + more


def _is_telling(exits: Sequence[Edge], overlap: Overlap) -> bool:
    """Whether the order of the two decides: neither contains the other, and no edge before them is taken anyway."""
    first, second = exits[overlap.first], exits[overlap.second]
    if overlap.is_nested or set(first.targets) == set(second.targets):
        return False
    return not any(_holds(edge, overlap.witness) for edge in exits[: overlap.first] if not edge.is_limited)


def _holds(edge: Edge, witness: Witness) -> bool:
    if edge.guard is None or edge.guard.expression is None:
        return edge.guard is None
    try:
        return edge.guard.test(witness, (witness.get("ITEM"),))
    except Exception:  # a condition that raises is a finding of its own
        return False


def _overlapping(words: Wording, exits: Sequence[Edge], overlaps: Sequence[Overlap]) -> Finding:
    one = overlaps[0]
    first, second = exits[one.first], exits[one.second]
    labels = [edge.guard.label for edge in (first, second) if edge.guard is not None]
    more = "" if len(overlaps) == 1 else " Other pairs of its conditions overlap too."
    return words.finding(
        "GF150",
        "advice",
        f"{words.edge(first)} and {words.edge(second)} can both be enabled",
        where=[first.place, second.place],
        why=f"Where {state_shown(one.witness)}, both {' and '.join(labels)} hold. The one declared first is taken.{more} "
        "(S4.2)",
        fix="If that is meant, do nothing. Else let the conditions exclude each other.",
        nodes=[first.source],
    )
