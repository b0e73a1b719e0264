"""The events of a streamed answer, out of the bytes of a response, and the errors that come in their place.

What stands on the wire may be anything: half a line, a line separator inside a text, an error amid the answer, or
plain JSON from a server that does not stream. Here it becomes objects, or a ModelError.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from graphflow.agents.messages import JsonObject
from graphflow.agents.openai_errors import bad_response, from_error_object, only_one, without_keys

_LINE_END = re.compile(rb"\r\n|\n|\r")  # and no others: a text may hold the line separators of Unicode
_DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event; ``is_whole`` says that it is no event but the whole body, which was plain JSON."""

    data: JsonObject
    is_whole: bool = False


@dataclass(slots=True)
class EventLines:
    """Server-sent events out of bytes, in whatever pieces they come."""

    _line: list[bytes] = field(default_factory=list[bytes])  # the pieces of the last line, which has not ended yet
    _name: str = ""
    _data: list[bytes] = field(default_factory=list[bytes])

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        """The events that are complete with this piece: their names and data."""
        held = b"\r" if self._line and self._line[-1] == b"\r" else b""  # perhaps the first half of a line's end
        if held:
            self._line.pop()
        if not held and b"\n" not in chunk and b"\r" not in chunk:
            self._line.append(chunk)
            return
        text = b"".join(self._line) + held + chunk
        tail = b"\r" if text.endswith(b"\r") else b""
        *lines, last = _LINE_END.split(text.removesuffix(tail))
        self._line = [part for part in (last, tail) if part]
        for line in lines:
            yield from self._take(line)

    def finish(self) -> Iterator[tuple[str, bytes]]:
        """What is left when the bytes are over: not every server ends its last event."""
        if self._line:
            yield from self._take(b"".join(self._line).rstrip(b"\r"))
        yield from self._take(b"")

    def _take(self, line: bytes) -> Iterator[tuple[str, bytes]]:
        if not line:
            if self._data:
                yield self._name, b"\n".join(self._data)
            self._name, self._data = "", []
            return
        name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode(errors="replace")


async def events(chunks: AsyncIterator[bytes], model: str, key: str | None) -> AsyncGenerator[ServerEvent]:
    """The events up to the mark of the end, or to the end. Raises ModelError: that of an error event, BadResponse."""
    lines = EventLines()
    beginning: list[bytes] | None = []  # until it is clear whether it is a stream at all
    async for chunk in chunks:
        if beginning is not None:
            beginning.append(chunk)
            start = b"".join(beginning).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
            if not start or start in b"{[":
                continue
            chunk, beginning = b"".join(beginning), None
        for name, data in lines.feed(chunk):
            if data.strip() == _DONE.encode():
                return
            yield _event(name, data, model, key)
    if beginning:
        yield ServerEvent(whole_body(b"".join(beginning), model, key), is_whole=True)
        return
    for name, data in lines.finish():
        if data.strip() != _DONE.encode():
            yield _event(name, data, model, key)


def whole_body(content: bytes, model: str, key: str | None) -> JsonObject:
    """The object that a body is. Raises ModelError: BadResponse, or that of the error object in it."""
    try:
        data = only_one(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise bad_response(model, f"The body cannot be read: {without_keys(str(error), key)}") from None
    if not isinstance(data, dict):
        raise bad_response(model, f"The body is no object but {without_keys(repr(data)[:80], key)}.")
    body = cast("JsonObject", data)
    if body.get("error") and "output" not in body:  # a response that failed says it with its output
        raise from_error_object(body["error"], model, key)
    return body


def _event(name: str, data: bytes, model: str, key: str | None) -> ServerEvent:
    try:
        read: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        if name == "error":
            raise from_error_object(data.decode(errors="replace"), model, key) from None
        raise bad_response(model, f"An event of the stream cannot be read: {without_keys(str(error), key)}") from None
    if not isinstance(read, dict):
        said = without_keys(repr(read)[:80], key)
        raise bad_response(model, f"An event of the stream is no object but {said}.")
    event = cast("JsonObject", read)
    if event.get("error"):
        raise from_error_object(event["error"], model, key)
    if name == "error" or event.get("type") == "error":
        raise from_error_object(event, model, key)
    if name and "type" not in event:
        event["type"] = name
    return ServerEvent(event)
