"""Conditions as Python that can be pasted (S5.2, S5.3): it makes the same tree again."""

from __future__ import annotations

from typing import Any

import pytest

from graphflow import END, START, Graph, Limit, fields, not_, one_of, size
from graphflow.graph.expressions import ITEM, contains, term_of
from graphflow.graph.lines import line
from tests.graph.check.texts import Story, nodes
from tests.graph.trees import Colour, State

state: Any = fields(State)
NAMES = {
    "fields": fields, "State": State, "ITEM": ITEM, "Colour": Colour, "not_": not_, "one_of": one_of, "size": size,
    "contains": contains,
}  # fmt: skip
EXAMPLES = [
    (state.n >= 3, "fields(State).n >= 3"),
    (state.kind == "a", 'fields(State).kind == "a"'),
    ((state.n >= 3) & (size(state.tags) > 0), "(fields(State).n >= 3) & (size(fields(State).tags) > 0)"),
    (
        (state.n >= 3) & state.done | (state.m < 2),
        "((fields(State).n >= 3) & fields(State).done) | (fields(State).m < 2)",
    ),
    (not_(state.n >= 3), "not_(fields(State).n >= 3)"),
    (not_(one_of(state.kind, ["a", "b"])), 'not_(one_of(fields(State).kind, ["a", "b"]))'),
    (contains(state.tags, "a"), 'contains(fields(State).tags, "a")'),
    (state.colour == Colour.RED, "fields(State).colour == Colour.RED"),
    (state.review == None, "fields(State).review == None"),
    (state.review.score > 3, "fields(State).review.score > 3"),
    ((state.n + state.m) * 2 > 0, "((fields(State).n + fields(State).m) * 2) > 0"),
    (state.n - (state.m - 1) > 0, "(fields(State).n - (fields(State).m - 1)) > 0"),
    (ITEM.score > 3, "ITEM.score > 3"),
]


@pytest.mark.parametrize(("condition", "text"), EXAMPLES, ids=[text for _, text in EXAMPLES])
def test_a_line_makes_the_same_tree(condition: object, text: str) -> None:
    assert line(term_of(condition), "State") == text
    assert term_of(eval(text, NAMES)) == term_of(condition)


story = fields(Story)


def fix_of(graph: Graph[Any], code: str) -> str:
    return next(finding.fix for finding in graph.check() if finding.code == code)


def test_the_limit_of_a_cycle_is_told_as_lines_to_paste() -> None:
    """GF156, S4.5: also where the edges were made by another verb, and of a graph that is called something else."""
    desk = Graph("desk", Story)
    read, answer = nodes(desk, "read answer")
    desk.edge(START, read)
    desk.switch(read, story.kind, {"web": answer, "docs": END})
    desk.chain(answer, read)
    lines = fix_of(desk, "GF156").splitlines()
    assert lines[0] in (
        'desk.edge(read, answer, when=fields(Story).kind == "web", at_most=3)',
        "desk.edge(answer, read, at_most=3)",
    )
    knot = Graph("knot", Story)
    a, b, c = nodes(knot, "a b c")
    knot.edge(START, a)
    knot.switch(a, story.kind, {"web": b, "docs": c}, otherwise=END)
    knot.switch(b, story.kind, {"web": a}, otherwise=END)
    knot.switch(c, story.kind, {"web": a}, otherwise=END)
    told = fix_of(knot, "GF156")
    assert 'knot.edge(b, a, when=fields(Story).kind == "web", at_most=rounds)' in told
    rounds = Limit(10)
    names: dict[str, Any] = {"knot": knot, "a": a, "b": b, "c": c, "fields": fields, "Story": Story, "rounds": rounds}
    for one in told.splitlines()[1:]:
        eval(one, names)  # it can be pasted


def test_the_policy_of_a_map_is_told_as_a_line_to_paste() -> None:
    """GF188: its own words cannot be taken over from several lines."""
    graph = Graph("news", Story)
    plan, web, gather = nodes(graph, "plan web gather")
    graph.edge(START, plan)
    graph.map(
        plan,
        web,
        over=story.items,
        join=gather,
    )
    graph.edge(gather, END)
    line = "graph.map(plan, web, over=fields(Story).items, join=gather, need=best_effort(at_least=1))"
    assert fix_of(graph, "GF188").startswith(line)
