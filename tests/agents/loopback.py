"""A real HTTP server on loopback that answers by script, with every fault of a real one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal


@dataclass(frozen=True)
class Reply:
    """What one request gets. ``fault``: the connection is dropped, the body cut short, or nothing comes at all.

    With ``chunks`` it is a stream of them; then a fault strikes at their end, and ``hang`` waits until the client goes.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fault: Literal["drop", "cut", "silence", "hang"] | None = None
    chunks: tuple[bytes, ...] | None = None
    raw: bytes | None = None
    """Written as it is, instead of a response; then the connection is closed."""

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()


@dataclass
class Server:
    """``seen`` are the requests: (path, headers, body)."""

    url: str
    replies: list[Reply]
    seen: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    """Set when the client closes the connection of a stream that hangs."""
    connections: set[Any] = field(default_factory=set)


@contextmanager
def serving(*replies: Reply) -> Iterator[Server]:
    server: Server

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.connections.add(self.client_address)
            server.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            reply = server.replies[min(len(server.seen), len(server.replies)) - 1]
            if reply.raw is not None:
                self.wfile.write(reply.raw)
                self.close_connection = True
                return
            if reply.chunks is not None:
                self.stream(reply, reply.chunks)
                return
            if reply.fault == "silence":
                server.released.wait(30)
            if reply.fault in ("drop", "silence"):
                self.close_connection = True
                return
            data = reply.encoded()
            self.send_response_only(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data) + (100 if reply.fault == "cut" else 0)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = self.close_connection or reply.fault == "cut"

        def stream(self, reply: Reply, chunks: tuple[bytes, ...]) -> None:
            self.send_response_only(reply.status)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            for chunk in chunks:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                self.wfile.flush()
            if reply.fault == "hang":
                self.connection.settimeout(30)
                if self.connection.recv(1) == b"":
                    server.left.set()
            self.close_connection = reply.fault is not None
            if reply.fault is None:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    listening.daemon_threads = True
    server = Server(f"http://127.0.0.1:{listening.server_address[1]}/v1", list(replies))
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        listening.shutdown()
        thread.join()
        listening.server_close()


def chat(content: str | None = "Hello.", **changes: Any) -> Reply:
    """A chat completion. ``changes`` override its one choice; ``message`` adds to its message."""
    message = {"role": "assistant", "content": content, **changes.pop("message", {})}
    choice = {"index": 0, "finish_reason": "stop", "message": message, **changes}
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 40},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    return Reply(
        {"id": "1", "object": "chat.completion", "created": 1, "model": "m-1", "choices": [choice], "usage": usage}
    )


def responses(*output: dict[str, Any], **changes: Any) -> Reply:
    """A response of the responses API."""
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 40},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 120,
    }
    body = {
        "id": "r",
        "object": "response",
        "status": "completed",
        "model": "m-1",
        "output": list(output),
        "usage": usage,
    }
    return Reply({**body, **changes})


def said(text: str, **changes: Any) -> dict[str, Any]:
    """A message item of the responses API."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content, **changes}


def error(status: int, code: str = "", message: str = "no", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply({"error": {"message": message, "type": code, "code": code}}, status, named)


def event(data: Any, name: str = "") -> bytes:
    """One server-sent event."""
    written = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {written}\n\n".encode()


DONE = b"data: [DONE]\n\n"


def chat_events(reply: Reply, *, usage: bool = True) -> tuple[bytes, ...]:
    """The same completion as a stream: texts and arguments in two pieces each, then why it stopped, then usage."""
    [choice] = reply.body["choices"]
    message = choice["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": part} for part in halves(message.get("content") or "")]
    deltas += [{"refusal": part} for part in halves(message.get("refusal") or "")]
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        begun = {**call, "index": index, "function": {"name": function["name"], "arguments": ""}}
        deltas.append({"tool_calls": [begun]})
        parts = halves(function["arguments"])
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in parts]
    common = {"id": "1", "object": "chat.completion.chunk", "model": reply.body["model"], "usage": None}
    made = [event({**common, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}) for delta in deltas]
    made.append(event({**common, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}))
    if usage:
        made.append(event({**common, "choices": [], "usage": reply.body["usage"]}))
    return (*made, DONE)


def responses_events(reply: Reply) -> tuple[bytes, ...]:
    """The same response as a stream."""
    body = reply.body
    made: list[dict[str, Any]] = [{"type": "response.created", "response": {**body, "output": []}}]
    for index, item in enumerate(body["output"]):
        where = {"output_index": index, "item_id": item.get("id", "")}
        made.append({"type": "response.output_item.added", "item": {**item, "arguments": ""}, **where})
        for part in item.get("content") or ():
            kind = "refusal" if part["type"] == "refusal" else "output_text"
            texts = halves(part.get("text") or part.get("refusal") or "")
            made += [{"type": f"response.{kind}.delta", "delta": delta, "content_index": 0, **where} for delta in texts]
        parts = halves(item.get("arguments", ""))
        made += [{"type": "response.function_call_arguments.delta", "delta": delta, **where} for delta in parts]
        made.append({"type": "response.output_item.done", "item": item, **where})
    made.append({"type": f"response.{body['status']}", "response": body})
    return tuple(event(one, one["type"]) for one in made)


def halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [part for part in (text[:middle], text[middle:]) if part]
