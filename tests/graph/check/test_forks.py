"""S6.2: regions nest like brackets, only the fork enters them, and every branch can come to its join."""

from __future__ import annotations

from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from graphflow.graph.needs import best_effort, quorum
from tests.graph.check.texts import CLEAN, Story, findings, nodes, said

story = fields(Story)


def test_a_sound_fork_in_a_fork_is_clean() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, deep, wide, merge, gather = nodes(graph, "plan web docs deep wide merge gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.fork(web, [deep, wide], join=merge)
    graph.edge(merge, gather)
    graph.edge(gather, END)
    assert findings(graph) == CLEAN


def test_an_end_inside_a_branch() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, gather = nodes(graph, "plan web docs gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(web, END, when=story.ready)
    graph.edge(web, gather)
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF160] END is inside the fork of 'plan'
          where  here   graph.edge(web, END, when=story.ready)
                 here   graph.fork(plan, [web, docs], join=gather)
          why    'web' is in a branch, and a branch ends at its join 'gather' only: an end inside would have to stop its siblings. (S6.2)
          fix    graph.edge(web, gather, when=story.ready)
        """
    )


def test_an_edge_that_goes_back_before_the_fork_leaves_it() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, gather = nodes(graph, "plan web docs gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(web, plan, when=story.ready, at_most=1)
    graph.edge(web, gather)
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF161] The edge 'web' -> 'plan' leaves its fork
          where  here   graph.edge(web, plan, when=story.ready, at_most=1)
                 here   graph.fork(plan, [web, docs], join=gather)
          why    'web' is in a branch of 'plan' -> ('web', 'docs'), and 'plan' is not. Every edge of a node in a branch stays in it or goes to its join 'gather'. (S6.2)
          fix    graph.edge(web, gather, when=story.ready, at_most=1)
        """
    )


def test_an_error_edge_that_jumps_over_the_join_leaves_the_fork() -> None:
    """S6.2: every edge of a node in a region, of whatever kind."""
    graph = Declaration("news", Story)
    plan, web, docs, gather, publish = nodes(graph, "plan web docs gather publish")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(web, gather)
    graph.edge(web, publish, on_error=ValueError)
    graph.edge(gather, publish)
    graph.edge(publish, END)
    assert findings(graph) == said(
        """
        1 error

        [GF161] The edge 'web' -> 'publish' leaves its fork
          where  here   graph.edge(web, publish, on_error=ValueError)
                 here   graph.fork(plan, [web, docs], join=gather)
          why    'web' is in a branch of 'plan' -> ('web', 'docs'), and 'publish' is not. Every edge of a node in a branch stays in it or goes to its join 'gather'. (S6.2)
          fix    graph.edge(web, gather, on_error=ValueError)
        """
    )


def test_an_edge_from_outside_enters_a_branch() -> None:
    graph = Declaration("news", Story)
    plan, quick, web, docs, gather = nodes(graph, "plan quick web docs gather")
    graph.edge(START, plan)
    graph.edge(plan, quick, when=story.ready)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(quick, web)
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF162] The edge 'quick' -> 'web' enters a fork from outside
          where  here   graph.edge(quick, web)
                 here   graph.fork(plan, [web, docs], join=gather)
          why    'web' is in a branch of 'plan' -> ('web', 'docs'); only the fork enters its branches. (S6.2)
          fix    Lead it to the fork, graph.edge(quick, plan), or give it a node of its own: one function or agent may be several nodes, graph.node(..., name='web again').
        """
    )


def test_an_inner_fork_needs_a_join_of_its_own() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, deep, wide, gather = nodes(graph, "plan web docs deep wide gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.fork(web, [deep, wide], join=gather)
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF163] The fork of 'web' joins at 'gather', outside its own region
          where  here   graph.fork(web, [deep, wide], join=gather)
                 here   graph.fork(plan, [web, docs], join=gather)
          why    'web' lies inside the fork 'plan' -> ('web', 'docs'), and 'gather' does not. Regions nest like brackets. (S6.2)
          fix    Give it a join of its own inside: done = graph.point('web done'), then join=done and graph.edge(done, gather)
        """
    )
    mended = Declaration("news", Story)
    plan, web, docs, deep, wide, gather = nodes(mended, "plan web docs deep wide gather")
    done = mended.point("web done")
    mended.edge(START, plan)
    mended.fork(plan, [web, docs], join=gather)
    mended.fork(web, [deep, wide], join=done)
    mended.edge(done, gather)
    mended.edge(gather, END)
    assert findings(mended) == CLEAN


def test_a_join_inside_a_region_that_its_fork_is_not_in() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, check_facts, other, gather = nodes(graph, "plan web docs check_facts other gather")
    graph.edge(START, plan)
    graph.fork(plan, [other], join=check_facts, when=story.ready)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(web, check_facts)
    graph.edge(check_facts, gather)
    graph.edge(gather, END)
    assert "GF163" in [finding.code for finding in check(graph.plan()).errors]


