"""A model that answers by script: strict, so that a test says exactly what is asked and how often.

An unexpected call and an answer nobody asked for are errors: ScriptMismatch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast

from pydantic import BaseModel
from pydantic_core import to_json

from graphflow.agents.messages import Piece, Request, Response, ToolCall
from graphflow.agents.model import estimated_tokens, input_tokens, pieces_of
from graphflow.agents.prices import FREE, Price
from graphflow.core.usage import Usage
from graphflow.errors import ScriptMismatch, shown

Answer = str | int | float | bool | BaseModel | Mapping[str, Any] | Sequence[Any] | ToolCall | Response | BaseException
"""What a script may give: text; a model, mapping, list or number (as JSON); ToolCalls; a Response; an error to raise."""


class ScriptedModel:
    """Answers from a list, in order, or by a function of the request (plain or async), and remembers ``requests``.

    Where agents run side by side the order of their calls is not fixed: use a function there. Used as a context
    manager, or with ``assert_used()``, it also finds answers that nobody asked for. Raises ScriptMismatch.

    An answer may be a tool call, ``tool_call("search", query="owls")``, or a handoff, ``handoff_call(billing)``, which
    is a call of the tool ``hand_off_to_billing``.

    >>> import asyncio
    >>> with ScriptedModel(["Hello."]) as model:
    ...     asyncio.run(model.respond(Request(()))).text
    'Hello.'
    """

    price: Price | None = FREE

    def __init__(self, answers: Iterable[Answer] | Callable[[Request], Any], *, name: str = "scripted") -> None:
        given: object = answers
        if isinstance(given, str | Mapping):
            raise ScriptMismatch(
                f"A script is a list of answers, not {shown(cast('object', given))}",
                why="A single text would be taken apart into its characters.",
                fix="Write ScriptedModel([answer]).",
            )
        self.name = name
        self.requests: list[Request] = []
        self._function: Callable[[Request], Any] | None = answers if callable(answers) else None
        self._answers: list[Answer] = [] if callable(answers) else list(answers)

    def __repr__(self) -> str:
        return f"ScriptedModel({self.name!r}, {len(self.requests)} calls)"

    async def respond(self, request: Request) -> Response:
        """The next answer of the script."""
        index = len(self.requests)
        self.requests.append(request)
        if self._function is not None:
            answer = self._function(request)
            if inspect.isawaitable(answer):
                answer = await answer
        elif index < len(self._answers):
            answer = self._answers[index]
        else:
            raise ScriptMismatch(
                f"The script of {self.name!r} has {_counted(len(self._answers))}, and this is call {index + 1}",
                why=f"It was asked: {_asked(request)}",
                fix="Add an answer, or find out why the model is called once more.",
            )
        return self._response(answer, request, index)

    async def stream(self, request: Request, show: Callable[[Piece], None]) -> Response:
        """The next answer of the script, shown word by word; an error of the script shows nothing."""
        response = await self.respond(request)
        for piece in pieces_of(response):
            show(piece)
        return response

    def assert_used(self) -> None:
        """Every answer was asked for. Raises ScriptMismatch if not."""
        left = self._answers[len(self.requests) :]
        if left:
            raise ScriptMismatch(
                f"{len(left)} of {_counted(len(self._answers))} of {self.name!r} {'was' if len(left) == 1 else 'were'} never asked for",
                why=f"The next would have been {shown(left[0])}.",
                fix="Take them out of the script, or find out why the model is called less often.",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.assert_used()

    def _response(self, answer: object, request: Request, index: int) -> Response:
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Response):
            return answer
        calls = _calls(answer, index)
        text = "" if calls else answer if isinstance(answer, str) else to_json(answer).decode()
        written = text + "".join(call.name + call.arguments for call in calls)
        usage = Usage(
            model_calls=1, input_tokens=input_tokens(request), output_tokens=estimated_tokens(written), usd=0.0
        )
        return Response(text, calls, usage, self.name)


def _calls(answer: object, index: int) -> tuple[ToolCall, ...]:
    if isinstance(answer, ToolCall):
        answer = [answer]
    if not isinstance(answer, list | tuple) or not answer:
        return ()
    given = cast("Sequence[object]", answer)
    calls = [one for one in given if isinstance(one, ToolCall)]
    if len(calls) != len(given):
        return ()
    return tuple(ToolCall(c.name, c.arguments, c.id or f"call_{index + 1}_{n}") for n, c in enumerate(calls, 1))


def _counted(answers: int) -> str:
    return f"{answers} answer{'' if answers == 1 else 's'}"


def _asked(request: Request) -> str:
    return shown(request.messages[-1].text) if request.messages else "nothing"
