"""The error a failed run is raised as: where, why, and what to do next."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, FAIL, START, Graph, fields
from graphflow.errors import RunFailed


class State(BaseModel):
    n: int = 0
    is_liked: bool = False


state_fields = fields(State)


def failing_graph(reason: str = "nobody liked it") -> Graph[State]:
    graph = Graph("support", State)

    @graph.node
    def ask_around(state: State) -> dict[str, int]:
        return {"n": state.n + 1}

    graph.edge(START, ask_around)
    graph.edge(ask_around, END, when=state_fields.is_liked)
    graph.edge(ask_around, FAIL(reason))
    return graph


def test_a_run_that_ends_in_fail_says_why_where_and_how_to_go_on() -> None:
    """S1.1: the graph's own verdict, told with the edge that was taken and what is before it."""
    graph = failing_graph()
    with pytest.raises(RunFailed) as caught:
        graph.run_sync(State())
    error, run = caught.value, caught.value.run
    cause: Any = error.__cause__
    assert cause.code == "GF216"
    assert cause.what == "Graph 'support' ended in FAIL: nobody liked it"
    assert error.what == f"Run {run.id}: Graph 'support' ended in FAIL: nobody liked it"
    assert error.where[0].text == "graph.edge(ask_around, FAIL(reason))"
    assert "The edge from ask_around was taken. (S1.1)" in error.why
    assert "START:1 -> ask_around;  ask_around:1 -> FAIL: nobody liked it" in error.why
    assert "%3A" not in str(error)
    assert "stays" not in str(error)
    at = int(error.fix.partition("at=")[2].partition(",")[0])
    assert "graph.rerun(error.run, at=" in error.fix

    async def again() -> Any:
        return await graph.rerun(run, at=at, state={"is_liked": True})

    assert asyncio.run(again()).status == "done"


def broken_graph(attribute: str) -> Graph[State]:
    graph = Graph("broken", State)

    @graph.node
    async def divide(state: State) -> dict[str, int]:
        return {"n": 1 // getattr(state, attribute)}

    graph.chain(START, divide, END)
    return graph


def test_a_nodes_exception_is_shown_where_it_was_declared_and_where_it_was_raised() -> None:
    with pytest.raises(RunFailed) as caught:
        broken_graph("n").run_sync(State())
    assert [place.text for place in caught.value.where] == [
        "@graph.node",
        'return {"n": 1 // getattr(state, attribute)}',
    ]
    assert all(place.file == __file__ for place in caught.value.where)


def test_an_unknown_field_of_the_view_names_the_nearest() -> None:
    with pytest.raises(RunFailed) as caught:
        broken_graph("nn").run_sync(State())
    assert "Did you mean 'n'?" in caught.value.fix
    assert "graph.resume(error.run)" in caught.value.fix


def _shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def test_the_traceback_of_a_failed_run_is_short() -> None:
    """Nothing of ours stands between the call and the cause; no other error is said to have been handled."""
    with pytest.raises(RunFailed) as caught:
        broken_graph("n").run_sync(State())
    shown = _shown(caught.value)
    assert "no running event loop" not in shown
    assert "During handling" not in shown
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert [file.rpartition("/")[2] for file in files] == ["test_failing.py", "flow.py", "driving.py"]

    async def in_a_loop() -> None:
        broken_graph("n").run_sync(State())

    with pytest.raises(RunFailed) as beside:
        asyncio.run(in_a_loop())
    assert "no running event loop" not in _shown(beside.value)
