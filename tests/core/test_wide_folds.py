"""Many updates of one field are folded in one call at a wide join: the same as one by one (S6.4)."""

from __future__ import annotations

from typing import Annotated, Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow import add, append, extend, keep_last, merge, union
from graphflow.core.schema import Schema


class State(BaseModel):
    lines: Annotated[list[int], append] = [7]
    pair: Annotated[tuple[int, ...], append] = (7,)
    more: Annotated[list[int], extend] = [7]
    total: Annotated[int, add] = 7
    seen: Annotated[set[int], union] = {7}
    table: Annotated[dict[int, int], merge] = {7: 7}
    last: Annotated[int, keep_last] = 7
    most: Annotated[int, max] = 7
    plain: int = 7


SCHEMA = Schema(State)
NUMBERS = st.lists(st.integers(0, 9), max_size=3)
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "lines": st.integers(),
    "pair": st.integers(),
    "more": NUMBERS,
    "total": st.integers(),
    "seen": st.sets(st.integers(0, 9), max_size=3),
    "table": st.dictionaries(st.integers(0, 9), st.integers(), max_size=3),
    "last": st.integers(),
    "most": st.integers(),
    "plain": st.integers(),
    "=lines": NUMBERS,
}
NAMED = st.sampled_from(sorted(CHANGES)).flatmap(
    lambda name: st.tuples(st.just(name), st.lists(CHANGES[name], min_size=1, max_size=12))
)


@given(NAMED)
def test_all_at_once_is_one_by_one(named: tuple[str, list[Any]]) -> None:
    name, changes = named
    spec = SCHEMA.specs[name]
    start = State().__dict__
    before = SCHEMA.snapshot(start)
    at_once, own = dict(start), set[str]()
    spec.fold_all_into(at_once, own, changes)
    singly, owned = dict(start), set[str]()
    for change in changes:
        spec.fold_into(singly, owned, change)
    assert at_once == singly
    assert own == owned
    assert start == before.__dict__, "what others see has not changed"
