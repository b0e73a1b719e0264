"""The shapes of chat completions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from graphflow.agents.messages import JsonObject, Piece
from graphflow.core.usage import Usage
from graphflow.testing.fake_openai.asked import WireRequest
from graphflow.testing.fake_openai.replies import Said

_CREATED = 1_800_000_000


def body(said: Said, request: WireRequest, usage: Usage) -> JsonObject:
    """A completion with one choice."""
    message: JsonObject = {"role": "assistant", "content": said.text or None, "refusal": said.refusal or None}
    if said.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in said.tool_calls
        ]
    finish = "tool_calls" if said.tool_calls and said.finish == "stop" else said.finish
    completion = {
        "id": f"chatcmpl-{request.number}",
        "object": "chat.completion",
        "created": _CREATED,
        "model": request.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
    }
    return {**completion, "usage": _usage(usage)} if said.tells_usage else completion


def events(body: JsonObject, pieces: Sequence[Piece], request: WireRequest) -> Iterator[JsonObject]:
    """The same in chunks: the role, the pieces, why it stopped, and the usage if that is asked for."""
    options: Any = request.body.get("stream_options")
    is_usage_asked = isinstance(options, dict) and "usage" in body and options.get("include_usage") is True  # pyright: ignore[reportUnknownMemberType]
    common = {name: body[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    if is_usage_asked:
        common["usage"] = None
    [choice] = body["choices"]
    deltas = [{"role": "assistant", "content": ""}, *_deltas(choice["message"], pieces)]
    for delta in deltas:
        yield {**common, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
    yield {**common, "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": choice["finish_reason"]}]}
    if is_usage_asked:
        yield {**common, "choices": [], "usage": body["usage"]}


def _deltas(message: JsonObject, pieces: Sequence[Piece]) -> Iterator[JsonObject]:
    if message["refusal"]:
        yield {"refusal": message["refusal"]}
    yield from ({"content": piece.text} for piece in pieces if not piece.tool)
    for index, call in enumerate(message.get("tool_calls", ())):
        begun = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": ""}}
        yield {"tool_calls": [begun]}
        for piece in pieces:
            if piece.tool and piece.call == index:
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece.text}}]}


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
