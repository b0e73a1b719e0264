"""R1 and R5: one job per agent, and a supervisor that has none of its own but to plan and merge."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import pytest

from graphflow.agents.agent import Agent
from graphflow.agents.messages import Message
from graphflow.agents.tools import Tool
from graphflow.core.plan import NodeRole
from graphflow.core.reducers import extend
from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from tests.graph.check.texts import CLEAN, Story, findings, said, work

story = fields(Story)


def search(query: str) -> str:
    """Look something up."""
    return query


def send(to: str) -> str:
    """Send a mail."""
    return to


WEB, MAIL = Tool(search, group="web"), Tool(send, group="mail")


def one(tools: list[Any], role: NodeRole | None = None, **options: Any) -> Declaration[Story]:
    graph = Declaration("desk", Story)
    agent = Agent("clerk", "Do it.", prompt="{topic}", tools=tools)
    graph.chain(START, graph.node(agent, role=role, **options), END)
    return graph


def test_r1_several_fields_and_several_kinds_of_tools() -> None:
    assert findings(one([WEB, MAIL], writes=story.draft, updates=(story.facts, story.review))) == said(
        """
        advice

        [GF186] 'clerk' writes 3 fields, with tools of 2 kinds
          where  here   graph.chain(START, graph.node(agent, role=role, **options), END)
                 here   agent = Agent("clerk", "Do it.", prompt="{topic}", tools=tools)
          why    It writes draft, facts and review, and its tools come from web (search) and mail (send). One job per agent: one that has several does each of them worse, and loses all of them when one fails.
          fix    Make it several nodes: an agent for each kind of tools, which writes what that work is about.
                 If it is one job, say so: Tool(search, group="..."), the same for each of its tools.
        """
    )


def test_r1_one_field_or_one_kind_of_tools_is_one_job() -> None:
    several: dict[str, Any] = {"writes": story.draft, "updates": story.facts}
    assert findings(one([WEB, MAIL], writes=story.draft)) == CLEAN
    assert findings(one([WEB, Tool(send, group="web")], **several)) == CLEAN
    assert findings(one([search, send], **several)) == CLEAN, "both functions are of this module"
    assert findings(one([WEB, Tool(send, group="mail", is_delegate=True)], **several)) == CLEAN, (
        "who does it is another agent"
    )
    assert findings(one([], **several)) == CLEAN


def test_r1_what_an_agent_remembers_is_no_job() -> None:
    """S9.1: its history is a field that it adds to by itself."""

    class Talk(Story):
        said: Annotated[list[Message], extend] = []

    graph = Declaration("desk", Talk)
    agent = Agent("clerk", "Do it.", prompt="{topic}", tools=[WEB, MAIL], history="said")
    graph.chain(START, graph.node(agent, writes="draft"), END)
    assert findings(graph) == CLEAN


def test_r1_and_r5_an_agent_as_a_tool_is_no_tool_of_its_own() -> None:
    searcher = Agent("searcher", "Search.", prompt="{query}", tools=[search])
    assert findings(one([searcher.as_tool()], role="supervisor", writes=story.draft)) == CLEAN
    assert findings(one([searcher.as_tool(), WEB], writes=story.draft, updates=story.facts)) == CLEAN


def test_r1_a_tool_is_of_the_kind_of_its_module_unless_it_says_so() -> None:
    tools = (Tool(search), Tool(search, group="web"), Tool(functools.partial(search, "owls"), name="owls"))
    assert [tool.group for tool in tools] == [__name__, "web", __name__]


def test_r5_a_supervisor_has_no_tools_of_its_own() -> None:
    assert findings(one([search, send], role="supervisor", writes=story.draft)) == said(
        """
        1 error

        [GF189] The supervisor 'clerk' has tools of its own: search and send
          where  here   graph.chain(START, graph.node(agent, role=role, **options), END)
                 here   agent = Agent("clerk", "Do it.", prompt="{topic}", tools=tools)
          why    Its node says role="supervisor": it plans, delegates and merges. Work that it does itself is seen, limited and retried by nobody. Agents and graphs as tools are no tools of its own.
          fix    Give search and send to an agent at a node of its own, or leave role= out.
        """
    )


def test_r5_delegates_and_other_roles_are_fine() -> None:
    assert findings(one([Tool(search, is_delegate=True)], role="supervisor", writes=story.draft)) == CLEAN
    assert findings(one([], role="supervisor", writes=story.draft)) == CLEAN
    assert findings(one([search], role="router", writes=story.draft)) == CLEAN
    assert findings(one([search], writes=story.draft)) == CLEAN
    mixed = check(one([Tool(search, is_delegate=True), send], role="supervisor", writes=story.draft).plan())
    assert [finding.what for finding in mixed] == ["The supervisor 'clerk' has tools of its own: send"]


def test_any_node_that_does_something_may_have_a_role() -> None:
    graph = Declaration("desk", Story)
    inner = Declaration("inner", Story)
    inner.chain(START, inner.node(work), END)
    graph.chain(START, graph.node(work, role="judge"), graph.node(inner, role="supervisor"), END)
    assert [node.role for node in graph.plan().nodes if node.kind in ("function", "graph")] == ["judge", "supervisor"]
    assert findings(graph) == CLEAN


def test_an_unknown_role_is_refused_at_its_line() -> None:
    graph = Declaration("desk", Story)
    with pytest.raises(Exception, match=r"\[GF118\] role='chief' is unknown"):
        graph.node(work, role="chief")  # type: ignore[call-overload]
