"""An error where another one had led by an error edge has the first as its context, as in an ``except`` block (S8.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, FAIL, START, Graph, RunFailed
from graphflow.errors import Failed
from graphflow.testing.virtual import run_virtual


class State(BaseModel):
    n: int = 0


def first(state: State) -> None:
    raise ConnectionError("the line is dead")


def second(state: State) -> None:
    raise OSError("the disk is full")


def inner() -> Graph[State]:
    graph = Graph("inner", State)
    graph.chain(START, graph.node(second), END)
    return graph


def error_of(graph: Graph[State]) -> BaseException:
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    error = caught.value.__cause__
    assert error is not None
    return error


def after_the_first(work: Any) -> Graph[State]:
    graph = Graph("outer", State)
    begin, then = graph.node(first), graph.node(work)
    graph.chain(START, begin, END)
    graph.edge(begin, then, on_error=ConnectionError)
    graph.edge(then, END)
    return graph


@pytest.mark.parametrize("make", [lambda: second, inner], ids=["node", "graph"])
def test_the_second_error_tells_of_the_first(make: Callable[[], Any]) -> None:
    error = error_of(after_the_first(make()))
    assert isinstance(error, OSError)
    assert str(error.__context__) == "the line is dead"


def test_an_end_on_purpose_tells_what_led_to_it() -> None:
    graph = Graph("outer", State)
    begin = graph.node(first)
    graph.chain(START, begin, END)
    graph.edge(begin, FAIL("no line"), on_error=ConnectionError)
    error = error_of(graph)
    assert isinstance(error, Failed)
    assert str(error.__context__) == "the line is dead"


def test_an_error_that_hides_what_was_before_it_still_tells_of_the_first() -> None:
    def hiding(state: State) -> None:
        try:
            raise KeyError("a detail")
        except KeyError:
            raise OSError("the disk is full") from None

    error = error_of(after_the_first(hiding))
    assert str(error.__cause__) == "the line is dead"


def test_a_cause_of_its_own_is_kept_and_the_first_stands_behind_it() -> None:
    def explained(state: State) -> None:
        raise OSError("the disk is full") from KeyError("a detail")

    error = error_of(after_the_first(explained))
    assert isinstance(error.__cause__, KeyError)
    assert str(error.__cause__.__context__) == "the line is dead"


def test_the_same_error_twice_is_no_chain_to_itself() -> None:
    same = ConnectionError("the line is dead")

    def raising(state: State) -> None:
        raise same

    graph = Graph("twice", State)
    one, two = graph.node(raising, name="one"), graph.node(raising, name="two")
    graph.chain(START, one, END)
    graph.edge(one, two, on_error=ConnectionError)
    graph.edge(two, END)
    assert error_of(graph) is same
    assert same.__context__ is None


def test_without_an_error_edge_there_is_no_context() -> None:
    graph = Graph("alone", State)
    graph.chain(START, graph.node(second), END)
    assert error_of(graph).__context__ is None
