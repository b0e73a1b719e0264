"""Instructions and prompts that are functions of the view: what they are given, and what is refused (S3.5)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Context, Graph, fields
from graphflow.models import ScriptedModel
from graphflow.testing.virtual import run_virtual
from tests.graph.snapshots import says


class Essay(BaseModel):
    topic: str = "owls"
    names: list[str] = ["a", "b"]
    draft: str = ""


@dataclass
class Deps:
    tone: str


def tone(view: Essay, ctx: Context[Deps]) -> str:
    return f"Be {ctx.deps.tone} about {view.topic}."


def all_three(view: Essay, item: str, *, ctx: Context[Deps], ending: str = ".") -> str:
    return f"{view.topic}, {item}, {ctx.deps.tone}{ending}"


def sent(agent: Agent[str], **given: Any) -> list[str]:
    model = ScriptedModel(["done"])
    asyncio.run(agent.run(topic="owls", model=model, **given))
    return [message.text for message in model.requests[0].messages]


def test_a_function_may_take_view_item_and_context() -> None:
    """S3.8, S6.1."""
    assert sent(Agent("a", tone, prompt=all_three), deps=Deps("kind"), item="x") == [
        "Be kind about owls.",
        "owls, x, kind.",
    ]
    assert sent(Agent("a", lambda view, it: it, prompt=lambda view: view.topic), item="x") == ["x", "owls"]
    assert sent(Agent("a", lambda: "always", prompt=lambda view: "p")) == [
        "always",
        "p",
    ]


def test_in_a_graph_too() -> None:
    model = ScriptedModel(lambda request: request.messages[0].text)
    graph = Graph("essay", Essay)
    node = graph.node(Agent("a", tone, prompt="{topic}"), writes=fields(Essay).draft)
    graph.chain(START, node, END)
    assert run_virtual(graph.run(Essay(), deps=Deps("brief"), model=model)).state.draft == "Be brief about owls."


@says("""
[GF420] The instructions of agent 'a' cannot be awaited: it is async
  where  here   Agent("a", fetched, prompt="p")  # type: ignore[call-overload]
  why    A text is made from the state, at once and the same each time; what needs I/O is a node of its own, whose result is journalled and never fetched twice. (S3.5, S11.1)
  fix    Fetch it in a node that writes it to a field, and name that field in braces.
""")
def test_what_needs_io_is_a_node() -> None:
    async def fetched(view: Essay) -> str:
        return ""

    Agent("a", fetched, prompt="p")  # type: ignore[call-overload]


@says("""
[GF420] The prompt of agent 'a' cannot be awaited: it gave something to be awaited
  where  here   agent = Agent("a", "i", prompt=lambda view: fetched())  # type: ignore[call-overload]
  why    A text is made from the state, at once and the same each time; what needs I/O is a node of its own, whose result is journalled and never fetched twice. (S3.5, S11.1)
  fix    Fetch it in a node that writes it to a field, and name that field in braces.
""")
def test_also_where_it_hides() -> None:
    async def fetched() -> str:
        return ""

    agent = Agent("a", "i", prompt=lambda view: fetched())  # type: ignore[call-overload]
    sent(agent)


@says("""
[GF420] The prompt of agent 'a' takes a parameter 'mood' that nothing is given for
  where  here   Agent("a", "i", prompt=of_too_much)
  why    A function of the view is given the view, then the item of the map, and a Context if one is annotated so.
  fix    Write lambda view: ..., or def prompt(view: State, item: str, ctx: Context) -> str.
""")
def test_a_parameter_that_nothing_is_given_for() -> None:
    def of_too_much(view: Essay, item: str, mood: str) -> str:
        return ""

    Agent("a", "i", prompt=of_too_much)


@pytest.mark.parametrize("wrong", [str, 7, None, ["p"]])
def test_what_is_neither_text_nor_function(wrong: Any) -> None:
    with pytest.raises(Exception, match=r"GF420"):
        Agent("a", "i", prompt=wrong)
