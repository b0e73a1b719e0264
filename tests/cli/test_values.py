"""Texts as typed become values of a type."""

from __future__ import annotations

import json
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from graphflow.cli.values import element_of, read_list, read_value, takes_text


class Colour(Enum):
    RED = "red"


class Point(BaseModel):
    x: int


@given(st.text())
def test_a_text_is_taken_as_it_is(text: str) -> None:
    for annotation in (str, str | None, Annotated[str, Field(max_length=10**6)]):
        assert takes_text(annotation)
        assert read_value(text, annotation) == text


@given(st.one_of(st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.none()))
def test_any_other_type_takes_json(value: Any) -> None:
    assert read_value(json.dumps(value), int | float | bool | None) == value


@given(st.lists(st.text()).filter(lambda texts: len(texts) != 1))
def test_a_list_of_texts_takes_one_element_each(texts: list[str]) -> None:
    assert read_list(texts, list[str], may_be_json=True) == texts


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("2024-02-29", date, date(2024, 2, 29)),
        ("red", Colour, Colour.RED),
        ("later", Literal["now", "later"], "later"),
        ("no", bool, False),
        ("true", bool, True),
        ('{"x": 3}', Point, Point(x=3)),
        ("null", int | None, None),
        ("[1, 2]", tuple[int, int], (1, 2)),
        ("123", SecretStr, SecretStr("123")),
        ("word", int | str, "word"),
    ],
)
def test_types(text: str, annotation: Any, value: object) -> None:
    assert read_value(text, annotation) == value


def test_what_does_not_fit_says_why() -> None:
    with pytest.raises(ValueError, match="valid integer"):
        read_value("three", int)
    with pytest.raises(ValueError, match="x: Input should be a valid integer"):
        read_value('{"x": "y"}', Point)


def test_one_text_may_be_the_whole_list() -> None:
    assert read_list(['["a", "b"]'], list[str], may_be_json=True) == ["a", "b"]
    assert read_list(['["a", "b"]'], list[str], may_be_json=False) == ['["a", "b"]']  # the text of a file
    assert read_list(["[1, 2]"], list[int], may_be_json=False) == [1, 2]
    assert read_list(["1", "2"], list[int], may_be_json=True) == [1, 2]
    assert read_list(["b", "a"], set[str] | None, may_be_json=True) == {"a", "b"}


def test_what_takes_several_values() -> None:
    assert element_of(Annotated[list[int], "note"]) is int
    assert element_of(list) is Any
    assert element_of(tuple[int, str]) is None
    assert element_of(str) is None
