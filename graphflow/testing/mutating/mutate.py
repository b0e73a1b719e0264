"""``mutate``: conditions, limits and edges changed a little, one at a time. Which changes do your properties notice?

A change that nothing notices is a decision of the graph that nothing tests. One that makes no difference on any state is
found out by regions (S5.2), and is not counted.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphflow.core.plan import Edge, Guard, Node, Plan
from graphflow.core.usage import Budget
from graphflow.errors import GraphError, Place
from graphflow.errors.testing import PropertyFailed, TestingError
from graphflow.graph.check.proofs import Proofs
from graphflow.graph.check.structure import Structure
from graphflow.graph.compiling import Compiled
from graphflow.graph.declaration import Declaration
from graphflow.graph.evaluation import compiled
from graphflow.graph.terms import Constant, Term, all_of, any_of, negated
from graphflow.testing import faults as faults_
from graphflow.testing.faults import Faults
from graphflow.testing.mutating.slips import Slip, slips
from graphflow.testing.playing.replaying import Names
from graphflow.testing.properties import Property
from graphflow.testing.proving.prove import plan_of
from graphflow.testing.values.answers import Agents, all_plans
from graphflow.testing.walking.verifying import verify

RUNS = 100
"""Walks that a mutant has to survive, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change, and what came of it: ``killed_by`` names the property that noticed it, empty if none did.

    ``edge`` is ``review -> write``; ``before`` and ``after`` are what stands on it, ``place`` is its line.
    """

    graph: str
    edge: str
    before: str
    after: str
    place: Place | None
    killed_by: str = ""
    is_equivalent: bool = False

    @property
    def survives(self) -> bool:
        """Whether it makes a difference, and nothing noticed."""
        return not self.killed_by and not self.is_equivalent

    def __str__(self) -> str:
        where = f"   ({self.place})" if self.place is not None else ""
        return f"{self.edge}: {self.before}  =>  {self.after}{where}"


@dataclass(frozen=True, slots=True)
class Mutations:
    """What ``mutate`` gives back; ``str`` lists the survivors. ``left_out`` were not tried, for want of time."""

    graph: str
    mutants: tuple[Mutant, ...]
    seconds: float
    left_out: int = 0

    @property
    def killed(self) -> tuple[Mutant, ...]:
        """Those that some property noticed."""
        return tuple(one for one in self.mutants if one.killed_by)

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """Those that make a difference which nothing noticed."""
        return tuple(one for one in self.mutants if one.survives)

    @property
    def equivalent(self) -> tuple[Mutant, ...]:
        """Those that decide alike on every state: proved, and not counted."""
        return tuple(one for one in self.mutants if one.is_equivalent)

    @property
    def percent(self) -> float:
        """How many of those that make a difference were killed, in percent; 100 if there are none."""
        counted = len(self.killed) + len(self.survivors)
        return 100.0 * len(self.killed) / counted if counted else 100.0

    def __str__(self) -> str:
        counted = len(self.killed) + len(self.survivors)
        equal = f", {len(self.equivalent)} more make no difference" if self.equivalent else ""
        left = f", {self.left_out} were not tried" if self.left_out else ""
        lines = [f"{self.graph}: {len(self.killed)} of {counted} mutants killed ({self.percent:.0f} %){equal}{left}"]
        if self.survivors:
            lines.append("  nothing notices")
            lines += [f"    {one}" for one in self.survivors]
            lines.append("  fix     state what should hold there: properties=[never(...), always(...), leads_to(...)]")
        return "\n".join(lines)


def mutate(
    graph: Declaration[Any],
    properties: Iterable[Property] = (),
    *,
    agents: Agents | None = None,
    faults: Faults = faults_.none,
    start: Any = None,
    without: Names = (),
    runs: int = RUNS,
    budget: Budget | None = None,
    deps: Any = None,
    most_seconds: float = 60.0,
) -> Mutations:
    """Change conditions, limits and edges a little, one at a time: which changes do ``properties`` notice?

    Each mutant is given to ``verify`` with the same arguments, default properties included. Changed are expressions
    (another sign, a number one off, ``and`` for ``or``, a part left out, the opposite), ``at_most`` by one, edges (left
    out), and the order in which exits are tried, also in graphs inside. Plain predicates are left alone. The graph itself
    stays as it is. What is left after ``most_seconds`` is not tried, and that is said.

    Raises what ``verify`` raises for the graph as it is: only a graph that holds can be changed for the worse.

    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Agent, Graph, fields
    >>> class News(BaseModel):
    ...     score: int = 0
    ...     published: bool = False
    >>> news, newsroom = fields(News), Graph("newsroom", News)
    >>> review = newsroom.node(Agent("review", "Score it.", prompt="{score}", output=int), writes=news.score)
    >>> publish = newsroom.node(lambda state: {"published": True}, name="publish")
    >>> newsroom.edge(START, review)
    >>> newsroom.edge(review, publish, when=news.score >= 7)
    >>> newsroom.chain(review, END)
    >>> newsroom.chain(publish, END)
    >>> from graphflow.testing import never
    >>> found = mutate(newsroom, [never(news.published & (news.score < 6))])
    >>> [f"{one.before} => {one.after}" for one in found.survivors]
    ['score >= 7 => score > 7', 'score >= 7 => score >= 6', 'score >= 7 => score >= 8']
    """
    __tracebackhide__ = True
    plan = plan_of(graph, "mutate")
    claims = tuple(properties)
    asked: dict[str, Any] = {
        "properties": claims,
        "agents": agents,
        "faults": faults,
        "start": start,
        "without": without,
        "runs": runs,
        "budget": budget,
        "deps": deps,
    }
    verify(graph, **asked)
    began = time.perf_counter()
    found: list[Mutant] = []
    left_out = 0
    for inner, slip in _every_slip(plan):
        made = Mutant(inner.name, slip.edge, slip.before, slip.after, slip.place)
        if _is_equivalent(inner, slip):
            found.append(replace(made, is_equivalent=True))
        elif time.perf_counter() - began > most_seconds:
            left_out += 1
        else:
            changed = _put_into(plan, inner, slip.plan)
            found.append(replace(made, killed_by=_killer(_twin(graph, changed), asked)))
    return Mutations(plan.name, tuple(found), time.perf_counter() - began, left_out)


def _every_slip(plan: Plan) -> Iterator[tuple[Plan, Slip]]:
    for inner in all_plans(plan):
        for slip in slips(inner):
            yield inner, slip


def _killer(mutant: Declaration[Any], asked: Mapping[str, Any]) -> str:
    """The name of the property that notices; empty if none does."""
    try:
        verify(mutant, **asked)
    except PropertyFailed as failure:
        return failure.name
    except GraphError:
        return "structure"
    except TestingError as error:  # it can no longer be tested at all, which is noticed
        return type(error).__name__
    return ""


# -- the changed graph -------------------------------------------------------------------------------------------------


def _twin(graph: Declaration[Any], plan: Plan) -> Declaration[Any]:
    """The same graph, compiled to another plan."""
    twin = copy.copy(graph)
    changes = tuple(parts.changes for parts in graph._parts.all())  # pyright: ignore[reportPrivateUsage]
    twin._compiled = (changes, Compiled(plan, (), True))  # pyright: ignore[reportPrivateUsage]
    twin._checked = None  # pyright: ignore[reportPrivateUsage]
    return twin


def _put_into(root: Plan, old: Plan, new: Plan) -> Plan:
    """The plan with a changed one in the place of one inside it, wherever that is entered."""
    made: dict[int, Plan] = {}

    def twin(plan: Plan) -> Plan:
        if id(plan) not in made:
            base = new if plan is old else plan
            made[id(plan)] = replace(base, nodes=tuple(map(over, base.nodes)))
        return made[id(plan)]

    def over(node: Node) -> Node:
        if node.graph is None:
            return replace(node)
        inner = node.graph.plan
        return replace(node, graph=replace(node.graph, plan=lambda: twin(inner())))

    return twin(root)


# -- no difference -----------------------------------------------------------------------------------------------------


def _is_equivalent(plan: Plan, slip: Slip) -> bool:
    """Whether the node decides alike on every state that the schema allows: proved region by region (S5.2)."""
    if slip.node is None:
        return False
    before, after = plan.nodes[slip.node], slip.plan.nodes[slip.node]
    rest = [
        (before.handoffs, after.handoffs),
        (before.error_edges, after.error_edges),
        (before.timer_edges, after.timer_edges),
    ]
    if any(len(one) != len(other) for one, other in rest):
        return False
    differences = list(_lone_differences(before, after))
    exits = _exit_differences(before.exits, after.exits)
    if exits is None:
        return False
    proofs = Proofs(Structure(plan))
    for term in (*differences, *exits):
        guard = Guard(compiled(term), str(term), None, term)
        verdict = proofs.verdict(slip.node, [guard])
        if 0 not in verdict.dead or not verdict.proved:
            return False
    return True


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
