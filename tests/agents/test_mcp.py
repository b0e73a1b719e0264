"""Servers of tools: started when needed, once for a run, and gone with it. A real server process, on pipes."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, RunFailed, fields
from graphflow.agents import mcp_tools
from graphflow.errors import ToolFailed, ToolInvalid
from graphflow.models import MCPServer, Request, Response, ScriptedModel, ToolRequest, tool_call
from tests.agents.hands import FakeHands, context

pytest.importorskip("mcp", reason="the extra mcp is not installed: tools of MCP servers are not tested")

SERVER = '''
import asyncio, os, sys
from pathlib import Path
from mcp.server.mcpserver import MCPServer, Image

with Path(sys.argv[1]).open("a") as started:
    started.write(f"{os.getpid()}\\n")
server = MCPServer("files")

@server.tool()
def pid() -> str:
    """Who it is."""
    return str(os.getpid())

@server.tool()
def add(left: int, right: int = 1) -> dict[str, int]:
    """Adds two numbers."""
    return {"sum": left + right}

@server.tool(name="make.text")
def long(length: int) -> str:
    return "x" * length

@server.tool(structured_output=False)
def picture() -> list[object]:
    return ["see:", Image(data=b"canary", format="png")]

@server.tool()
async def sleep() -> str:
    await asyncio.sleep(600)
    return "late"

@server.tool()
def die() -> str:
    os._exit(3)

server.run()
'''


class Task(BaseModel):
    question: str = "Why?"
    answer: str = ""


class Place:
    """A server's script, and the processes that were started from it."""

    def __init__(self, folder: Path) -> None:
        self.script, self.started, self.log = folder / "files.py", folder / "started", folder / "log"
        self.script.write_text(SERVER, encoding="utf-8")

    def server(self, **options: Any) -> MCPServer:
        return MCPServer(sys.executable, self.script, self.started, log=self.log, **options)

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in self.started.read_text().split()] if self.started.exists() else []

    def are_gone(self) -> bool:
        return not any(map(_is_alive, self.pids))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def graph_with(*tools: Any, **options: Any) -> Graph[Task]:
    graph = Graph("g", Task)
    agent = Agent("boss", "You are the boss.", prompt="{question}", tools=tools, retry=None, **options)
    graph.chain(START, graph.node(agent, writes=fields(Task).answer), END)
    return graph


def told(model: ScriptedModel) -> list[str]:
    return [message.text for message in model.requests[-1].messages if message.role == "tool"]


def test_its_tools_are_offered_sorted_with_their_schemas_and_called(place: Place) -> None:
    server = place.server(max_characters=300)
    assert (server.name, place.pids) == ("files", [])
    graph = graph_with(server)
    assert graph.plan().node("boss").badges == ("files",)
    calls = [
        tool_call("add", left=2),
        tool_call("add", left="many"),
        tool_call("make_text", length=1_000),
        tool_call("picture"),
        tool_call("die"),
        tool_call("add", left=3),
        tool_call("addd", left=3),
    ]
    model = ScriptedModel([*calls, "Done."])
    run = graph.run_sync(Task(), model=model)
    specs = model.requests[0].tools
    assert [spec.name for spec in specs] == ["add", "die", "make_text", "picture", "pid", "sleep"]
    assert specs[0].description == "Adds two numbers."
    assert specs[0].parameters["properties"]["right"] == {"default": 1, "title": "Right", "type": "integer"}
    added, invalid, long, picture, died, again, unknown = told(model)
    assert '"sum": 3' in added or '"sum":3' in added
    assert invalid.startswith("add failed: ")
    assert "valid integer" in invalid  # what it says of its own failure is for the model
    assert len(long) == 300
    assert picture == "see:\n[image, image/png: not shown]"
    assert died == "die failed."
    assert "4" in again  # a server that died is started anew
    assert "Did you mean 'add'?" in unknown
    assert (run.usage.tool_calls, len(place.pids)) == (6, 2)
    assert any("has ended" in entry.get("error", "") for entry in run.journal)
    assert place.are_gone()


def test_one_server_for_all_of_a_run_and_one_for_each_run_unless_it_is_kept(place: Place) -> None:
    server = place.server(only=["pid"])
    helper = Agent("helper", "You are the helper.", prompt="{what}", tools=[server])

    async def answer(request: Request) -> Any:
        if request.messages[-1].role == "tool":
            return " ".join(message.text for message in request.messages if message.role == "tool")
        if request.messages[0].text == "You are the helper.":
            return tool_call("pid")
        return Response("", (tool_call("pid"), tool_call("helper", what="it")))

    graph = graph_with(server, helper)

    async def main() -> None:
        first, second = [await graph.run(Task(), model=ScriptedModel(answer)) for _ in range(2)]
        assert [first.state.answer, second.state.answer] == [f"{pid} {pid}" for pid in place.pids]
        assert place.are_gone()
        async with server:
            for _ in range(2):
                run = await graph.run(Task(), model=ScriptedModel(answer))
                assert run.state.answer == f"{place.pids[2]} {place.pids[2]}"
        assert len(place.pids) == 3
        assert [one for one in asyncio.all_tasks() if one is not asyncio.current_task()] == []

    asyncio.run(main())
    assert place.are_gone()


