"""S3.5, S3.6: what a node sees. A view is an instance of the state, its own, and cannot change anything."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Graph, RunFailed, append, fields
from graphflow.core.view import view_of
from graphflow.errors import ReadUndeclared, ViewReadOnly


class Review(BaseModel):
    marks: list[int] = [1]


class Essay(BaseModel):
    topic: str = "owls"
    tags: list[str] = ["a"]
    review: Review = Review()
    extra: dict[str, list[int]] = {"x": [1]}

    def shout(self) -> str:
        return self.topic.upper()


def values() -> dict[str, Any]:
    return dict(Essay().__dict__)


def test_a_view_is_an_instance_with_methods_and_model_methods() -> None:
    view = view_of(Essay, values())
    assert isinstance(view, Essay)
    assert view.shout() == "OWLS"
    assert view == Essay()
    assert view.model_dump() == Essay().model_dump()
    assert view.model_dump_json() == Essay().model_dump_json()
    assert repr(view) == repr(Essay())
    assert type(copy.deepcopy(view)) is Essay
    assert type(view.model_copy(update={"topic": "bees"})) is Essay


class Holder(BaseModel):
    essay: Essay


def test_a_view_can_be_nested_in_the_users_own_models() -> None:
    assert Holder(essay=view_of(Essay, values())).model_dump() == {"essay": Essay().model_dump()}


def test_altering_a_view_deeply_changes_nothing() -> None:
    """S3.6, G6: lists, dicts and nested models are the node's own copies."""
    kept = values()
    view = view_of(Essay, kept)
    view.tags.append("b")
    view.review.marks.append(2)
    view.extra["x"].append(2)
    assert view.tags == ["a", "b"], "its own copy it may alter"
    assert kept == values()


@pytest.mark.parametrize("act", [lambda v: setattr(v, "topic", "x"), lambda v: delattr(v, "topic")])
def test_attributes_cannot_be_set(act: Any) -> None:
    with pytest.raises(ViewReadOnly) as caught:
        act(view_of(Essay, values()))
    assert str(caught.value) == (
        "[GF210] A node tried to set 'topic' on its view of the state\n"
        "  why    A view cannot change the state: a node returns the fields that change. (S3.6)\n"
        '  fix    Return {"topic": ...}, or declare writes= and return the value.'
    )


def test_an_undeclared_read_raises_and_never_gives_a_default() -> None:
    """S3.5: getattr with a default must not hide it, so it is no AttributeError."""
    view = view_of(Essay, values(), frozenset({"topic"}))
    assert view.topic == "owls"
    with pytest.raises(ReadUndeclared) as caught:
        getattr(view, "tags", None)
    assert str(caught.value) == (
        "[GF203] The node reads 'tags', which it did not declare\n"
        "  why    It declared topic; a node sees that and nothing else. (S3.5)\n"
        "  fix    Add tags to the node's reads= (an agent's prompt declares them: name it there)."
    )
    assert view.model_dump() == {"topic": "owls"}


def test_a_view_that_is_kept_does_not_change_later() -> None:
    """A node may keep its view: what comes after must not show in it."""

    class Log(BaseModel):
        n: int = 0
        lines: Annotated[list[str], append] = []

    log = fields(Log)
    graph = Graph("kept", Log)
    kept: list[Log] = []

    @graph.node
    async def up(state: Log) -> dict[str, object]:
        kept.append(state)
        return {"n": state.n + 1, "lines": f"line {state.n}"}

    graph.edge(START, up)
    graph.edge(up, up, when=log.n < 3, at_most=5)
    graph.edge(up, END)
    asyncio.run(graph.run(Log()))
    assert [(view.n, view.lines) for view in kept] == [
        (0, []),
        (1, ["line 0"]),
        (2, ["line 0", "line 1"]),
    ]


def test_returning_the_view_is_an_error() -> None:
    """S3.6: a whole state would overwrite what others wrote."""
    graph = Graph("whole", Essay)

    @graph.node
    async def work(state: Essay) -> Any:
        return state

    graph.edge(START, work)
    graph.edge(work, END)
    with pytest.raises(RunFailed, match="returned its view of the state"):
        asyncio.run(graph.run(Essay()))


def test_a_view_pickles_as_the_state_it_shows() -> None:
    view = view_of(Essay, values())
    assert pickle.loads(pickle.dumps(copy.copy(view))) == Essay()
