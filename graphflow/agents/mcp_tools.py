"""Tools of a server that speaks the Model Context Protocol, over its standard input and output.

Declaring one starts nothing. When an agent that has it begins to work, the server is started, once for a run, and asked
for its tools; when the run ends it is stopped, however the run ends. The list is recorded like any doing of the agent's
(S11.1), so that a resume asks its model the same, and starts the server only when a tool is called.

Names are sorted; schemas are passed on as they are. What a tool answers is data: text, or JSON, of bounded length. What
it says of its own failure is told to the model; a server that dies, or does not keep to the protocol, is a tool that
failed, and the next call starts it anew.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic_core import to_json

from graphflow.agents.extraction import json_values
from graphflow.agents.json_types import JsonType, ReadingFailed
from graphflow.agents.signatures import Parameters
from graphflow.agents.tools import HANDOFF_PREFIX, FailureTold, Tool, tool_name
from graphflow.errors import ToolFailed, ToolInvalid, unknown_name
from graphflow.graph.context import Context, Effect
from graphflow.graph.holding import Held
from graphflow.graph.places import caller

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult

_MOST_PAGES = 100
_SCRIPTS = (".py", ".js", ".ts", ".mjs")
_CONTEXT = " context"
"""What the context is called among the arguments: no name that a schema would use."""


class MCPServer:
    """A server of tools, given to agents: ``Agent(..., tools=[MCPServer("python", "files.py"), search])``.

    ``command`` and ``arguments`` start it. It sees the environment variables that any program needs, and ``env``.

    - ``name``: in drawings and errors, and before the name of a tool that is there already; the script's, unless given.
    - ``only``: the names of the tools that are offered; all, unless given.
    - ``timeout_s``: seconds for a call, after which the model is told; ``start_timeout_s`` until the server is up.
    - ``needs_approval``: True, or the names of those tools that need it (S10.4).
    - ``max_characters``: what a tool answers is cut to that.
    - ``log``: the file that what it writes to its standard error is added to; our own standard error, unless given.

    Each run, and each agent that runs alone, has a server of its own. To keep one for several of them:
    ``async with server: await graph.run(...)``.

    Needs the extra ``mcp``. Raises ToolInvalid where it is declared; a node whose server cannot be reached raises
    ToolFailed.
    """

    def __init__(
        self,
        command: str | os.PathLike[str],
        *arguments: str | os.PathLike[str],
        name: str | None = None,
        only: Collection[str] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        timeout_s: float = 60.0,
        start_timeout_s: float = 30.0,
        needs_approval: bool | Collection[str] = False,
        max_characters: int = 50_000,
        log: str | os.PathLike[str] | None = None,
    ) -> None:
        self.place = caller()
        if find_spec("mcp") is None:
            raise ToolInvalid(
                "MCPServer needs the package mcp",
                why="It is not installed: servers of tools are an extra.",
                fix='pip install "graphflow-agents[mcp]"',
                where=(self.place,),
            )
        self.command = os.fspath(command)
        self.arguments = tuple(os.fspath(argument) for argument in arguments)
        self.name = tool_name(_called(self.command, self.arguments) if name is None else name)
        self.only = None if only is None else frozenset(only)
        self.env = dict(env or {})
        self.cwd = cwd
        self.timeout_s = timeout_s
        self.start_timeout_s = start_timeout_s
        self.needs_approval = needs_approval
        self.max_characters = max_characters
        self.log = log
        self._kept: tuple[asyncio.AbstractEventLoop, Held] | None = None

    def __repr__(self) -> str:
        return f"MCPServer({self.name!r})"

    async def __aenter__(self) -> Self:
        held = Held()
        self._kept = (asyncio.get_running_loop(), held)
        try:
            await self._client(held)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._kept is not None:
            held = self._kept[1]
            self._kept = None
            await held.close()

    async def list_tools(self, ctx: Context[Any]) -> Sequence[Tool]:
        """Its tools, as recorded, else asked for now. Raises ToolFailed and ToolInvalid."""

        async def ask() -> Effect:
            return Effect(await self._listed(self._held(ctx)))

        effect = await ctx.hands.effect(
            "tool", {"tools of": self.name, "command": (self.command, *self.arguments)}, ask, None
        )
        found: dict[str, dict[str, Any]] = {tool["name"]: tool for tool in effect.value}
        gated = () if isinstance(self.needs_approval, bool) else self.needs_approval
        for wanted in (*sorted(self.only or ()), *gated):
            if wanted not in found:
                raise ToolInvalid(
                    f"The server {self.name!r} has no tool {wanted!r}",
                    why="The tools of a server are called as it calls them.",
                    fix=unknown_name(wanted, found),
                    where=(self.place,),
                )
        made: dict[str, Tool] = {}
        for name in sorted(found):
            if self.only is None or name in self.only:
                tool = self._tool(found[name], made)
                made[tool.name] = tool
        return list(made.values())

    def _tool(self, listed: Mapping[str, Any], taken: Collection[str]) -> Tool:
        remote: str = listed["name"]

        async def call(**given: Any) -> str:
            ctx: Context[Any] = given.pop(_CONTEXT)
            return await self._call(remote, given, self._held(ctx))

        return Tool(
            call,
            name=_free(remote, self.name, taken),
            description=listed["description"],
            max_characters=self.max_characters,
            timeout_s=self.timeout_s,
            needs_approval=self.needs_approval
            if isinstance(self.needs_approval, bool)
            else remote in self.needs_approval,
            group=self.name,
            parameters=Parameters(_Passed(listed["schema"]), _CONTEXT),
            place=self.place,
        )

    async def _call(self, name: str, arguments: dict[str, Any], held: Held) -> str:
        client = await self._client(held)
        async with self._troubles(client, held, f"could not be asked for {name!r}"):
            result = await client.call_tool(name, arguments)
        text = _text(result)
        if result.is_error:
            raise FailureTold(text or "no reason was given")
        return text

    async def _listed(self, held: Held) -> list[dict[str, Any]]:
        client = await self._client(held)
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        async with self._troubles(client, held, "could not be asked for its tools"):
            for _ in range(_MOST_PAGES):
                page = await client.list_tools(cursor=cursor)
                found += [
                    {"name": tool.name, "description": tool.description or "", "schema": tool.input_schema}
                    for tool in page.tools
                ]
                cursor = page.next_cursor
                if cursor is None:
                    break
        return found

    def _held(self, ctx: Context[Any]) -> Held:
        """Where the server is kept: as long as somebody keeps it in this loop, else as long as the run is driven."""
        if self._kept is not None and self._kept[0] is asyncio.get_running_loop():
            return self._kept[1]
        return ctx.hands.held

    async def _client(self, held: Held) -> Client:
        """The client of the server that runs now, else of one that is started."""
        try:
            return await held.get(self, cast("Callable[[], AbstractAsyncContextManager[Client]]", self._started))
        except Exception as error:
            raise self._failed(f"could not be started with {self.command!r}", error) from error

    @asynccontextmanager
    async def _started(self) -> AsyncGenerator[Client]:
        from mcp import Client, StdioServerParameters, stdio_client

        server = StdioServerParameters(
            command=self.command,
            args=list(self.arguments),
            env=self.env,
            cwd=None if self.cwd is None else Path(self.cwd),
        )
        with ExitStack() as stack:
            log = self.log if self.log is not None or sys.__stderr__ is not None else os.devnull
            errors = sys.__stderr__ if log is None else stack.enter_context(Path(log).open("a", encoding="utf-8"))
            assert errors is not None
            client = Client(stdio_client(server, errlog=errors), read_timeout_seconds=self.timeout_s)
            async with asyncio.timeout(self.start_timeout_s):
                await client.__aenter__()
            try:
                yield client
            finally:
                await client.__aexit__(None, None, None)

    @asynccontextmanager
    async def _troubles(self, client: Client, held: Held, what: str) -> AsyncGenerator[None]:
        """Whatever goes wrong on the way is a ToolFailed; a server that is gone is let go."""
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        try:
            yield
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                await held.let_go(self, client)
                raise self._failed(f"{what}: it has ended, or closed the connection", error) from error
            raise self._failed(what, error) from error
        except Exception as error:
            await held.let_go(self, client)
            raise self._failed(what, error) from error

    def _failed(self, what: str, error: BaseException) -> ToolFailed:
        seen: BaseException = error
        while isinstance(seen, BaseExceptionGroup):  # of a task group of the client's
            seen = cast("BaseExceptionGroup[BaseException]", seen).exceptions[0]
        why = (
            f"{type(seen).__name__}: {seen}".rstrip(": ") if not isinstance(seen, TimeoutError) else "It took too long."
        )
        return ToolFailed(
            f"The server {self.name!r} {what}",
            why=why[:500],
            fix="See what it wrote to its standard error (log= puts that into a file), or start it by hand.",
            where=(self.place,),
        )


class _Passed(JsonType):
    """Arguments by a schema that is not ours: any JSON object. The server says what is wrong with it."""

    def __init__(self, schema: dict[str, Any]) -> None:
        super().__init__(dict[str, Any])
        self.schema = schema
        self.is_wrapped = False

    def read_text(self, text: str) -> Any:
        for value in json_values(text):
            if isinstance(value, dict):
                return cast("dict[str, Any]", value)
        raise ReadingFailed("The arguments are no JSON object.", "The arguments are no JSON object.")


def _called(command: str, arguments: Sequence[str]) -> str:
    """What to call a server that nobody has named: its script, package or module, else its program."""
    meant = next((argument for argument in arguments if not argument.startswith("-")), command)
    name = Path(meant).name or command
    return name.removesuffix(next((ending for ending in _SCRIPTS if name.endswith(ending)), ""))


def _free(remote: str, server: str, taken: Collection[str]) -> str:
    """A server's name for a tool as providers take it."""
    name = tool_name(remote) or "tool"
    if name.startswith(HANDOFF_PREFIX):
        name = tool_name(f"{server}_{name}")
    base, number = name, 2
    while name in taken:
        name, number = f"{base[:60]}_{number}", number + 1
    return name


def _text(result: CallToolResult) -> str:
    """What a tool answered, as text for a model. What is no text is said to be there."""
    parts: list[str] = []
    for block in result.content:
        if block.type == "text":
            parts.append(block.text)
        elif block.type == "resource":
            text: str | None = getattr(block.resource, "text", None)
            parts.append(f"[{block.resource.uri}: binary content, not shown]" if text is None else text)
        elif block.type == "resource_link":
            parts.append(f"[a link to {block.uri}]")
        else:
            parts.append(f"[{block.type}, {block.mime_type}: not shown]")
    if not parts and result.structured_content is not None:
        parts.append(to_json(result.structured_content, inf_nan_mode="strings").decode())
    return "\n".join(parts)
