"""S11.3: what a model writes is shown as it comes, to whoever watches; what is recorded is the same either way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.cli.progress import Progress
from graphflow.core.plan import Retry
from graphflow.errors import ServerError
from graphflow.models import Request, Response, ScriptedModel, tool_call
from graphflow.runtime.events import Event, NodeFinished, TextStreamed
from graphflow.testing.virtual import run_virtual


class State(BaseModel):
    topics: list[str] = ["owls", "bees"]
    text: str = ""


state = fields(State)


class Plain:
    """A model that cannot stream."""

    name = "plain"

    async def respond(self, request: Request) -> Response:
        return Response("Owls.")


class Counting(ScriptedModel):
    """Says how often it was asked to stream."""

    async def stream(self, request: Request, show: Any) -> Response:
        self.how.append("stream")
        return await super().stream(request, show)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.how: list[str] = []


def look_up(word: str) -> str:
    """Look it up."""
    return word


def graph_of(agent: Agent[str]) -> Graph[State]:
    graph = Graph("essay", State)
    graph.chain(START, graph.node(agent, writes=state.text), END)
    return graph


SCRIPT = [tool_call("look_up", word="barn owls"), "Owls hunt at night."]


def writer(**options: Any) -> Agent[str]:
    return Agent("write", "Write.", prompt="p", tools=[look_up], **options)


def run(model: Any, *, watched: bool, agent: Agent[str] | None = None) -> tuple[Any, list[TextStreamed]]:
    seen: list[Event] = []
    observers = [seen.append] if watched else []
    done = run_virtual(graph_of(agent or writer()).run(State(), model=model, observers=observers, run_id="r"))
    return done, [event for event in seen if isinstance(event, TextStreamed)]


def test_a_watched_run_shows_pieces_and_records_the_same() -> None:
    watched, pieces = run(ScriptedModel(SCRIPT), watched=True)
    alone, none = run(ScriptedModel(SCRIPT), watched=False)
    assert "".join(piece.text for piece in pieces if not piece.tool) == "Owls hunt at night."
    assert "".join(piece.text for piece in pieces if piece.tool == "look_up") == '{"word":"barn owls"}'
    assert len(pieces) > 4
    assert none == []
    keys = [[entry.get("key") for entry in done.journal if entry["kind"] == "effect"] for done in (watched, alone)]
    values = [[entry.get("value") for entry in done.journal if entry["kind"] == "effect"] for done in (watched, alone)]
    assert keys[0] == keys[1]
    assert values[0] == values[1]
    assert all(b"streamed" not in entry for entry in watched.raw_journal)


def test_a_model_that_cannot_stream_is_asked_as_ever() -> None:
    done, pieces = run(Plain(), watched=True)
    assert done.state.text == "Owls."
    assert pieces == []


def test_what_fails_is_shown_and_shown_anew() -> None:
    """An attempt that failed had shown something; only the next one's answer counts."""

    class Cut(ScriptedModel):
        async def stream(self, request: Request, show: Any) -> Response:
            response = await super().stream(request, show)
            if len(self.requests) == 1:
                raise ServerError("cut off", response_started=True)
            return response

    done, pieces = run(Cut(["Owls.", "Bees."]), watched=True, agent=writer(retry=Retry(attempts=2, first_s=1)))
    assert done.state.text == "Bees."
    assert "".join(piece.text for piece in pieces) == "Owls.Bees."


def test_alone_text_goes_to_on_text_and_tool_arguments_do_not() -> None:
    shown: list[str] = []
    result = asyncio.run(writer().run(model=ScriptedModel(SCRIPT), on_text=shown.append))
    assert "".join(shown) == result.output == "Owls hunt at night."
    assert len(shown) == 4


def test_alone_without_on_text_nothing_is_streamed() -> None:
    for how, options in (([], {}), (["stream", "stream"], {"on_text": print})):
        model = Counting(SCRIPT)
        asyncio.run(writer().run(model=model, **options))
        assert model.how == how


def test_what_on_text_raises_is_the_callers() -> None:
    def broken(text: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(writer().run(model=ScriptedModel(["Owls."]), on_text=broken))


# on the command line


def texts_shown(graph: Graph[State], model: Any) -> list[str]:
    """What the row of the writing node says, after every event."""
    progress, said = Progress(graph.plan()), [""]

    def observe(event: Event) -> None:
        progress.observe(event)
        text = progress.rows["write"].text
        if text != said[-1]:
            said.append(text)
        if isinstance(event, NodeFinished) and event.node == "write":
            assert progress.rows["write"].text == "" or len(progress.rows["write"].running) > 0

    run_virtual(graph.run(State(), model=model, observers=[observe]))
    return said


def test_progress_shows_the_text_and_the_name_of_a_tool() -> None:
    assert texts_shown(graph_of(writer()), ScriptedModel(SCRIPT)) == [
        "", "calls look_up", "", "Owls ", "Owls hunt ", "Owls hunt at ", "Owls hunt at night.", "",
    ]  # fmt: skip


def test_of_many_side_by_side_progress_shows_one() -> None:
    """Texts of two branches are never mixed."""

    class Slow(ScriptedModel):
        async def stream(self, request: Request, show: Any) -> Response:
            pieces: list[Any] = []
            response = await super().stream(request, pieces.append)
            for piece in pieces:
                show(piece)
                await asyncio.sleep(1)
            return response

    graph = Graph("map", State)
    agent = Agent("write", "Write.", prompt="{item}")
    write = graph.node(agent, writes={"text": lambda text: text}, updates=())
    split, join = graph.point("split"), graph.point("join")
    graph.edge(START, split)
    graph.map(split, write, over=state.topics, join=join, failures="collect", need="first")
    graph.edge(join, END)
    model = Slow(lambda request: f"{request.messages[-1].text} are fine.")
    for text in texts_shown(graph, model):
        assert "owls are fine.".startswith(text) or "bees are fine.".startswith(text)
