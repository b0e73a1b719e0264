"""Edges that can never be taken: by their order, their class, their time, or the kind of their node."""

from __future__ import annotations

from graphflow.errors import ModelError, RateLimited
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from tests.graph.check.texts import CLEAN, Story, findings, nodes, said

story = fields(Story)


def test_two_plain_edges_print_the_fork_to_write() -> None:
    """S4.3: check fails and prints the fork to write if both were meant."""
    graph = Declaration("news", Story)
    plan, web, docs, gather = nodes(graph, "plan web docs gather")
    graph.edge(START, plan)
    graph.edge(plan, web)
    graph.edge(plan, docs)
    graph.edge(web, gather)
    graph.edge(docs, gather)
    graph.edge(gather, END)
    assert findings(graph) == said(
        """
        1 error

        [GF145] Edge 'plan' -> 'docs' can never be taken
          where  here   graph.edge(plan, web)
                 here   graph.edge(plan, docs)
          why    Edges are tried in the order declared, and 'plan' -> 'web' before it has no condition and no limit, so it is always taken. (S4.2, S4.3)
          fix    If all were meant: graph.fork(plan, [web, docs], join=gather)
                 If one of them: give the earlier one a condition, when=...
        """
    )
    mended = Declaration("news", Story)
    plan, web, docs, gather = nodes(mended, "plan web docs gather")
    mended.edge(START, plan)
    mended.fork(plan, [web, docs], join=gather)
    mended.edge(gather, END)
    assert findings(mended) == CLEAN


def test_a_condition_behind_a_plain_edge_has_to_come_first() -> None:
    graph = Declaration("news", Story)
    (review,) = nodes(graph, "review")
    graph.edge(START, review)
    graph.edge(review, END)
    graph.edge(review, review, when=story.score < 7, at_most=3)
    assert findings(graph) == said(
        """
        1 error

        [GF145] Edge 'review' -> 'review' can never be taken
          where  here   graph.edge(review, END)
                 here   graph.edge(review, review, when=story.score < 7, at_most=3)
          why    Edges are tried in the order declared, and 'review' -> END before it has no condition and no limit, so it is always taken. (S4.2, S4.3)
          fix    Declare graph.edge(review, END) last, behind the edges with a condition or limit.
        """
    )
    mended = Declaration("news", Story)
    (review,) = nodes(mended, "review")
    mended.edge(START, review)
    mended.edge(review, review, when=story.score < 7, at_most=3)
    mended.edge(review, END)
    assert findings(mended) == CLEAN


def test_a_limited_edge_first_leaves_the_next_one_alive() -> None:
    """S4.2: its limit may be used up."""
    graph = Declaration("news", Story)
    (review,) = nodes(graph, "review")
    graph.edge(START, review)
    graph.edge(review, review, at_most=3)
    graph.edge(review, END)
    assert findings(graph) == CLEAN


def test_several_dead_edges_of_a_node_are_one_finding() -> None:
    graph = Declaration("news", Story)
    plan, web, docs = nodes(graph, "plan web docs")
    graph.edge(START, plan)
    graph.edge(plan, web)
    graph.edge(plan, docs)
    graph.edge(plan, END)
    graph.edge(web, END)
    graph.edge(docs, END)
    assert findings(graph) == said(
        """
        1 error

        [GF145] 2 edges of 'plan' can never be taken
          where  here   graph.edge(plan, web)
                 here   graph.edge(plan, docs)
                 here   graph.edge(plan, END)
          why    Edges are tried in the order declared, and 'plan' -> 'web' before them has no condition and no limit, so it is always taken. (S4.2, S4.3)
          fix    Give the earlier one a condition, when=..., or leave out the one that is not meant.
        """
    )


