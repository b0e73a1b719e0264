"""``mutate``: conditions, limits and edges changed a little, one at a time. Which changes do your properties notice?

A change that nothing notices is a decision of the graph that nothing tests. One that makes no difference on any state is
found out by regions (S5.2), and is not counted.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from graphflow.core.plan import Node, Plan
from graphflow.core.usage import Budget
from graphflow.errors import GraphError
from graphflow.errors.testing import PropertyFailed, TestingError
from graphflow.graph.compiling import Compiled
from graphflow.graph.declaration import Declaration
from graphflow.testing import faults as faults_
from graphflow.testing.faults import Faults
from graphflow.testing.mutating.differing import difference
from graphflow.testing.mutating.hints import hint
from graphflow.testing.mutating.report import Mutant, Mutations
from graphflow.testing.mutating.slips import Slip, slips
from graphflow.testing.playing.replaying import Names
from graphflow.testing.properties import Property
from graphflow.testing.proving.prove import plan_of
from graphflow.testing.values.answers import Agents, all_plans
from graphflow.testing.walking.verifying import verify

RUNS = 100
"""Walks that a mutant has to survive, unless told otherwise."""


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
    (another sign, a number one off, ``and`` for ``or``, a part left out, the opposite), ``at_most`` and the number of
    branches that a join needs by one, edges (left out), and the order in which exits are tried, also in graphs inside. Plain predicates are left alone. The graph itself
    stays as it is. After ``most_seconds`` no further one is begun; what is left is counted as ``left_out``, and said.

    ``str`` of what is given back lists the survivors first: what was changed, the line it stands on, and what to state there.
    In a test: ``assert not mutate(newsroom, properties).survivors``, or ``.score > 0.8``.

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
        differs = difference(inner, slip)
        told = hint(inner, slip, differs.witness)
        made = Mutant(inner.name, slip.kind, slip.edge, slip.before, slip.after, slip.place, told)
        if differs.is_none:
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
