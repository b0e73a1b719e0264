"""An agent without a graph: ``run_sync``, and what it says when it fails."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.errors import (
    AuthError,
    BadResponse,
    ContentFiltered,
    ModelError,
    ModelUnavailable,
    OutputInvalid,
    Refused,
    Truncated,
    TurnsExhausted,
)
from graphflow.models import Response, ScriptedModel, Tool, ToolCall, tool_call
from tests.graph.snapshots import says


class Review(BaseModel):
    score: int


class Essay(BaseModel):
    topic: str = "owls"


def look_up(word: str) -> str:
    """Look it up."""
    return word


writer = Agent("write", "Write.", prompt="{topic}", tools=[look_up], retry=None)


def test_run_sync_is_run_without_await() -> None:
    result = writer.run_sync(topic="owls", model=ScriptedModel(["Owls."]))
    assert (result.output, result.usage.model_calls) == ("Owls.", 1)
    assert writer.run_sync(Essay(), model=ScriptedModel(["Owls."])).output == "Owls."


def test_run_sync_works_where_a_loop_runs_already() -> None:
    """In a notebook: in a thread beside it, with the same context variables."""
    tone = contextvars.ContextVar("tone", default="none")

    async def cell() -> str:
        tone.set("kind")
        agent = Agent("write", lambda: tone.get(), prompt="p")
        model = ScriptedModel(lambda request: request.messages[0].text)
        return agent.run_sync(model=model).output

    assert asyncio.run(cell()) == "kind"


def test_run_sync_raises_what_run_raises() -> None:
    async def cell() -> None:
        writer.run_sync(topic="owls", model=ScriptedModel([Refused("no")]))

    for failing in (
        lambda: asyncio.run(cell()),
        lambda: writer.run_sync(topic="x", model=ScriptedModel([Refused("")])),
    ):
        with pytest.raises(Refused):
            failing()


# what is said


@says("""
[GF407] 401 from the server
  where  here   writer = Agent("write", "Write.", prompt="{topic}", tools=[look_up], retry=None)
  why    The key is wrong.
         It was call 2 of agent 'write' to scripted, at write.
  fix    Check it.
""")
def test_the_agent_and_the_call_are_named() -> None:
    error = AuthError("401 from the server", why="The key is wrong.", fix="Check it.")
    writer.run_sync(topic="owls", model=ScriptedModel([tool_call("look_up", word="x"), error]))


FAILURES: list[tuple[Any, type[ModelError]]] = [
    (BadResponse("no choices"), BadResponse),
    (Truncated("cut off"), Truncated),
    (ContentFiltered("filtered"), ContentFiltered),
    (Refused("refused"), Refused),
    (ModelUnavailable("no key"), ModelUnavailable),
    ("", OutputInvalid),
    ("canary", OutputInvalid),
    ('{"score": "canary"}', OutputInvalid),
    ('{"score": 7', OutputInvalid),
    ("canary" * 200_000, OutputInvalid),
    ("[" * 100_000, OutputInvalid),
    ("\ud800", OutputInvalid),
    (tool_call("canary"), TurnsExhausted),
    (tool_call("hand_off_to_canary"), TurnsExhausted),
    (Response(tool_calls=(tool_call("look_up", word=7),)), TurnsExhausted),
]


@pytest.mark.parametrize(("answer", "kind"), FAILURES)
def test_bad_answers_are_typed_name_the_agent_and_show_no_payload(answer: Any, kind: type[ModelError]) -> None:
    agent = Agent("review", "Score it.", prompt="{topic}", output=Review, tools=[look_up], retry=None, max_turns=2)
    model = ScriptedModel([answer, answer])
    with pytest.raises(ModelError) as caught:
        agent.run_sync(topic="canary", model=model)
    assert type(caught.value) is kind
    assert "'review'" in str(caught.value)
    assert "canary" not in str(caught.value)
    if kind in (OutputInvalid, TurnsExhausted):
        assert "had spent 2 model calls" in caught.value.__notes__[0]


def test_half_a_character_harms_nothing() -> None:
    """JSON can name one, and no encoding holds it: in a prompt, an answer, arguments of a tool, and its error."""

    def broken(word: str) -> str:
        raise ValueError("\ud800")

    agent = Agent("a", "i", prompt="{topic}", tools=[Tool(broken, tells_errors=True)])
    model = ScriptedModel([Response(tool_calls=(ToolCall("broken", '{"word": "\ud800"}'),)), "Owls \ud800."])
    assert agent.run_sync(topic="\ud800", model=model).output == "Owls \ufffd."
    assert model.requests[1].messages[1].text == "\ufffd"
    assert model.requests[1].messages[-1].text == "broken failed: \ufffd"
    graph = Graph("halves", Essay)
    graph.chain(START, graph.node(agent, writes=fields(Essay).topic), END)
    script = [tool_call("broken", word="x"), "Owls \ud800."]
    run = graph.run_sync(Essay(), model=ScriptedModel(script))
    assert run.state.topic == "Owls \ufffd."
    assert [entry["error"] for entry in run.journal if "error" in entry] == ["tool broken failed: ValueError: \ufffd"]
