"""S4.5: every cycle has an at_most, or an ask or timer, on it."""

from __future__ import annotations

import pytest

from graphflow.core.plan import Limit
from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from tests.graph.check.texts import CLEAN, Story, findings, nodes, said

story = fields(Story)


def essay(**options: object) -> Declaration[Story]:
    graph = Declaration("essay", Story)
    write, review = nodes(graph, "write review")
    graph.chain(START, write, review)
    graph.edge(review, END, when=story.score >= 7)
    graph.edge(review, write, **options)
    return graph


def test_a_cycle_without_limit_names_the_edge_to_bound() -> None:
    graph = Declaration("essay", Story)
    write, review = nodes(graph, "write review")
    graph.edge(START, write)
    graph.edge(write, review)
    graph.edge(review, END, when=story.score >= 7)
    graph.edge(review, write)
    assert findings(graph) == said(
        """
        1 error

        [GF156] The cycle write -> review -> write has no limit
          where  here   graph.edge(review, write)
          why    No edge on it has an at_most, and no node or timer on it waits, so a run may go round until its steps are used up. (S4.5)
          fix    graph.edge(review, write, at_most=3)
                 graph.edge(review, END)   # and after the last round
                 or at_most="unbounded", which says that the conditions end it.
        """
    )


@pytest.mark.parametrize("at_most", ["unbounded", Limit(3)])
def test_unbounded_and_a_shared_limit_are_accepted(at_most: object) -> None:
    assert not check(essay(at_most=at_most).plan()).errors


def test_a_node_that_leads_to_itself() -> None:
    graph = Declaration("essay", Story)
    (write,) = nodes(graph, "write")
    graph.edge(START, write)
    graph.edge(write, write, when=story.score < 7)
    graph.edge(write, END)
    assert findings(graph) == said(
        """
        1 error

        [GF156] The cycle write -> write has no limit
          where  here   graph.edge(write, write, when=story.score < 7)
          why    No edge on it has an at_most, and no node or timer on it waits, so a run may go round until its steps are used up. (S4.5)
          fix    graph.edge(write, write, when=story.score < 7, at_most=3)
                 or at_most="unbounded", which says that the conditions end it.
        """
    )


def test_a_question_on_the_cycle_is_enough() -> None:
    graph = Declaration("essay", Story)
    (write,) = nodes(graph, "write")
    approve = graph.ask("approve", "Send?", answer=bool, writes=story.ready)
    graph.chain(START, write, approve)
    graph.edge(approve, END, when=story.ready)
    graph.edge(approve, write)
    assert findings(graph) == CLEAN


def test_a_timer_on_the_cycle_is_enough() -> None:
    graph = Declaration("essay", Story)
    write, slow = nodes(graph, "write slow")
    graph.chain(START, write, END)
    graph.edge(write, slow, after_s=60)
    graph.edge(slow, write)
    assert findings(graph) == CLEAN


def test_cycles_through_error_edges_count() -> None:
    graph = Declaration("essay", Story)
    write, mend = nodes(graph, "write mend")
    graph.chain(START, write, END)
    graph.edge(write, mend, on_error=ValueError)
    graph.edge(mend, write)
    assert findings(graph) == said(
        """
        1 error

        [GF156] The cycle write -> mend -> write has no limit
          where  here   graph.edge(write, mend, on_error=ValueError)
          why    No edge on it has an at_most, and no node or timer on it waits, so a run may go round until its steps are used up. (S4.5)
          fix    graph.edge(write, mend, on_error=ValueError, at_most=3)
                 or at_most="unbounded", which says that the conditions end it.
        """
    )


def test_a_hub_with_many_cycles_is_one_finding_with_one_shared_limit() -> None:
    graph = Declaration("team", Story)
    lead, *others = nodes(graph, "lead a b c d e")
    graph.edge(START, lead)
    for other in others:
        graph.handoff(lead, other, f"Does {other.name}")
        graph.edge(other, lead)
    graph.edge(lead, END)
    assert findings(graph) == said(
        """
        1 error

        [GF156] The cycle lead -> a -> lead has no limit
          where  here   graph.handoff(lead, other, f"Does {other.name}")
          why    No edge on it has an at_most, and no node or timer on it waits, so a run may go round until its steps are used up. So may other cycles through the same nodes. (S4.5)
          fix    rounds = Limit(10)   # one count for all of these
                 graph.handoff(lead, other, f"Does {other.name}", at_most=rounds)
        """
    )


