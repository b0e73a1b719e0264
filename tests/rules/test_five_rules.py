"""The five rules of agents in graphs, from end to end; what ``check`` says of each is tested beside ``check`` (R1, R3-R5)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Context, Graph, Handoff, fields
from graphflow.errors import ViewReadOnly
from graphflow.graph.context import Offer
from graphflow.models import ScriptedModel


class Desk(BaseModel):
    request: str = "owls"
    notes: list[str] = []
    first: str = ""
    second: str = ""


desk = fields(Desk)


@pytest.mark.filterwarnings("ignore::graphflow.errors.LostChange")
def test_r2_a_node_cannot_leave_anything_in_what_another_one_sees() -> None:
    """S3.1, S3.6: the view is a copy of its own, and takes no new values."""
    graph = Graph("desk", Desk)
    seen: list[list[str]] = []

    @graph.node(writes=desk.first)
    def whisper(state: Desk) -> str:
        state.notes.append("psst")
        with pytest.raises(ViewReadOnly):
            state.second = "psst"
        with pytest.raises((ViewReadOnly, AttributeError, ValueError)):
            state.whispered = "psst"  # type: ignore[attr-defined]
        return "said nothing"

    @graph.node(writes=desk.second)
    def listen(state: Desk) -> str:
        seen.append(state.notes)
        return state.second + "heard nothing"

    graph.chain(START, whisper, listen, END)
    run = graph.run_sync(Desk())
    assert (run.state.notes, seen, run.state.second) == ([], [[]], "heard nothing")


def test_r2_the_context_leads_to_no_other_node() -> None:
    """S3.1, S9.1: a node is told plain facts of itself, and by name of whom it may hand off to. It can add to its own
    update, record what it did outside, and show text to whoever watches: nothing of it is addressed to a node."""
    graph = Graph("desk", Desk)
    told: list[Context] = []

    @graph.node(writes=desk.first)
    def ask(state: Desk, ctx: Context) -> Handoff:
        told.append(ctx)
        return Handoff("other", "asked")

    @graph.node
    def other(state: Desk) -> None: ...

    graph.edge(START, ask)
    graph.handoff(ask, other, "Knows more")
    graph.edge(other, END)
    graph.run_sync(Desk())
    from_the_caller = {"deps", "model", "approve", "hands"}  # the run's, and the driver's: the same for every node
    facts = {name: getattr(told[0], name) for name in names_of(Context) - from_the_caller}
    assert all(is_plain(value) for value in facts.values()), facts
    verbs = {name for name, value in vars(Context).items() if callable(value) and not name.startswith("_")}
    assert verbs == {"update", "once", "emit"}


def names_of(kind: type[Any]) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def is_plain(value: object) -> bool:
    """Text, numbers, nothing, and what is made of these."""
    if isinstance(value, tuple | frozenset):
        return all(map(is_plain, value))
    if isinstance(value, Offer):
        return is_plain((value.target, value.description, value.takes))
    return value is None or isinstance(value, str | int | float | bool)


def test_r2_an_agent_hears_of_others_only_what_its_prompt_names() -> None:
    """S3.5: the answer of one agent comes to the next one by a field of the state, or not at all."""
    graph = Graph("desk", Desk)
    one = graph.node(Agent("one", "Answer.", prompt="{request}"), writes=desk.first)
    two = graph.node(Agent("two", "Answer.", prompt="{request}"), writes=desk.second)
    graph.chain(START, one, two, END)
    model = ScriptedModel(["a canary", "nothing of it"])
    graph.run_sync(Desk(), model=model)
    assert len(model.requests) == 2
    assert "canary" not in str(model.requests[1])


def test_r5_a_node_marked_as_a_supervisor_is_drawn_as_one_and_does_not_run_with_tools_of_its_own() -> None:
    def search(query: str) -> str:
        """Look something up."""
        return query

    def marked(tools: list[Any]) -> Graph[Desk]:
        graph = Graph("desk", Desk)
        lead = Agent("lead", "Lead.", prompt="{request}", tools=tools)
        graph.chain(START, graph.node(lead, writes=desk.first, role="supervisor"), END)
        return graph

    assert "SUPERVISOR" in marked([]).draw().svg
    assert marked([]).run_sync(Desk(), model=ScriptedModel(["done"])).state.first == "done"
    with pytest.raises(Exception, match=r"\[GF189\]"):
        marked([search]).run_sync(Desk(), model=ScriptedModel(["done"]))
