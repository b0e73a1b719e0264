"""What a server may send: answers with their headers and counts, and everything that goes wrong in real ones.

Each function makes a Reply for the script of a FakeOpenAI. What strikes the stream of an answer strikes its body where
the request wants it in one piece: a stream that is cut becomes a body that is cut. Seconds are those of the real clock.

>>> import asyncio
>>> from graphflow import Agent, Retry
>>> from graphflow.testing import FakeOpenAI, wire
>>> writer = Agent("write", "Be brief.", prompt="{topic}", retry=Retry(first_s=0.01))
>>> script = [wire.rate_limited(retry_after_s=0.01), "Owls hunt at night."]  # the agent tries again
>>> with FakeOpenAI(script) as server:
...     asyncio.run(writer.run(topic="owls", model=server.model())).output
'Owls hunt at night.'
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from graphflow.agents.messages import JsonObject
from graphflow.core.usage import Usage
from graphflow.errors import shown
from graphflow.testing.fake_openai.asked import WireRequest
from graphflow.testing.fake_openai.replies import (
    DONE,
    Answer,
    Damage,
    Reply,
    Said,
    Sent,
    as_json,
    event,
    said_of,
)
from graphflow.testing.fake_openai.speaking import as_sent, spoken

_ANSWER = Reply("reply()")
"""A text, and of closed questions the first choice."""


def reply(answer: Answer, *, headers: Mapping[str, str] | None = None, usage: Usage | None = None) -> Reply:
    """An answer with headers of its own (``x-ratelimit-remaining-requests``) and the tokens that it is said to cost."""
    said = said_of(answer)
    return Reply(f"reply({shown(answer)})", dataclasses.replace(said, usage=usage or said.usage)).with_headers(
        headers or {}
    )


def no_usage(answer: Answer = _ANSWER) -> Reply:
    """An answer of a server that does not say how many tokens it cost."""
    return Reply("no_usage()", dataclasses.replace(said_of(answer), tells_usage=False))


# --- what the model says -----------------------------------------------------------------------------------------


def length(answer: Answer = _ANSWER) -> Reply:
    """The model reached the limit of its output: what is said is cut off."""
    return Reply("length()", dataclasses.replace(said_of(answer), finish="length"))


def content_filter(answer: Answer = "") -> Reply:
    """The provider's filter stopped the answer."""
    return Reply("content_filter()", dataclasses.replace(said_of(answer), finish="content_filter"))


def refusal(text: str = "I cannot help with that.") -> Reply:
    """The model declines."""
    return Reply("refusal()", Said(refusal=text))


# --- statuses ----------------------------------------------------------------------------------------------------


def status(
    code: int, *, error_code: str = "", message: str = "It went wrong.", headers: Mapping[str, str] | None = None
) -> Reply:
    """An error status with an error object."""
    kind = error_code or ("server_error" if code >= 500 else "invalid_request_error")
    body = _error(message, kind, error_code or None)
    return _instead(f"status({code})", as_json(body, status=code), headers)


def rate_limited(retry_after_s: float | None = None, *, headers: Mapping[str, str] | None = None) -> Reply:
    """429: too many requests, perhaps with the seconds to wait."""
    body = _error("Rate limit reached for requests.", "requests", "rate_limit_exceeded")
    asked = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
    return _instead(
        f"rate_limited({'' if retry_after_s is None else f'{retry_after_s:g}'})",
        as_json(body, status=429),
        {**asked, **(headers or {})},
    )


def quota_exhausted() -> Reply:
    """429 as well, but nobody has paid."""
    body = _error("You exceeded your current quota.", "insufficient_quota", "insufficient_quota")
    return _instead("quota_exhausted()", as_json(body, status=429))


