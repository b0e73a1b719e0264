"""Models behind an OpenAI-compatible API, by way of the ``openai`` client, which is imported when first used.

The responses API is spoken with OpenAI itself, chat completions where a base URL is set, either on request; closed
questions go to the decisions API of the models that have it. The client never tries again by itself: retries are the
node's (S8.1), so that no two layers multiply them. Keys are kept out of every text.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import json
import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from graphflow.agents import openai_chat, openai_decisions, openai_responses
from graphflow.agents.limiter import Limiter, shared_limiter
from graphflow.agents.messages import JsonObject, Message, Piece, Request, Response
from graphflow.agents.model import estimated_tokens, input_tokens
from graphflow.agents.openai_chat_stream import ChatAssembly
from graphflow.agents.openai_client import Clients, Http
from graphflow.agents.openai_exchange import Exchange, Shown
from graphflow.agents.openai_responses_stream import ResponsesAssembly
from graphflow.agents.prices import FREE, Price, price_of
from graphflow.core.usage import Usage
from graphflow.errors import BadRequest, ContextTooLong, ModelError, ModelTimeout, ModelUnavailable

Api = Literal["auto", "responses", "chat"]

_OPENAI_HOST = "api.openai.com"
_NO_KEY = "not-needed"  # local servers want none, the client insists on one
_DECIDING = re.compile(r"gpt-6-luna(?:-\d{4}-\d{2}-\d{2})?")  # the one model of the decisions API, as of openai 3.52


class OpenAIModel:
    """A model of OpenAI or of any server that speaks its API (Ollama, vLLM, LM Studio, llama.cpp, most providers).

    ``base_url`` defaults to OPENAI_BASE_URL, and ``api_key`` to the variable ``key_variable``, when it is first asked.
    A server on this machine needs no key, and a ``base_url`` given here is never sent the key of OPENAI_API_KEY.
    ``prices`` is one Price or a table. ``timeout_s`` bounds one call. ``constrains_output=False`` is for servers that
    know no JSON schemas: the schema is then part of the prompt. ``decides`` says whether closed questions go to the
    decisions API, which tells how likely each choice is; None: for models known to have it. ``http="auto"`` talks by
    aiohttp where that is installed (a third of the CPU time), else by httpx. ``limiter`` is who lets the calls through;
    without one, all models of the process with the same base URL, key and name share theirs. Waiting for it is no part
    of ``timeout_s``.

    Nothing is imported or connected before the first call, so a graph can be drawn and checked without a key. Clients
    close with their event loop, or by ``aclose``. Where a server does not say how many tokens a call had, they are
    estimated, and its cost is unknown. Raises ModelUnavailable at the call if there is no key.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        key_variable: str | None = None,
        api: Api = "auto",
        prices: Mapping[str, Price] | Price | None = None,
        timeout_s: float = 600.0,
        constrains_output: bool = True,
        decides: bool | None = None,
        http: Http = "auto",
        limiter: Limiter | None = None,
        provider: str | None = None,
    ) -> None:
        _check_one_of("api", api, ("auto", "responses", "chat"))
        _check_one_of("http", http, ("auto", "httpx", "aiohttp"))
        self.model = name
        self.timeout_s = timeout_s
        self.constrains_output = constrains_output
        self._api = api
        self._base_url = base_url
        self._key = api_key
        self._key_variable = key_variable
        self._prices = prices
        self._provider = provider
        self._limiter = limiter
        self._decides = decides
        self._tells_usage = True  # whether the server takes the question for it; one that does not says so once
        self._clients = Clients(
            lambda: self._key_from(os.environ) or _NO_KEY, lambda: self._url(os.environ), timeout_s, http
        )

    @property
    def name(self) -> str:
        """``openai/gpt-5``; for other servers their host stands in front."""
        return f"{self._provider or self._host()}/{self.model}"

    @property
    def price(self) -> Price | None:
        """What its tokens cost, None if unknown."""
        return price_of(self.name, self._prices)

    @property
    def decides(self) -> bool:
        """Whether closed questions go to the decisions API."""
        if self._decides is not None:
            return self._decides
        return self._host() == "openai" and _DECIDING.fullmatch(self.model) is not None

    def __repr__(self) -> str:
        return f"OpenAIModel({self.name!r})"  # never the key

    def require_key(self, environ: Mapping[str, str]) -> None:
        """Raises ModelUnavailable if it is remote and there is no key for it."""
        if self._key_from(environ) is not None or self._is_local(environ):
            return
        is_nameless = self._key_variable is None and self._is_elsewhere(environ)
        variable = self._key_variable or "OPENAI_API_KEY"
        raise ModelUnavailable(
            f"There is no key for {self.name}",
            why="It is a remote model."
            + (" A base_url given in code is not sent the environment's key." if is_nameless else ""),
            fix="Give api_key=." if is_nameless else f"Set {variable}, or leave the model out to work offline.",
        )

    def holds_key(self, text: str) -> bool:
        """Whether its key stands in a text, which then must not be kept."""
        key = self._key_from(os.environ)
        return bool(key) and str(key) in text

    async def respond(self, request: Request) -> Response:
        """One answer, by one HTTP request (and another one if a first is refused for a feature that is missing).

        Raises ModelError.
        """
        return await self._answer(request, None)

    async def stream(self, request: Request, show: Callable[[Piece], None]) -> Response:
        """The same answer, shown as it comes. Raises what ``respond`` raises, and what ``show`` raises.

        A stream that ends before the model says why it stopped is a BadResponse. A server that does not stream is read
        all the same, and shown at once.
        """
        return await self._answer(request, Shown(show))

    async def aclose(self) -> None:
        """Close the connections of this event loop; the next call opens new ones."""
        await self._clients.aclose()

    async def _answer(self, request: Request, shown: Shown | None) -> Response:
        self.require_key(os.environ)
        key = self._key_from(os.environ)
        exchange = Exchange(await self._clients.of_this_loop(), self.name, key)
        limiter = self._limiter or shared_limiter(self._url(os.environ) or _OPENAI_HOST, key or "", self.model)
        async with limiter.slot(request) as exchange.slot:
            return await self._answer_in_time(request, exchange, shown)

    async def _answer_in_time(self, request: Request, exchange: Exchange, shown: Shown | None) -> Response:
        bound = asyncio.timeout(self.timeout_s)
        try:
            async with bound:
                response = await self._asked(request, exchange, shown)
        except ModelError as error:
            error.response_started = error.response_started or exchange.has_started
            error.usage = None if error.usage is None else self._counted(error.usage, request, "")
            raise
        except TimeoutError:
            if not bound.expired():
                raise
            raise ModelTimeout(
                f"{self.name} did not answer in time",
                why=f"It was given {self.timeout_s:g} s.",
                fix="Raise timeout_s, or ask for less.",
                response_started=exchange.has_started,
            ) from None
        written = response.text + "".join(call.name + call.arguments for call in response.tool_calls)
        counted = self._counted(response.usage, request, written)
        if counted is not response.usage:
            response = dataclasses.replace(response, usage=counted)
        if shown is not None:
            shown.rest(response)
        return response

    async def _asked(self, request: Request, exchange: Exchange, shown: Shown | None) -> Response:
        if len(request.choices) > 1 and self.decides:
            try:
                data = await exchange.whole(openai_decisions.PATH, openai_decisions.encode(self.model, request))
                return openai_decisions.decode(data, request, self.name)
            except ContextTooLong:
                raise
            except BadRequest:
                if self._decides is not None:
                    raise
                self._decides = False  # it was expected to have it, and has not; structured output says the same
        if not self._speaks_responses():
            return await self._asked_in_chat(self._without_schema(request), exchange, shown)
        encoded = openai_responses.encode(self.model, self._without_schema(request))
        if shown is None:
            data = await exchange.whole(openai_responses.PATH, encoded)
        else:
            streamed = {**encoded, "stream": True}
            data = await exchange.streamed(openai_responses.PATH, streamed, ResponsesAssembly(exchange.model), shown)
        return openai_responses.decode(data, exchange.model, exchange.key)

    async def _asked_in_chat(self, request: Request, exchange: Exchange, shown: Shown | None) -> Response:
        encoded = openai_chat.encode(self.model, request, is_openai=self._host() == "openai")
        if shown is None:
            data = await exchange.whole(openai_chat.PATH, encoded)
        else:
            data = await self._chat_streamed(encoded, exchange, shown)
        return openai_chat.decode(data, exchange.model, exchange.key)

    async def _chat_streamed(self, encoded: JsonObject, exchange: Exchange, shown: Shown) -> JsonObject:
        """Ask for the usage too; some servers refuse the whole request for that, and are asked without from then on."""
        body = {**encoded, "stream": True}
        if self._tells_usage:
            try:
                asked = {**body, "stream_options": {"include_usage": True}}
                return await exchange.streamed(openai_chat.PATH, asked, ChatAssembly(exchange.model), shown)
            except BadRequest as error:
                if exchange.has_started or "stream_options" not in error.why:
                    raise
                self._tells_usage = False
        return await exchange.streamed(openai_chat.PATH, body, ChatAssembly(exchange.model), shown)

    def _without_schema(self, request: Request) -> Request:
        """For a server that knows no schemas, with it in the prompt instead."""
        if request.output_schema is None or self.constrains_output:
            return request
        schema = json.dumps(request.output_schema)
        told = Message("system", f"Answer with JSON alone, matching this JSON schema:\n{schema}")
        return dataclasses.replace(request, messages=(told, *request.messages), output_schema=None)

    def _counted(self, usage: Usage, request: Request, written: str) -> Usage:
        """What a call cost. Tokens that the server does not say are estimated, and then its cost is unknown (S13.1)."""
        price = self.price
        if not usage.tokens:
            tokens = {"input_tokens": input_tokens(request), "output_tokens": estimated_tokens(written)}
            return dataclasses.replace(usage, **tokens, usd=0.0 if price == FREE else None)
        if price is None:
            return usage if usage.usd is None else dataclasses.replace(usage, usd=None)
        usd = price.usd(
            input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, cached_tokens=usage.cached_tokens
        )
        return dataclasses.replace(usage, usd=usd)

    def _url(self, environ: Mapping[str, str]) -> str | None:
        return self._base_url or environ.get("OPENAI_BASE_URL") or None

    def _key_from(self, environ: Mapping[str, str]) -> str | None:
        if self._key:
            return self._key
        if self._key_variable is not None:
            return environ.get(self._key_variable) or None
        return None if self._is_elsewhere(environ) else environ.get("OPENAI_API_KEY") or None

    def _is_elsewhere(self, environ: Mapping[str, str]) -> bool:
        """Whether code names a server of its own, which is not to get the environment's key."""
        is_own = self._base_url is not None and self._base_url != environ.get("OPENAI_BASE_URL")
        return is_own and urlsplit(self._base_url or "").hostname != _OPENAI_HOST

    def _host(self) -> str:
        url = self._url(os.environ)
        return _host_of(url) if url else "openai"

    def _is_local(self, environ: Mapping[str, str]) -> bool:
        return is_local(self._url(environ) or "")

    def _speaks_responses(self) -> bool:
        return self._api == "responses" or (self._api == "auto" and self._host() == "openai")


@lru_cache(maxsize=256)
def _host_of(url: str) -> str:
    parts = urlsplit(url)
    return "openai" if parts.hostname == _OPENAI_HOST else parts.netloc.rpartition("@")[2]


def is_local(url: str) -> bool:
    """Whether a server is on this machine or in its network: by its name, or its address.

    >>> is_local("http://localhost:11434/v1"), is_local("http://192.168.0.7:8000"), is_local("https://api.openai.com/v1")
    (True, True, False)
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and "." not in host  # a name without a domain is one of this network
    return address.is_loopback or address.is_private


def _check_one_of(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        listed = " or ".join(f'{what}="{name}"' for name in known)
        raise ModelUnavailable(
            f"There is no {what.upper()} called {given!r}", why=f"Known are {', '.join(known)}.", fix=f"Write {listed}."
        )
