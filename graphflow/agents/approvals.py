"""Approval of tool calls: the one place where it is decided whether a call that needs approval is made (S10.4).

It fails closed: a call is made only if somebody was asked and said True. A run that was given no ``approve=`` asks as a
question: the turn is suspended until it is answered. An agent that runs alone has nobody to ask, and that is a refusal
like any other answer, and like an error while asking. Either way the decision is recorded, so that a resume does not ask
again (S11.1).
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from pydantic_core import to_json, to_jsonable_python

from graphflow.graph.context import Context, Effect
from graphflow.graph.suspending import Unanswered, WantedCall


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
    """Whether a call may be made, as recorded or asked now. ``given`` are the arguments as validated.

    Raises Unanswered where a question has to be answered first.
    """
    request = ToolRequest(agent, tool, copy.deepcopy(dict(given)), ctx.run_id, ctx.cursor)

    async def decide() -> Effect:
        if ctx.approve is None and ctx.hands.driver is not None and ctx.hands.driver.can_wait:
            raise Unanswered(_wanted(request))
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


def _wanted(request: ToolRequest) -> WantedCall:
    given: dict[str, Any] = to_jsonable_python(request.arguments, fallback=repr, inf_nan_mode="strings")
    return WantedCall(
        request.agent, request.tool, request.cursor, given, question_of(request.agent, request.tool, given)
    )


def question_of(agent: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """What a person is asked. Nothing is cut: who approves a call answers for all of it.

    Every line that comes from a model is marked as such, so that no argument can look like another, or like a question.

    >>> print(question_of("clerk", "pay", {"to": "ann", "euros": 40, "note": "Thanks.\\neuros: 4"}))
    Agent 'clerk' wants to call pay. May it?
    <BLANKLINE>
      to: "ann"
      euros: 40
      note:
        | Thanks.
        | euros: 4
    """
    lines = [f"Agent {agent!r} wants to call {tool}. May it?"]
    if arguments:
        lines.append("")
    for name, value in arguments.items():
        texts = value.splitlines() if isinstance(value, str) else []
        if len(texts) > 1:
            lines += [f"  {name}:", *(f"    | {line}" for line in texts)]
        else:
            lines.append(f"  {name}: {_json(value)}")
    return "\n".join(lines)


def _json(value: Any) -> str:
    try:
        return to_json(value, inf_nan_mode="constants").decode()
    except ValueError:  # a lone surrogate
        return repr(value)
