"""S12: graphs used as nodes are checked once each, under the path by which they were come to."""

from __future__ import annotations

from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from tests.graph.check.texts import CLEAN, Story, findings, nodes, said, work

story = fields(Story)


def inner(name: str = "research") -> Declaration[Story]:
    graph = Declaration(name, Story)
    (search,) = nodes(graph, "search")
    graph.edge(START, search)
    return graph


def test_findings_of_an_inner_graph_carry_its_path_and_come_once() -> None:
    research = inner()
    graph = Declaration("desk", Story)
    first = graph.node(research, name="first")
    second = graph.node(research, name="second")
    graph.chain(START, first, second, END)
    found = check(graph.plan())
    assert [(finding.code, finding.graph, finding.nodes) for finding in found] == [
        ("GF143", "desk/first", ("search",)),
    ]
    research.edge("search", END)
    assert findings(graph) == CLEAN


def test_a_graph_in_a_graph_in_a_graph() -> None:
    middle = Declaration("middle", Story)
    deepest = middle.node(inner(), name="deepest")
    middle.chain(START, deepest, END)
    graph = Declaration("desk", Story)
    graph.chain(START, graph.node(middle, name="middle"), END)
    assert [finding.graph for finding in check(graph.plan())] == ["desk/middle/deepest"]


def test_a_graph_that_can_only_end_by_entering_itself_again() -> None:
    """S12.2: TooDeep would be the end of every run."""
    graph = Declaration("dig", Story)
    look = graph.node(work, name="look")
    deeper = graph.node(graph, name="deeper")
    graph.chain(START, look, deeper, END)
    assert findings(graph) == said(
        """
        1 error

        [GF181] Graph 'dig' can only end by entering itself again
          where  here   graph = Declaration("dig", Story)
                 here   deeper = graph.node(graph, name="deeper")
          why    Every path from START to an end passes 'deeper', which leads back into this graph, so a run ends with TooDeep. (S12.2)
          fix    Lead to an end before it, on a condition: graph.edge(..., END, when=...) declared before the edge to deeper.
        """
    )


def test_a_condition_that_leads_past_the_recursion_is_enough() -> None:
    graph = Declaration("dig", Story)
    look = graph.node(work, name="look")
    deeper = graph.node(graph, name="deeper")
    graph.edge(START, look)
    graph.edge(look, END, when=story.score >= 7)
    graph.edge(look, deeper)
    graph.edge(deeper, END)
    assert findings(graph) == CLEAN


def test_two_graphs_that_only_enter_each_other() -> None:
    ping, pong = Declaration("ping", Story), Declaration("pong", Story)
    ping.chain(START, ping.node(pong, name="to pong"), END)
    pong.chain(START, pong.node(ping, name="to ping"), END)
    found = check(ping.plan())
    assert [(finding.code, finding.graph, finding.nodes) for finding in found] == [("GF181", "ping", ("to pong",))]


def test_a_graph_around_an_endless_one_is_not_blamed() -> None:
    dig = Declaration("dig", Story)
    dig.chain(START, dig.node(dig, name="deeper"), END)
    graph = Declaration("desk", Story)
    graph.chain(START, graph.node(dig, name="dig"), END)
    assert [(finding.code, finding.graph) for finding in check(graph.plan())] == [("GF181", "desk/dig")]


def test_a_branch_that_goes_around_the_recursion() -> None:
    """S6.1: a map over nothing goes straight on, so recursion inside a map can end."""
    graph = Declaration("tree", Story)
    split, gather = nodes(graph, "split gather")
    child = graph.node(graph, name="child")
    graph.edge(START, split)
    graph.map(split, child, over=story.items, join=gather)
    graph.edge(gather, END)
    assert not [finding for finding in check(graph.plan()) if finding.code == "GF181"]