def test_at_most_zero_is_legal_and_pointed_out() -> None:
    """S4.5."""
    graph = Declaration("news", Story)
    (review,) = nodes(graph, "review")
    graph.edge(START, review)
    graph.edge(review, review, at_most=0)
    graph.edge(review, END)
    assert findings(graph) == said(
        """
        advice

        [GF152] Edge 'review' -> 'review' is never taken
          where  here   graph.edge(review, review, at_most=0)
          why    Its at_most is 0, which is legal. (S4.5)
          fix    If this was meant, do nothing. Else say how often: at_most=1
        """
    )


def test_an_error_edge_behind_one_for_a_base_class_is_dead() -> None:
    """S8.2: error edges are tried in order by class."""
    graph = Declaration("news", Story)
    plan, wait, backup = nodes(graph, "plan wait backup")
    graph.chain(START, plan, END)
    graph.edge(plan, backup, on_error=ModelError)
    graph.edge(plan, wait, on_error=RateLimited)
    graph.edge(wait, END)
    graph.edge(backup, END)
    assert findings(graph) == said(
        """
        1 error

        [GF153] Error edge 'plan' -> 'wait' for RateLimited can never be taken
          where  here   graph.edge(plan, backup, on_error=ModelError)
                 here   graph.edge(plan, wait, on_error=RateLimited)
          why    Error edges are tried in the order declared, and 'plan' -> 'backup' before it catches ModelError, which RateLimited is a kind of. (S8.2)
          fix    Declare graph.edge(plan, wait, on_error=RateLimited) first.
        """
    )
    mended = Declaration("news", Story)
    plan, wait, backup = nodes(mended, "plan wait backup")
    mended.chain(START, plan, END)
    mended.edge(plan, wait, on_error=RateLimited)
    mended.edge(plan, backup, on_error=ModelError)
    mended.edge(wait, END)
    mended.edge(backup, END)
    assert findings(mended) == CLEAN


def test_the_same_class_twice() -> None:
    graph = Declaration("news", Story)
    plan, wait, backup = nodes(graph, "plan wait backup")
    graph.chain(START, plan, END)
    graph.edge(plan, backup, on_error=ModelError)
    graph.edge(plan, wait, on_error=ModelError)
    graph.edge(wait, END)
    graph.edge(backup, END)
    assert findings(graph) == said(
        """
        1 error

        [GF153] Error edge 'plan' -> 'wait' for ModelError can never be taken
          where  here   graph.edge(plan, backup, on_error=ModelError)
                 here   graph.edge(plan, wait, on_error=ModelError)
          why    Error edges are tried in the order declared, and 'plan' -> 'backup' before it catches it. (S8.2)
          fix    Leave one of them out.
        """
    )


def test_a_limited_error_edge_leaves_the_next_one_alive() -> None:
    graph = Declaration("news", Story)
    plan, backup = nodes(graph, "plan backup")
    graph.chain(START, plan, END)
    graph.edge(plan, plan, on_error=ModelError, at_most=2)
    graph.edge(plan, backup, on_error=RateLimited)
    graph.edge(backup, END)
    assert findings(graph) == CLEAN


def test_a_later_timer_never_fires() -> None:
    """S10.3."""
    graph = Declaration("news", Story)
    plan, late, later = nodes(graph, "plan late later")
    graph.chain(START, plan, END)
    graph.edge(plan, late, after_s=60)
    graph.edge(plan, later, after_s=90)
    graph.edge(late, END)
    graph.edge(later, END)
    assert findings(graph) == said(
        """
        1 error

        [GF154] Timer 'plan' -> 'later' after 90 s can never be taken
          where  here   graph.edge(plan, late, after_s=60)
                 here   graph.edge(plan, later, after_s=90)
          why    'plan' -> 'late' is always taken after 60 s, and 'plan' is left then. (S10.3)
          fix    Give the earlier one a condition or an at_most, or leave one of them out.
        """
    )
    mended = Declaration("news", Story)
    plan, late, later = nodes(mended, "plan late later")
    mended.chain(START, plan, END)
    mended.edge(plan, late, after_s=60, when=story.ready)
    mended.edge(plan, later, after_s=90)
    mended.edge(late, END)
    mended.edge(later, END)
    assert findings(mended) == CLEAN