def test_it_is_gone_also_when_the_run_is_stopped_and_a_resume_asks_its_model_the_same(place: Place) -> None:
    """S14.2, S11.1: the list of tools is a record, so a resume needs the server only when a tool is called."""
    is_called = asyncio.Event()

    async def answer(request: Request) -> Any:
        if len(request.messages) == 2:
            return tool_call("sleep")
        return "Done."

    async def main() -> None:
        graph = graph_with(place.server(timeout_s=1.5))
        live = graph.start(Task(), model=ScriptedModel(answer), observers=[lambda event: is_called.set()])
        driving = asyncio.ensure_future(live.drive())
        while "effect" not in [entry["kind"] for entry in live.run.journal if "model" in entry.get("key", "")]:
            is_called.clear()
            await is_called.wait()
        driving.cancel()
        await asyncio.wait([driving])
        assert len(place.pids) == 1
        assert place.are_gone()
        model = ScriptedModel(answer)
        run = await graph.resume(live.run, model=model)
        assert (run.state.answer, told(model), len(model.requests)) == ("Done.", ["sleep took too long."], 1)
        assert len(place.pids) == 2

    asyncio.run(main())
    assert place.are_gone()


def test_a_name_that_is_taken_gets_the_servers_before_it(place: Place) -> None:
    async def pid() -> str:
        """Ours."""
        return "ours"

    model = ScriptedModel([Response("", (tool_call("pid"), tool_call("files_pid"))), "Done."])
    graph = graph_with(pid, place.server(only=["pid"]))
    graph.run_sync(Task(), model=model)
    assert [spec.name for spec in model.requests[0].tools] == ["files_pid", "pid"]
    assert told(model) == ["ours", str(place.pids[0])]


def test_approval_is_asked_for_the_tools_that_need_it(place: Place) -> None:
    """S10.4."""
    asked: list[ToolRequest] = []

    def approve(request: ToolRequest) -> bool:
        asked.append(request)
        return False

    model = ScriptedModel([Response("", (tool_call("pid"), tool_call("add", left=1))), "Done."])
    graph = graph_with(place.server(needs_approval=["add"]))
    graph.run_sync(Task(), model=model, approve=approve)
    assert [(request.tool, request.arguments) for request in asked] == [("add", {"left": 1})]
    assert told(model) == [
        str(place.pids[0]),
        "Not called: add needs approval for this, which was not given. Do without it.",
    ]


def test_its_tools_are_a_record_so_a_resume_need_not_start_it(place: Place) -> None:
    """S11.1."""

    async def main() -> None:
        first = FakeHands()
        server = place.server()
        found = await server.list_tools(context(first))
        await first.held.close()
        again = await server.list_tools(context(FakeHands(first.records)))
        assert [tool.spec for tool in again] == [tool.spec for tool in found]
        assert (len(found), len(place.pids)) == (6, 1)

    asyncio.run(main())


def test_an_agent_alone_has_one_too(place: Place) -> None:
    boss = Agent("boss", "", prompt="{question}", tools=[place.server(only=["add"])])
    model = ScriptedModel([tool_call("add", left=1), "Done."])

    async def main() -> None:
        assert (await boss.run(question="?", model=model)).usage.tool_calls == 1
        assert len(place.pids) == 1
        assert place.are_gone()

    asyncio.run(main())


def test_a_tool_that_is_not_there_is_said_with_the_nearest_name(place: Place) -> None:
    with pytest.raises(RunFailed) as caught:
        graph_with(place.server(only=["ad"])).run_sync(Task(), model=ScriptedModel([]))
    cause = caught.value.__cause__
    assert isinstance(cause, ToolInvalid)
    assert "Did you mean 'add'?" in cause.fix
    assert place.are_gone()


@pytest.mark.parametrize("program", ["no-such-program-at-all", "exit", "chatter", "silence"])
def test_a_server_that_cannot_be_reached_is_an_error_of_the_node(tmp_path: Path, program: str) -> None:
    body = {"exit": "raise SystemExit(1)", "chatter": "print('hello'); import time; time.sleep(60)"}
    script = tmp_path / "bad.py"
    script.write_text(body.get(program, "import time; time.sleep(60)"))
    command = [program] if program.startswith("no-") else [sys.executable, str(script)]
    server = MCPServer(*command, start_timeout_s=0.5, log=tmp_path / "log")
    graph = Graph("g", Task)
    model = ScriptedModel([])
    agent = Agent("boss", "", prompt="{question}", tools=[server])
    boss = graph.node(agent, writes=fields(Task).answer)

    @graph.node(writes=fields(Task).answer)
    def without(state: Task) -> str:
        return "without"

    graph.chain(START, boss, END)
    graph.edge(boss, without, on_error=ToolFailed)
    graph.edge(without, END)
    run = graph.run_sync(Task(), model=model)
    assert (run.state.answer, model.requests) == ("without", [])
    assert "could not be started" in str(run.failures[0].error)


def test_without_the_extra_it_is_said_at_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_tools, "find_spec", lambda name: None)
    with pytest.raises(ToolInvalid, match="graphflow-agents\\[mcp\\]"):
        MCPServer("python", "server.py")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("python", "tools/files.py"), "files"),
        (("npx", "-y", "@models/server-files"), "server-files"),
        (("python", "-m", "my.server"), "my_server"),
        (("files-server",), "files-server"),
    ],
)
def test_it_is_called_by_its_script(command: tuple[str, ...], name: str) -> None:
    assert importlib.util.find_spec("mcp") is not None
    assert MCPServer(*command).name == name
