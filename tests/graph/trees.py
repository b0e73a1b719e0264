"""Random conditions over one small state: for the laws that hold for every condition."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

from hypothesis import strategies as st
from pydantic import BaseModel, Field

from graphflow.graph.terms import (
    Arithmetic,
    Attribute,
    Compare,
    Constant,
    Contains,
    Given,
    Item,
    Not,
    OneOf,
    Size,
    Term,
    all_of,
    any_of,
)
from graphflow.graph.terms import Field as FieldTerm


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Review(BaseModel):
    score: int = 0
    reviewer: str | None = None


class State(BaseModel):
    n: Annotated[int, Field(ge=-2, le=4)] = 0
    m: int = 0
    maybe: int | None = None
    x: float = 0.0
    price: Decimal = Decimal(0)
    text: str = ""
    word: str | None = None
    done: bool = False
    kind: Literal["a", "b", "c"] = "a"
    colour: Colour = Colour.RED
    tags: list[Literal["a", "b", "c"]] = []
    review: Review | None = None


def constants() -> st.SearchStrategy[Constant]:
    simple = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.binary(max_size=5),
        st.sampled_from(Colour),
        st.decimals(),
        st.dates(),
        st.datetimes(),
        st.times(),
        st.timedeltas(),
        st.uuids(),
    )
    hashable = st.one_of(st.integers(), st.text(max_size=5), st.booleans())
    nested = st.one_of(
        st.lists(simple, max_size=3),
        st.lists(simple, max_size=3).map(tuple),
        st.sets(hashable, max_size=3),
        st.frozensets(hashable, max_size=3),
        st.dictionaries(hashable, simple, max_size=3),
    )
    return st.one_of(simple, nested).map(Constant)


def values() -> st.SearchStrategy[Term]:
    fields = st.sampled_from([*State.model_fields, "m"]).map(FieldTerm)
    base = st.one_of(fields, fields, constants(), st.just(Item()), st.just(Attribute(FieldTerm("review"), "score")))
    return st.recursive(
        base,
        lambda below: st.one_of(
            st.builds(Arithmetic, st.sampled_from(["+", "-", "*"]), below, below),
            st.builds(Size, below),
            st.builds(Given, below),
            st.builds(Attribute, st.sampled_from([Item(), Given(FieldTerm("review"))]), st.just("score")),
        ),
        max_leaves=5,
    )


def conditions() -> st.SearchStrategy[Term]:
    """Any tree at all: most make no sense, all of them have a label."""
    signs: Any = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    # a tuple that something is looked up in is a OneOf, never a Contains: the operators see to it
    containers = values().filter(lambda term: not (isinstance(term, Constant) and isinstance(term.value, tuple)))
    atoms = st.one_of(
        values(),
        st.builds(Compare, signs, values(), values()),
        st.builds(Contains, containers, values()),
        st.builds(OneOf, values(), st.lists(constants(), max_size=3).map(tuple)),
    )
    return st.recursive(
        atoms,
        lambda below: st.one_of(
            below.map(Not),
            st.lists(below, min_size=2, max_size=3).map(lambda parts: all_of(*parts)),
            st.lists(below, min_size=2, max_size=3).map(lambda parts: any_of(*parts)),
        ),
        max_leaves=8,
    )
