"""Where a secret of the state may not go, told at the line: prompts, questions, comparisons, answers (GF139)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from graphflow import END, START, Agent, Graph, contains, fields, size
from graphflow.errors import DeclarationError
from graphflow.graph.expressions import one_of
from graphflow.graph.stored import data_of
from tests.graph.snapshots import says

CANARY = "canary-9023"


class Account(BaseModel):
    name: str = ""
    key: SecretStr | None = None


class State(BaseModel):
    key: SecretStr | None = None
    account: Account | None = None
    accounts: dict[str, Account] = {}
    keys: list[SecretStr] = []
    text: str = ""
    is_known: bool = False


state = fields(State)


@says("""
[GF139] Agent 'clerk' names {key}, which holds a secret
  where  here   graph.node(Agent("clerk", "You help.", prompt="{text} {key}"), writes=state.text)
  why    What a text names is sent to a model or shown to people, and a secret is neither. (S3.5)
  fix    Leave it out, or name a field beside it. What needs the secret is a function or a tool, which calls state.key.get_secret_value().
""")
def test_a_prompt_with_a_secret() -> None:
    graph = Graph("x", State)
    graph.node(Agent("clerk", "You help.", prompt="{text} {key}"), writes=state.text)


@pytest.mark.parametrize(
    "text", ["{account}", "{account.key}", "{accounts}", "{accounts.ann}", "{accounts.ann.key}", "{keys}"]
)
def test_a_text_with_a_secret_below(text: str) -> None:
    graph = Graph("x", State)
    for declare in (
        lambda: graph.node(Agent("clerk", f"You help {text}.", prompt="{text}"), writes=state.text),
        lambda: graph.ask("ask", f"{text}?", answer=bool, writes=state.is_known),
    ):
        with pytest.raises(DeclarationError, match="holds a secret") as caught:
            declare()
        assert caught.value.code == "GF139"


@pytest.mark.parametrize("text", ["{account.name}", "{accounts.ann.name}", "{text}"])
def test_what_stands_beside_a_secret_may_be_named(text: str) -> None:
    graph = Graph("x", State)
    graph.node(Agent("clerk", "You help.", prompt=text), writes=state.text)
    graph.ask("ask", f"{text}?", answer=bool, writes=state.is_known)


@says("""
[GF139] key == ... compares a secret
  where  here   state.key == SecretStr(CANARY)  # noqa: B015
  why    What it is compared with would stand in labels, drawings and stored plans. (S5.2)
  fix    Ask whether it is there, with == None or != None; or let a node look, and write what it found into a bool field.
""")
def test_a_comparison_with_a_secret() -> None:
    state.key == SecretStr(CANARY)  # noqa: B015


@pytest.mark.parametrize(
    "compare",
    [
        lambda: state.key == CANARY,
        lambda: state.key != CANARY,
        lambda: state.key < CANARY,
        lambda: state.key == state.account.key,
        lambda: one_of(state.key, [CANARY]),
        lambda: contains(state.keys, SecretStr(CANARY)),
    ],
)
def test_no_comparison_shows_a_constant(compare: Any) -> None:
    with pytest.raises(DeclarationError, match="compares a secret") as caught:
        compare()
    assert CANARY not in str(caught.value.what) + caught.value.why + caught.value.fix


def test_whether_a_secret_is_there_may_be_asked() -> None:
    """Also how long it is; a predicate that looks closer is opaque, and so in no label."""
    graph = Graph("x", State)
    known = SecretStr(CANARY)
    graph.edge(START, END, when=(state.key != None) & (size(state.keys) > 0))
    graph.edge(START, END, when=lambda view: view.key == known)
    graph.edge(START, END)
    assert graph.run_sync(State(key=SecretStr(CANARY))).status == "done"
    assert CANARY not in str(data_of(graph.plan())) + graph.draw().dot


@says("""
[GF139] The question 'ask' asks for a secret
  where  here   graph.ask("ask", "Your key?", answer=SecretStr, writes=state.key)
  why    An answer is typed in a terminal, left in a store and journalled as it is. (S10.1)
  fix    Ask where it is found instead, and let a node fetch it; or give it to the run: graph.run(state, deps=...).
""")
def test_an_answer_that_is_a_secret() -> None:
    graph = Graph("x", State)
    graph.ask("ask", "Your key?", answer=SecretStr, writes=state.key)


@says("""
[GF139] Node 'clerk' writes into 'key', where secrets are kept
  where  here   graph.node(Agent("clerk", "You make keys.", prompt="{text}"), writes=state.key)
  why    What a model or a person says is recorded as it is, before it is part of the state: it would not be secret. (S11.1)
  fix    Let a function fetch the secret and return it, or a tool call ctx.update(...); or write into a field that holds none.
""")
def test_an_agent_that_writes_a_secret() -> None:
    graph = Graph("x", State)
    graph.node(Agent("clerk", "You make keys.", prompt="{text}"), writes=state.key)


class Report(BaseModel):
    key: str
    text: str


def test_nobody_says_a_secret() -> None:
    """S11.1: not by a mapping, a model's fields, a handoff, an answer of a plain type or a type with a secret in it."""
    graph = Graph("x", State)
    told = Agent("told", "You tell.", prompt="{text}", output=Report)
    router = graph.node(Agent("router", "You route.", prompt="{text}"), writes=state.text)
    for declare in (
        lambda: graph.node(told),
        lambda: graph.node(told, writes={"key": "key"}),
        lambda: graph.node(told, writes=state.account),
        lambda: graph.node(Agent("a", "You tell.", prompt="{text}", output=Account), writes={"text": "name"}),
        lambda: graph.ask("ask", "Your key?", answer=str, writes=state.key),
        lambda: graph.handoff(router, END, "Done", takes=Report),
    ):
        with pytest.raises(DeclarationError) as caught:
            declare()
        assert caught.value.code == "GF139", caught.value


def test_who_may_write_a_secret() -> None:
    """Tools by ``ctx.update``, and functions; an agent beside them writes what is none."""
    graph = Graph("x", State)
    graph.node(Agent("a", "You log in.", prompt="{text}"), writes=state.text, updates=state.key)
    graph.node(Agent("b", "You log in.", prompt="{text}", output=Report), writes={"text": "text"}, updates=state.key)
    graph.node(lambda view: {"key": CANARY}, name="fetch")
    chooser = graph.node(lambda view: None, name="chooser")
    graph.edge(chooser, END)
