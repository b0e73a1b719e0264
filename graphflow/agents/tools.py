"""Tools: typed Python functions that a model may call.

The schema comes from the signature and the docstring. What a model gives is validated first, and a mistake is told to
it. An exception inside is told in general terms, its text is not: it may hold what a model must not see. A tool's
``ctx.update`` counts if its call succeeded, and is recorded with the call (S3.7, S11.1).
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import to_json

from graphflow.agents.json_types import JsonType, ReadingFailed
from graphflow.agents.messages import ToolSpec
from graphflow.agents.signatures import description_of, not_a_tool, parameters_of
from graphflow.core.usage import Usage
from graphflow.errors import BudgetExhausted, GuardrailTripped, Internal, Place, ToolInvalid, shown
from graphflow.graph.context import Context, Effect, Hands, Reserve
from graphflow.graph.cutting import cut
from graphflow.graph.places import caller, names_of_caller

HANDOFF_PREFIX = "hand_off_to_"
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NEVER_TOLD = (GuardrailTripped, BudgetExhausted, Internal)
"""Errors inside a tool that are no business of the model: they end the agent's turn."""


class Tool:
    """A function offered to a model, with its options; a plain function given as a tool has the usual ones.

    ``tells_errors`` lets the model read the text of an exception, ``max_characters`` cuts what it returns,
    ``timeout_s`` stops an async tool that takes too long. Raises ToolInvalid where it is declared.

    >>> def add(left: int, right: int = 1) -> int:
    ...     "Adds two numbers."
    ...     return left + right
    >>> sorted(Tool(add).spec.parameters["properties"])
    ['left', 'right']
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        tells_errors: bool = False,
        max_characters: int = 50_000,
        timeout_s: float | None = None,
        place: Place | None = None,
    ) -> None:
        self.place = caller() if place is None else place
        given: object = function
        if not callable(given) or isinstance(given, type):
            raise not_a_tool(given, self.place)
        self.function = function
        self.name = _name(function, name, self.place)
        self.tells_errors = tells_errors
        self.max_characters = max_characters
        self.timeout_s = timeout_s
        parameters = parameters_of(function, self.name, names_of_caller(), self.place)
        self._given: JsonType = parameters.given
        self._context = parameters.context
        said = description_of(function) if description is None else description
        self.spec = ToolSpec(self.name, said, self._given.schema)

    def __repr__(self) -> str:
        return f"Tool({self.name!r})"

    def read(self, arguments: str) -> dict[str, Any]:
        """The validated arguments. Raises ReadingFailed with what to tell the model."""
        given: dict[str, Any] = self._given.read_text(arguments if arguments.strip() else "{}")
        return given

    async def call(self, given: Mapping[str, Any], ctx: Context[Any]) -> Effect:
        """Run the function; its result, or that it failed, is the text for the model."""
        hands = _ToolHands(ctx.hands)
        arguments = dict(given)
        if self._context is not None:
            arguments[self._context] = dataclasses.replace(ctx, hands=hands)
        try:
            async with asyncio.timeout(self.timeout_s):
                text = self._text(await _result(self.function, arguments))
        except _NEVER_TOLD:
            raise
        except TimeoutError as error:
            text = f"{self.name} took too long." if not self.tells_errors else f"{self.name} took too long: {error}"
            failure = f"tool {self.name} took too long" + (f": {error}" if str(error) else "")
        except Exception as error:
            text = f"{self.name} failed: {error}" if self.tells_errors else f"{self.name} failed."
            failure = f"tool {self.name} failed: {type(error).__name__}: {error}".rstrip(": ")[:2_000]
        else:
            return Effect({"text": text, "ok": True}, Usage(tool_calls=1), tuple(hands.updates))
        return Effect({"text": text, "ok": False}, Usage(tool_calls=1), error=failure)

    def _text(self, result: Any) -> str:
        text = result if isinstance(result, str) else to_json(result, inf_nan_mode="strings").decode()
        return cut(text, self.max_characters)


async def _result(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    if _is_async(function):
        return await function(**arguments)
    result = await asyncio.to_thread(function, **arguments)
    return await result if inspect.isawaitable(result) else result


def _is_async(function: Callable[..., Any]) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    called = getattr(function, "__call__", None)  # noqa: B004  (an object whose call is async)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


class _ToolHands:
    """The hands of one tool call: its updates are its own until it has succeeded."""

    def __init__(self, outer: Hands) -> None:
        self._outer = outer
        self.updates: list[dict[str, Any]] = []

    async def effect(
        self,
        kind: Literal["model", "tool", "once"],
        request: Any,
        call: Callable[[], Awaitable[Effect]],
        reserve: Reserve | None,
    ) -> Effect:
        return await self._outer.effect(kind, request, call, reserve)

    def update(self, changes: dict[str, Any]) -> None:
        self.updates.append(changes)

    @property
    def is_watched(self) -> bool:
        return self._outer.is_watched

    def emit(self, text: str, *, tool: str = "", call: int = 0) -> None:
        self._outer.emit(text, tool=tool, call=call)


@dataclass(frozen=True, slots=True)
class ToolBox:
    """An agent's tools by name, in the order in which they are always shown: the same prefix for every request."""

    tools: Mapping[str, Tool]

    @staticmethod
    def of(given: Sequence[Callable[..., Any] | Tool], place: Place) -> ToolBox:
        """The tools of an agent. Raises ToolInvalid if one is none, or two have one name."""
        tools: dict[str, Tool] = {}
        for one in given:
            tool = one if isinstance(one, Tool) else Tool(one, place=place)
            if tool.name in tools:
                raise ToolInvalid(
                    f"There are two tools called {tool.name!r}",
                    why="A model calls tools by name, and would always get the last one.",
                    fix=f'Give one another name: Tool(function, name="{tool.name}_2").',
                    where=(place,),
                )
            tools[tool.name] = tool
        return ToolBox({name: tools[name] for name in sorted(tools)})

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return tuple(tool.spec for tool in self.tools.values())


def _name(function: Callable[..., Any], given: str | None, place: Place) -> str:
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    name = getattr(inner, "__name__", type(inner).__name__) if given is None else given
    if not _NAME.fullmatch(name) or name.startswith(HANDOFF_PREFIX):
        raise ToolInvalid(
            f"{shown(name)} cannot be the name of a tool",
            why=f"Models take letters, digits, _ and -, at most 64; {HANDOFF_PREFIX}... are the graph's handoffs. (S9.1)",
            fix='Give it a name: Tool(function, name="search").',
            where=(place,),
        )
    return name


__all__ = ["HANDOFF_PREFIX", "ReadingFailed", "Tool", "ToolBox"]
