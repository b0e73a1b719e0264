"""Guardrails as declared: what is refused at the line, and how they show in fingerprints, stored plans and drawings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Context, Graph, Guardrail, ModelError, fields
from graphflow.graph.restored import plan_of
from graphflow.graph.stored import data_of
from tests.graph.snapshots import says


class Essay(BaseModel):
    topic: str = ""
    draft: str = ""


essay = fields(Essay)


def write(state: Essay) -> str:
    return ""


def check(text: str) -> str | None:
    return None


def no_names(state: Essay) -> str | None:
    return None


async def ask(text: str, ctx: Context[Any]) -> str | None:
    return None


def generated(text: str) -> Iterator[str]:
    yield text


def two(tool: str, arguments: dict[str, Any]) -> str | None:
    return None


def of_node(*guardrails: Any) -> Graph[Essay]:
    graph = Graph("guarded", Essay)
    node = graph.node(write, writes=essay.draft, guardrails=guardrails)
    graph.chain(START, node, END)
    return graph


def of_edge(*guardrails: Any, **options: Any) -> Graph[Essay]:
    graph = Graph("guarded", Essay)
    node = graph.node(write, writes=essay.draft)
    graph.edge(START, node)
    graph.edge(node, END, guardrails=guardrails, **options)
    return graph


@says(
    """
[GF138] guardrails={check} is no list
  where  here   graph.node(write, writes=essay.draft, guardrails=check)  # type: ignore[call-overload]
  why    There may be several guardrails; they are asked in their order. (S8.4)
  fix    Put it in a list: guardrails=[check].
""".replace("{check}", repr(check))
)
def test_a_function_instead_of_a_list() -> None:
    graph = Graph("guarded", Essay)
    graph.node(write, writes=essay.draft, guardrails=check)  # type: ignore[call-overload]


@says("""
[GF138] 'no_names' is no guardrail
  where  here   node = graph.node(write, writes=essay.draft, guardrails=guardrails)
  why    A guardrail is a function that returns None when all is well, or a text that says what is wrong. (S8.4)
  fix    Write guardrails=[no_names].
""")
def test_a_name_instead_of_a_function() -> None:
    of_node("no_names")


@says("""
[GF138] A lambda has no name of its own
  where  here   node = graph.node(write, writes=essay.draft, guardrails=guardrails)
  why    An error names the guardrail that stopped something. (S8.4)
  fix    Give it one: Guardrail(check, name="no names").
""")
def test_a_lambda() -> None:
    of_node(lambda text: None)


@says("""
[GF138] on='inptu' is no moment
  where  here   Guardrail(check, on="inptu")  # type: ignore[call-overload]
  why    A guardrail is asked on "input", on "output", or before a "tool" is called. (S8.4)
  fix    Write on='input'.
""")
def test_a_misspelt_moment() -> None:
    Guardrail(check, on="inptu")  # type: ignore[call-overload]


@says("""
[GF138] Guardrail 'two' takes tool and arguments, and is given the output
  where  here   node = graph.node(write, writes=essay.draft, guardrails=guardrails)
  why    On "output" it is called with the output, and with the context if it has a parameter annotated Context. (S8.4)
  fix    Write def two(text: str) -> str | None.
""")
def test_a_function_of_too_much() -> None:
    of_node(two)


@says("""
[GF138] Guardrail 'check' takes text, and is given the tool's name and its arguments
  where  here   Guardrail(check, on="tool")  # type: ignore[call-overload]
  why    On "tool" it is called with the tool's name and its arguments, and with the context if it has a parameter annotated Context. (S8.4)
  fix    Write def check(tool: str, arguments: dict[str, Any]) -> str | None.
""")
def test_a_function_of_too_little() -> None:
    Guardrail(check, on="tool")  # type: ignore[call-overload]


@says("""
[GF138] Guardrail 'generated' is a generator function
  where  here   node = graph.node(write, writes=essay.draft, guardrails=guardrails)
  why    It answers once. (S8.4)
  fix    Return the text instead.
""")
def test_a_generator() -> None:
    of_node(generated)


@says("""
[GF138] node 'write' has no moment "tool"
  where  here   node = graph.node(write, writes=essay.draft, guardrails=guardrails)
  why    Node 'write' calls no tools: the guardrail would never be asked. (S8.4)
  fix    Give it to the agent that has them: Agent(..., tools=[...], guardrails=[Guardrail(two, on="tool")]).
