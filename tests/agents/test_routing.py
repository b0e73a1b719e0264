"""Agents that do nothing but hand off, in a graph from end to end (S9)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.agents.offline.material import material_of
from graphflow.agents.offline.routing import route
from graphflow.errors import GraphError, HandoffInvalid, RunFailed
from graphflow.models import OfflineModel, ScriptedModel, ToolSpec, handoff_call, tool_call
from tests.graph.snapshots import shown


class Note(BaseModel):
    note: str


class Ticket(BaseModel):
    text: str
    note: str = ""
    summary: str = ""
    answered_by: str = ""


ticket = fields(Ticket)
ROUTER = Agent("router", "Send it to the right desk.", prompt="{text}", max_turns=3)


def desk(*, takes: Any = None, **options: Any) -> Graph[Ticket]:
    graph = Graph("desk", Ticket)
    router = graph.node(ROUTER, **options)

    @graph.node(writes=ticket.answered_by)
    def billing(state: Ticket) -> str:
        return "billing"

    @graph.node(name="Tech support", writes=ticket.answered_by)
    def technical(state: Ticket) -> str:
        return "technical"

    graph.edge(START, router)
    graph.handoff(router, billing, "Invoices and payments", takes=takes)
    graph.handoff(router, technical, "Errors, crashes and broken features")
    graph.edge(billing, END)
    graph.edge(technical, END)
    return graph


def test_a_node_with_handoffs_only_needs_no_field_for_its_text() -> None:
    """S9.3: its text never goes anywhere."""
    graph = desk()
    assert graph.check() == []
    assert graph.plan().node("router").writes.declared == frozenset()
    with ScriptedModel([handoff_call("Tech support")]) as model:
        state = graph.run_sync(Ticket(text="It hums."), model=model).state
    assert (state.answered_by, state.note) == ("technical", "")


def test_one_that_answers_in_text_is_told_the_tools_to_choose_from() -> None:
    """S9.3."""
    with ScriptedModel(["That is for billing.", handoff_call("billing")]) as model:
        assert desk().run_sync(Ticket(text="My invoice is wrong."), model=model).state.answered_by == "billing"
    assert model.requests[1].messages[-1].text == (
        "You have to hand the work over by calling a tool: choose one of hand_off_to_billing, hand_off_to_tech_support."
    )


def test_one_with_a_typed_output_is_not_asked_for_json() -> None:
    graph = Graph("desk", Ticket)
    router = graph.node(Agent("router", "Route.", prompt="{text}", output=Note))
    graph.edge(START, router)
    graph.handoff(router, END, "All done")
    with ScriptedModel(["Hm.", handoff_call(END)]) as model:
        graph.run_sync(Ticket(text="x"), model=model)
    assert [request.output_schema for request in model.requests] == [None, None]
    assert "JSON" not in model.requests[1].messages[-1].text


def test_one_that_never_chooses_fails() -> None:
    with pytest.raises(RunFailed) as caught:
        desk().run_sync(Ticket(text="x"), model=ScriptedModel(["a", "b", "c"]))
    assert "It has to choose a handoff, and chose none. (S9.3)" in str(caught.value)


def test_the_offline_model_chooses_by_the_words() -> None:
    graph = desk()
    for text, desk_ in (("My payment was taken twice.", "billing"), ("The export is broken.", "technical")):
        assert graph.run_sync(Ticket(text=text), model=OfflineModel()).state.answered_by == desk_


def test_a_handoff_without_update_writes_nothing() -> None:
    """S9.1: not even where writes= says where the text would go."""
    with ScriptedModel([handoff_call("billing")]) as model:
        state = desk(writes=ticket.summary).run_sync(Ticket(text="x", summary="old"), model=model).state
    assert (state.summary, state.answered_by) == ("old", "billing")


def test_a_handoff_carries_data() -> None:
    """S9.1."""
    with ScriptedModel([handoff_call("billing", note="Paid twice.")]) as model:
        state = desk(takes=Note).run_sync(Ticket(text="x"), model=model).state
    assert (state.note, state.answered_by) == ("Paid twice.", "billing")
    offline = desk(takes=Note).run_sync(Ticket(text="My payment was taken twice."), model=OfflineModel()).state
    assert offline.note == "My payment was taken twice."


def test_a_target_is_a_handle_a_name_or_an_end() -> None:
    graph = Graph("desk", Ticket)
    assert handoff_call(graph.point("Tech support")) == tool_call("hand_off_to_tech_support")
    assert handoff_call("billing", note="n") == tool_call("hand_off_to_billing", note="n")
    assert handoff_call(END) == tool_call("hand_off_to_end")


def test_with_another_way_on_its_text_needs_a_field() -> None:
    """S3.1: found when the graph compiles, as the ways on are declared after the node."""
    graph = desk()
    graph.edge("router", END)
    with pytest.raises(GraphError):
        graph.plan()
    assert [shown(finding) for finding in graph.check()] == [
        """\
[GF116] error: Node 'router' returns str, but not into which field it goes
  where  here   router = graph.node(ROUTER, **options)
  why    A node returns the fields that change; a bare value needs to be told its field. (S3.1)
         Only an agent that has handoffs and no other way on needs no field: it has to choose one. (S9.3)
  fix    Write writes=fields(Ticket).note."""
    ]


def test_a_branch_that_leads_to_the_join_by_itself_needs_a_field_too() -> None:
    """S6.2."""
    graph = Graph("desk", Ticket)
    first, join = graph.point("first"), graph.point("join")
    graph.edge(START, first)
    graph.fork(first, [graph.node(ROUTER)], join=join)
    graph.edge(join, END)
    assert [finding.code for finding in graph.check()] == ["GF116"]


def test_one_that_has_to_choose_is_not_asked_when_none_of_its_handoffs_is_enabled() -> None:
    """S9.3: whatever the model said, there is nothing to choose; an error edge may be the way on."""
    graph = Graph("desk", Ticket)
    router = graph.node(ROUTER)
    graph.edge(START, router)
    graph.handoff(router, END, "It is answered", when=ticket.note != "")
    with ScriptedModel([]) as model, pytest.raises(RunFailed, match="none is enabled now") as caught:
        graph.run_sync(Ticket(text="hi"), model=model)
    assert isinstance(caught.value.__cause__, HandoffInvalid)


def test_offline_the_only_handoff_is_chosen_when_one_has_to_be() -> None:
    """With several it refuses to guess."""
    one = ToolSpec("hand_off_to_billing", "Invoices and payments", {}, is_handoff=True)
    two = ToolSpec("hand_off_to_shipping", "Parcels", {}, is_handoff=True)
    material = material_of("Send it on.", "It is a lovely morning.")
    assert route(material, [one]) is None
    assert route(material, [one], must_choose=True) is one
    assert route(material, [one, two], must_choose=True) is None