def unauthorized() -> Reply:
    """401; the message repeats the key that came, as some servers do."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        said = f"Incorrect API key provided: {request.key.get_secret_value()}."
        return as_json(_error(said, "invalid_request_error", "invalid_api_key"), status=401)

    return Reply("unauthorized()", damage=damage)


def bad_request(message: str = "Unsupported value: 'temperature'.") -> Reply:
    """400: the server refuses the request as it is."""
    return _instead("bad_request()", as_json(_error(message, "invalid_request_error", "unsupported_value"), status=400))


def context_too_long() -> Reply:
    """400: more than the model can read."""
    said = "This model's maximum context length is 128000 tokens."
    return _instead(
        "context_too_long()", as_json(_error(said, "invalid_request_error", "context_length_exceeded"), status=400)
    )


# --- bodies ------------------------------------------------------------------------------------------------------


def error_object_with_200(code: str = "server_error", message: str = "The upstream failed.") -> Reply:
    """Status 200, and yet the body is an error object: what proxies send."""
    return _instead(f"error_object_with_200({code!r})", as_json(_error(message, code, code)))


def empty_body() -> Reply:
    """Status 200 and nothing in it."""
    return Reply("empty_body()", damage=lambda sent, request: dataclasses.replace(sent, pieces=()))


def truncated_body(answer: Answer = _ANSWER) -> Reply:
    """The first half of the body, announced as if it were the whole; of a stream half of its bytes, amid an event."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        body = b"".join(sent.pieces)
        middle = len(body) // 2
        while body[middle - 1 : middle] in (b"\n", b"}") or body[middle : middle + 1] == b"\n":
            middle += 1  # between two events nothing would be amiss with the last one
        return dataclasses.replace(sent, pieces=(body[:middle],))

    return Reply("truncated_body()", said_of(answer), damage)


def not_json(status: int = 200) -> Reply:
    """The page of a gateway instead of JSON."""
    page = (b"<html><body>Bad gateway</body></html>",)
    return _instead(f"not_json({status})", Sent(status, pieces=page, content_type="text/html"))


def not_gzip() -> Reply:
    """A body that claims to be compressed, and is not."""
    return Reply("not_gzip()").with_headers({"content-encoding": "gzip"})


def no_choices() -> Reply:
    """The right shape with nothing in it: no choices, no output, no answers."""
    bodies: dict[str, JsonObject] = {"chat": {"choices": []}, "responses": {"output": []}, "decisions": {"answers": []}}
    return Reply("no_choices()", damage=lambda sent, request: as_sent(_body(request, bodies[request.api]), request))


def wrong_types() -> Reply:
    """A number where the text should be."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        said: JsonObject = {"role": "assistant", "content": 7}
        bodies: dict[str, JsonObject] = {
            "chat": {"choices": [{"index": 0, "finish_reason": "stop", "message": said, "delta": said}]},
            "responses": {"status": "completed", "output": [{"type": "message", **said}]},
            "decisions": {"answers": [7]},
        }
        return as_sent(_body(request, bodies[request.api]), request)

    return Reply("wrong_types()", damage=damage)


def failed(code: str = "server_error", message: str = "The model failed.") -> Reply:
    """A response whose status is failed; with chat completions a choice that is an error, as OpenRouter has it."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        if request.api == "decisions":
            return as_json(_error(message, code, code))
        error = {"code": code, "message": message}
        said: JsonObject = {"role": "assistant", "content": ""}
        choice = {"index": 0, "finish_reason": "error", "error": error, "message": said, "delta": said}
        if request.api == "chat":
            return as_sent(_body(request, {"choices": [choice]}), request)
        body = _body(request, {"status": "failed", "error": error, "output": []})
        if not request.is_streamed:
            return as_json(body)
        return dataclasses.replace(
            sent, pieces=(event({"type": "response.failed", "response": body}, "response.failed"),)
        )

    return Reply(f"failed({code!r})", damage=damage)


# --- streams -----------------------------------------------------------------------------------------------------


def cut_stream(after: int = 2, answer: Answer = _ANSWER) -> Reply:
    """The stream ends properly after so many events, but the answer is not over: what looks like success."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        return dataclasses.replace(sent, pieces=sent.pieces[:after]) if sent.is_stream else _cut(sent)

    return Reply(f"cut_stream(after={after})", said_of(answer), damage)


def error_event(after: int = 2, code: str = "server_error", message: str = "The server had an error.") -> Reply:
    """An error amid the stream, after so many events."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        if not sent.is_stream:
            return as_json(_error(message, code, code))
        told = {"type": "error", "code": code, "message": message, "param": None}
        failed = event(_error(message, code, code)) if request.api == "chat" else event(told, "error")
        return dataclasses.replace(sent, pieces=(*sent.pieces[:after], failed))

    return Reply(f"error_event(after={after}, code={code!r})", damage=damage)


