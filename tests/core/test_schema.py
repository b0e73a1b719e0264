"""S3.2, S3.3, S7: validating and folding changes; journals get them back exactly."""

from __future__ import annotations

import datetime
import decimal
import enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator, model_validator

from graphflow import Replace, add, append, extend, keep_last, merge, union
from graphflow.core.schema import Schema
from graphflow.errors import UpdateInvalid


class Colour(enum.Enum):
    RED = "red"


class Note(BaseModel):
    text: str
    at: datetime.datetime | None = None


def longest(old: str, new: str) -> str:
    return max(old, new, key=len)


class State(BaseModel):
    name: str = "x"
    score: int = Field(0, ge=0, le=10)
    lines: Annotated[list[str], append] = []
    more: Annotated[list[int], extend] = []
    total: Annotated[int, add] = 0
    tags: Annotated[set[str], union] = set()
    table: Annotated[dict[str, int], merge] = {}
    last: Annotated[str, keep_last] = ""
    best: Annotated[int, max] = 0
    word: Annotated[str, longest] = ""
    notes: Annotated[list[Note], append] = []
    colour: Colour = Colour.RED
    price: decimal.Decimal = decimal.Decimal(0)
    kind: Literal["a", "b"] = "a"
    pair: tuple[int, str] = (0, "")
    raw: bytes = b""


SCHEMA = Schema(State)


def folded(*updates: dict[str, Any]) -> dict[str, Any]:
    values = SCHEMA.start({})
    own: set[str] = set()
    for update in updates:
        for name, change in SCHEMA.update(update).items():
            SCHEMA.specs[name].fold_into(values, own, change)
    return values


@pytest.mark.parametrize(
    ("updates", "field", "value"),
    [
        ([{"lines": "a"}, {"lines": "b"}], "lines", ["a", "b"]),
        ([{"more": [1, 2]}, {"more": [3]}], "more", [1, 2, 3]),
        ([{"total": 2}, {"total": 3}], "total", 5),
        ([{"tags": {"a"}}, {"tags": {"b"}}], "tags", {"a", "b"}),
        ([{"table": {"a": 1}}, {"table": {"b": 2, "a": 3}}], "table", {"a": 3, "b": 2}),
        ([{"last": "a"}, {"last": "b"}], "last", "b"),
        ([{"best": 5}, {"best": 3}], "best", 5),
        ([{"word": "long"}, {"word": "s"}], "word", "long"),
        ([{"lines": "a"}, {"lines": Replace(["z"])}], "lines", ["z"]),
        ([{"lines": Replace(["z"])}, {"lines": "a"}], "lines", ["z", "a"]),
        ([{"score": "7"}], "score", 7),
        ([{"colour": "red"}], "colour", Colour.RED),
    ],
)
def test_changes_fold_by_the_reducer(updates: list[dict[str, Any]], field: str, value: Any) -> None:
    """S7.1, S7.3."""
    assert folded(*updates)[field] == value


@pytest.mark.parametrize(
    ("update", "says"),
    [
        ({"nmae": 1}, "Did you mean 'name'?"),
        ({"score": 11}, "less than or equal to 10"),
        ({"lines": ["a"]}, "The reducer append takes str."),
        ({"kind": "c"}, "Input should be 'a' or 'b'"),
        ({"tags": 5}, "valid set"),
    ],
)
def test_an_invalid_change_names_field_value_and_mend(update: dict[str, Any], says: str) -> None:
    """S3.3."""
    with pytest.raises(UpdateInvalid, match=says) as caught:
        SCHEMA.update(update)
    assert next(iter(update)) in str(caught.value)


def test_what_a_node_keeps_of_its_update_is_not_the_state() -> None:
    """A node that goes on altering what it returned changes nothing."""
    given_list, note = ["a"], Note(text="a")
    changes = SCHEMA.update({"lines": Replace(given_list), "notes": note})
    given_list.append("b")
    note.text = "b"
    assert changes == {"=lines": ["a"], "notes": Note(text="a")}


def test_appending_does_not_alter_what_others_hold() -> None:
    """Containers change in place only where they belong to the scope alone."""
    shared = ["a"]
    values = {**SCHEMA.start({}), "lines": shared}
    SCHEMA.specs["lines"].fold_into(values, set(), "b")
    assert (shared, values["lines"]) == (["a"], ["a", "b"])


updates = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(),
        "score": st.integers(0, 10),
        "lines": st.text(),
        "tags": st.sets(st.text(max_size=3), max_size=3),
        "notes": st.builds(Note, text=st.text(), at=st.none() | st.datetimes()),
        "price": st.decimals(allow_nan=False, allow_infinity=False),
        "pair": st.tuples(st.integers(), st.text()),
        "raw": st.binary(),
        "table": st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
    },
)


@given(updates)
def test_changes_survive_json(update: dict[str, Any]) -> None:
    """S15.2: what is journalled comes back as it was, types and all."""
    from pydantic_core import from_json, to_json

    try:
        changes = SCHEMA.update(update)
    except UpdateInvalid as error:  # bytes that are no UTF-8 have no JSON of their own
        assert "JSON cannot hold" in str(error)
        return
    text = to_json(SCHEMA.dump(changes), inf_nan_mode="constants")
    assert SCHEMA.revive(from_json(text)) == changes


class Ordered(BaseModel):
    low: int = 0
    high: int = 10
    name: str = ""

    @field_validator("name")
    @classmethod
    def trimmed(cls, value: str) -> str:
        return value.strip()

    @model_validator(mode="after")
    def in_order(self) -> Ordered:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


def test_the_models_own_validators_hold_for_every_update() -> None:
    """S3.2: validators included; fields that change together are validated together."""
    schema = Schema(Ordered)
    values = {**schema.start({}), "low": 20, "high": 30}
    assert schema.check(dict(values), {"low": 20, "high": 30}) == {}
    with pytest.raises(UpdateInvalid, match="low is above high"):
        schema.check({**values, "high": 5}, {"high": 5})
    assert schema.check({**values, "name": " x "}, {"name": " x "}) == {"name": "x"}


class Bounded(BaseModel):
    lines: Annotated[list[str], append, Field(max_length=2)] = []


def test_limits_of_a_field_hold_for_the_folded_value() -> None:
    """S7.2: the change is what the reducer takes, the constraint is for the result."""
    schema = Schema(Bounded)
    assert schema.update({"lines": "a"}) == {"lines": "a"}
    with pytest.raises(UpdateInvalid, match="at most 2 items"):
        schema.check({"lines": ["a", "b", "c"]}, {"lines": "c"})


def test_two_reducers_on_a_field_are_refused() -> None:
    class Twice(BaseModel):
        lines: Annotated[list[str], append, extend] = []

    with pytest.raises(TypeError, match="two reducers: append and extend"):
        Schema(Twice)


class Aliased(BaseModel):
    """Its JSON has another name than its field."""

    inner: int = Field(0, alias="outer")


class Holds(BaseModel):
    one: Aliased = Aliased()


def test_a_nested_alias_loses_nothing_in_the_journal() -> None:
    """S1.1: field names, not aliases, stand in a journal."""
    schema = Schema(Holds)
    changes = {"one": Aliased(outer=5)}
    assert schema.revive(schema.dump(changes)) == changes
