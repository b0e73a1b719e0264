"""The shapes of the responses API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphflow.agents.messages import JsonObject, Response, ToolCall
from graphflow.agents.model import pieces_of
from graphflow.core.usage import Usage
from graphflow.testing.fake_openai.asked import WireRequest
from graphflow.testing.fake_openai.replies import Said

_CREATED = 1_800_000_000
_WHY_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def body(said: Said, request: WireRequest, usage: Usage) -> JsonObject:
    """A response: its message, then its calls."""
    why = _WHY_INCOMPLETE.get(said.finish)
    response = {
        "id": f"resp_{request.number}",
        "object": "response",
        "created_at": _CREATED,
        "status": "incomplete" if why else "completed",
        "error": None,
        "incomplete_details": {"reason": why} if why else None,
        "instructions": request.body.get("instructions"),
        "model": request.model,
        "output": _output(said, request.number, "incomplete" if why else "completed"),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": request.body.get("tools", []),
        "metadata": {},
    }
    return {**response, "usage": usage_shape(usage)} if said.tells_usage else response


def _output(said: Said, number: int, status: str) -> list[JsonObject]:
    parts: list[JsonObject] = []
    if said.text or not (said.refusal or said.tool_calls):
        parts.append({"type": "output_text", "text": said.text, "annotations": []})
    if said.refusal:
        parts.append({"type": "refusal", "refusal": said.refusal})
    message = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": status, "content": parts}
    calls = [_call(call, f"fc_{number}_{index}", status) for index, call in enumerate(said.tool_calls)]
    return [*([message] if parts else []), *calls]


def _call(call: ToolCall, identity: str, status: str) -> JsonObject:
    called = {"name": call.name, "arguments": call.arguments, "call_id": call.id}
    return {"type": "function_call", "id": identity, "status": status, **called}


def events(body: JsonObject) -> Iterator[JsonObject]:
    """The same as events, numbered; the last one holds the whole."""
    begun: JsonObject = {**body, "status": "in_progress", "output": [], "incomplete_details": None, "usage": None}
    numbered: list[JsonObject] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        *(event for index, item in enumerate(body["output"]) for event in _item_events(item, index)),
        {"type": f"response.{body['status']}", "response": body},
    ]
    return ({"sequence_number": number, **one} for number, one in enumerate(numbered))


def _item_events(item: JsonObject, index: int) -> Iterator[JsonObject]:
    where = {"item_id": item["id"], "output_index": index}
    empty: JsonObject = {"content": []} if item["type"] == "message" else {"arguments": ""}
    yield {
        "type": "response.output_item.added",
        "output_index": index,
        "item": {**item, "status": "in_progress", **empty},
    }
    if item["type"] == "message":
        for number, part in enumerate(item["content"]):
            yield from _part_events(part, {**where, "content_index": number})
    else:
        kind = "response.function_call_arguments"
        for piece in pieces_of(Response(item["arguments"])):
            yield {"type": f"{kind}.delta", "delta": piece.text, **where}
        yield {"type": f"{kind}.done", "arguments": item["arguments"], "name": item["name"], **where}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _part_events(part: JsonObject, where: JsonObject) -> Iterator[JsonObject]:
    name = "refusal" if part["type"] == "refusal" else "text"
    kind = "response.refusal" if name == "refusal" else "response.output_text"
    more: dict[str, Any] = {} if name == "refusal" else {"logprobs": []}
    yield {"type": "response.content_part.added", "part": {**part, name: ""}, **where}
    for piece in pieces_of(Response(part[name])):
        yield {"type": f"{kind}.delta", "delta": piece.text, **more, **where}
    yield {"type": f"{kind}.done", name: part[name], **more, **where}
    yield {"type": "response.content_part.done", "part": part, **where}


def usage_shape(usage: Usage) -> JsonObject:
    """The tokens of a call; decisions have them in the same shape."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.tokens,
    }
