"""S9.1: an agent remembers earlier visits only where a field of the state says so, and the state is the only truth."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, extend, fields
from graphflow.agents.history import bounded
from graphflow.core.journal import decode
from graphflow.core.reading import state_of
from graphflow.core.replay import replay
from graphflow.errors import PromptInvalid
from graphflow.models import Message, Response, ScriptedModel, ToolCall, tool_call
from graphflow.testing.virtual import run_virtual
from tests.graph.snapshots import says


class Chat(BaseModel):
    line: str = "Hello."
    reply: str = ""
    rounds: int = 0
    talk: Annotated[list[Message], extend] = []
    texts: list[str] = []
    plain: list[Message] = []


chat = fields(Chat)


def look_up(word: str) -> str:
    """Look it up."""
    return f"{word}: a bird"


def talker(**options: Any) -> Agent[str]:
    return Agent("talk", "Be kind.", prompt="{line}", tools=[look_up], **{"history": chat.talk, **options})


def graph_of(agent: Agent[str]) -> Graph[Chat]:
    graph = Graph("chat", Chat)
    talk = graph.node(agent, writes=chat.reply)

    @graph.node
    def count(state: Chat) -> dict[str, Any]:
        return {"rounds": state.rounds + 1, "line": f"Round {state.rounds + 1}."}

    graph.edge(START, talk)
    graph.edge(talk, count)
    graph.edge(count, END, when=chat.rounds >= 3)
    graph.edge(count, talk, at_most=3)
    graph.edge(count, END)
    return graph


SCRIPT: list[Any] = ["Good day.", tool_call("look_up", word="owl"), "An owl.", "Bye."]


def said(messages: Any) -> list[str]:
    return [message.text for message in messages]


def test_later_visits_see_what_was_said_in_earlier_ones() -> None:
    model = ScriptedModel(SCRIPT)
    run = run_virtual(graph_of(talker()).run(Chat(), model=model))
    assert [said(request.messages) for request in model.requests] == [
        ["Be kind.", "Hello."],
        ["Be kind.", "Hello.", "Good day.", "Round 1."],
        ["Be kind.", "Hello.", "Good day.", "Round 1.", "", "owl: a bird"],
        ["Be kind.", "Hello.", "Good day.", "Round 1.", "", "owl: a bird", "An owl.", "Round 2."],
    ]
    assert said(run.state.talk) == [*said(model.requests[-1].messages)[1:], "Bye."]


def test_the_state_holds_it_as_json_and_a_replay_has_the_same() -> None:
    """S15.2, S1.1."""
    run = run_virtual(graph_of(talker()).run(Chat(), model=ScriptedModel(SCRIPT)))
    assert Chat.model_validate_json(run.state.model_dump_json()) == run.state
    assert isinstance(run.state.talk[3].tool_calls[0], ToolCall)
    assert state_of(replay(run.plans, map(decode, run.raw_journal))) == run.state
    again = run_virtual(graph_of(talker()).rerun(run, at=run.steps[1].seq, model=ScriptedModel(SCRIPT[1:])))
    assert said(again.state.talk) == said(run.state.talk)


def test_without_it_every_visit_starts_anew() -> None:
    model = ScriptedModel(["a", "b", "c"])
    run = run_virtual(graph_of(talker(history=None)).run(Chat(), model=model))
    assert [len(request.messages) for request in model.requests] == [2, 2, 2]
    assert run.state.talk == []


def test_what_was_sent_back_as_invalid_is_not_remembered() -> None:
    agent = Agent("score", "i", prompt="{line}", output=int, history="talk")
    result = asyncio.run(agent.run(line="x", model=ScriptedModel(["none", "7"])))
    assert said(result.updates[0]["talk"]) == ["x", "7"]


def test_a_visit_that_fails_leaves_nothing() -> None:
    """S8.2."""
    with pytest.raises(Exception, match="turn") as caught:
        run_virtual(graph_of(talker(max_turns=1, retry=None)).run(Chat(), model=ScriptedModel([SCRIPT[1]])))
    assert caught.value.run.state.talk == []  # type: ignore[attr-defined]


def test_alone_it_is_given_and_given_back() -> None:
    first = asyncio.run(talker().run(line="Hello.", model=ScriptedModel(["Good day."])))
    model = ScriptedModel(["Bye."])
    talk = first.updates[0]["talk"]
    asyncio.run(talker().run(line="And?", talk=talk, model=model))
    assert said(model.requests[0].messages) == ["Be kind.", "Hello.", "Good day.", "And?"]
    with pytest.raises(PromptInvalid, match="no list of messages"):
        asyncio.run(talker().run(line="And?", talk=["Hello."], model=model))


# bounds

PAST = [
    Message("user", "one"),
    Message("assistant", "", (ToolCall("t", id="a"), ToolCall("t", id="b"))),
    Message("tool", "x", call_id="a"),
    Message("tool", "y", call_id="b"),
    Message("assistant", "two"),
]


@pytest.mark.parametrize(("most", "left"), [(1, 1), (2, 1), (3, 1), (4, 4), (5, 5), (99, 5)])
def test_a_call_and_its_results_are_never_split(most: int, left: int) -> None:
    assert bounded(PAST, max_messages=most, max_tokens=1_000) == tuple(PAST[5 - left :])


def test_what_lacks_its_other_half_is_left_out() -> None:
    assert bounded([*PAST[2:4], *PAST[:2], PAST[4]], max_messages=9, max_tokens=99) == (PAST[0], PAST[4])


roles = st.sampled_from(["user", "assistant", "tool"])
messages = st.builds(
    Message,
    roles,
    st.text(max_size=30),
    st.lists(st.builds(ToolCall, st.just("t"), id=st.sampled_from("abc")), max_size=2).map(tuple),
    st.sampled_from(["", "a", "b", "c"]),
)


@given(st.lists(messages, max_size=12), st.integers(1, 12), st.integers(1, 60))
def test_whatever_is_there_it_keeps_the_bounds_and_whole_pairs(past: list[Message], most: int, tokens: int) -> None:
    kept = bounded(past, max_messages=most, max_tokens=tokens)
    assert len(kept) <= most
    assert sum(-(-len(m.text.encode()) // 4) for m in kept) <= tokens
    called = sorted(call.id for message in kept if message.role != "tool" for call in message.tool_calls)
    assert called == sorted(message.call_id for message in kept if message.role == "tool")


def test_an_agent_sends_no_more_than_its_bounds() -> None:
    model = ScriptedModel(["a", "b", "c"])
    run = run_virtual(graph_of(talker(max_history_messages=1)).run(Chat(), model=model))
    assert [len(request.messages) for request in model.requests] == [2, 3, 3]
    assert len(run.state.talk) == 6
    model = ScriptedModel(["a" * 400, "b", "c"])
    run_virtual(graph_of(talker(max_history_tokens=20)).run(Chat(), model=model))
    assert said(model.requests[-1].messages) == ["Be kind.", "Round 1.", "b", "Round 2."]


def test_calls_without_ids_get_some_that_no_earlier_one_has() -> None:
    past = [Message("user", "x"), Message("assistant", "", (ToolCall("look_up", id="call_5_1"),)),
            Message("tool", "y", call_id="call_5_1")]  # fmt: skip
    model = ScriptedModel([Response(tool_calls=(ToolCall("look_up", '{"word": "x"}'),) * 2), "Done."])
    asyncio.run(talker().run(line="x", talk=past[:3], model=model))
    ids = [call.id for message in model.requests[-1].messages for call in message.tool_calls]
    assert len(ids) == len(set(ids)) == 3


# at the line


@says("""
[GF117] Agent 'talk' keeps its history in 'tlak', which Chat does not have
  where  here   Graph("chat", Chat).node(talker(history="tlak"), writes=chat.reply)
  why    The fields are line, reply, rounds, talk, texts, plain. (S9.1)
  fix    Did you mean 'talk'?
