"""What is told of one call, as it begins and as it has ended; and, where a payload was asked for, what is said in it."""

from __future__ import annotations

from typing import Any

from graphflow.graph.context import Effect
from graphflow.telemetry import attributes
from graphflow.telemetry.attributes import Attributes, Clear


def described(kind: str, request: Any, agent: str) -> tuple[str, Attributes]:
    """The name of a call's span, and what is told as it begins. ``agent`` makes it, if that is known.

    The key of a ``ctx.once`` is the user's text, and may hold anything: it is none of this.

    >>> described("tool", {"tool": "search", "arguments": "{}"}, "")[0], described("once", "mail ann", "")
    ('execute_tool search', ('once', {}))
    """
    if kind == "model":
        asked = attributes.chat(request)
        return f"chat {asked['gen_ai.request.model']}", asked
    if kind == "once":
        return "once", {}
    tool = attributes.name_of(request.get("tool") or request.get("approval"))
    told: Attributes = {"gen_ai.tool.name": tool, "gen_ai.tool.type": "function"}
    if agent:
        told["gen_ai.agent.name"] = attributes.name_of(agent)
    if "approval" in request:
        return f"approve {tool}", told
    return f"execute_tool {tool}", {"gen_ai.operation.name": "execute_tool", **told}


def given(kind: str, request: Any, clear: Clear) -> Attributes:
    """A payload: what a call is given."""
    if kind == "model":
        return {"gen_ai.input.messages": attributes.messages(request, clear)}
    if kind == "once":
        return {"graphflow.once.key": attributes.text_of(request, clear)}
    return {"gen_ai.tool.call.arguments": attributes.text_of(request.get("arguments", ""), clear)}


def outcome(kind: str, request: Any, effect: Effect) -> Attributes:
    """What is told of a call that has returned. A tool that failed is one, too: its model was told so."""
    if kind == "model":
        return attributes.answer(effect.value) | attributes.tokens(effect.usage)
    if kind == "tool" and "approval" in request:
        return {"graphflow.is_approved": effect.value["approved"] is True}
    return {"error.type": "tool_error"} if kind == "tool" and effect.error else {}


def result(kind: str, request: Any, effect: Effect, clear: Clear) -> Attributes:
    """A payload: what a call gave."""
    if kind == "model":
        return {"gen_ai.output.messages": attributes.output(effect.value, clear)}
    if kind == "once":
        return {"graphflow.once.result": attributes.json_of(effect.value, clear)}
    return {} if "approval" in request else {"gen_ai.tool.call.result": attributes.text_of(effect.value["text"], clear)}
