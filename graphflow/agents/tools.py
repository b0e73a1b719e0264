"""Tools: typed Python functions that a model may call.

The schema comes from the signature and the docstring. What a model gives is validated first, and a mistake is told to
it. An exception inside is told in general terms, its text is not: it may hold what a model must not see. A tool's
``ctx.update`` counts if its call succeeded, and is recorded with the call (S3.7, S11.1).
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import dataclasses
import functools
import inspect
import re
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from typing import Any, Literal, TypeVar

from pydantic_core import to_json

from graphflow.agents.characters import whole
from graphflow.agents.json_types import JsonType, ReadingFailed
from graphflow.agents.messages import ToolSpec
from graphflow.agents.signatures import Parameters, description_of, not_a_tool, parameters_of
from graphflow.core.sealing import secret_values
from graphflow.core.usage import Usage
from graphflow.errors import (
    BudgetExhausted,
    GraphError,
    GuardrailTripped,
    Internal,
    Place,
    TooDeep,
    ToolInvalid,
    shown,
    unknown_name,
)
from graphflow.graph.context import Caller, Context, Effect, Hands, Reserve
from graphflow.graph.cutting import cut
from graphflow.graph.holding import Held
from graphflow.graph.places import caller, names_of_caller

T = TypeVar("T")

HANDOFF_PREFIX = "hand_off_to_"
_LONGEST_NAME = 64
_NAME = re.compile(rf"[a-zA-Z0-9_-]{{1,{_LONGEST_NAME}}}")
NEVER_TOLD = (GuardrailTripped, BudgetExhausted, TooDeep, GraphError, ToolInvalid, Internal)
"""Errors inside a tool that are no business of the model: they end the agent's turn."""


class FailureTold(Exception):
    """A failure whose text is meant for the model: what a tool on a server says by itself."""