def test_forks_of_one_region_may_share_a_join() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, wiki, gather = nodes(graph, "plan web docs wiki gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, wiki], join=gather, when=story.ready)
    graph.fork(plan, [docs], join=gather)
    graph.edge(gather, END)
    assert findings(graph) == CLEAN


def test_a_branch_that_stops_at_a_node_without_edges() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, drop, gather = nodes(graph, "plan web docs drop gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(web, drop, when=story.ready)
    graph.edge(web, gather)
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF164] Join 'gather' can wait for ever
          where  here   graph.edge(web, drop, when=story.ready)
                 its node
                 here   graph.fork(plan, [web, docs], join=gather)
          why    A branch that takes the path plan -> web -> drop stops there without reaching 'gather', so it can never arrive. (S6.2)
          fix    Lead it to the join: graph.edge(drop, gather)
        """
    )
    graph.edge(drop, gather)
    assert findings(graph) == CLEAN


def test_a_branch_that_is_caught_in_a_circle() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, again, gather = nodes(graph, "plan web docs again gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(web, again, at_most=3)
    graph.edge(again, web)
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF164] Join 'gather' can wait for ever
          where  here   graph.fork(plan, [web, docs], join=gather)
                 its node
          why    A branch that takes the path plan -> web is caught there without reaching 'gather', so it can never arrive. (S6.2)
          fix    Lead it to the join: graph.edge(again, gather, when=...)   # before graph.edge(again, web)
        """
    )


def test_a_target_without_edges_leads_to_the_join() -> None:
    graph = Declaration("news", Story)
    plan, web, gather = nodes(graph, "plan web gather")
    graph.edge(START, plan)
    graph.map(plan, web, over=story.items, join=gather, failures="stop")
    graph.edge(gather, END)
    assert findings(graph) == CLEAN


def test_a_need_that_the_fork_cannot_meet() -> None:
    """S6.6."""
    graph = Declaration("news", Story)
    plan, web, docs, gather = nodes(graph, "plan web docs gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather, need=quorum(3))
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF166] Join 'gather' can never fire
          where  here   graph.fork(plan, [web, docs], join=gather, need=quorum(3))
          why    It needs 3 branches, but the fork has 2: 'web' and 'docs'. (S6.6)
          fix    need=quorum(2) at most, or need='all'.
        """
    )


def test_best_effort_and_quorum_within_the_fork_are_clean() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, wiki, gather, done = nodes(graph, "plan web docs wiki gather done")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather, need=quorum(2))
    graph.fork(gather, [wiki], join=done, need=best_effort(at_least=1, within_s=5))
    graph.edge(done, END)
    assert findings(graph) == CLEAN


def test_the_wrap_up_lies_outside_forks() -> None:
    """S13.2: open forks close, and one cursor goes there."""
    graph = Declaration("news", Story)
    plan, web, docs, gather = nodes(graph, "plan web docs gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(gather, END)
    graph.on_budget(web)
    assert findings(graph) == said(
        """
        1 error

        [GF167] 'web', which wraps up when the budget is used up, is inside a fork
          where  its node
                 here   graph.fork(plan, [web, docs], join=gather)
          why    When the budget is used up open forks close and one cursor goes to it, so it cannot lie in a branch of 'plan' -> ('web', 'docs'). (S13.2, S6.2)
          fix    Give the wrap-up a node of its own outside the fork: graph.on_budget(wrap_up)
        """
    )


def test_forks_that_lie_in_each_other_get_an_answer() -> None:
    """Nothing nests here, and still everything ends."""
    graph = Declaration("knot", Story)
    plan, web, docs, gather = nodes(graph, "plan web docs gather")
    graph.edge(START, plan)
    graph.edge(plan, END, when=story.ready)
    graph.map(plan, web, over=story.items, join=gather)
    graph.edge(web, docs, when=story.score > 3)
    graph.map(web, plan, over=story.facts, join=docs)
    graph.edge(docs, gather)
    graph.edge(gather, END)
    assert {finding.code for finding in check(graph.plan()).errors} >= {"GF160", "GF161"}


def test_a_join_too_far_out_is_the_only_thing_said() -> None:
    """The ways of its branches to it leave the outer fork too, but that is the same mistake."""
    graph = Declaration("news", Story)
    plan, web, docs, deep, wide, gather, publish = nodes(graph, "plan web docs deep wide gather publish")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.fork(web, [deep, wide], join=publish)
    graph.chain(gather, publish, END)
    assert [finding.code for finding in check(graph.plan())] == ["GF163"]


def test_an_edge_out_of_two_forks_is_told_once() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, deep, wide, merge, gather = nodes(graph, "plan web docs deep wide merge gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.fork(web, [deep, wide], join=merge)
    graph.edge(deep, END, when=story.ready)
    graph.edge(deep, merge)
    graph.edge(merge, gather)
    graph.edge(gather, END)
    found = check(graph.plan())
    assert [(finding.code, finding.nodes) for finding in found] == [("GF160", ("deep", "END"))]
