"""The server: a thread with an event loop of its own, so that it serves sync code and any other loop alike."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from graphflow.agents.limiter import Limiter
from graphflow.agents.openai_client import Http
from graphflow.agents.openai_model import Api, OpenAIModel
from graphflow.agents.prices import Price
from graphflow.errors import ModelUnavailable
from graphflow.testing.fake_openai.asked import WireRequest
from graphflow.testing.fake_openai.connections import Connection, Traffic
from graphflow.testing.fake_openai.replies import Answer, Sent, checked_headers
from graphflow.testing.fake_openai.script import Script


class FakeOpenAI:
    """A real HTTP server on loopback that speaks chat completions, responses and decisions, streamed and not.

    The script is a list of answers, one per request in order, or a function of the request (plain or async; it runs in
    the server's thread). An answer is text, a model, mapping, list or number (sent as JSON), ``tool_call(...)`` or
    several, a Response, or a reply of ``graphflow.testing.wire``: a status, a cut stream, headers. ``headers`` go with
    every answer.

    It is strict: a request without an answer, and one that a real server would refuse, gets status 400 with the reason,
    and leaving the ``with`` block raises ScriptMismatch for it, and for answers that nobody asked for. Time is that of
    the real clock, so it does not go together with ``run_virtual``.

    >>> import asyncio
    >>> from graphflow import Agent
    >>> from graphflow.testing import FakeOpenAI
    >>> writer = Agent("write", "Be brief.", prompt="Topic: {topic}")
    >>> with FakeOpenAI(["Owls hunt at night."]) as server:
    ...     result = asyncio.run(writer.run(topic="owls", model=server.model()))
    >>> result.output, server.requests[0].messages[-1].text
    ('Owls hunt at night.', 'Topic: owls')
    """

    def __init__(
        self,
        script: Iterable[Answer] | Callable[[WireRequest], Any],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._script = Script(script)
        self._headers = checked_headers(headers or {})
        self._thread: threading.Thread | None = None
        self._port: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._traffic = Traffic()

    def __repr__(self) -> str:
        return f"FakeOpenAI({'not running' if self._port is None else self.base_url!r}, {len(self.requests)} requests)"

    @property
    def base_url(self) -> str:
        """Where it listens: ``http://127.0.0.1:40123/v1``. Raises ModelUnavailable outside of its ``with`` block."""
        if self._port is None:
            raise ModelUnavailable(
                "This FakeOpenAI is not running",
                why="It listens inside its with block only." if self._thread is None else "Its with block is over.",
                fix="Write: with FakeOpenAI([...]) as server: ...",
            )
        return f"http://127.0.0.1:{self._port}/v1"

    def model(
        self,
        name: str = "fake-model",
        *,
        api: Api = "chat",
        api_key: str = "sk-test",
        http: Http = "auto",
        timeout_s: float = 600.0,
        prices: Mapping[str, Price] | Price | None = None,
        constrains_output: bool = True,
        decides: bool = False,
        limiter: Limiter | None = None,
    ) -> OpenAIModel:
        """A model that asks this server. The parameters are those of OpenAIModel."""
        return OpenAIModel(
            name,
            base_url=self.base_url,
            api_key=api_key,
            api=api,
            http=http,
            timeout_s=timeout_s,
            prices=prices,
            constrains_output=constrains_output,
            decides=decides,
            limiter=limiter,
            provider="fake",
        )

    @property
    def requests(self) -> list[WireRequest]:
        """What was asked, in the order of arrival; kept after the end."""
        return self._script.requests

    @property
    def in_flight(self) -> int:
        """How many requests are being answered now."""
        return self._traffic.in_flight

    @property
    def most_in_flight(self) -> int:
        """How many were, at most, at the same time."""
        return self._traffic.most_in_flight

    @property
    def abandoned(self) -> int:
        """How many answers were under way when their client left."""
        return self._traffic.abandoned

    @property
    def connections_open(self) -> int:
        """How many connections are open now."""
        return len(self._traffic.open)

    @property
    def connections_made(self) -> int:
        """How many there were in all: fewer than requests if they are used again."""
        return self._traffic.made

    def wait_closed(self, within_s: float = 5.0) -> None:
        """Wait until the clients have closed every connection. Raises TimeoutError if they do not."""
        with self._traffic.changed:
            if not self._traffic.changed.wait_for(lambda: not self._traffic.open, within_s):
                raise TimeoutError(f"{self.connections_open} connections are still open after {within_s:g} s.")

    def assert_used(self) -> None:
        """Every request had an answer, and every answer was asked for. Raises ScriptMismatch if not."""
        for mismatch in (*self._script.mismatches, self._script.unused()):
            if mismatch is not None:
                raise mismatch

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise ModelUnavailable(
                "This FakeOpenAI has run before" if self._port is None else "This FakeOpenAI is running already",
                why="Its script is used up by one with block.",
                fix="Make a new one.",
            )
        listening: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(listening,), name="FakeOpenAI", daemon=True)
        self._thread.start()
        self._port = listening.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._thread is not None
        assert self._loop is not None
        assert self._stopping is not None
        self._port = None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        if error is None:
            self.assert_used()

    def _run(self, listening: Future[int]) -> None:
        try:
            asyncio.run(self._serve(listening))
        except BaseException as error:
            if listening.done():
                raise
            listening.set_exception(error)

    async def _serve(self, listening: Future[int]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(
            lambda: Connection(self._answer, self._traffic), "127.0.0.1", 0, backlog=4096
        )
        listening.set_result(int(server.sockets[0].getsockname()[1]))
        await self._stopping.wait()
        self._traffic.is_closing = True
        server.close()
        for connection in list(self._traffic.open):
            connection.abort()
        await server.wait_closed()

    async def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Sent:
        sent = await self._script.sent_for(method, target, headers, body)
        return dataclasses.replace(sent, headers={**self._headers, **sent.headers})
