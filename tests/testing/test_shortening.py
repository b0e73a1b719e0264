"""What walks find is told as small as it can be: the fewest faults, then the shortest run, then the simplest values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, cast

import pytest
from pydantic import BaseModel, Field

from graphflow import END, START, Agent, Graph, append, fields
from graphflow.errors.testing import PropertyFailed
from graphflow.testing import faults, walks


class Review(BaseModel):
    score: Annotated[int, Field(ge=0, le=10)]


class Essay(BaseModel):
    draft: str = ""
    score: int = 0
    log: Annotated[list[str], append] = []
    is_out: bool = False


essay = fields(Essay)


def newsroom() -> Graph[Essay]:
    """Written, noted and reviewed again, twenty times at most; then published, or not."""
    graph = Graph("newsroom", Essay)
    write = graph.node(Agent("write", "Write.", prompt="{score}"), writes=essay.draft)
    note = graph.node(lambda state: state.draft, name="note", writes=essay.log)
    review = graph.node(Agent("review", "Score it.", prompt="{draft}", output=Review))
    publish = graph.node(lambda state: True, name="publish", writes=essay.is_out)
    graph.chain(START, write, note, review)
    graph.edge(review, publish, when=essay.score >= 7)
    graph.edge(review, write, at_most=20)
    graph.edge(review, END)
    graph.edge(publish, END)
    return graph


def told(test: Callable[[Any], None], **given: Any) -> str:
    """What `walks` says of a test that fails."""
    with pytest.raises(PropertyFailed) as found:
        cast("Any", walks(newsroom(), **given)(test))()
    return str(found.value)


def test_the_shortest_run_comes_before_few_choices() -> None:
    """A node that repeats itself for twenty rounds makes fewer choices than five rounds and a way out."""

    def short(run: Any) -> None:
        assert len(run.state.log) < 5

    story = told(short)
    assert "     16. publish  is_out=True  -> END\n" in story
    assert "17." not in story
    assert story.count("write    says 'x'") == 5
    assert story.count("says Review(score=0)") == 4
    assert "15. review   says Review(score=7)  -> publish" in story


def test_then_values() -> None:
    def plain(run: Any) -> None:
        assert "é" not in run.state.log

    story = told(plain)
    assert "1. write    says 'é'" in story
    assert "3. review   says Review(score=7)  -> publish" in story
    assert "5." not in story


def test_no_fault_where_none_is_needed_and_else_one() -> None:
    def quiet(run: Any) -> None:
        assert run.state.score != 9

    assert "(injected)" not in told(quiet, faults=faults.all(at_most=2))

    def done(run: Any) -> None:
        assert run.status == "done"

    story = told(done, faults=faults.raising(ConnectionError))
    assert "      1. write  raises ConnectionError: made up by a test  (injected)\n  the run is failed" in story


def test_what_is_asserted_is_told() -> None:
    def out(run: Any) -> None:
        if not run.state.is_out:
            raise ValueError("it was not\npublished")

    story = told(out)
    assert "  the run is done, and then ValueError: it was not\n     published\n" in story
    assert "  replay  replay(newsroom, start=Essay(), steps=[\n" in story  # which gives the run that the test fails for

    def is_out(run: Any) -> None:
        assert run.state.score == 0 or run.state.is_out

    assert "and then AssertionError: assert " in told(is_out)
