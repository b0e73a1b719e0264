"""Requests and responses as OpenAI's responses API has them.

What a model put out in one turn goes back word for word with the next, so that its reasoning is not lost between
tool calls (``Message.carried``).
"""

from __future__ import annotations

from typing import Any

from graphflow.agents.messages import JsonObject, Message, Request, Response, Settings, ToolCall, ToolSpec
from graphflow.agents.openai_errors import bad_response, from_error_object, without_keys
from graphflow.agents.openai_fields import count, listed, object_in, text_in
from graphflow.agents.strict_schemas import strict_schema
from graphflow.core.usage import Usage
from graphflow.errors import ContentFiltered, Refused, Truncated

PATH = "/responses"


def encode(model: str, request: Request) -> JsonObject:
    """The body of a request. System messages are its instructions."""
    instructions = [message.text for message in request.messages if message.role == "system"]
    body: JsonObject = {
        "model": model,
        "input": [item for message in request.messages if message.role != "system" for item in items(message)],
    }
    if instructions:
        body["instructions"] = "\n\n".join(instructions)
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.output_schema is not None:
        strict = strict_schema(request.output_schema)
        schema = {"name": "answer", "schema": strict or request.output_schema, "strict": strict is not None}
        body["text"] = {"format": {"type": "json_schema", **schema}}
    body.update(_settings(request.settings))
    return body


def items(message: Message) -> list[JsonObject]:
    """What a message is in the input of a request."""
    if message.role == "tool":
        return [{"type": "function_call_output", "call_id": message.call_id, "output": message.text}]
    if message.carried:
        return list(message.carried)
    encoded: list[JsonObject] = [{"role": message.role, "content": message.text}] if message.text else []
    encoded += [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}
        for call in message.tool_calls
    ]
    return encoded


def _tool(tool: ToolSpec) -> JsonObject:
    strict = strict_schema(tool.parameters, may_require=False)
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": strict or tool.parameters,
        "strict": strict is not None,
    }


def _settings(settings: Settings) -> JsonObject:
    named = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "max_output_tokens": settings.max_output_tokens,
        "reasoning": None if settings.reasoning_effort is None else {"effort": settings.reasoning_effort},
    }  # this API has no seed
    return {name: value for name, value in named.items() if value is not None} | settings.extra


def decode(data: JsonObject, model: str, key: str | None) -> Response:
    """The answer in a response's body. Raises a ModelError: Truncated, ContentFiltered, Refused, BadResponse, ..."""
    usage = usage_in(data.get("usage"))
    if data.get("status") == "failed" or data.get("error"):
        failed = from_error_object(data.get("error"), model, key)
        failed.usage = usage if usage.tokens else None
        raise failed
    if data.get("status") == "incomplete":
        raise _incomplete(data, model, usage)
    if data.get("status") not in ("completed", None):
        raise bad_response(model, f"Its status is {data.get('status')!r}.")
    output = listed(data, "output", model)
    text, calls, refusal = "", list[ToolCall](), ""
    for index in range(len(output)):
        item = object_in(output, index, "output", model)
        if item.get("type") == "function_call":
            arguments = text_in(item, "arguments", model) or "{}"
            calls.append(ToolCall(text_in(item, "name", model), arguments, text_in(item, "call_id", model)))
        elif item.get("type") == "message":
            said, refused = _message(item, index, model)
            text, refusal = text + said, refusal + refused
    if refusal:
        raise Refused(f"{model} refused", why=without_keys(refusal, key), usage=usage)
    return Response(text, tuple(calls), usage, text_in(data, "model", model), tuple(output) if calls else ())


def _message(item: JsonObject, at: int, model: str) -> tuple[str, str]:
    """The text of a message item, and its refusal."""
    parts = listed(item, "content", model)
    text = refusal = ""
    for index in range(len(parts)):
        part = object_in(parts, index, f"output.{at}.content", model)
        text += text_in(part, "text", model)
        refusal += text_in(part, "refusal", model)
    return text, refusal


def _incomplete(data: JsonObject, model: str, usage: Usage) -> Truncated | ContentFiltered:
    details: Any = data.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if reason == "content_filter":
        return ContentFiltered(f"The provider's filter withheld the answer of {model}", usage=usage)
    return Truncated(
        f"The answer of {model} was cut off",
        why=f"It is incomplete ({reason}) after {usage.output_tokens} tokens.",
        fix="Raise max_output_tokens, or ask for less.",
        usage=usage,
    )


def usage_in(given: Any) -> Usage:
    """The tokens of a call; none at all if the server does not say."""
    return Usage(
        model_calls=1,
        input_tokens=count(given, "input_tokens"),
        cached_tokens=count(given, "input_tokens_details", "cached_tokens"),
        output_tokens=count(given, "output_tokens"),
        reasoning_tokens=count(given, "output_tokens_details", "reasoning_tokens"),
        usd=None,
    )
