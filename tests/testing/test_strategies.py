"""``state_strategy`` and ``strategy_for``: valid whatever the model, quick enough, small when shrunk, and pointed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, EmailStr, Field, ValidationError, field_validator, model_validator

from graphflow import END, START, Graph, contains, extend, fields, size
from graphflow.errors.testing import FieldInvalid, FieldUnknown, NothingGenerated
from graphflow.testing import state_strategy, strategy_for
from tests.testing import model_shapes as shapes

QUICK = settings(max_examples=40, database=None, derandomize=True, deadline=None, phases=[Phase.generate])
FOUND = settings(max_examples=2_000, database=None, derandomize=True, deadline=None)


def drawn(strategy: st.SearchStrategy[Any], count: int = 40) -> list[Any]:
    """Some values of a strategy."""
    found: list[Any] = []

    @settings(QUICK, max_examples=count)
    @given(strategy)
    def take(value: Any) -> None:
        found.append(value)

    take()
    return found


@pytest.mark.parametrize("model", shapes.SHAPES, ids=lambda model: model.__name__)
def test_every_instance_is_valid_and_none_is_filtered_at_length(model: type[BaseModel]) -> None:
    """Hypothesis' own health checks are on: what rejects a lot, or is slow, fails here."""
    for one in drawn(state_strategy(model)):
        assert type(one) is model
        given_by_name = {name: getattr(one, name) for name in model.model_fields if name in one.model_fields_set}
        if model not in (
            shapes.Jsons,
            shapes.Custom,
            shapes.Lazy,
            shapes.Numbers,
        ):  # what was made of their input is no input again
            model.model_validate(given_by_name, by_alias=False, by_name=True)


@pytest.mark.parametrize("model", shapes.SHAPES, ids=lambda model: model.__name__)
def test_what_it_shrinks_to_is_small(model: type[BaseModel]) -> None:
    """The simplest instance holds no long text, no large number and no filled list, unless the model wants it so."""
    simplest = find(state_strategy(model), lambda one: True, settings=settings(FOUND, phases=[Phase.generate]))
    for name, value in vars(simplest).items():
        if isinstance(value, str) and name not in ("long", "past", "future"):
            assert len(value) <= 12, (name, value)
        if type(value) is int and model is not shapes.Bounds:
            assert abs(value) <= 12, (name, value)
        if isinstance(value, list) and model is not shapes.Lists:
            assert len(value) <= 1, (name, value)


def test_the_failing_value_is_shrunk_to_the_border() -> None:
    found = find(state_strategy(shapes.Nested), lambda one: any(inner.n > 1_000 for inner in one.many), settings=FOUND)
    assert found == shapes.Nested.model_validate({"one": {"n": 1}, "many": [{"n": 1_001}], "named": {}, "maybe": None})


def test_all_of_a_model_is_reached() -> None:
    """Every choice, every alternative, absent and given fields, deep trees."""
    assert {one.kind for one in drawn(state_strategy(shapes.Choices))} == {"refund", "question", 3, None}
    assert {type(one.pet) for one in drawn(state_strategy(shapes.Discriminated))} == {shapes.Cat, shapes.Dog}
    assert {type(one.value) for one in drawn(state_strategy(shapes.Unions), 80)} == {int, str, list}
    limits = {one.limit for one in drawn(state_strategy(shapes.OptionalConstrained), 80)}
    assert limits == {None, 2, 3, 4}
    assert {"count" in one.model_fields_set for one in drawn(state_strategy(shapes.Defaults))} == {True, False}

    def depth(tree: shapes.Tree) -> int:
        return 1 + max(map(depth, tree.children), default=0)

    assert max(depth(tree) for tree in drawn(state_strategy(shapes.Tree), 100)) <= 4
    assert find(
        state_strategy(shapes.Tree), lambda tree: depth(tree) == 3, settings=FOUND
    ) == shapes.Tree.model_validate(
        {"value": 0, "children": [{"value": 0, "children": [{"value": 0, "children": []}]}]}
    )


def test_a_default_that_changes_is_never_left_out() -> None:
    """A test is played again: a default factory that gives something else each time would make it another run."""
    first, second = drawn(state_strategy(shapes.Defaults)), drawn(state_strategy(shapes.Defaults))
    assert all({"id", "text", "after"} <= one.model_fields_set for one in [*first, *second])
    assert all("invalid" in one.model_fields_set for one in first), "an invalid default is no valid instance"


def test_floats_are_finite() -> None:
    """S1.1: a state survives JSON."""
    assert all(math.isfinite(value) for value in drawn(strategy_for(float), 200))


