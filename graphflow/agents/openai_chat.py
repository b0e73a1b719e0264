"""Requests and responses as the chat completions API has them: what most OpenAI-compatible servers speak."""

from __future__ import annotations

from typing import Any

from graphflow.agents.messages import JsonObject, Message, Request, Response, Settings, ToolCall, ToolSpec
from graphflow.agents.openai_errors import from_error_object, without_keys
from graphflow.agents.openai_fields import content_in, count, listed, object_in, text_in
from graphflow.agents.strict_schemas import strict_schema
from graphflow.core.usage import Usage
from graphflow.errors import ContentFiltered, Refused, Truncated

PATH = "/chat/completions"

_CUT_OFF = ("length", "max_tokens", "model_length")  # the last one is Mistral's, for the end of the context
_FAILED = ("error", "insufficient_system_resource")  # OpenRouter's and DeepSeek's, for what is no answer


def encode(model: str, request: Request, *, is_openai: bool) -> JsonObject:
    """The body of a request. OpenAI itself has a new name for the limit of the output; other servers know the old one."""
    body: JsonObject = {"model": model, "messages": [_message(message) for message in request.messages]}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.output_schema is not None:
        strict = strict_schema(request.output_schema)
        schema = {"name": "answer", "schema": strict or request.output_schema, "strict": strict is not None}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    body.update(_settings(request.settings, is_openai))
    return body


def _message(message: Message) -> JsonObject:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.text}
    encoded: JsonObject = {"role": message.role, "content": message.text}
    if message.tool_calls:
        encoded["content"] = message.text or None
        encoded["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return encoded


def _tool(tool: ToolSpec) -> JsonObject:
    strict = strict_schema(tool.parameters, may_require=False)
    function: JsonObject = {"name": tool.name, "description": tool.description, "parameters": strict or tool.parameters}
    if strict is not None:
        function["strict"] = True
    return {"type": "function", "function": function}


def _settings(settings: Settings, is_openai: bool) -> JsonObject:
    limit = "max_completion_tokens" if is_openai else "max_tokens"
    named = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        limit: settings.max_output_tokens,
        "reasoning_effort": settings.reasoning_effort,
        "seed": settings.seed,
    }
    return {name: value for name, value in named.items() if value is not None} | settings.extra


def decode(data: JsonObject, model: str, key: str | None) -> Response:
    """The answer in a response's body. Raises a ModelError: Truncated, ContentFiltered, Refused, BadResponse, ..."""
    choice = object_in(listed(data, "choices", model), 0, "choices", model)
    usage = _usage(data.get("usage"))
    if choice.get("error") or choice.get("finish_reason") in _FAILED:
        raise from_error_object(choice.get("error") or choice["finish_reason"], model, key)
    message = object_in(choice, "message", "choices.0", model)
    text = content_in(message, "content", model)
    finish = choice.get("finish_reason")
    if refusal := text_in(message, "refusal", model):
        raise Refused(f"{model} refused", why=without_keys(refusal, key), usage=usage)
    if finish in _CUT_OFF:
        stopped = f"It stopped after {usage.output_tokens} tokens." if usage.output_tokens else ""
        fix = "Raise max_output_tokens, or ask for less."
        raise Truncated(f"The answer of {model} was cut off", why=stopped, fix=fix, usage=usage)
    if finish == "content_filter":
        raise ContentFiltered(f"The provider's filter withheld the answer of {model}", usage=usage)
    calls = listed(message, "tool_calls", model) if message.get("tool_calls") else []
    made = tuple(_call(calls, index, model) for index in range(len(calls)))
    return Response(text, made, usage, text_in(data, "model", model))


def _call(calls: Any, index: int, model: str) -> ToolCall:
    call = object_in(calls, index, "tool_calls", model)
    function = object_in(call, "function", f"tool_calls.{index}", model)
    arguments = text_in(function, "arguments", model)
    return ToolCall(text_in(function, "name", model), arguments or "{}", text_in(call, "id", model) or f"call_{index}")


def _usage(given: Any) -> Usage:
    return Usage(
        model_calls=1,
        input_tokens=count(given, "prompt_tokens"),
        cached_tokens=count(given, "prompt_tokens_details", "cached_tokens"),
        output_tokens=count(given, "completion_tokens"),
        reasoning_tokens=count(given, "completion_tokens_details", "reasoning_tokens"),
        usd=None,
    )
