"""Slips: a condition, limit or edge changed a little, as one might have written it by mistake.

Each is one change of one edge, on a copy of the plan; the graph it comes from stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from graphflow.core.deciding import edge_name
from graphflow.core.plan import Edge, Guard, Limit, Need, Node, Plan
from graphflow.errors import Place
from graphflow.graph.evaluation import compiled
from graphflow.graph.terms import (
    And,
    Compare,
    ComparisonSign,
    Constant,
    OneOf,
    Or,
    Term,
    children,
    negated,
    reads,
    uses_item,
    with_children,
)

_SIGNS: dict[ComparisonSign, tuple[ComparisonSign, ...]] = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
}


SlipKind = Literal["condition", "limit", "need", "edge", "order"]
"""What was changed: a condition, ``at_most``, when a join fires, an edge left out, the order of two exits."""


@dataclass(frozen=True, slots=True)
class Slip:
    """One change. ``before`` and ``after`` are what stands on the edge; ``plan`` is the changed plan.

    ``node`` is the node whose choice it changes, in both plans at the same index; None for what is no choice of conditions.
    ``target`` is where the edge leads.
    """

    kind: SlipKind
    edge: str
    before: str
    after: str
    place: Place | None
    plan: Plan
    node: int | None = None
    target: int | None = None


def slips(plan: Plan) -> Iterator[Slip]:
    """All slips of one plan, edge by edge; each condition reads differently from the one it was, and from the others."""
    for edge in plan.edges:
        if edge.place is None:  # nobody wrote it
            continue
        yield from _of_guards(plan, edge)
        yield from _of_needs(plan, edge)
        yield from _of_limits(plan, edge)
        yield from _dropped(plan, edge)
    for node in plan.nodes:
        yield from _swapped(plan, node)


# -- conditions --------------------------------------------------------------------------------------------------------


def _of_guards(plan: Plan, edge: Edge) -> Iterator[Slip]:
    name, place = edge_name(plan, edge), edge.place
    if edge.guard is not None:
        for guard in _changed(edge.guard):
            changed = _with(plan, {edge.index: replace(edge, guard=guard)})
            yield Slip("condition", name, edge.guard.label, guard.label, place, changed, edge.source, edge.targets[0])
    for number, one in enumerate(edge.branch_guards):
        for guard in () if one is None else _changed(one):
            guards = (*edge.branch_guards[:number], guard, *edge.branch_guards[number + 1 :])
            changed = _with(plan, {edge.index: replace(edge, branch_guards=guards)})
            branch = f"{plan.nodes[edge.source].name} -> {plan.nodes[edge.targets[number]].name}"
            label, target = one.label if one else "", edge.targets[number]
            yield Slip("condition", branch, label, guard.label, place, changed, edge.source, target)


def _of_needs(plan: Plan, edge: Edge) -> Iterator[Slip]:
    """When a join fires: one branch more or fewer, or another condition."""
    if edge.join is None:
        return
    for need in _changed_needs(edge):
        changed = _with(plan, {edge.index: replace(edge, need=need)})
        before, after = f"need={edge.need}", f"need={need}"
        yield Slip("need", edge_name(plan, edge), before, after, edge.place, changed, None, edge.join)


def _changed_needs(edge: Edge) -> Iterator[Need]:
    need, width = edge.need, len(edge.targets)
    match need.kind:
        case "condition":
            for guard in () if need.guard is None else _changed(need.guard):
                yield replace(need, guard=guard)
        case "all" if edge.over is not None:
            yield Need("best_effort", 0)
        case "all":
            if width > 1:
                yield Need("quorum", width - 1)
        case _:
            least = 1 if need.kind == "quorum" else 0
            most = None if edge.over is not None else width
            for count in (need.count - 1, need.count + 1):
                if least <= count and (most is None or count <= most):
                    yield replace(need, count=count)


def _changed(guard: Guard) -> Iterator[Guard]:
    """The same condition with a slip in it; of a plain predicate none is known."""
    if not isinstance(guard.expression, Term):
        return
    seen = {guard.label}
    opposite = () if isinstance(guard.expression, Compare) else (negated(guard.expression),)  # its signs have that
    for term in (*changed_terms(guard.expression), *opposite):
        label = str(term)
        if label not in seen:
            seen.add(label)
            yield Guard(compiled(term), label, reads(term), term, uses_item(term), guard.place)


def changed_terms(term: Term) -> Iterator[Term]:
    """A term with one slip: another sign, a number one off, ``and`` for ``or``, a part left out.

    >>> from graphflow.graph.terms import Field
    >>> [str(one) for one in changed_terms(Compare(">=", Field("score"), Constant(7)))]
    ['score > 7', 'score < 7', 'score >= 6', 'score >= 8']
    """
    match term:
        case Compare(sign=sign):
            for other in _SIGNS[sign]:
                yield replace(term, sign=other)
        case And(of=parts) | Or(of=parts):
            if not any(isinstance(part, And | Or) for part in parts):  # else a tree would have two forms
                yield Or(parts) if isinstance(term, And) else And(parts)
            for number in range(len(parts)):
                rest = (*parts[:number], *parts[number + 1 :])
                yield rest[0] if len(rest) == 1 else replace(term, of=rest)
        case OneOf(choices=choices) if len(choices) > 1:
            for number in range(len(choices)):
                yield replace(term, choices=(*choices[:number], *choices[number + 1 :]))
        case Constant(value=int() | float() as value) if not isinstance(value, bool):
            yield Constant(value - 1)
            yield Constant(value + 1)
        case _:
            pass
    below = children(term)
    for number, child in enumerate(below):
        if isinstance(term, OneOf) and number:
            break  # its choices are changed as a whole
        for changed in changed_terms(child):
            if type(changed) is not type(term) or not isinstance(term, And | Or):
                yield with_children(term, (*below[:number], changed, *below[number + 1 :]))


# -- limits and edges --------------------------------------------------------------------------------------------------


def _of_limits(plan: Plan, edge: Edge) -> Iterator[Slip]:
    """One taking more or fewer. A limit that several edges share is one limit, told of at the first."""
    limit = edge.limit
    most = edge.at_most if limit is None else limit.at_most
    sharing = [one for one in plan.edges if limit is not None and one.limit is limit]
    if most is None or (sharing and sharing[0] is not edge):
        return
    for other in (most - 1, most + 1):
        if other < 0:
            continue
        if limit is None:
            changes = {edge.index: replace(edge, at_most=other)}
        else:
            new = Limit(other, limit.name)
            changes = {one.index: replace(one, limit=new) for one in sharing}
        name = edge_name(plan, edge)
        before, after, target = f"at_most={most}", f"at_most={other}", edge.targets[0]
        yield Slip("limit", name, before, after, edge.place, _with(plan, changes), None, target)


def _dropped(plan: Plan, edge: Edge) -> Iterator[Slip]:
    """The edge left out, where its node has another way on. A fork is not: nothing would come of its region."""
    node = plan.nodes[edge.source]
    others = [one for one in node.exits if one is not edge]
    if edge.join is not None or (edge in node.exits and not others and not node.handoffs):
        return
    label = edge.guard.label if edge.guard is not None else edge.kind if edge.kind != "edge" else "no condition"
    name, target = edge_name(plan, edge), edge.targets[0] if edge.targets else None
    yield Slip("edge", name, label, "left out", edge.place, _without(plan, edge), edge.source, target)


def _swapped(plan: Plan, node: Node) -> Iterator[Slip]:
    """Two exits tried in the other order."""
    for number in range(len(node.exits) - 1):
        first, second = node.exits[number : number + 2]
        if first.guard is None and second.guard is None and not (first.is_limited or second.is_limited):
            continue
        exits = (*node.exits[:number], second, first, *node.exits[number + 2 :])
        nodes = tuple(replace(one, exits=exits) if one is node else replace(one) for one in plan.nodes)
        name = edge_name(plan, second)
        before, changed = f"tried after {edge_name(plan, first)}", replace(plan, nodes=nodes)
        yield Slip("order", name, before, "tried before it", second.place, changed, node.index, second.targets[0])


# -- plans -------------------------------------------------------------------------------------------------------------


def _with(plan: Plan, changes: Mapping[int, Edge]) -> Plan:
    """The plan with other edges in the place of some."""
    edges = tuple(changes.get(edge.index, edge) for edge in plan.edges)
    return replace(plan, nodes=tuple(_over(node, edges) for node in plan.nodes), edges=edges)


def _without(plan: Plan, gone: Edge) -> Plan:
    """The plan without an edge; those behind it move up."""
    index_of = {edge.index: edge.index - (edge.index > gone.index) for edge in plan.edges if edge is not gone}
    edges = tuple(replace(edge, index=index_of[edge.index]) for edge in plan.edges if edge is not gone)
    nodes: list[Node] = []
    for node in plan.nodes:
        kept = {name: [one for one in ways if one is not gone] for name, ways in _ways(node).items()}
        moved = {name: tuple(edges[index_of[one.index]] for one in ways) for name, ways in kept.items()}
        region = None if node.region is None else index_of[node.region]
        nodes.append(replace(_with_ways(node, moved), region=region))
    regions = {index_of[index]: members for index, members in plan.regions.items()}
    return replace(plan, nodes=tuple(nodes), edges=edges, regions=regions)


def _over(node: Node, edges: Sequence[Edge]) -> Node:
    """A node made anew over the edges of that index; what the machine has worked out of the old one is left behind."""
    ways = {name: tuple(edges[one.index] for one in ways) for name, ways in _ways(node).items()}
    return _with_ways(node, ways)


def _with_ways(node: Node, ways: dict[str, tuple[Edge, ...]]) -> Node:
    changes: dict[str, Any] = dict(ways)
    return replace(node, **changes)


def _ways(node: Node) -> dict[str, tuple[Edge, ...]]:
    return {
        "exits": node.exits,
        "handoffs": node.handoffs,
        "error_edges": node.error_edges,
        "timer_edges": node.timer_edges,
    }