class Budget(BaseModel):
    tokens: int = 0
    word: str = ""
    facts: Annotated[list[str], extend] = []
    share: float = 0.0
    inner: shapes.Inner = shapes.Inner(n=1)


def test_constants_are_hit_with_their_neighbours() -> None:
    found = {one.tokens for one in drawn(state_strategy(Budget, constants={"tokens": [131_072]}), 100)}
    assert {131_071, 131_072, 131_073} <= found


def test_constants_of_a_field_of_a_field() -> None:
    found = {one.inner.n for one in drawn(state_strategy(Budget, constants={"inner.n": [0, 4_711]}), 150)}
    assert {4_710, 4_711, 4_712} <= found
    assert 0 not in found, "what the field does not take is not tried"


def test_the_conditions_of_a_graph_say_which_they_are() -> None:
    """S5.2: a guard is mined for test values, of numbers, texts, sizes and members."""
    budget = fields(Budget)
    graph = Graph("budget", Budget)
    here = graph.point("here")
    graph.edge(START, here)
    graph.edge(here, END, when=budget.tokens == 999_983)
    graph.edge(here, END, when=(budget.word == "refund") & (budget.share > 0.123))
    graph.edge(here, END, when=size(budget.facts) > 40)
    graph.edge(here, END, when=contains(budget.facts, "owl"))
    graph.edge(here, END)
    strategy = state_strategy(Budget, constants=graph)

    def is_hit(condition: Callable[[Budget], bool]) -> bool:
        return condition(find(strategy, condition, settings=settings(FOUND, phases=[Phase.generate])))

    assert is_hit(lambda one: one.tokens == 999_983)
    assert is_hit(lambda one: one.word == "refund" and one.share > 0.123)
    assert is_hit(lambda one: len(one.facts) == 41)
    assert is_hit(lambda one: "owl" in one.facts)
    plain = drawn(state_strategy(Budget), 300)
    assert not any(one.tokens == 999_983 or len(one.facts) > 40 for one in plain)


def test_a_very_long_list_costs_one_element() -> None:
    strategy = state_strategy(Budget, constants=_over_size(5_000))
    found = find(strategy, lambda one: len(one.facts) > 5_000, settings=FOUND)
    assert found.facts == [""] * 5_001


def _over_size(count: int) -> Graph[Budget]:
    graph = Graph("long", Budget)
    here = graph.point("here")
    graph.edge(START, here)
    graph.edge(here, END, when=size(fields(Budget).facts) > count)
    graph.edge(here, END)
    return graph


def test_fields_are_overridden_by_values_and_strategies() -> None:
    for one in drawn(state_strategy(shapes.Bounds, score=st.integers(8, 9), count=7)):
        assert one.score in (8, 9)
        assert one.count == 7


def test_an_overridden_value_is_a_copy() -> None:
    seen = ["a"]
    found = drawn(state_strategy(Budget, facts=seen), 5)
    found[0].facts.append("b")
    assert seen == ["a"]
    assert found[-1].facts == ["a"]


def test_an_override_goes_by_the_name_of_the_field_not_its_alias() -> None:
    assert {one.one for one in drawn(state_strategy(shapes.Aliases, one=5))} == {5}
    with pytest.raises(FieldUnknown):
        state_strategy(shapes.Aliases, first=5)


def test_an_unknown_field_is_told_with_the_nearest_name() -> None:
    with pytest.raises(FieldUnknown) as caught:
        state_strategy(Budget, token=3)
    assert str(caught.value) == (
        "[GF620] Budget has no field 'token'\n"
        "  why    state_strategy(Budget, ...) takes values and strategies for its fields.\n"
        "  fix    Did you mean 'tokens'?"
    )
    with pytest.raises(FieldUnknown, match="Did you mean 'tokens'"):
        state_strategy(Budget, constants={"tokns": [1]})


def test_a_value_that_the_field_does_not_take_is_told_at_the_line() -> None:
    with pytest.raises(FieldInvalid) as caught:
        state_strategy(shapes.Bounds, score=11)
    assert str(caught.value) == (
        "[GF621] 'score' of Bounds cannot be 11\n"
        "  why    Input should be less than or equal to 10. It is int.\n"
        "  fix    Give a value that it takes, or a strategy: score=st.sampled_from([...])."
    )


def test_what_is_no_model_is_told() -> None:
    with pytest.raises(FieldInvalid, match="strategy_for"):
        state_strategy(list[int])  # type: ignore[type-var]


