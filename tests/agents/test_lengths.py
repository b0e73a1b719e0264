"""R3: max_input_tokens counts everything that is sent, refuses before anything is, and says what is how long."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import Agent, extend
from graphflow.errors import InputTooLong
from graphflow.models import Message, ScriptedModel, tool_call
from tests.graph.snapshots import says, shown


class State(BaseModel):
    topic: str = "owls"
    draft: str = "x" * 4_000
    talk: Annotated[list[Message], extend] = [Message("user", "y" * 2_000)]


class Big(BaseModel):
    """What is wanted."""

    answer: str


def look_up(word: str) -> str:
    """Look it up."""
    return "z" * 8_000


def run(agent: Agent[Any], *script: Any) -> ScriptedModel:
    with ScriptedModel(script) as model:
        asyncio.run(agent.run(State(), model=model))
    return model


@says("""
[GF417] The input of agent 'a' has about 1,549 tokens
  where  here   agent: Agent[Any] = Agent(
  why    Its max_input_tokens is 1,000; nothing was sent. Of these are: prompt 1,003, history 500, tools 43, instructions 3.
  fix    Cut the longest field in its prompt, as in {draft:2000}, or raise max_input_tokens.
""")
def test_it_says_which_part_is_how_long_and_how_to_trim() -> None:
    agent: Agent[Any] = Agent(
        "a", "Be brief.", prompt="On {topic}: {draft}", tools=[look_up], history="talk", max_input_tokens=1_000
    )
    run(agent)


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"instructions": "w" * 9_000}, "Say less in the instructions"),
        ({"history": "talk"}, "Send less of it with max_history_tokens="),
        ({"tools": [look_up]}, "Offer fewer tools"),
        ({"output": Big}, "Ask for a smaller output type"),
    ],
)
def test_every_part_counts_and_has_its_mend(options: dict[str, Any], fix: str) -> None:
    agent: Agent[Any] = Agent("a", **{"instructions": "i", "prompt": "{topic}", "max_input_tokens": 10, **options})
    with pytest.raises(InputTooLong) as caught:
        run(agent)
    assert fix in caught.value.fix


def test_what_tools_return_counts_in_the_next_turn() -> None:
    """The calls before are paid for, and the error says what to do."""
    agent = Agent("a", "i", prompt="{topic}", tools=[look_up], max_input_tokens=500)
    with pytest.raises(InputTooLong) as caught:
        run(agent, tool_call("look_up", word="owl"))
    assert "this visit's tool results and answers 2," in shown(caught.value)
    assert "Cut what tools return" in caught.value.fix
    assert "had spent 1 model calls" in caught.value.__notes__[0]


def test_what_fits_is_sent() -> None:
    run(Agent("a", "i", prompt="{topic}", max_input_tokens=2), "Done.")