class Tool:
    """A function offered to a model, with its options; a plain function given as a tool has the usual ones.

    - ``name``, ``description``: what the model sees; the function's own name and docstring unless given.
    - ``tells_errors``: True lets the model read the text of an exception.
    - ``max_characters``: what it returns is cut to that.
    - ``timeout_s``: seconds; then the model is told that it took too long. An async tool is stopped; the thread of a plain
      one cannot be, and is left alone.
    - ``needs_approval``: True, or a function of the tool's arguments, by their names: ``lambda amount: amount > 100``. Such a
      call is made only if ``approve=`` of the run says True, or, where the run was given none, who answers its question;
      an agent that runs alone without one does not make it (S10.4).
    - ``group``: what kind of work it is part of; the module of the function unless given. ``check`` advises where one agent
      has several jobs.

    What makes tools of something else than a function says more: ``parameters`` are those of the model, where they are not
    the function's; ``is_delegate``: another agent or a graph does the work, so it is no tool of the agent's own (S12);
    ``prepare`` raises what is wrong with it, before a run begins; ``agents`` are those that its calls may ask.

    Raises ToolInvalid where it is declared.

    >>> def add(left: int, right: int = 1) -> int:
    ...     "Adds two numbers."
    ...     return left + right
    >>> sorted(Tool(add).spec.parameters["properties"])
    ['left', 'right']
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        tells_errors: bool = False,
        max_characters: int = 50_000,
        timeout_s: float | None = None,
        needs_approval: bool | Callable[..., bool] = False,
        group: str | None = None,
        parameters: Parameters | None = None,
        is_delegate: bool = False,
        prepare: Callable[[], object] | None = None,
        agents: Callable[[], Iterable[object]] = tuple,
        place: Place | None = None,
    ) -> None:
        self.place = caller() if place is None else place
        given: object = function
        if not callable(given) or isinstance(given, type):
            raise not_a_tool(given, self.place)
        self.function = function
        self.name = _name(function, name, self.place)
        self.tells_errors = tells_errors
        self.max_characters = max_characters
        self.timeout_s = timeout_s
        self.group = _module(function) if group is None else group
        self.is_delegate = is_delegate
        self.prepare = prepare
        self.agents = agents
        if parameters is None:
            parameters = parameters_of(function, self.name, names_of_caller(), self.place)
        self._given: JsonType = parameters.given
        self._context = parameters.context
        said = description_of(function) if description is None else description
        self.spec = ToolSpec(self.name, said, self._given.schema)
        self.needs_approval = needs_approval
        self._asked_with = _asked_with(needs_approval, self.name, self.spec, self.place)

    def __repr__(self) -> str:
        return f"Tool({self.name!r})"

    def read(self, arguments: str) -> dict[str, Any]:
        """The validated arguments. Raises ReadingFailed with what to tell the model."""
        given: dict[str, Any] = self._given.read_text(arguments if arguments.strip() else "{}")
        return given

    def called(self, name: str) -> Tool:
        """The same tool under another name."""
        other = copy.copy(self)
        other.name, other.spec = name, dataclasses.replace(self.spec, name=name)
        return other

    def must_be_approved(self, given: Mapping[str, Any]) -> bool:
        """Whether a call with these arguments needs approval; in doubt it does."""
        condition = self.needs_approval
        if not callable(condition):
            return condition
        try:
            answer: object = condition(**{name: given[name] for name in self._asked_with if name in given})
        except Exception:  # it cannot tell: somebody else has to
            return True
        return answer is not False

    async def call(self, given: Mapping[str, Any], ctx: Context[Any]) -> Effect:
        """Run the function; its result, or that it failed, is the text for the model."""
        hands = ToolHands(ctx.hands, ctx.cursor)
        arguments = dict(given)
        if self._context is not None:
            arguments[self._context] = dataclasses.replace(ctx, hands=hands)
        try:
            async with asyncio.timeout(self.timeout_s):
                text = self._text(await _result(self.function, arguments, may_hang=self.timeout_s is not None))
        except NEVER_TOLD:
            raise
        except TimeoutError as error:
            text = f"{self.name} took too long." if not self.tells_errors else f"{self.name} took too long: {error}"
            failure = f"tool {self.name} took too long" + (f": {error}" if str(error) else "")
        except FailureTold as error:
            text = cut(f"{self.name} failed: {error}", self.max_characters)
            failure = f"tool {self.name} failed: {error}"[:2_000]
        except Exception as error:
            text = f"{self.name} failed: {error}" if self.tells_errors else f"{self.name} failed."
            failure = f"tool {self.name} failed: {type(error).__name__}: {error}".rstrip(": ")[:2_000]
        else:
            return Effect({"text": whole(text), "ok": True}, hands.usage(), tuple(hands.updates))
        return Effect({"text": whole(text), "ok": False}, hands.usage(), error=whole(failure))

    def _text(self, result: Any) -> str:
        if isinstance(result, str):
            return cut(result, self.max_characters)
        text = to_json(result, inf_nan_mode="strings").decode()
        if "***" in text and any(True for _ in secret_values(result)):  # pydantic has written asterisks for it
            raise _gives_a_secret(self, result)
        return cut(text, self.max_characters)


async def _result(function: Callable[..., Any], arguments: dict[str, Any], *, may_hang: bool) -> Any:
    if _is_async(function):
        return await function(**arguments)
    context = contextvars.copy_context()

    def call() -> Any:
        return context.run(_in_thread, function, arguments)

    result = await asyncio.get_running_loop().run_in_executor(_LoneThreads() if may_hang else None, call)
    return await result if inspect.isawaitable(result) else result


def _in_thread(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        return function(**arguments)
    except StopIteration as stop:  # a future cannot hold one: the turn would wait for ever
        raise RuntimeError("the tool raised StopIteration") from stop


class _LoneThreads(Executor):
    """A thread for one call, which nobody waits for at the end: one that hangs must not keep the program alive."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()

        def work() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        future.set_running_or_notify_cancel()
        threading.Thread(target=work, name="graphflow tool", daemon=True).start()
        return future


def _is_async(function: Callable[..., Any]) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    called = getattr(function, "__call__", None)  # noqa: B004  (an object whose call is async)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


