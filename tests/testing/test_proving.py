"""``prove``: exact on every state, the same code as ``check``, and z3 where regions cannot decide."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from itertools import product
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from graphflow import END, START, Graph, fields, not_, size
from graphflow.core.plan import Guard
from graphflow.errors import ArgumentInvalid, Place
from graphflow.graph.expressions import ITEM, guard_of
from graphflow.graph.regions import decide
from graphflow.graph.terms import Arithmetic, Compare, Constant, Not, Size, Term, all_of, any_of
from graphflow.graph.terms import Field as FieldTerm
from graphflow.graph.verdicts import Verdict
from graphflow.testing import prove
from graphflow.testing.proving import solving
from tests.graph import test_regions as regions

HERE = Place("graphs/news.py", 3)


class Small(BaseModel):
    n: Annotated[int, Field(ge=-2, le=2)] = 0
    m: Annotated[int, Field(ge=0, le=3)] = 0
    maybe: Annotated[int | None, Field(ge=0, le=1)] = None
    tags: Annotated[list[str], Field(max_length=2)] = []
    wide: int = 0
    x: float = 0.0
    y: float = 0.0
    price: Decimal = Decimal(0)
    text: str = ""
    other: str = ""
    done: bool = False


small = fields(Small)


def decided(*conditions: Any, **options: Any) -> Verdict:
    guards = [None if one is None else guard_of(one, Small, HERE) for one in conditions]
    return decide(guards, Small, solver=solving.solve, **options)


class TestSolver:
    """What regions leave open, z3 decides."""

    pytestmark = pytest.mark.skipif(not solving.is_installed(), reason="z3 is an extra")

    def test_fields_with_fields(self) -> None:
        assert decided(small.n > small.m, small.n <= small.m) == decided(None)
        found = decided(small.n > small.m, small.n < small.m)
        assert found.proved
        assert found.gap is not None
        assert found.gap["n"] == found.gap["m"]

    def test_arithmetic(self) -> None:
        assert decided(small.n + small.m > 5, None).dead == (0,)
        assert decided(small.n + small.m > 4, None).dead == ()
        assert decided(small.wide * 2 == 7, None).dead == (0,)
        found = decided(small.wide + small.n > 10, small.wide > 8)
        assert (found.proved, found.shadowed) == (True, ())
        assert decided(small.wide > 8, small.wide + small.n > 10).shadowed[0].index == 1

    def test_none(self) -> None:
        """S5.3: an ordering with None is false."""
        found = decided(small.maybe >= small.m, small.maybe < small.m)  # type: ignore[operator]
        assert found.proved
        assert found.gap is not None
        assert found.gap["maybe"] is None

    def test_a_predicate_that_forgets_none(self) -> None:
        """S5.4."""
        found = decided(lambda s: s.maybe > s.m, None)
        assert [one.witness["maybe"] for one in found.raises] == [None]
        assert "NoneType" in found.raises[0].error or "None" in found.raises[0].error

    def test_floats_are_compared_exactly_and_their_sums_never_trusted(self) -> None:
        """x + 0.1 may round: only what holds for every function of the two is proved, the rest is shown or unknown."""
        assert decided(small.x > small.y, small.x <= small.y).proved
        assert decided(small.x + small.y > 1, small.x + small.y <= 1).is_total
        found = decided(small.x + small.y > small.x, small.y <= 0)
        assert found.dead == ()
        assert not found.is_total  # 1e30 + 1 > 1e30 is false
        assert found.gap is None or found.gap["x"] + found.gap["y"] <= found.gap["x"]

    def test_sizes_and_texts(self) -> None:
        assert decided(size(small.tags) > small.m, size(small.tags) <= small.m).proved
        assert decided(small.text == small.other, small.text != small.other).proved
        found = decided(small.text == small.other, None)
        assert (found.dead, found.proved) == ((), True)

    def test_an_opaque_condition_stays_a_free_boolean(self) -> None:
        """Never a "must"."""
        found = decided(lambda s: any(s.tags), small.n > small.m)
        assert not found.proved
        assert found.gap is None
        assert found.possible_gap is not None
        assert decided(lambda s: any(s.tags), small.n > small.m, small.n <= small.m).is_total

    def test_it_is_not_asked_about_what_regions_decide(self) -> None:
        def refuse(*_: Any) -> None:
            raise AssertionError("asked")

        guards = [guard_of(small.n > 1, Small, HERE), guard_of(lambda s: any(s.tags), Small, HERE)]
        decide(guards, Small, solver=refuse)

    def test_too_many_combinations_are_none_to_it(self) -> None:
        found = decided(
            all_of(*(Compare(">", FieldTerm(name), Constant(0)) for name in ("n", "m", "wide"))),
            None,
            most_combinations=3,
        )
        assert not found.is_unknown
        assert found.proved

    def test_where_it_gives_up_nothing_is_claimed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(solving, "_EFFORT", 1)
        found = decided(small.wide * small.wide * small.wide + small.n == small.m * 77, small.wide > small.n)
        assert not found.proved
        assert found.gap is None or found.possible_gap is None

    @given(regions.guard_sets())
    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    def test_regions_and_z3_agree(self, drawn: tuple[list[Guard | None], list[bool]]) -> None:
        """A law: two ways of deciding that share nothing but the semantics say the same."""
        guards, limited = drawn
        one = decide(guards, regions.World, limited=limited)
        other = decide(guards, regions.World, limited=limited, solver=solving.solve, most_combinations=-1)
        regions.check_witnesses(other, guards, limited)
        if one.proved and other.proved:
            assert summary(one) == summary(other)

    def test_most_of_what_they_agree_on_is_proved_by_both(self) -> None:
        """Otherwise the law above would say little."""
        for name in ("n", "wide", "maybe", "x", "done", "kind", "review", "text"):
            guards = [guard_of(FieldTerm(name), regions.World, HERE)]
            assert decide(guards, regions.World, solver=solving.solve, most_combinations=-1).proved


def summary(found: Verdict) -> object:
    return (
        found.dead,
        [one.index for one in found.shadowed],
        found.gap is None,
        found.gap_without_limited is None,
        [one.index for one in found.raises],
        [(one.first, one.second, one.is_nested) for one in found.overlaps],
    )


# Arithmetic over a world so small that every state can be tried.

VALUES: dict[str, list[Any]] = {
    "n": [-2, -1, 0, 1, 2],
    "m": [0, 1, 2, 3],
    "maybe": [None, 0, 1],
    "tags": [[], ["x"], ["x", "x"]],
}


@st.composite
def calculating(draw: st.DrawFn) -> list[Guard | None]:
    leaf: Any = st.sampled_from(
        [
            FieldTerm("n"),
            FieldTerm("m"),
            FieldTerm("maybe"),
            Size(FieldTerm("tags")),
            Constant(0),
            Constant(1),
            Constant(2),
        ]
    )
    values: Any = st.recursive(
        leaf, lambda below: st.builds(Arithmetic, st.sampled_from("+-*"), below, below), max_leaves=3
    )
    signs: Any = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    atoms: Any = st.builds(Compare, signs, values, values)
    trees: st.SearchStrategy[Term] = st.recursive(
        atoms,
        lambda below: st.one_of(
            below.map(Not),
            st.lists(below, min_size=2, max_size=2).map(lambda parts: all_of(*parts)),
            st.lists(below, min_size=2, max_size=2).map(lambda parts: any_of(*parts)),
        ),
        max_leaves=3,
    )
    found = draw(st.lists(st.one_of(trees, trees, st.none()), min_size=1, max_size=3))
    return [None if tree is None else guard_of(tree, Small, HERE) for tree in found]


def tried(guards: Sequence[Guard | None]) -> set[tuple[bool | None, ...]]:
    states = (dict(zip(VALUES, row, strict=True)) for row in product(*VALUES.values()))
    return {regions.outcome_on(guards, state) for state in states}


@pytest.mark.skipif(not solving.is_installed(), reason="z3 is an extra")
@given(calculating())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_arithmetic_is_decided_as_trying_every_state_does(guards: list[Guard | None]) -> None:
    """S4.4, a law: exact where it says proved; never wrong elsewhere."""
    found, outcomes = decide(guards, Small, solver=solving.solve), tried(guards)
    numbers = range(len(guards))
    dead = {n for n in numbers if not any(one[n] for one in outcomes)}
    has_gap = any(all(holds is False for holds in one) for one in outcomes)
    assert set(found.dead) <= dead
    if found.is_total:
        assert not has_gap
    if found.gap is not None:
        assert has_gap
        assert not any(regions.outcome_on(guards, found.gap))
    if found.proved:
        assert set(found.dead) == dead
        assert (found.gap is not None) == has_gap


class News(BaseModel):
    score: int = 0
    limit: int = 5
    ready: bool = False
    rounds: int | None = None
    items: list[int] = []


news = fields(News)


def newsroom(*conditions: Any) -> Graph[News]:
    graph = Graph("newsroom", News)
    review, write = graph.point("review"), graph.point("write")
    graph.edge(START, review)
    for one in conditions:
        graph.edge(review, write, when=one)
    graph.edge(write, END)
    return graph


class TestProve:
    def test_total(self) -> None:
        found = prove(newsroom(news.score >= 7, news.score < 7))
        assert found.is_proved
        assert found.node("review").is_total
        assert str(found) == (
            "newsroom: conditions of 1 node, all decided\n  review  total      on every state an edge is enabled"
        )

    def test_every_kind_of_verdict(self) -> None:
        """S4.2, S4.4, S5.4."""
        one = prove(newsroom(news.score > 5, news.score > 7, (news.score > 3) & (news.score < 3), news.score < 4)).node(
            "review"
        )
        assert one.never == ("review -> write",)
        assert one.shadowed == ("review -> write",)
        assert one.gap == {"score": 4}
        raising = prove(newsroom(lambda s: s.rounds > 3, None)).node("review")
        assert [each.witness for each in raising.verdict.raises] == [{"rounds": None}]
        overlap = prove(newsroom(news.score > 3, news.score < 7)).node("review")
        assert "overlap" in dict(overlap.lines)
        assert [what for what, _ in one.lines] == ["dead", "shadowed", "gap"]

    def test_the_command_line_says_the_same(self) -> None:
        """One code: every finding of check about conditions is one of prove, in the same words."""
        graph = newsroom(news.score > 5, news.score > 7, news.score < 4)
        assert [str(one) for one in prove(graph).findings] == [
            str(one)
            for one in graph.check()
            if one.code in ("GF146", "GF147", "GF148", "GF149", "GF150", "GF151", "GF159")
        ]

    def test_without_z3_what_is_open_is_said_to_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        graph = newsroom(news.score > news.limit, news.score <= news.limit)
        monkeypatch.setattr(solving, "is_installed", lambda: False)
        found = prove(graph)
        assert not found.is_proved
        assert found.node("review").gap is None
        assert not found.node("review").is_total
        assert "compares fields with fields" in found.node("review").reason
        assert "graphflow-agents[prove]" in str(found)

    @pytest.mark.skipif(not solving.is_installed(), reason="z3 is an extra")
    def test_with_z3_it_is_proved(self) -> None:
        found = prove(newsroom(news.score > news.limit, news.score < news.limit))
        assert found.is_proved
        gap = found.node("review").gap
        assert gap is not None
        assert gap["score"] == gap["limit"]
        assert prove(newsroom(news.score > news.limit, not_(news.score > news.limit))).node("review").is_total

    def test_graphs_inside_have_a_path(self) -> None:
        inner = newsroom(news.score > 5)
        outer: Graph[News] = Graph("outer", News)
        step = outer.node(inner, name="step")
        outer.edge(START, step)
        outer.edge(step, END)
        assert prove(outer).node("step/review").gap == {"score": 0}
        with pytest.raises(KeyError, match="step/review"):
            prove(outer).node("step/revie")

    def test_items_of_maps(self) -> None:
        """S6.1."""
        graph: Graph[News] = Graph("map", News)
        first, look, deep, join = (graph.point(name) for name in ("first", "look", "deep", "join"))
        graph.edge(START, first)
        graph.map(first, look, over=news.items, join=join)
        graph.edge(look, deep, when=ITEM > 3)
        graph.edge(look, join, when=ITEM < 3)
        graph.edge(deep, join)
        graph.edge(join, END)
        assert prove(graph).node("look").gap == {"ITEM": 3}

    def test_it_is_plain_data_and_shows_in_a_notebook(self) -> None:
        found = prove(newsroom(news.score > 5, news.score < 5))
        data = json.loads(json.dumps(found.as_json()))
        assert (data["schema"], data["nodes"][0]["gap"]) == ("graphflow.prove/1", {"score": "5"})
        assert "<table" in found._repr_mimebundle_()["text/html"]
        assert "review" in found._repr_mimebundle_()["text/plain"]

    def test_a_graph_without_conditions(self) -> None:
        found = prove(newsroom(None))
        assert (str(found), found.is_proved, found.nodes) == ("newsroom: no conditions", True, ())

    def test_something_that_is_no_graph(self) -> None:
        with pytest.raises(ArgumentInvalid, match="no graph"):
            prove(News())  # type: ignore[arg-type]
