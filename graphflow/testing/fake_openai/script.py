"""The script of a server: which request gets which answer. As strict as that of a ScriptedModel."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from pydantic import SecretStr

from graphflow.agents.messages import JsonObject
from graphflow.errors import ScriptMismatch, shown
from graphflow.testing.fake_openai.asked import WireApi, WireRequest
from graphflow.testing.fake_openai.demands import refused_because
from graphflow.testing.fake_openai.replies import Answer, Reply, Sent, as_json, reply_of
from graphflow.testing.fake_openai.speaking import spoken

_APIS: tuple[tuple[str, WireApi], ...] = (
    ("/chat/completions", "chat"),
    ("/responses", "responses"),
    ("/decisions", "decisions"),
)


class Script:
    """Answers in order, or a function of the request. What does not match is kept in ``mismatches``."""

    def __init__(self, answers: Iterable[Answer] | Callable[[WireRequest], Any]) -> None:
        given: object = answers
        if not _is_script(given):
            raise ScriptMismatch(
                f"A script is a list of answers, or a function of the request, not {shown(given)}",
                why="One request gets one answer.",
                fix="Write FakeOpenAI([answer]).",
            )
        self.requests: list[WireRequest] = []
        self.mismatches: list[ScriptMismatch] = []
        self._function: Callable[[WireRequest], Any] | None = answers if callable(answers) else None
        self._replies: list[Reply] = [] if callable(answers) else [reply_of(answer) for answer in answers]

    async def sent_for(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Sent:
        """What goes out for one request; what does not match gets a 400 that says so."""
        try:
            request = self._read(method, target, headers, body)
            self.requests.append(request)
            reason = refused_because(request)
            if reason:
                raise ScriptMismatch(f"Request {request.number} is refused, as a real server would", why=reason)
            reply = await self._reply(request)
            sent = spoken(reply.said, request)
            return _with_headers(sent if reply.damage is None else reply.damage(sent, request), reply)
        except ScriptMismatch as error:
            self.mismatches.append(error)
            told = " ".join(part for part in (error.what + ".", error.why, error.fix) if part)
            kind = {"type": "invalid_request_error", "param": None, "code": "script_mismatch"}
            return as_json({"error": {"message": told, **kind}}, status=400)

    def unused(self) -> ScriptMismatch | None:
        """What to say of answers that nobody asked for."""
        left = self._replies[len(self.requests) :]
        if not left:
            return None
        return ScriptMismatch(
            f"{len(left)} of {len(self._replies)} answers of the server were never asked for",
            why=f"The next would have been {left[0]!r}.",
            fix="Take them out of the script, or find out why the model is called less often.",
        )

    async def _reply(self, request: WireRequest) -> Reply:
        if self._function is not None:
            try:
                answer = self._function(request)
                if inspect.isawaitable(answer):
                    answer = await answer
            except ScriptMismatch:
                raise
            except Exception as error:
                raise ScriptMismatch(
                    f"The script's function failed at request {request.number}", why=f"{type(error).__name__}: {error}"
                ) from error
            return reply_of(answer)
        if request.number <= len(self._replies):
            return self._replies[request.number - 1]
        asked = request.messages[-1].text if request.messages else "nothing"
        raise ScriptMismatch(
            f"The script has {len(self._replies)} answers, and this is request {request.number}",
            why=f"It was asked: {shown(asked)}",
            fix="Add an answer, or find out why the model is called once more.",
        )

    def _read(self, method: str, target: str, headers: dict[str, str], body: bytes) -> WireRequest:
        path = target.partition("?")[0]
        api: WireApi | None = next((api for ending, api in _APIS if path.endswith(ending)), None)
        if api is None or method != "POST":
            known = ", ".join(f"POST {ending}" for ending, _ in _APIS)
            raise ScriptMismatch(f"This server has no {method} {path}", why=f"It answers {known}.")
        try:
            data: object = json.loads(body)
        except ValueError as error:
            raise ScriptMismatch(f"The body of a request to {path} is no JSON", why=str(error)) from None
        if not isinstance(data, dict):
            raise ScriptMismatch(f"The body of a request to {path} is no object")
        key = headers.pop("authorization", "").removeprefix("Bearer ")
        number = len(self.requests) + 1
        return WireRequest(number, path, api, cast("JsonObject", data), headers, SecretStr(key))


def _is_script(given: object) -> bool:
    return callable(given) or (isinstance(given, Iterable) and not isinstance(given, str | Mapping | Reply))


def _with_headers(sent: Sent, reply: Reply) -> Sent:
    return dataclasses.replace(sent, headers={**sent.headers, **reply.headers})
