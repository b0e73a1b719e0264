"""S1.2: every node can be reached from START, and from every node there is a way out."""

from __future__ import annotations

from graphflow.core.plan import Limits
from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, FAIL, START
from graphflow.graph.expressions import fields
from tests.graph.check.texts import CLEAN, Story, findings, nodes, said

story = fields(Story)


def test_a_graph_without_anything_is_empty() -> None:
    graph = Declaration("news", Story)
    assert findings(graph) == said(
        """
        1 error

        [GF140] Graph 'news' is empty
          where  here   graph = Declaration("news", Story)
          why    It has no nodes, and START leads nowhere. (S1.1)
          fix    Declare a node and lead to it: graph.edge(START, first)
        """
    )


def test_a_graph_that_only_ends_is_legal_but_pointed_out() -> None:
    graph = Declaration("news", Story)
    graph.edge(START, END)
    assert findings(graph) == said(
        """
        advice

        [GF140] Graph 'news' does nothing
          where  here   graph = Declaration("news", Story)
          why    It has no nodes: a run ends where it starts, with the state unchanged. (S1.1)
          fix    Declare a node and lead to it: graph.edge(START, first)
        """
    )


def test_start_needs_an_edge_and_nothing_else_is_said_until_it_has_one() -> None:
    graph = Declaration("news", Story)
    plan, write = nodes(graph, "plan write")
    graph.edge(plan, write)
    graph.edge(write, END)
    assert findings(graph) == said(
        """
        1 error

        [GF141] Nothing starts in graph 'news'
          where  here   graph = Declaration("news", Story)
          why    START has no edges, so no node is ever reached. (S1.1, S1.2)
          fix    graph.edge(START, plan)
        """
    )
    graph.edge(START, plan)
    assert findings(graph) == CLEAN


def test_a_node_that_cannot_be_reached_names_those_it_alone_leads_to() -> None:
    graph = Declaration("news", Story)
    plan, write, check_facts, publish = nodes(graph, "plan write check_facts publish")
    graph.edge(START, plan)
    graph.edge(plan, END)
    graph.edge(write, check_facts)
    graph.edge(check_facts, publish)
    graph.edge(publish, END)
    assert findings(graph) == said(
        """
        1 error

        [GF142] Node 'write' cannot be reached
          where  its node
          why    No edge leads to it from any node that can be reached from START. So 'check_facts' and 'publish' cannot be reached through it either. (S1.2)
          fix    Lead to it: graph.edge(..., write), or remove it.
        """
    )


def test_a_circle_that_cannot_be_reached_is_one_finding() -> None:
    graph = Declaration("news", Story)
    plan, write, review = nodes(graph, "plan write review")
    graph.edge(START, plan)
    graph.edge(plan, END)
    graph.edge(write, review)
    graph.edge(review, write, when=story.score < 7, at_most=3)
    graph.edge(review, END)
    assert findings(graph) == said(
        """
        1 error

        [GF142] Nodes 'write' and 'review' cannot be reached
          where  its node
          why    They lead to each other only; no edge comes from a node that can be reached from START. (S1.2)
          fix    Lead to it: graph.edge(..., write), or remove them.
        """
    )
    mended = Declaration("news", Story)
    plan, write, review = nodes(mended, "plan write review")
    mended.chain(START, plan, write, review)
    mended.edge(review, write, when=story.score < 7, at_most=3)
    mended.edge(review, END)
    assert findings(mended) == CLEAN


def test_a_node_without_edges_is_neither_called_unreachable_nor_stuck_besides() -> None:
    graph = Declaration("news", Story)
    plan, _ = nodes(graph, "plan lost")
    graph.chain(START, plan, END)
    assert findings(graph) == said(
        """
        1 error

        [GF144] Node 'lost' has no edges
          where  its node
          why    No edge leads to it and none away, so it never runs. (S1.2)
          fix    Lead to it and on from it, as in graph.edge(lost, END), or remove the node.
        """
    )


def test_a_dead_end_has_no_way_out() -> None:
    graph = Declaration("news", Story)
    plan, write = nodes(graph, "plan write")
    graph.chain(START, plan, write)
    assert findings(graph) == said(
        """
        1 error

        [GF143] Node 'write' has no way out
          where  its node
          why    It has no edges, so a run that comes here fails with NoWayOut. (S1.2, S4.4)
          fix    graph.edge(write, END)
        """
    )
    graph.edge(write, END)
    assert findings(graph) == CLEAN