""")
def test_a_field_that_is_not_there() -> None:
    Graph("chat", Chat).node(talker(history="tlak"), writes=chat.reply)


@says("""
[GF117] Agent 'talk' keeps its history in 'plain', which is no list of messages to extend
  where  here   Graph("chat", Chat).node(talker(history=chat.plain), writes=chat.reply)
  why    Each visit adds what was said in it, and the state stays the only truth. (S9.1) It is list[graphflow.agents.messages.Message].
  fix    Write plain: Annotated[list[Message], extend] = [] in Chat.
""")
def test_a_field_without_its_reducer() -> None:
    Graph("chat", Chat).node(talker(history=chat.plain), writes=chat.reply)


@says("""
[GF117] Agent 'talk' keeps its history in 'texts', which is no list of messages to extend
  where  here   Graph("chat", Chat).node(talker(history=chat.texts), writes=chat.reply)
  why    Each visit adds what was said in it, and the state stays the only truth. (S9.1) It is list[str].
  fix    Write texts: Annotated[list[Message], extend] = [] in Chat.
""")
def test_a_field_of_another_type() -> None:
    Graph("chat", Chat).node(talker(history=chat.texts), writes=chat.reply)


@says("""
[GF420] history=7 names no field
  where  here   Agent("talk", "i", prompt="p", history=7)  # type: ignore[call-overload]
  why    An agent's history is kept in a field of the state: talk: Annotated[list[Message], extend] = []. (S9.1)
  fix    Write history=fields(State).talk, or its name.
""")
def test_what_is_no_field() -> None:
    Agent("talk", "i", prompt="p", history=7)  # type: ignore[call-overload]
