"""The ``openai`` clients of a model: one per event loop, imported when first used, closed with their loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from graphflow.errors import ModelUnavailable

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

Http = Literal["auto", "httpx", "aiohttp"]


@dataclass(slots=True, eq=False)
class Clients:
    """``key`` and ``base_url`` are asked when a client is made; ``http`` says by which library it talks."""

    key: Callable[[], str]
    base_url: Callable[[], str | None]
    timeout_s: float
    http: Http
    _held: dict[asyncio.AbstractEventLoop, _Client] = field(
        default_factory=dict["asyncio.AbstractEventLoop", "_Client"]
    )

    async def of_this_loop(self) -> AsyncOpenAI:
        """The client of the running loop. Raises ModelUnavailable if its HTTP library is not installed."""
        loop = asyncio.get_running_loop()
        for other in [other for other in self._held if other.is_closed()]:
            del self._held[other]
        held = self._held.get(loop)
        if held is None:
            opened = self._opened()
            held = self._held[loop] = _Client(await anext(opened), opened)
        return held.client

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        held = self._held.pop(asyncio.get_running_loop(), None)
        if held is not None:
            await held.opened.aclose()

    async def _opened(self) -> AsyncGenerator[AsyncOpenAI]:
        """A client that is closed when the event loop shuts its generators down, or when ``aclose`` does."""
        from openai import AsyncOpenAI

        client = AsyncOpenAI(
            api_key=self.key(),
            base_url=self.base_url(),
            timeout=self.timeout_s,
            max_retries=0,
            http_client=self._http_client(),
        )
        try:
            yield client
        finally:
            await client.close()

    def _http_client(self) -> httpx2.AsyncClient | None:
        has_login = "@" in urlsplit(self.base_url() or "").netloc  # which aiohttp refuses beside a key
        if self.http == "httpx" or (self.http == "auto" and has_login):
            return None
        if find_spec("aiohttp") is not None:
            from openai import DefaultAioHttpClient

            return DefaultAioHttpClient()
        if self.http == "auto":
            return None
        raise ModelUnavailable(
            "aiohttp is not installed",
            why='The model was made with http="aiohttp".',
            fix='Run: pip install "graphflow-agents[aiohttp]", or leave http= out.',
        )


@dataclass(frozen=True, slots=True)
class _Client:
    client: AsyncOpenAI
    opened: AsyncGenerator[AsyncOpenAI]