def malformed_event(after: int = 2, answer: Answer = _ANSWER) -> Reply:
    """One event amid the stream is no JSON; the others are as they should be."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        if not sent.is_stream:
            return dataclasses.replace(sent, pieces=(b"".join(sent.pieces).replace(b":", b"=", 1),))
        broken = b'data: {"choices": [{"del\n\n'
        return dataclasses.replace(sent, pieces=(*sent.pieces[:after], broken, *sent.pieces[after:]))

    return Reply(f"malformed_event(after={after})", said_of(answer), damage)


def json_instead_of_stream(answer: Answer = _ANSWER) -> Reply:
    """The whole answer as JSON, though a stream was asked for: a server that does not stream."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        body = {name: value for name, value in request.body.items() if name != "stream"}
        return spoken(said_of(answer), dataclasses.replace(request, body=body))

    return Reply("json_instead_of_stream()", said_of(answer), damage)


def no_done(answer: Answer = _ANSWER) -> Reply:
    """A whole stream without the mark of the end, and without the empty line after its last event."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        if not sent.is_stream:
            return sent
        *rest, last = [piece for piece in sent.pieces if piece != DONE]
        return dataclasses.replace(sent, pieces=(*rest, last.rstrip(b"\n")))

    return Reply("no_done()", said_of(answer), damage)


def ragged_stream(size: int = 7, answer: Answer = _ANSWER) -> Reply:
    """A stream in pieces of so many bytes, amid words and characters, with comments between its events."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        if not sent.is_stream:
            return sent
        body = b": still here\r\n\r\n".join(piece.replace(b"\n", b"\r\n") for piece in sent.pieces)
        return dataclasses.replace(sent, pieces=tuple(body[at : at + size] for at in range(0, len(body), size)))

    return Reply(f"ragged_stream({size})", said_of(answer), damage)


# --- connections and time ----------------------------------------------------------------------------------------


def dropped(after: int | None = None, *, is_reset: bool = False, answer: Answer = _ANSWER) -> Reply:
    """The connection is closed before a byte came, or ``after`` so many events (of a body: in its middle)."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        ending: Literal["reset", "closed"] = "reset" if is_reset else "closed"
        if after is None:
            return dataclasses.replace(sent, has_head=False, pieces=(), ending=ending)
        if sent.is_stream:
            return dataclasses.replace(sent, pieces=sent.pieces[:after], ending=ending)
        half = _cut(sent)
        missing = sum(map(len, sent.pieces)) - sum(map(len, half.pieces))
        return dataclasses.replace(half, missing=missing, ending=ending)

    return Reply(f"dropped({'' if after is None else f'after={after}'})", said_of(answer), damage)


def not_http() -> Reply:
    """Bytes that are no HTTP."""
    noise = Sent(pieces=(b"\x16\x03\x01 nonsense\r\n\r\n",), is_http=False, ending="closed")
    return _instead("not_http()", noise)


def slow(seconds: float, answer: Answer = _ANSWER, *, pause_s: float = 0.0) -> Reply:
    """An answer that begins late, and goes on with a pause after each event."""
    given = answer if isinstance(answer, Reply) else Reply("reply()", said_of(answer))

    def damage(sent: Sent, request: WireRequest) -> Sent:
        damaged = sent if given.damage is None else given.damage(sent, request)
        return dataclasses.replace(damaged, first_after_s=seconds, pause_s=pause_s)

    return dataclasses.replace(given, name=f"slow({seconds:g})", damage=damage)


def hanging(after: int | None = None, answer: Answer = _ANSWER) -> Reply:
    """Nothing comes, or nothing more ``after`` so many events (of a body: its middle), until the client gives up."""

    def damage(sent: Sent, request: WireRequest) -> Sent:
        if after is None:
            return dataclasses.replace(sent, has_head=False, pieces=(), ending="silent")
        if sent.is_stream:
            return dataclasses.replace(sent, pieces=sent.pieces[:after], ending="silent")
        half = _cut(sent)
        return dataclasses.replace(half, missing=1, ending="silent")

    return Reply(f"hanging({'' if after is None else f'after={after}'})", said_of(answer), damage)


def _instead(name: str, sent: Sent, headers: Mapping[str, str] | None = None) -> Reply:
    """The same bytes whatever was asked, and whether or not a stream was."""
    damage: Damage = lambda healthy, request: sent  # noqa: E731
    return Reply(name, damage=damage).with_headers(headers or {})


def _cut(sent: Sent) -> Sent:
    body = b"".join(sent.pieces)
    return dataclasses.replace(sent, pieces=(body[: len(body) // 2],))


def _error(message: str, kind: str, code: str | None) -> JsonObject:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _body(request: WireRequest, changes: Mapping[str, Any]) -> JsonObject:
    return {"id": f"made_{request.number}", "model": request.model, **changes}
