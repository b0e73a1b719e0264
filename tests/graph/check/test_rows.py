"""B1c: beyond four or five model steps in a row errors compound."""

from __future__ import annotations

from typing import Any

from graphflow.agents.agent import Agent
from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from graphflow.graph.guardrails import Guardrail
from tests.graph.check.texts import CLEAN, Story, findings, said, scribe, work

story = fields(Story)


def row(names: str, graph: Declaration[Story] | None = None) -> Declaration[Story]:
    graph = graph or Declaration("pipeline", Story)
    graph.chain(START, *(graph.node(scribe(name), writes=story.facts) for name in names.split()), END)
    return graph


def test_advice_at_six_in_a_row_and_not_at_five() -> None:
    assert findings(row("a b c d e")) == CLEAN
    assert findings(row("a b c d e f")) == said(
        """
        advice

        [GF185] 6 agents in a row
          where  here   graph.chain(START, *(graph.node(scribe(name), writes=story.facts) for name in names.split()), END)
          why    a -> b -> c -> d -> e -> f: each builds on what the one before said, and beyond four or five errors compound.
          fix    Let something check in between: a function that validates, or graph.ask(...) behind c; a condition on an edge, a guardrail; or merge steps.
        """
    )


def test_a_function_in_between_breaks_the_row() -> None:
    graph = Declaration("pipeline", Story)
    first = [graph.node(scribe(name), writes=story.facts) for name in "abc"]
    second = [graph.node(scribe(name), writes=story.facts) for name in "def"]
    graph.chain(START, *first, graph.node(work, name="validate"), *second, END)
    assert findings(graph) == CLEAN


def test_a_point_in_between_does_not() -> None:
    graph = Declaration("pipeline", Story)
    first = [graph.node(scribe(name), writes=story.facts) for name in "abc"]
    second = [graph.node(scribe(name), writes=story.facts) for name in "def"]
    graph.chain(START, *first, graph.point("half"), *second, END)
    assert [finding.code for finding in check(graph.plan())] == ["GF185"]


def test_agents_side_by_side_are_not_in_a_row() -> None:
    graph = Declaration("pipeline", Story)
    plan, *branches, gather = (graph.node(scribe(name), writes=story.facts) for name in "abcdefgh")
    graph.edge(START, plan)
    graph.fork(plan, branches, join=gather)
    graph.edge(gather, END)
    assert findings(graph) == CLEAN


def test_a_team_around_a_coordinator_is_not_a_row() -> None:
    graph = Declaration("team", Story)
    lead, *others = (graph.node(scribe(name), writes=story.facts) for name in "abcdefgh")
    graph.edge(START, lead)
    for other in others:
        graph.handoff(lead, other, f"Asks {other.name}", at_most=3)
        graph.edge(other, lead)
    graph.edge(lead, END)
    assert findings(graph) == CLEAN


def test_the_fallback_of_an_agent_builds_on_nothing() -> None:
    """S8.2: what failed left nothing in the state."""
    graph = Declaration("pipeline", Story)
    steps = [graph.node(scribe(name), writes=story.facts) for name in "abcdef"]
    graph.chain(START, *steps[:5], END)
    graph.edge(steps[4], steps[5], on_error=ValueError)
    graph.edge(steps[5], END)
    assert findings(graph) == CLEAN


def test_a_function_in_every_branch_breaks_the_row() -> None:
    graph = Declaration("pipeline", Story)
    a, b, c, d, e, f = (graph.node(scribe(name), writes=story.facts) for name in "abcdef")
    validate = graph.node(work, name="validate")
    graph.chain(START, a, b, c)
    graph.fork(c, [validate], join=d)
    graph.chain(d, e, f, END)
    assert findings(graph) == CLEAN


def pair(first: Any, **options: Any) -> Declaration[Story]:
    """Three agents, of which ``first`` is the last one, and then three more."""
    graph = Declaration("pipeline", Story)
    before = [graph.node(scribe(name), writes=story.facts) for name in "ab"]
    after = [graph.node(scribe(name), writes=story.facts) for name in "def"]
    third = graph.node(first, writes=story.facts, **options)
    graph.chain(START, *before, third)
    graph.chain(third, *after, END)
    return graph


def is_well(result: object) -> str | None:
    return None


def test_a_guardrail_on_what_one_says_breaks_the_row() -> None:
    """S8.4: of its node, of the agent itself, of the way on; one on what comes in looks at nothing that was said there."""
    agent = Agent("c", "c", prompt="{topic}", output=list[str])
    guarded = Agent("c", "c", prompt="{topic}", output=list[str], guardrails=[is_well])
    assert [finding.code for finding in check(pair(agent).plan())] == ["GF185"]
    assert findings(pair(agent, guardrails=[is_well])) == CLEAN
    assert findings(pair(guarded)) == CLEAN
    only_input = pair(agent, guardrails=[Guardrail(is_well, on="input")])
    assert [finding.code for finding in check(only_input.plan())] == ["GF185"]
    on_the_way = Declaration("pipeline", Story)
    steps = [on_the_way.node(scribe(name), writes=story.facts) for name in "abcdef"]
    on_the_way.chain(START, *steps[:3])
    on_the_way.edge(steps[2], steps[3], guardrails=[is_well])
    on_the_way.chain(*steps[3:], END)
    assert findings(on_the_way) == CLEAN


def test_a_choice_by_a_condition_breaks_the_row() -> None:
    """S4.2: who goes on only if the score is right has looked at what was said."""
    graph = Declaration("pipeline", Story)
    steps = [graph.node(scribe(name), writes=story.facts) for name in "abcdef"]
    graph.chain(START, *steps[:3])
    graph.edge(steps[2], END, when=story.score >= 7)
    graph.edge(steps[2], steps[3])
    graph.chain(*steps[3:], END)
    assert findings(graph) == CLEAN