class Never(BaseModel):
    secret: str

    @field_validator("secret")
    @classmethod
    def _refuse(cls, value: str) -> str:
        if value != "open sesame":
            raise ValueError("wrong word")
        return value


class NeverWhole(BaseModel):
    a: int
    b: int

    @model_validator(mode="after")
    def _refuse(self) -> NeverWhole:
        raise ValueError("never")


def test_a_validator_that_refuses_everything_is_named() -> None:
    """Rather than Hypothesis' Unsatisfiable alone."""
    with pytest.raises(NothingGenerated) as caught:
        state_strategy(Never)
    assert str(caught.value) == (
        "[GF604] No value could be made up for 'secret' of Never\n"
        "  why    Every value that was tried was refused. The last one: Value error, wrong word\n"
        "  fix    Give a strategy for what it takes: state_strategy(Never, secret=st.sampled_from([...]))."
    )
    with pytest.raises(NothingGenerated, match="for NeverWhole"):
        state_strategy(NeverWhole)
    assert drawn(state_strategy(Never, secret="open sesame"), 2)[0].secret == "open sesame"


class Impossible(BaseModel):
    n: Annotated[int, Field(gt=3, lt=4)]


class Endless(BaseModel):
    next: Endless


def test_what_has_no_value_at_all_is_told_at_the_line() -> None:
    with pytest.raises(NothingGenerated, match="constraints of 'n' of Impossible leave no value"):
        state_strategy(Impossible)
    with pytest.raises(NothingGenerated, match="contains itself"):
        state_strategy(Endless)


class Opaque:
    def __init__(self, client) -> None:  # type: ignore[no-untyped-def]
        raise AssertionError


def test_a_type_that_nobody_knows_is_told_at_the_line() -> None:
    with pytest.raises(NothingGenerated, match="Opaque"):
        strategy_for(Opaque)


@pytest.mark.parametrize(
    "annotation",
    [bool, Literal["yes", "no"], list[Literal[1, 2]], dict[str, int], int | None, shapes.Inner, tuple[int, str], None],
    ids=str,
)
def test_any_annotation_has_values(annotation: Any) -> None:
    assert len(drawn(strategy_for(annotation))) >= 1


def test_answers_of_a_few_values_are_all_given() -> None:
    assert set(drawn(strategy_for(bool))) == {True, False}
    assert set(drawn(strategy_for(Literal["yes", "no"]))) == {"yes", "no"}


def test_emails() -> None:
    pytest.importorskip("email_validator")
    assert all("@" in one for one in drawn(strategy_for(EmailStr)))


class Raising(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def _divide(cls, value: int) -> int:
        return value + 0 * (1 // value)


def test_a_validator_that_raises_something_else_refuses() -> None:
    assert 0 not in {one.n for one in drawn(state_strategy(Raising), 200)}


def test_validators_are_called_with_what_they_were_written_for() -> None:
    """Nested input is given as a dict, as from JSON, and an attempt leaves it as it was."""
    seen: list[type] = []

    class Popping(BaseModel):
        a: int
        b: int = 0

        @model_validator(mode="before")
        @classmethod
        def _pop(cls, data: Any) -> Any:
            seen.append(type(data))
            data["b"] = data.pop("a")
            return {**data, "a": 1}

    class Outer(BaseModel):
        inner: Popping

    assert {one.inner.a for one in drawn(state_strategy(Outer))} == {1}
    assert set(seen) == {dict}


def test_strategies_may_be_made_within_a_test() -> None:
    """Where Hypothesis allows no other search, and is stopped by an exception that no attempt may swallow."""

    @QUICK
    @given(st.data())
    def take(data: st.DataObject) -> None:
        score = data.draw(state_strategy(shapes.Bounds, score=st.integers(3, 4))).score
        assert score in (3, 4)
        data.draw(state_strategy(shapes.HoldsValidated))

    take()

    @settings(QUICK, max_examples=2)
    @given(st.data())
    def take_none(data: st.DataObject) -> None:
        with pytest.raises(NothingGenerated, match="'secret' of Never"):
            state_strategy(Never)

    take_none()


def test_instances_that_pydantic_refuses_are_never_given() -> None:
    """The law itself, on the model with the most to say."""

    @settings(QUICK, max_examples=100)
    @given(state_strategy(shapes.OtherFields))
    def take(value: shapes.OtherFields) -> None:
        assert value.high >= value.low
        try:
            shapes.OtherFields.model_validate(value.model_dump())
        except ValidationError as error:
            raise AssertionError from error

    take()
