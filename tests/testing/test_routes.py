"""Every route of an explorer is printed with the line that plays it again, which was seen to come to the same."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from graphflow import END, FAIL, START, Agent, Graph, fields
from graphflow.core.plan import Retry
from graphflow.errors.testing import PropertyFailed
from graphflow.testing import explore, faults, never, replay


class Review(BaseModel):
    score: Annotated[int, Field(ge=0, le=10)]


class News(BaseModel):
    draft: str = ""
    score: int = 0
    kind: Literal["a", "b", "c"] = "a"
    sent: bool = False


news = fields(News)


def reviewed() -> tuple[Graph[News], Any, Any]:
    """write -> review, and no edges after it yet."""
    graph = Graph("newsroom", News)
    write = graph.node(Agent("write", "Write.", prompt="{score}"), writes=news.draft)
    review = graph.node(Agent("review", "Score it.", prompt="{draft}", output=Review))
    graph.chain(START, write, review)
    return graph, write, review


def test_it_plays_again() -> None:
    graph, write, review = reviewed()
    graph.edge(review, END, when=news.score > 7)
    graph.edge(review, write, at_most=1)
    graph.edge(review, FAIL("never good"))
    found = explore(graph, failures=False)
    for edge in found.taken:
        route = found.path_to(edge)
        assert route is not None
        line = str(route).partition("  replay  ")[2].replace("\n          ", "\n")
        assert line == route.replay
        run = eval(line, {"replay": replay, "newsroom": graph, "News": News, "Review": Review})
        assert run.state.score == route.play().values["score"]


def test_of_failures_timers_functions_and_starts() -> None:
    graph = Graph("fetching", News)

    def fetch(state: News) -> str:
        if state.kind == "b":
            raise KeyError("b")
        return "page"

    fetching = graph.node(fetch, writes=news.draft, retry=Retry(attempts=2, on=ConnectionError))
    ask = graph.ask("ask", "Well?", answer=bool, writes=news.sent)
    guess = graph.node(lambda state: "guess", name="guess", writes=news.draft)
    graph.chain(START, fetching, ask, END)
    graph.edge(fetching, guess, on_error=ConnectionError)
    graph.edge(ask, guess, after_s=60)
    graph.edge(guess, END)
    found = explore(graph, properties=[never(news.draft == "guess")])
    names: dict[str, Any] = {
        "replay": replay,
        "fetching": graph,
        "News": News,
        "faults": faults,
        "fields": fields,
        "never": never,
    }
    for discovery in found.discoveries:
        route = discovery.route
        assert route.replay.startswith("replay(fetching, start=News(")
        assert f"  replay  {route.replay.splitlines()[0]}" in str(discovery)
        with pytest.raises(PropertyFailed):
            eval(route.replay, dict(names))
    assert any("properties=[never(" in one.route.replay for one in found.discoveries)


def test_there_is_none_where_it_cannot_be_written() -> None:
    class Odd:
        def __repr__(self) -> str:
            return "<odd>"

    graph = Graph("odd", News)
    graph.chain(START, graph.node(Agent("say", "Say.", prompt="{score}"), writes=news.draft), END)
    route = explore(graph, start=News(), agents={"say": "x"}).path_to("say -> END")
    assert route is not None
    assert dataclasses.replace(route, graph=None).replay == ""
    assert "replay" not in str(dataclasses.replace(route, deps=Odd(), start=None))
    assert route.as_json()["replay"] == route.replay
