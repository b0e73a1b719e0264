"""A request as it came over the wire, and the same as the agent meant it: messages and tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from pydantic import SecretStr

from graphflow.agents.messages import JsonObject, Message, Role, ToolCall, ToolSpec

WireApi = Literal["chat", "responses", "decisions"]

_ROLES: dict[str, Role] = {"developer": "system", "system": "system", "assistant": "assistant", "tool": "tool"}


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request: ``number`` counts from 1, ``body`` is its JSON.

    ``headers`` have small letters and are without the authorization: that is ``key``, which shows itself only when
    asked by ``key.get_secret_value()``.
    """

    number: int
    path: str
    api: WireApi
    body: JsonObject
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    key: SecretStr = field(default_factory=lambda: SecretStr(""))

    @property
    def is_streamed(self) -> bool:
        """Whether the answer is wanted as a stream."""
        return self.body.get("stream") is True

    @property
    def model(self) -> str:
        """The name of the model that is asked."""
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation, whichever API it came by: as a ScriptedModel would be asked it."""
        if self.api == "chat":
            return tuple(_chat_message(one) for one in _objects(self.body.get("messages")))
        told = self.body.get("instructions")
        given = self.body.get("input")
        messages = [Message("system", told)] if isinstance(told, str) else []
        if isinstance(given, str):
            return (*messages, Message("user", given))
        for item in _objects(given):
            messages = _with_item(messages, item)
        return tuple(messages)

    @property
    def tools(self) -> tuple[ToolSpec, ...]:
        """The tools on offer."""
        found = [_object(one.get("function")) or one for one in _objects(self.body.get("tools"))]
        return tuple(
            ToolSpec(_text(one.get("name")), _text(one.get("description")), _object(one.get("parameters")))
            for one in found
        )


def _chat_message(given: JsonObject) -> Message:
    calls = [(one, _object(one.get("function"))) for one in _objects(given.get("tool_calls"))]
    return Message(
        _ROLES.get(_text(given.get("role")), "user"),
        _content(given.get("content")),
        tuple(
            ToolCall(_text(said.get("name")), _text(said.get("arguments")), _text(one.get("id"))) for one, said in calls
        ),
        _text(given.get("tool_call_id")),
    )


def _with_item(messages: list[Message], item: JsonObject) -> list[Message]:
    """A message more, or a call more in the last message of the model."""
    kind = item.get("type", "message")
    if kind == "function_call_output":
        return [*messages, Message("tool", _content(item.get("output")), call_id=_text(item.get("call_id")))]
    if kind == "message":
        return [*messages, Message(_ROLES.get(_text(item.get("role")), "user"), _content(item.get("content")))]
    if kind != "function_call":
        return messages
    call = ToolCall(_text(item.get("name")), _text(item.get("arguments")), _text(item.get("call_id")))
    last = messages[-1] if messages and messages[-1].role == "assistant" else None
    if last is None:
        return [*messages, Message("assistant", "", (call,))]
    return [*messages[:-1], Message("assistant", last.text, (*last.tool_calls, call))]


def _content(given: object) -> str:
    if isinstance(given, str):
        return given
    return "".join(_text(part.get("text")) for part in _objects(given))


def _text(given: object) -> str:
    return given if isinstance(given, str) else ""


def _object(given: object) -> JsonObject:
    return cast("JsonObject", given) if isinstance(given, dict) else {}


def _objects(given: object) -> list[JsonObject]:
    if not isinstance(given, list):
        return []
    return [cast("JsonObject", one) for one in cast("Sequence[Any]", given) if isinstance(one, dict)]