class ToolHands:
    """The hands of one tool call, made at ``cursor``: its updates are its own until it has succeeded.

    What is asked for inside is told apart by the call: two that run side by side and ask the same never get each
    other's records, whoever was first (S11.1). ``steps`` counts those of a graph that the call is answered by (S12.2).
    """

    def __init__(self, outer: Hands, cursor: str) -> None:
        self._outer = outer
        self._cursor = cursor
        self.updates: list[dict[str, Any]] = []
        self.steps = 0

    def usage(self) -> Usage:
        """What the call itself comes to; calls inside are recorded by themselves."""
        return Usage(tool_calls=1, steps=self.steps)

    async def effect(
        self,
        kind: Literal["model", "tool", "once"],
        request: Any,
        call: Callable[[], Awaitable[Effect]],
        reserve: Reserve | None,
    ) -> Effect:
        asked = request if kind == "once" else {"under": self._cursor, "asked": request}
        return await self._outer.effect(kind, asked, call, reserve)

    def update(self, changes: dict[str, Any]) -> None:
        self.updates.append(changes)

    @property
    def is_watched(self) -> bool:
        return self._outer.is_watched

    @property
    def caller(self) -> Caller | None:
        return self._outer.caller

    @property
    def driver(self) -> Any:
        return self._outer.driver

    @property
    def held(self) -> Held:
        return self._outer.held

    def emit(self, text: str, *, tool: str = "", call: int = 0, under: str = "") -> None:
        self._outer.emit(text, tool=tool, call=call, under=under)


def _gives_a_secret(tool: Tool, result: object) -> ToolInvalid:
    return ToolInvalid(
        f"The tool {tool.name!r} gave a {type(result).__name__} with a secret in it",
        why="What a tool returns is sent to the model and recorded, and a secret would be asterisks there. (S11.1)",
        fix="Keep it in the state, ctx.update(key=...) for a field of type SecretStr, and return what the model may know: "
        '"logged in".',
        where=(tool.place,),
    )


def _asked_with(needs_approval: object, name: str, spec: ToolSpec, place: Place) -> tuple[str, ...]:
    """The arguments that ``needs_approval=`` looks at. Raises ToolInvalid if it is no function of the tool's arguments."""
    if isinstance(needs_approval, bool):
        return ()
    if not callable(needs_approval) or isinstance(needs_approval, type) or _is_async(needs_approval):
        raise ToolInvalid(
            f"needs_approval={shown(needs_approval)} of tool {name!r} is neither a bool nor a plain function",
            why="It says at once, from the arguments of a call, whether somebody has to be asked. (S10.4)",
            fix="Write needs_approval=True.",
            where=(place,),
        )
    known: dict[str, Any] = spec.parameters.get("properties", {})
    taken: list[str] = []
    for parameter in inspect.signature(needs_approval).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            return tuple(known)
        if parameter.name in known:
            taken.append(parameter.name)
        elif parameter.default is inspect.Parameter.empty:
            raise ToolInvalid(
                f"needs_approval= of tool {name!r} takes {parameter.name!r}, which the tool does not",
                why="It is called with arguments of the tool, by their names. (S10.4)",
                fix=unknown_name(parameter.name, known),
                where=(place,),
            )
    return tuple(taken)


def _innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _module(function: Callable[..., Any]) -> str:
    """Where a function is from: its module, that of its class for an object that is called."""
    inner = _innermost(function)
    return str(getattr(inner, "__module__", None) or type(inner).__module__)


def tool_name(text: str) -> str:
    """A text as the name of a tool: what providers do not take becomes ``_``.

    >>> tool_name("Fact checker")
    'Fact_checker'
    """
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", text).strip("_")[:_LONGEST_NAME]


def _name(function: Callable[..., Any], given: str | None, place: Place) -> str:
    inner = _innermost(function)
    name = getattr(inner, "__name__", type(inner).__name__) if given is None else given
    if not _NAME.fullmatch(name) or name.startswith(HANDOFF_PREFIX):
        raise ToolInvalid(
            f"{shown(name)} cannot be the name of a tool",
            why=f"Models take letters, digits, _ and -, at most 64; {HANDOFF_PREFIX}... are the graph's handoffs. (S9.1)",
            fix='Give it a name: Tool(function, name="search").',
            where=(place,),
        )
    return name


__all__ = [
    "HANDOFF_PREFIX",
    "NEVER_TOLD",
    "FailureTold",
    "ReadingFailed",
    "Tool",
    "ToolHands",
    "tool_name",
]
