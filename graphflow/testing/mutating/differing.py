"""Whether a slip makes a difference, and on which state: what the regions of conditions tell (S5.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphflow.core.plan import Edge, Guard, Node, Plan
from graphflow.graph.check.proofs import Proofs
from graphflow.graph.check.structure import Structure
from graphflow.graph.evaluation import compiled
from graphflow.graph.terms import Constant, Term, all_of, any_of, negated
from graphflow.graph.verdicts import Witness
from graphflow.testing.mutating.slips import Slip


@dataclass(frozen=True, slots=True)
class Difference:
    """``is_none``: it is proved that there is none. ``witness`` is a state on which there is one, if one is known."""

    is_none: bool = False
    witness: Witness | None = None


def difference(plan: Plan, slip: Slip) -> Difference:
    """Whether a node decides alike on every state that the schema allows, proved region by region (S5.2), or where not."""
    if slip.node is None:
        return Difference()
    before, after = plan.nodes[slip.node], slip.plan.nodes[slip.node]
    rest = [
        (before.handoffs, after.handoffs),
        (before.error_edges, after.error_edges),
        (before.timer_edges, after.timer_edges),
    ]
    if any(len(one) != len(other) for one, other in rest):
        return Difference()
    exits = _exit_differences(before.exits, after.exits)
    if exits is None:
        return Difference()
    proofs, is_equal = Proofs(Structure(plan)), True
    for term in (*_lone_differences(before, after), *exits):
        guard = Guard(compiled(term), str(term), None, term)
        verdict = proofs.verdict(slip.node, [guard, guard])
        if verdict.overlaps:
            return Difference(witness=verdict.overlaps[0].witness)
        is_equal = is_equal and 0 in verdict.dead and verdict.proved
    return Difference(is_none=is_equal)


def _lone_differences(before: Node, after: Node) -> Iterator[Term]:
    """Where conditions that are asked for themselves differ: of branches, handoffs, error edges and timers."""
    pairs = [
        *zip(before.handoffs, after.handoffs, strict=True),
        *zip(before.error_edges, after.error_edges, strict=True),
    ]
    pairs += zip(before.timer_edges, after.timer_edges, strict=True)
    guards = [(one.guard, other.guard) for one, other in pairs]
    for one, other in zip(before.exits, after.exits, strict=False):
        guards += zip(one.branch_guards, other.branch_guards, strict=False)
    for first, second in guards:
        if first is not None and second is not None and first.label != second.label:
            yield _either(first.expression, second.expression)


def _exit_differences(before: tuple[Edge, ...], after: tuple[Edge, ...]) -> list[Term] | None:
    """Where another exit is chosen; None if that cannot be said of conditions alone: a limit, a plain predicate."""
    if any(edge.guard is not None and not isinstance(edge.guard.expression, Term) for edge in (*before, *after)):
        return None
    is_same = [edge.place for edge in before] == [edge.place for edge in after]
    if any(edge.is_limited for edge in (*before, *after)):
        if not is_same:
            return None
        guards = [(one.guard, other.guard) for one, other in zip(before, after, strict=True)]
        return [_either(a.expression, b.expression) for a, b in guards if a and b and a.label != b.label]
    first, second = _decisions(before), _decisions(after)
    return [
        _either(first.get(key), second.get(key)) for key in {**first, **second} if first.get(key) != second.get(key)
    ]


def _decisions(exits: tuple[Edge, ...]) -> dict[object, Term]:
    """When each way is chosen: its own condition, and none of those before it (S4.2)."""
    found: dict[object, Term] = {}
    before: list[Term] = []
    for edge in exits:
        chosen = _all([*([] if edge.guard is None else [edge.guard.expression]), *map(negated, before)])
        key = _way(edge)
        found[key] = any_of(found[key], chosen) if key in found else chosen
        if edge.guard is None:
            break
        before.append(edge.guard.expression)
    return found


def _way(edge: Edge) -> object:
    """What tells ways apart: plain edges to one node are one way, all others are known by their line."""
    is_plain = edge.kind == "edge" and not edge.guardrails
    return (edge.targets, "" if is_plain else str(edge.place), edge.kind)


def _all(parts: list[Term]) -> Term:
    if not parts:
        return Constant(True)
    return parts[0] if len(parts) == 1 else all_of(*parts)


def _either(one: Term | None, other: Term | None) -> Term:
    """One of them, and not both."""
    if one is None or other is None:
        only = one if one is not None else other
        assert only is not None
        return only
    return any_of(all_of(one, negated(other)), all_of(negated(one), other))
