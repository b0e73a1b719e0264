"""R4: a map says what becomes of the others when one branch fails (S6.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graphflow.errors import JoinFailed
from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, FAIL, START
from graphflow.graph.expressions import fields, size
from graphflow.graph.handles import NodeHandle
from graphflow.graph.needs import best_effort, quorum
from tests.graph.check.texts import CLEAN, Story, findings, nodes, said

story = fields(Story)


def news(after: Callable[[Declaration[Story], list[NodeHandle[..., Any]]], None] | None = None, **options: Any) -> Any:
    graph = Declaration("news", Story)
    plan, web, gather = made = nodes(graph, "plan web gather")
    graph.edge(START, plan)
    graph.map(plan, web, over=story.items, join=gather, **options)
    graph.edge(gather, END)
    if after is not None:
        after(graph, made)
    return graph


def test_r4_a_map_without_a_policy_is_found() -> None:
    assert findings(news()) == said(
        """
        1 warning

        [GF188] Nothing says what happens when a branch of 'plan' -> 'web' fails
          where  here   graph.map(plan, web, over=story.items, join=gather, **options)
          why    Of many branches, one for each of items, some will fail. By default the first failure stops all others, and the run fails with JoinFailed. (S6.7)
          fix    graph.map(plan, web, over=story.items, join=gather, **options, need=best_effort(at_least=1))   # go on with those that succeeded
                 graph.map(plan, web, over=story.items, join=gather, **options, failures="collect")   # 'gather' sees failures in ctx.branches
                 graph.edge(gather, ..., on_error=JoinFailed)   # one failure stops all, and this is the way on
                 graph.map(plan, web, over=story.items, join=gather, **options, failures="stop")   # one failure stops all, and the run fails: that is meant
        """
    )


@pytest.mark.parametrize(
    "options",
    [
        {"failures": "stop"},
        {"failures": "collect"},
        {"need": "first"},
        {"need": quorum(2)},
        {"need": best_effort(at_least=0)},
        {"need": size(story.items) > 2},
    ],
    ids=str,
)
def test_r4_what_is_said_is_not_asked_again(options: dict[str, Any]) -> None:
    """S6.7: "stop" in so many words is a policy like any other."""
    assert findings(news(**options)) == CLEAN


@pytest.mark.parametrize(("error", "found"), [(JoinFailed, 0), (Exception, 0), (ValueError, 1)])
def test_r4_a_way_out_of_the_join_is_a_policy_if_it_is_one_for_this(error: type[Exception], found: int) -> None:
    """S8.3."""

    def way_out(graph: Declaration[Story], made: list[NodeHandle[..., Any]]) -> None:
        graph.edge(made[2], FAIL("some failed"), on_error=error)

    assert [finding.code for finding in check(news(way_out).plan())] == ["GF188"] * found


def test_r4_a_branch_that_deals_with_its_own_failures_is_fine() -> None:
    """S8.2: and so is one in which nothing can fail."""

    def mended(graph: Declaration[Story], made: list[NodeHandle[..., Any]]) -> None:
        note = graph.point("note")
        graph.edge(made[1], made[2])
        graph.edge(made[1], note, on_error=Exception)
        graph.edge(note, made[2])

    assert findings(news(mended)) == CLEAN


def test_r4_a_map_within_a_map_is_a_question_of_the_outer_one() -> None:
    def nested(**options: Any) -> list[str]:
        graph = Declaration("news", Story)
        plan, web, deep, merge, gather = nodes(graph, "plan web deep merge gather")
        graph.edge(START, plan)
        graph.map(plan, web, over=story.items, join=gather, **options)
        graph.map(web, deep, over=story.facts, join=merge)
        graph.edge(merge, gather)
        graph.edge(gather, END)
        return [finding.what for finding in check(graph.plan())]

    assert nested() == ["Nothing says what happens when a branch of 'plan' -> 'web' fails"]
    assert nested(failures="collect") == []


def test_r4_at_an_end_there_is_no_one_to_see_failures() -> None:
    graph = Declaration("news", Story)
    plan, web = nodes(graph, "plan web")
    graph.edge(START, plan)
    graph.map(plan, web, over=story.items, join=END)
    (found,) = check(graph.plan())
    assert [line.rpartition("join=END, ")[2] for line in found.fix.splitlines()] == [
        "need=best_effort(at_least=1))   # go on with those that succeeded",
        'failures="stop")   # one failure stops all, and the run fails: that is meant',
    ]


def test_r4_a_fork_names_its_branches_one_by_one() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, gather = nodes(graph, "plan web docs gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(gather, END)
    assert findings(graph) == CLEAN