def test_a_circle_without_exit_is_one_finding_and_what_leads_to_it_none() -> None:
    graph = Declaration("news", Story)
    plan, write, review = nodes(graph, "plan write review")
    graph.chain(START, plan, write, review)
    graph.edge(review, write, at_most=3)
    assert findings(graph) == said(
        """
        1 error

        [GF143] Nodes 'write' and 'review' have no way out
          where  its node
          why    They lead to each other only. No END or FAIL can be reached from here. (S1.2, S4.4)
          fix    graph.edge(review, END)
        """
    )
    graph.edge(review, END)
    assert findings(graph) == CLEAN


def test_the_edge_to_write_comes_before_one_that_always_matches() -> None:
    """S4.3: written behind it, the mend would be the next finding."""
    graph = Declaration("news", Story)
    plan, write = nodes(graph, "plan write")
    graph.chain(START, plan, write)
    graph.edge(write, plan, at_most="unbounded")
    assert findings(graph) == said(
        """
        1 error

        [GF143] Nodes 'plan' and 'write' have no way out
          where  its node
          why    They lead to each other only. No END or FAIL can be reached from here. (S1.2, S4.4)
          fix    graph.edge(write, END, when=...)   # before graph.edge(write, plan, at_most="unbounded")
        """
    )


def test_error_edges_and_timers_are_no_way_on_for_a_node_that_finishes() -> None:
    """S4.4: a node that finishes and has no exit is NoWayOut."""
    graph = Declaration("news", Story)
    plan, backup = nodes(graph, "plan backup")
    graph.edge(START, plan)
    graph.edge(plan, backup, on_error=ValueError)
    graph.edge(plan, END, after_s=60)
    graph.edge(backup, END)
    assert findings(graph) == said(
        """
        1 error

        [GF143] Node 'plan' has no way out when it finishes
          where  its node
                 here   graph.edge(plan, backup, on_error=ValueError)
                 here   graph.edge(plan, END, after_s=60)
          why    Its only edges are for errors and timers. When it finishes in time without an error, none is enabled and the run fails with NoWayOut. (S1.2, S4.4)
          fix    graph.edge(plan, END)
        """
    )
    graph.edge(plan, END)
    assert findings(graph) == CLEAN


def test_the_wrap_up_is_reached_by_the_budget_but_needs_a_way_out() -> None:
    """S13.2: nothing has to lead to it."""
    graph = Declaration("news", Story)
    plan, wrap_up = nodes(graph, "plan wrap_up")
    graph.chain(START, plan, END)
    graph.on_budget(wrap_up)
    assert findings(graph) == said(
        """
        1 error

        [GF143] Node 'wrap_up' has no way out
          where  its node
          why    It has no edges, so a run that comes here fails with NoWayOut. (S1.2, S4.4)
          fix    graph.edge(wrap_up, END)
        """
    )
    graph.edge(wrap_up, END)
    assert findings(graph) == CLEAN


def test_fail_is_a_way_out() -> None:
    graph = Declaration("news", Story)
    (plan,) = nodes(graph, "plan")
    graph.chain(START, plan, FAIL)
    assert findings(graph) == CLEAN


def test_a_way_longer_than_the_limit_of_steps() -> None:
    graph = Declaration("news", Story, limits=Limits(steps=3))
    graph.chain(START, *nodes(graph, "a b c d"), END)
    assert findings(graph) == said(
        """
        1 warning

        [GF158] The shortest way through graph 'news' takes 4 steps
          where  here   graph = Declaration("news", Story, limits=Limits(steps=3))
          why    A run may take 3 steps, so none can reach its end: START -> a -> b -> c -> d -> END. (S4.5, S17)
          fix    Graph(..., limits=Limits(steps=8))
        """
    )
    enough = Declaration("news", Story, limits=Limits(steps=4))
    enough.chain(START, *nodes(enough, "a b c d"), END)
    assert findings(enough) == CLEAN


def test_findings_come_all_at_once_and_in_a_stable_order() -> None:
    def broken() -> Declaration[Story]:
        graph = Declaration("news", Story)
        plan, write, _, stop, other = nodes(graph, "plan write lost stop other")
        graph.edge(START, plan)
        graph.edge(plan, write)
        graph.edge(plan, stop)
        graph.edge(write, plan)
        graph.edge(other, END)
        return graph

    codes = [finding.code for finding in check(broken().plan())]
    assert codes == ["GF144", "GF142", "GF143", "GF145", "GF156"]
    assert [finding.code for finding in check(broken().plan())] == codes