""")
def test_tools_of_a_node() -> None:
    of_node(Guardrail(two, on="tool"))


@says("""
[GF138] agent 'a' has no moment "tool"
  where  here   Agent("a", "i", prompt="p", guardrails=[Guardrail(two, on="tool")])
  why    Agent 'a' calls no tools: the guardrail would never be asked. (S8.4)
  fix    Give it to the agent that has them: Agent(..., tools=[...], guardrails=[Guardrail(two, on="tool")]).
""")
def test_tools_of_an_agent_without_any() -> None:
    Agent("a", "i", prompt="p", guardrails=[Guardrail(two, on="tool")])


@says("""
[GF138] the edge has no moment "input"
  where  here   graph.edge(node, END, guardrails=guardrails, **options)
  why    The edge has one moment: the guardrail is asked about the state that would cross. (S8.4)
  fix    Leave on= out: guardrails=[no_names].
""")
def test_a_moment_on_an_edge() -> None:
    of_edge(Guardrail(no_names, on="input"))


@says("""
[GF138] Guardrail 'ask' is async, and the edge is guarded by plain functions of the state
  where  here   graph.edge(node, END, guardrails=guardrails, **options)
  why    It is asked in the middle of a step, which waits for nothing. (S3.2) (S8.4)
  fix    Guard the node in front of it, graph.node(..., guardrails=[ask]), or make it a node.
""")
def test_an_async_function_on_an_edge() -> None:
    of_edge(ask)


@says("""
[GF138] An edge with on_error= takes no guardrails
  where  here   graph.edge(node, END, guardrails=guardrails, **options)
  why    The node has not finished, so nothing of its own crosses; the way out of a failure is kept open. (S8.4)
  fix    Guard the node it leads to: graph.node(..., guardrails=[Guardrail(check, on="input")]).
""")
def test_an_error_edge() -> None:
    of_edge(no_names, on_error=ModelError)


@says("""
[GF138] check(...) was called instead of given
  where  here   node = graph.node(write, writes=essay.draft, guardrails=guardrails)
  why    A guardrail is a function that returns None when all is well, or a text that says what is wrong. (S8.4)
  fix    Write check.
""")
def test_a_coroutine() -> None:
    async def check(text: str) -> None: ...

    def called() -> Any:
        return check("x")

    of_node(called())


def test_guardrails_are_part_of_the_fingerprint_and_none_leave_it_as_it_was() -> None:
    """S1.3."""
    prints = {
        graph.plan().fingerprint
        for graph in (of_node(), of_node(check), of_node(Guardrail(no_names, on="input")), of_edge(no_names))
    }
    assert len(prints) == 4
    assert of_node().plan().fingerprint == of_edge().plan().fingerprint
    assert of_node(check).plan().fingerprint == of_node(Guardrail(check, on="output")).plan().fingerprint


def test_without_any_the_node_calls_the_function_itself() -> None:
    """It costs nothing where none is declared."""
    assert of_node().plan().nodes[1].call is write
    assert of_node(check).plan().nodes[1].call is not write


def test_they_stand_in_stored_plans() -> None:
    for plan in (of_node(check).plan(), of_edge(no_names).plan()):
        restored = plan_of(data_of(plan), plan)
        assert [rail.name for rail in restored.nodes[1].guardrails] == [r.name for r in plan.nodes[1].guardrails]
        assert [rail.name for rail in restored.edges[1].guardrails] == [r.name for r in plan.edges[1].guardrails]


@pytest.mark.parametrize("made", ["text", "mermaid", "dot"])
def test_they_are_drawn(made: str) -> None:
    assert "guarded: check" in getattr(of_node(check).draw(), made)
    assert "guarded: no_names" in getattr(of_edge(no_names).draw(), made)
    agent = Agent("write", "Write.", prompt="{topic}", guardrails=[check])
    graph = Graph("agents", Essay)
    graph.chain(START, graph.node(agent, writes=essay.draft), END)
    assert "guarded: check" in getattr(graph.draw(), made)


def test_the_handle_still_calls_the_function() -> None:
    graph = Graph("guarded", Essay)
    assert graph.node(write, writes=essay.draft, guardrails=[check])(Essay()) == ""
