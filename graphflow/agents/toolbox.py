"""What an agent has at hand: its tools by name, delegates among them, and the sources of more (S11.1, S12.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from graphflow.agents.messages import ToolSpec
from graphflow.agents.tools import Tool, tool_name
from graphflow.errors import Place, ToolInvalid
from graphflow.graph.context import Context
from graphflow.graph.worker import ToolFacts


@runtime_checkable
class ToolSource(Protocol):
    """Where tools come from that are known only when an agent begins to work, such as a server. Given in ``tools=``.

    It is asked at the start of each conversation; what it asks of the world it records through ``ctx`` (S11.1).
    """

    @property
    def name(self) -> str: ...

    async def list_tools(self, ctx: Context[Any]) -> Sequence[Tool]: ...


@runtime_checkable
class Delegate(Protocol):
    """An agent or a graph, which makes a tool of itself."""

    def as_tool(self) -> Tool: ...


Tools: TypeAlias = Sequence[Callable[..., Any] | Tool | Delegate | ToolSource]
"""What an agent takes as ``tools=``."""


@dataclass(frozen=True, slots=True)
class ToolBox:
    """An agent's tools by name, in the order in which they are always shown: the same prefix for every request."""

    tools: Mapping[str, Tool]
    sources: tuple[ToolSource, ...] = ()

    @property
    def may_need_approval(self) -> bool:
        """Whether a call of one of them may have to be approved (S10.4): what a delegate or a source has is not known yet."""
        own = any(tool.needs_approval is not False or tool.is_delegate for tool in self.tools.values())
        return own or bool(self.sources)

    @staticmethod
    def of(given: Tools, place: Place) -> ToolBox:
        """The tools of an agent. Raises ToolInvalid if one is none, or two have one name."""
        tools: dict[str, Tool] = {}
        sources: list[ToolSource] = []
        for one in given:
            if isinstance(one, ToolSource):
                sources.append(one)
                continue
            tool = _tool(one, place)
            if tool.name in tools:
                raise ToolInvalid(
                    f"There are two tools called {tool.name!r}",
                    why="A model calls tools by name, and would always get the last one.",
                    fix=f'Give one another name: Tool(function, name="{tool.name}_2").',
                    where=(place,),
                )
            tools[tool.name] = tool
        return ToolBox({name: tools[name] for name in sorted(tools)}, tuple(sources))

    async def filled(self, ctx: Context[Any]) -> ToolBox:
        """These tools and those of the sources. A name that is taken already gets the source's name before it."""
        tools = dict(self.tools)
        for source in self.sources:
            for tool in await source.list_tools(ctx):
                name = tool.name
                if name in tools:
                    name = tool_name(f"{source.name}_{name}")
                if name in tools:
                    raise ToolInvalid(
                        f"There are two tools called {name!r}",
                        why=f"One of them comes from {source.name!r}. A model calls tools by name.",
                        fix="Give the sources names of their own: MCPServer(..., name=...).",
                        where=(tool.place,),
                    )
                tools[name] = tool if name == tool.name else tool.called(name)
        return ToolBox({name: tools[name] for name in sorted(tools)})

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tools and sources, for drawings."""
        return (*self.tools, *(source.name for source in self.sources))

    def facts(self) -> tuple[ToolFacts, ...]:
        """What ``check`` needs to know of them. What comes from one source is of one kind."""
        own = (ToolFacts(tool.name, tool.group, tool.is_delegate) for tool in self.tools.values())
        return (*own, *(ToolFacts(source.name, source.name) for source in self.sources))

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return tuple(tool.spec for tool in self.tools.values())


def _tool(given: Callable[..., Any] | Tool | Delegate, place: Place) -> Tool:
    if isinstance(given, Tool):
        return given
    return given.as_tool() if isinstance(given, Delegate) else Tool(given, place=place)
