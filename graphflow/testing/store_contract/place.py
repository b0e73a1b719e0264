"""Where the stores under test keep their runs, and what the laws put there."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, closing
from functools import cache
from typing import Annotated, Any, Protocol

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow import END, START, Graph, append, fields, union
from graphflow.core.journal import SNAPSHOT, Brief, encode, text_of
from graphflow.core.plan import Plan
from graphflow.errors import GraphflowError
from graphflow.stores.store import Standing, Store


class Place(Protocol):
    """A new, empty place for each law. What is opened on it sees the same runs."""

    def open(self, *, lease_s: float = 30.0) -> Store:
        """A store on this place, like one of another process as far as that goes; a store in memory gives itself."""
        ...

    def pass_s(self, seconds: float) -> None:
        """Let that much time go by for all leases, without waiting for it."""
        ...


Law = Callable[[Place], None]

_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
EXAMPLES = settings(max_examples=40, deadline=None, database=None, suppress_health_check=_CHECKS, derandomize=True)


class Notes(BaseModel):
    count: int = 0
    lines: Annotated[list[str], append] = []
    seen: Annotated[set[str], union] = set()


def notes_graph(*, has_more: bool = False) -> Graph[Notes]:
    """A graph of one node, and the same changed."""
    notes = fields(Notes)
    graph = Graph("notes", Notes)

    @graph.node(writes=(notes.count, notes.lines, notes.seen))
    async def write(state: Notes) -> tuple[int, str, set[str]]:
        return state.count + 1, f"line {state.count}", {"a", f"b{state.count}"}

    graph.edge(START, write)
    graph.edge(write, write, when=notes.count < 5, at_most=9)
    if not has_more:
        graph.edge(write, END)
        return graph

    @graph.node(writes=notes.count)
    async def more(state: Notes) -> int:
        return state.count

    graph.edge(write, more)
    graph.edge(more, END)
    return graph


@cache
def plan_of_notes() -> Plan:
    """A plan to create runs with."""
    return notes_graph().plan()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
"""Any value, and in it any text: lone surrogates and the character zero as well."""

TEXT = st.text(st.characters(exclude_categories=())) | st.text()

_numbers = itertools.count(2)


def brief(text: str, seq: int = 1) -> Brief:
    """The entry of a common step, as a driver hands it over."""
    return ("", "write", seq, {"text": text}, 0, seq, 0.5)


def effect(text: str, value: Any) -> bytes:
    """An entry that was written out at once."""
    return encode({"kind": "effect", "text": text, "value": value}, plan_of_notes())


def snapshot(seq: int) -> bytes:
    """An entry that stands for all up to this one."""
    return encode({"kind": SNAPSHOT, "seq": seq, "text": "as it stood"}, plan_of_notes())


def entries() -> st.SearchStrategy[bytes | Brief]:
    """Entries in both forms that a driver hands over."""
    return st.builds(effect, TEXT, JSON) | st.builds(brief, TEXT, st.integers(1, 9))


def texts(given: Sequence[bytes | Brief]) -> list[bytes]:
    """What a journal of these entries reads."""
    return [text_of(entry) for entry in given]


def new_run(store: Store, *, is_driven: bool = True) -> str:
    """The id of a new run, driven by this store."""
    run_id = f"r-{next(_numbers)}"
    store.create(run_id, plan_of_notes())
    if is_driven:
        store.acquire(run_id)
    return run_id


async def commit(
    store: Store,
    run_id: str,
    given: Sequence[bytes | Brief] = (),
    standing: Standing | None = None,
    taken: Sequence[int] = (),
) -> None:
    """One commit, until it is safe."""
    ticket = store.append(run_id, given, standing, taken)
    if ticket is not None:
        await ticket


def in_loop(main: Coroutine[Any, Any, None]) -> None:
    """Perform it in an event loop of its own."""
    asyncio.run(main)


def opened(place: Place, *, lease_s: float = 30.0) -> AbstractContextManager[Store]:
    """A store on the place, closed in the end."""
    return closing(place.open(lease_s=lease_s))


def refused(kind: type[GraphflowError], act: Callable[..., object], *arguments: object) -> GraphflowError:
    """The error that this raises; it must be one of this kind, and tell its user what to do."""
    told: GraphflowError | None = None
    try:
        act(*arguments)
    except kind as error:
        told = error
    assert told is not None, f"{kind.__name__} was not raised"
    assert told.what, "an error says what happened"
    assert told.fix, "an error says what to do"
    return told
