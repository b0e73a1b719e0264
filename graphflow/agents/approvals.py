"""Approval of tool calls: the one place where it is decided whether a call that needs approval is made (S10.4).

It fails closed: a call is made only if somebody was asked and said True. Nobody to ask, an error while asking and any
other answer are a refusal. Either way the decision is recorded, so that a resume does not ask again (S11.1).
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from graphflow.graph.context import Context, Effect


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A tool call that waits for approval: what ``approve=`` is asked. ``arguments`` are a copy.

    ``agent`` wants ``tool`` called; ``cursor`` is where the run ``run_id`` stands.
    """

    agent: str
    tool: str
    arguments: dict[str, Any] = field(repr=False)
    run_id: str = ""
    cursor: str = ""


Approve: TypeAlias = Callable[[ToolRequest], bool | Awaitable[bool]]
"""Asked before a tool that needs approval is called; only True lets it pass. Plain or async."""


async def is_approved(agent: str, tool: str, arguments: str, given: Mapping[str, Any], ctx: Context[Any]) -> bool:
    """Whether a call may be made, as recorded or asked now. ``given`` are the arguments as validated."""
    request = ToolRequest(agent, tool, copy.deepcopy(dict(given)), ctx.run_id, ctx.cursor)

    async def decide() -> Effect:
        reason = await _refusal(cast("Approve | None", ctx.approve), request)
        error = f"tool {tool} was not called: {reason}" if reason else ""
        return Effect({"approved": not reason}, error=error)

    effect = await ctx.hands.effect("tool", {"approval": tool, "arguments": arguments}, decide, None)
    return effect.value["approved"] is True


async def _refusal(approve: Approve | None, request: ToolRequest) -> str:
    """Why a call is refused; nothing if it was approved."""
    if approve is None:
        return "it needs approval, and the run was given no approve="
    try:
        answer: object = approve(request)
        if inspect.isawaitable(answer):
            answer = await answer
    except Exception as error:
        return f"it needs approval, and approve= raised {type(error).__name__}"
    if answer is True:
        return ""
    return "it was refused" if answer is False else f"approve= answered a {type(answer).__name__}, which is not True"