def test_a_cycle_around_a_fork() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, gather = nodes(graph, "plan web docs gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(gather, plan, when=story.score < 7)
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF156] The cycle plan -> (web, docs) -> gather -> plan has no limit
          where  here   graph.edge(gather, plan, when=story.score < 7)
          why    No edge on it has an at_most, and no node or timer on it waits, so a run may go round until its steps are used up. (S4.5)
          fix    graph.edge(gather, plan, when=story.score < 7, at_most=3)
                 or at_most="unbounded", which says that the conditions end it.
        """
    )


def test_a_limit_inside_a_branch_does_not_bound_the_cycle_around_the_fork() -> None:
    """S2.2: each branch of each fork is a scope of its own, in which takings are counted anew."""
    graph = Declaration("news", Story)
    plan, web, docs, gather = nodes(graph, "plan web docs gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(web, web, when=story.score < 5, at_most=3)
    graph.edge(web, gather)
    graph.edge(gather, plan, when=story.score < 7)
    graph.edge(gather, END)
    assert [finding.code for finding in check(graph.plan())] == ["GF156"]


def test_a_question_inside_a_branch_is_on_the_cycle_around_the_fork() -> None:
    graph = Declaration("news", Story)
    plan, web, gather = nodes(graph, "plan web gather")
    approve = graph.ask("approve", "Send?", answer=bool, writes=story.ready)
    graph.edge(START, plan)
    graph.fork(plan, [web, approve], join=gather)
    graph.edge(gather, plan, when=story.score < 7)
    graph.edge(gather, END)
    assert findings(graph) == CLEAN


def test_a_cycle_inside_a_branch() -> None:
    graph = Declaration("news", Story)
    plan, web, docs, gather = nodes(graph, "plan web docs gather")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(web, web, when=story.score < 5)
    graph.edge(web, gather)
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF156] The cycle web -> web has no limit
          where  here   graph.edge(web, web, when=story.score < 5)
          why    No edge on it has an at_most, and no node or timer on it waits, so a run may go round until its steps are used up. (S4.5)
          fix    graph.edge(web, web, when=story.score < 5, at_most=3)
                 or at_most="unbounded", which says that the conditions end it.
        """
    )


def test_bounding_what_is_named_leaves_no_cycle() -> None:
    """Two cycles that share nodes: both edges that are named are needed, and enough."""
    graph = Declaration("news", Story)
    a, b, c = nodes(graph, "a b c")
    graph.edge(START, a)
    graph.edge(a, b)
    graph.edge(b, a, when=story.score < 3)
    graph.edge(b, c)
    graph.edge(c, a, when=story.score < 7)
    graph.edge(c, END)
    assert findings(graph) == said(
        """
        1 error

        [GF156] The cycle a -> b -> a has no limit
          where  here   graph.edge(b, a, when=story.score < 3)
                 here   graph.edge(c, a, when=story.score < 7)
          why    No edge on it has an at_most, and no node or timer on it waits, so a run may go round until its steps are used up. So may other cycles through the same nodes. (S4.5)
          fix    rounds = Limit(10)   # one count for all of these
                 graph.edge(b, a, when=story.score < 3, at_most=rounds)
                 graph.edge(c, a, when=story.score < 7, at_most=rounds)
        """
    )
    mended = Declaration("news", Story)
    a, b, c = nodes(mended, "a b c")
    rounds = Limit(10)
    mended.edge(START, a)
    mended.edge(a, b)
    mended.edge(b, a, when=story.score < 3, at_most=rounds)
    mended.edge(b, c)
    mended.edge(c, a, when=story.score < 7, at_most=rounds)
    mended.edge(c, END)
    assert findings(mended) == CLEAN
