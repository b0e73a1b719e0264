"""Labels read well, and parse back to the tree they were written from (S5.2)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings

from graphflow.graph.constants import constant_text
from graphflow.graph.expressions import ITEM, contains, fields, not_, one_of, size, term_of
from graphflow.graph.labels import label, parse_label
from graphflow.graph.terms import Field as FieldTerm
from graphflow.graph.terms import Given, Term, all_of, any_of
from tests.graph.trees import Colour, State, conditions

state = fields(State)

item = ITEM

EXAMPLES: list[tuple[Any, str]] = [
    (state.n >= 3, "n >= 3"),
    ((state.n >= 3) & (size(state.tags) > 0), "n >= 3 and size(tags) > 0"),
    ((state.n >= 3) & state.done | (state.m < 2), "(n >= 3 and done) or m < 2"),
    (((state.n >= 3) | state.done) & (state.m < 2), "(n >= 3 or done) and m < 2"),
    (not_(state.done), "not done"),
    (not_(state.n >= 3), "not (n >= 3)"),
    (not_((state.n >= 3) & state.done), "not (n >= 3 and done)"),
    (not_(state.n == 3), "n != 3"),
    (state.kind == "a", 'kind == "a"'),
    (one_of(state.kind, ["a", "b"]), 'kind in ("a", "b")'),
    (not_(one_of(state.kind, ["a"])), 'kind not in ("a",)'),
    (contains(state.tags, "a"), '"a" in tags'),
    (not_(contains(state.tags, "a")), '"a" not in tags'),
    (state.colour == Colour.RED, "colour == Colour.RED"),
    (state.review == None, "review == None"),
    (state.review.score > 3, "review.score > 3"),  # type: ignore[union-attr]
    (state.n - (state.m - 1) > 0, "n - (m - 1) > 0"),
    (state.n - state.m - 1 > 0, "n - m - 1 > 0"),
    ((state.n + state.m) * 2 > 0, "(n + m) * 2 > 0"),
    (state.n * 2 + state.m > -1, "n * 2 + m > -1"),
    (ITEM.score > 3, "ITEM.score > 3"),
    (item == date(2026, 11, 21), 'ITEM == date("2026-11-21")'),
    (item == timedelta(days=1), "ITEM == timedelta(1, 0, 0)"),
    (item == 'say "no"', "ITEM == 'say \"no\"'"),
    (item == "it's", 'ITEM == "it\'s"'),
    (item == float("inf"), 'ITEM == float("inf")'),
]


@pytest.mark.parametrize(("condition", "text"), EXAMPLES, ids=[text for _, text in EXAMPLES])
def test_a_label_reads_like_python(condition: object, text: str) -> None:
    assert str(condition) == text
    assert parse_label(text, State) == term_of(condition)


def test_a_value_that_must_be_there_says_so() -> None:
    assert label(Given(FieldTerm("maybe"))) == "given(maybe)"


@given(conditions())
@settings(max_examples=400, deadline=None)
def test_a_label_parses_back(term: Term) -> None:
    """S5.2, a law: so no two different conditions have the same label."""
    assert parse_label(label(term), State) == term


@given(conditions(), conditions())
@settings(deadline=None)
def test_different_conditions_have_different_labels(one: Term, other: Term) -> None:
    assert (label(one) == label(other)) == (one == other)


@pytest.mark.parametrize(
    "text", ["", "n >=", "nothing > 3", "n is None", "n / 2 > 1", "f(n)", "lambda: 1", "[n]", "..."]
)
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"label|constant"):
        parse_label(text, State)


def test_parsing_runs_nothing() -> None:
    with patch("builtins.open") as opened, pytest.raises(ValueError, match="no constant"):
        parse_label("n == open('x')", State)
    opened.assert_not_called()


def test_the_label_of_a_set_does_not_depend_on_its_order() -> None:
    assert constant_text({"b", "a", "c"}) == '{"a", "b", "c"}'
    assert constant_text(frozenset({"b", "a"})) == 'frozenset({"a", "b"})'
    assert constant_text(set()) == "set()"


def test_flattened_terms_stay_flat_when_parsed() -> None:
    a, b, c = (FieldTerm(name) for name in ("n", "m", "x"))
    assert parse_label("n and (m and x)", State) == all_of(a, b, c)
    assert parse_label("(n or m) or x", State) == any_of(a, b, c)
