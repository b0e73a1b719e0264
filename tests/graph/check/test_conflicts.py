"""S6.5: a field that two branches write needs a reducer, found where writes are declared."""

from __future__ import annotations

from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from tests.graph.check.texts import CLEAN, Story, findings, nodes, said, work

story = fields(Story)


def two_writers(field: object, **options: object) -> Declaration[Story]:
    graph = Declaration("news", Story)
    plan, gather = nodes(graph, "plan gather")
    web, docs = nodes(graph, "web docs", writes=field)
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather, **options)
    graph.edge(gather, END)
    return graph


def test_two_branches_that_write_one_plain_field() -> None:
    graph = Declaration("news", Story)
    plan, gather = nodes(graph, "plan gather")
    web = graph.node(work, name="web", writes=story.draft)
    docs = graph.node(work, name="docs", writes=story.draft)
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF174] Two branches write 'draft': 'web' and 'docs'
          where  here   graph.fork(plan, [web, docs], join=gather)
                 here   web = graph.node(work, name="web", writes=story.draft)
                 here   docs = graph.node(work, name="docs", writes=story.draft)
          why    They are in different branches of 'plan' -> ('web', 'docs'), and draft has no reducer to fold their writes. (S6.5)
          fix    draft: Annotated[str, keep_last]   # or another reducer
                 draft: Annotated[str, local]   # if each branch needs it for itself only
        """
    )


def test_a_reducer_or_local_mends_it() -> None:
    assert findings(two_writers(story.facts)) == CLEAN
    assert findings(two_writers(story.scratch)) == CLEAN


def test_the_first_branch_alone_is_merged() -> None:
    """S6.6: at one done branch the others are cancelled, and leave nothing (S6.4)."""
    assert findings(two_writers(story.draft, need="first")) == CLEAN


def test_on_a_blackboard_every_branch_writes() -> None:
    """S6.10: such writes stay, so that the first one done is not the only one."""
    graph = two_writers(story.draft, need="first", state="shared")
    assert [finding.code for finding in check(graph.plan()).errors] == ["GF174"]


def test_a_map_counts_as_two_writers() -> None:
    graph = Declaration("news", Story)
    plan, gather = nodes(graph, "plan gather")
    web = graph.node(work, name="web", writes=story.items)
    graph.edge(START, plan)
    graph.map(plan, web, over=story.items, join=gather, failures="stop")
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF174] The branches of a map all write 'items'
          where  here   graph.map(plan, web, over=story.items, join=gather, failures="stop")
                 here   web = graph.node(work, name="web", writes=story.items)
          why    'web' runs once per item, and items has no reducer to fold the writes. (S6.5)
          fix    items: Annotated[list[str], extend]   # or another reducer
                 items: Annotated[list[str], local]   # if each branch needs it for itself only
        """
    )


def test_a_node_that_two_branches_come_to() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, gather = nodes(graph, "plan web docs gather")
    note = graph.node(work, name="note", writes=story.score)
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.chain(web, note, gather)
    graph.edge(docs, note)
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF174] Several branches write 'score'
          where  here   graph.fork(plan, [web, docs], join=gather)
                 here   note = graph.node(work, name="note", writes=story.score)
          why    'note' is in more than one branch of 'plan' -> ('web', 'docs'), and score has no reducer. (S6.5)
          fix    score: Annotated[int, keep_last]   # or another reducer
                 score: Annotated[int, local]   # if each branch needs it for itself only
        """
    )


def test_one_branch_may_write_a_field_twice() -> None:
    graph = Declaration("news", Story)
    plan, docs, gather = nodes(graph, "plan docs gather")
    web, polish = nodes(graph, "web polish", writes=story.draft)
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.chain(web, polish, gather)
    graph.edge(gather, END)
    assert findings(graph) == CLEAN


def test_the_forking_node_and_the_join_are_in_no_branch() -> None:
    graph = Declaration("news", Story)
    plan, web, gather = nodes(graph, "plan web gather", writes=story.draft)
    docs = graph.node(work, name="docs")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(gather, END)
    assert findings(graph) == CLEAN


def test_a_map_in_a_map_is_told_once() -> None:
    graph = Declaration("news", Story)
    plan, web, merge, gather = nodes(graph, "plan web merge gather")
    deep = graph.node(work, name="deep", writes=story.score)
    graph.edge(START, plan)
    graph.map(plan, web, over=story.items, join=gather, failures="stop")
    graph.map(web, deep, over=story.facts, join=merge)
    graph.edge(merge, gather)
    graph.edge(gather, END)
    assert [finding.code for finding in check(graph.plan())] == ["GF174"]


def conditional(web_when: object, docs_when: object) -> Declaration[Story]:
    graph = Declaration("news", Story)
    plan, gather = nodes(graph, "plan gather")
    web, docs = nodes(graph, "web docs", writes=story.draft)
    graph.edge(START, plan)
    graph.fork(plan, {web: web_when, docs: docs_when}, join=gather)
    graph.edge(gather, END)
    return graph


def test_conditions_that_exclude_each_other_keep_branches_apart() -> None:
    assert findings(conditional(story.score < 3, story.score >= 3)) == CLEAN


def test_conditions_that_can_hold_together_do_not() -> None:
    graph = conditional(story.score < 5, story.score > 3)
    assert [(finding.code, finding.severity) for finding in check(graph.plan())] == [("GF174", "error")]


def test_conditions_of_which_nothing_is_known_are_a_warning() -> None:
    graph = conditional(lambda state: len(state.draft.split()) > 3, lambda state: "x" in state.topic.split())
    assert [(finding.code, finding.severity) for finding in check(graph.plan())] == [("GF174", "warning")]
