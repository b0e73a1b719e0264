"""S17: the state as a whole is bounded, as each of its values is; an update that would break the bound changes nothing."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Graph, Limits, RunFailed, append, fields
from graphflow.errors import LimitExceeded
from graphflow.testing.virtual import run_virtual

PAGE = "x" * 100_000


class Book(BaseModel):
    pages: Annotated[list[str], append] = []
    last: str = ""
    left: int = 0
    shelf: list[int] = [1, 2, 3, 4, 5]


book = fields(Book)
MILLION = Limits(state_bytes=1_000_000)


def writing(limits: Limits = MILLION) -> Graph[Book]:
    graph = Graph("writing", Book, limits=limits)

    @graph.node
    async def write(state: Book) -> dict[str, Any]:
        return {"pages": PAGE, "left": state.left - 1}

    graph.edge(START, write)
    graph.edge(write, write, when=book.left > 0, at_most=100)
    graph.edge(write, END)
    return graph


def test_what_fits_is_let_through() -> None:
    assert len(run_virtual(writing().run(Book(left=9))).state.pages) == 9


def test_an_update_too_many_is_an_error_of_its_node_and_nothing_of_it_is_kept() -> None:
    with pytest.raises(RunFailed) as failed:
        run_virtual(writing().run(Book(left=20)))
    error = failed.value.__cause__
    assert isinstance(error, LimitExceeded)
    assert "state_bytes" in str(error)
    assert "write" in str(error)
    assert len(failed.value.run.state.pages) == 9
    run = run_virtual(writing(Limits(state_bytes=9_000_000)).resume(failed.value.run))
    assert len(run.state.pages) == 20


def test_a_resumed_run_is_weighed_as_it_stands() -> None:
    graph = writing()
    with pytest.raises(RunFailed) as failed:
        run_virtual(graph.run(Book(left=20)))
    with pytest.raises(RunFailed) as again:
        run_virtual(graph.resume(failed.value.run))
    assert len(again.value.run.state.pages) == 9


def test_values_that_were_replaced_do_not_count() -> None:
    graph = Graph("replacing", Book, limits=MILLION)

    @graph.node
    async def write(state: Book) -> dict[str, Any]:
        return {"last": PAGE, "left": state.left - 1}

    graph.edge(START, write)
    graph.edge(write, write, when=book.left > 0, at_most=100)
    graph.edge(write, END)
    assert run_virtual(graph.run(Book(left=50))).status == "done"


@pytest.mark.parametrize("most", [400_000, 5_000_000])
def test_branches_count_with_what_they_hold(most: int) -> None:
    graph = Graph("side by side", Book, limits=Limits(state_bytes=most))

    @graph.node(writes=book.pages)
    async def write(state: Book, item: int) -> str:
        return PAGE

    begin, gather = graph.point("begin"), graph.point("gather")
    graph.edge(START, begin)
    graph.map(begin, write, over=book.shelf, join=gather, failures="collect")
    graph.edge(gather, END)
    run = run_virtual(graph.run(Book()))
    assert len(run.state.pages) == (3 if most == 400_000 else 5)
    assert {failure.error["type"] for failure in run.failures} == ({"LimitExceeded"} if most == 400_000 else set())


def test_a_start_state_counts() -> None:
    with pytest.raises(RunFailed) as failed:
        run_virtual(writing().run(Book(left=5, last="y" * 700_000)))
    assert len(failed.value.run.state.pages) == 2
