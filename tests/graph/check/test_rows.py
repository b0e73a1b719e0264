"""B1c: beyond four or five model steps in a row errors compound."""

from __future__ import annotations

from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
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
          fix    Let something check in between: a function that validates, or graph.ask(...) behind c; or merge steps.
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
