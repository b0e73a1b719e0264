"""What one request gets: what is said, the bytes that say it, and what goes wrong with them on the way."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_json

from graphflow.agents.messages import JsonObject, Response, ToolCall
from graphflow.core.usage import Usage
from graphflow.errors import ScriptMismatch, shown
from graphflow.testing.fake_openai.asked import WireRequest

JSON = "application/json"
STREAM = "text/event-stream"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"(?! )[ -~\t]*(?<! )")

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Said:
    """What the model says. ``usage`` None: about what it would be; ``tells_usage`` False: the server does not say.

    ``value`` is the answer as the script gave it, which is what the decisions API goes by; None: whatever is asked for.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str = ""
    finish: Literal["stop", "length", "content_filter"] = "stop"
    usage: Usage | None = None
    tells_usage: bool = True
    value: object = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes out. ``pieces`` are the events of a stream, else they make up the body, whose length is announced.

    ``missing`` bytes are announced and never come. ``ending`` is what becomes of the connection: it stays open, is
    closed where the pieces end, is reset, or nothing more comes until the client leaves. Without ``has_head`` not even
    a status is sent, and ``is_http`` False sends the pieces as they are.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    pieces: tuple[bytes, ...] = ()
    is_stream: bool = False
    content_type: str = JSON
    missing: int = 0
    first_after_s: float = 0.0
    pause_s: float = 0.0
    ending: Literal["open", "closed", "reset", "silent"] = "open"
    has_head: bool = True
    is_http: bool = True


Damage = Callable[[Sent, WireRequest], Sent]


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """An answer with what goes with it, or goes wrong: made by the functions of ``graphflow.testing.wire``."""

    name: str
    said: Said = Said("Owls hunt at night.")
    damage: Damage | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        return f"wire.{self.name}"

    def with_headers(self, headers: Mapping[str, str]) -> Reply:
        """The same with further headers. Raises ScriptMismatch for what HTTP cannot say.

        >>> Reply("reply()").with_headers({"x-ratelimit-remaining-requests": "0"}).headers
        {'x-ratelimit-remaining-requests': '0'}
        """
        return dataclasses.replace(self, headers={**self.headers, **checked_headers(headers)})


Answer = str | int | float | bool | BaseModel | Mapping[str, Any] | Sequence[Any] | ToolCall | Response | Reply
"""What a script may give: text; a model, mapping, list or number (as JSON); ToolCalls, also after a text; a Response;
a Reply of ``wire``."""


def checked_headers(headers: Mapping[str, object]) -> dict[str, str]:
    """Headers as HTTP takes them, their names in small letters. Raises ScriptMismatch."""
    checked: dict[str, str] = {}
    for name, value in headers.items():
        if not (isinstance(value, str) and _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise ScriptMismatch(
                f"{name!r}: {shown(value)} is no header",
                why="Names and values are texts on one line, of ASCII characters.",
                fix=f'Write {{"{name}": "{value}"}}.' if isinstance(value, int | float) else "",
            )
        checked[name.lower()] = value
    return checked


def reply_of(answer: object) -> Reply:
    """An answer of a script as a reply. Raises ScriptMismatch for what is none."""
    return answer if isinstance(answer, Reply) else Reply(f"reply({shown(answer)})", said_of(answer))


def said_of(answer: object) -> Said:
    """What an answer of a script says. Raises ScriptMismatch for what is none."""
    if isinstance(answer, str):
        return Said(answer, value=answer)
    if isinstance(answer, Reply):
        return answer.said
    if isinstance(answer, Response):
        calls = _named(answer.tool_calls)
        value = calls[0].name if calls else answer.text
        return Said(answer.text, calls, usage=answer.usage if answer.usage.tokens else None, value=value)
    given = [answer] if isinstance(answer, ToolCall) else answer
    if isinstance(given, list | tuple):
        listed = cast("Sequence[object]", given)
        calls = tuple(one for one in listed if isinstance(one, ToolCall))
        texts = [one for one in listed if isinstance(one, str)]
        if calls and len(calls) + len(texts) == len(listed):
            return Said("".join(texts), _named(calls), value=calls[0].name)
        if calls:
            raise _no_answer(answer)
    if isinstance(answer, BaseException | type) or callable(answer) or answer is None:
        raise _no_answer(answer)
    try:
        return Said(to_json(answer).decode(), value=answer)
    except PydanticSerializationError:
        raise _no_answer(answer) from None


def _named(calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(call.name, call.arguments, call.id or f"call_{n}") for n, call in enumerate(calls, 1))


def _no_answer(given: object) -> ScriptMismatch:
    is_error = isinstance(given, BaseException)
    return ScriptMismatch(
        f"{shown(given)} is no answer of a server",
        why="It is text, something that becomes JSON, tool calls, a Response, or a reply of graphflow.testing.wire.",
        fix="A server cannot raise: write what it sends instead, as in wire.rate_limited() or wire.status(500)."
        if is_error
        else 'Write a text, tool_call("search", query="owls"), or wire.status(500).',
    )


def event(data: JsonObject, name: str = "") -> bytes:
    """One server-sent event.

    >>> event({"a": 1}, "error")
    b'event: error\\ndata: {"a":1}\\n\\n'
    """
    return (f"event: {name}\n" if name else "").encode() + b"data: " + encoded(data) + b"\n\n"


def encoded(data: object) -> bytes:
    """Compact JSON, as servers send it."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def as_json(data: object, *, status: int = 200) -> Sent:
    """A body that comes in one piece."""
    return Sent(status, pieces=(encoded(data),))


def as_stream(pieces: Sequence[bytes]) -> Sent:
    """A body of events."""
    return Sent(pieces=tuple(pieces), is_stream=True, content_type=STREAM)
