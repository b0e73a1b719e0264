"""Models behind an OpenAI-compatible API, by way of the ``openai`` client, which is imported when first used.

The responses API is spoken with OpenAI itself, chat completions where a base URL is set, either on request. The
client never tries again by itself: retries are the node's (S8.1), so that no two layers multiply them. Keys are kept
out of every text.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import json
import os
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

from graphflow.agents import openai_chat, openai_responses
from graphflow.agents.messages import JsonObject, Message, Request, Response
from graphflow.agents.openai_errors import bad_response, from_client, from_error_object, without_keys
from graphflow.agents.prices import Price, price_of
from graphflow.errors import ModelError, ModelUnavailable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Api = Literal["auto", "responses", "chat"]

_OPENAI_HOST = "api.openai.com"
_NO_KEY = "not-needed"  # local servers want none, the client insists on one


class OpenAIModel:
    """A model of OpenAI or of any server that speaks its API (Ollama, vLLM, LM Studio, llama.cpp).

    ``base_url`` and ``api_key`` default to OPENAI_BASE_URL and OPENAI_API_KEY when it is first asked; a server on this
    machine needs no key, and a ``base_url`` given here is never sent the key of the environment. ``prices`` is one
    Price or a table. ``timeout_s`` bounds one call. ``constrains_output=False`` is for servers that know no JSON
    schemas: the schema is then part of the prompt.

    Nothing is imported or connected before the first call, so a graph can be drawn and checked without a key. Clients
    close with their event loop, or by ``aclose``. Raises ModelUnavailable at the call if there is no key.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        api: Api = "auto",
        prices: Mapping[str, Price] | Price | None = None,
        timeout_s: float = 600.0,
        constrains_output: bool = True,
        provider: str | None = None,
    ) -> None:
        if api not in ("auto", "responses", "chat"):
            raise ModelUnavailable(
                f"There is no API called {api!r}", why="OpenAI has two.", fix='Write api="responses" or api="chat".'
            )
        self.model = name
        self.timeout_s = timeout_s
        self.constrains_output = constrains_output
        self._api = api
        self._base_url = base_url
        self._key = api_key
        self._prices = prices
        self._provider = provider
        self._clients: dict[asyncio.AbstractEventLoop, _Client] = {}

    @property
    def name(self) -> str:
        """``openai/gpt-5``; for other servers their host stands in front."""
        return f"{self._provider or self._host()}/{self.model}"

    @property
    def price(self) -> Price | None:
        """What its tokens cost, None if unknown."""
        return price_of(self.model, self._prices)

    def __repr__(self) -> str:
        return f"OpenAIModel({self.name!r})"  # never the key

    def require_key(self, environ: Mapping[str, str]) -> None:
        """Raises ModelUnavailable if it is remote and there is no key for it."""
        if self._key_from(environ) is None and not self._is_local(environ):
            given = self._base_url is not None and self._base_url != environ.get("OPENAI_BASE_URL")
            raise ModelUnavailable(
                f"There is no key for {self.name}",
                why="It is a remote model."
                + (" A base_url given in code is not sent the environment's key." if given else ""),
                fix="Give api_key=." if given else "Set OPENAI_API_KEY, or leave the model out to work offline.",
            )

    async def respond(self, request: Request) -> Response:
        """One answer, by one HTTP request. Raises ModelError."""
        self.require_key(os.environ)
        key = self._key_from(os.environ)
        client = await self._client()
        data = await self._post(client, self._encode(request), key)
        if data.get("error"):
            raise from_error_object(data["error"], self.name, key)
        try:
            response = self._decode(data, key)
        except ModelError as error:
            error.usage = None if error.usage is None else dataclasses.replace(error.usage, usd=self._usd(error.usage))
            raise
        return dataclasses.replace(response, usage=dataclasses.replace(response.usage, usd=self._usd(response.usage)))

    async def aclose(self) -> None:
        """Close the connections of this event loop; the next call opens new ones."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.opened.aclose()

    async def _post(self, client: AsyncOpenAI, body: JsonObject, key: str | None) -> JsonObject:
        import httpx2

        path = openai_responses.PATH if self._speaks_responses() else openai_chat.PATH
        try:
            raw = await client.post(path, cast_to=httpx2.Response, body=body)
            data: Any = json.loads(raw.content)
        except Exception as error:  # the client raises more kinds than it says; cancellation is none of them
            raise from_client(error, self.name, key) from None  # its own error holds the request with its headers
        if not isinstance(data, dict):
            raise bad_response(self.name, f"The body is no object but {without_keys(repr(data)[:80], key)}.")
        return cast("JsonObject", data)

    def _encode(self, request: Request) -> JsonObject:
        if request.output_schema is not None and not self.constrains_output:
            schema = json.dumps(request.output_schema)
            told = Message("system", f"Answer with JSON alone, matching this JSON schema:\n{schema}")
            request = dataclasses.replace(request, messages=(told, *request.messages), output_schema=None)
        if self._speaks_responses():
            return openai_responses.encode(self.model, request)
        return openai_chat.encode(self.model, request, is_openai=self._host() == "openai")

    def _decode(self, data: JsonObject, key: str | None) -> Response:
        if self._speaks_responses():
            return openai_responses.decode(data, self.name, key)
        return openai_chat.decode(data, self.name)

    def _usd(self, usage: Any) -> float | None:
        price = self.price
        if price is None:
            return None
        return price.usd(
            input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, cached_tokens=usage.cached_tokens
        )

    async def _client(self) -> AsyncOpenAI:
        loop = asyncio.get_running_loop()
        for other in [other for other in self._clients if other.is_closed()]:
            del self._clients[other]
        held = self._clients.get(loop)
        if held is None:
            opened = self._opened()
            held = self._clients[loop] = _Client(await anext(opened), opened)
        return held.client

    async def _opened(self) -> AsyncGenerator[AsyncOpenAI]:
        """A client that is closed when the event loop shuts its generators down, or when ``aclose`` does."""
        from openai import AsyncOpenAI

        client = AsyncOpenAI(
            api_key=self._key_from(os.environ) or _NO_KEY,
            base_url=self._base_url,
            timeout=self.timeout_s,
            max_retries=0,
        )
        try:
            yield client
        finally:
            await client.close()

    def _url(self, environ: Mapping[str, str]) -> str | None:
        return self._base_url or environ.get("OPENAI_BASE_URL") or None

    def _key_from(self, environ: Mapping[str, str]) -> str | None:
        if self._key:
            return self._key
        is_elsewhere = self._base_url is not None and self._base_url != environ.get("OPENAI_BASE_URL")
        if is_elsewhere and urlsplit(self._base_url or "").hostname != _OPENAI_HOST:
            return None
        return environ.get("OPENAI_API_KEY") or None

    def _host(self) -> str:
        url = self._url(os.environ)
        parts = urlsplit(url) if url else None
        return "openai" if parts is None or parts.hostname == _OPENAI_HOST else parts.netloc.rpartition("@")[2]

    def _is_local(self, environ: Mapping[str, str]) -> bool:
        host = urlsplit(self._url(environ) or "").hostname or ""
        if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or address.is_private

    def _speaks_responses(self) -> bool:
        return self._api == "responses" or (self._api == "auto" and self._host() == "openai")


@dataclasses.dataclass(frozen=True, slots=True)
class _Client:
    client: AsyncOpenAI
    opened: AsyncGenerator[AsyncOpenAI]
