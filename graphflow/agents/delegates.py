"""An agent as a tool of another one: a call of it is a conversation of its own, inside the call (S12.2).

What it asks of models and tools is recorded with the run, under the call (``write:1/critic:2``), and so is not paid for
twice, is counted and bounded with the run, and ends with it. It sees its arguments and nothing else of the state, and
no conversation goes along. A model error that is worth another attempt gets one inside the call, by the agent's own
policy; what remains is told to the model that called, like the failure of any tool.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, NotRequired

from pydantic import BaseModel, Field

from graphflow.agents.alone import LoneHands, is_worth_another
from graphflow.agents.signatures import Parameters, arguments_type
from graphflow.agents.tools import Tool, tool_name
from graphflow.core.plan import Retry
from graphflow.errors import Place, TooDeep, ToolInvalid, shown, unknown_name
from graphflow.graph.context import Caller, Context, Effect, Hands, Reserve

Perform = Callable[[dict[str, Any], Context[Any]], Awaitable[Any]]
"""What answers a call: from the arguments, in the context of the call."""


@dataclasses.dataclass(frozen=True, slots=True)
class ToolOptions:
    """How an agent or graph is offered as a tool; each as in ``Tool``."""

    name: str | None = None
    description: str | None = None
    tells_errors: bool = False
    max_characters: int = 50_000
    timeout_s: float | None = None
    needs_approval: bool | Callable[..., bool] = False


def delegate_tool(
    owner: str,
    purpose: str,
    parameters: Mapping[str, Any],
    perform: Perform,
    options: ToolOptions,
    place: Place,
    prepare: Callable[[], object] | None = None,
    agents: Callable[[], Iterable[object]] = tuple,
) -> Tool:
    """A tool whose calls something with a context of its own answers. ``parameters``: name -> annotation."""
    name = tool_name(owner) if options.name is None else options.name
    context = next(free for free in ("ctx", "context", "the_context", "_context") if free not in parameters)

    async def answer(**given: Any) -> Any:
        ctx: Context[Any] = given.pop(context)
        refuse_too_deep(ctx, owner, place)
        return await perform(given, ctx)

    return Tool(
        answer,
        name=name,
        description=purpose if options.description is None else options.description,
        tells_errors=options.tells_errors,
        max_characters=options.max_characters,
        timeout_s=options.timeout_s,
        needs_approval=options.needs_approval,
        parameters=Parameters(arguments_type(name, dict(parameters), {}, place), context),
        is_delegate=True,
        prepare=prepare,
        agents=agents,
        place=place,
    )


def refuse_too_deep(ctx: Context[Any], owner: str, place: Place) -> None:
    """Calls of agents and graphs nest like scopes, and not deeper. Raises TooDeep, an error of the node (S12.2)."""
    depth = ctx.cursor.count("/")
    if depth >= ctx.max_depth:
        raise TooDeep(
            f"{owner!r}, called as a tool, is nested {depth} scopes and calls deep",
            cursor=ctx.cursor,
            why=f"They nest {ctx.max_depth} deep at most. (S12.2, S17)",
            fix="End the recursion earlier, or raise it: Graph(..., limits=Limits(depth=...)).",
            where=(place,),
        )


def prompted_parameters(
    names: frozenset[str] | None,
    slots: tuple[tuple[str, ...], ...],
    takes: type[BaseModel] | None,
    agent: str,
    place: Place,
) -> dict[str, Any]:
    """The parameters of an agent as a tool: what its prompts name, as text, or the fields of ``takes``."""
    if takes is not None:
        return _fields_of(takes, names, agent, place)
    if names is None:
        raise _unknown(
            f"What agent {agent!r} takes as a tool cannot be told: its prompt is a function",
            "Its parameters are the fields that its prompt names in braces.",
            place,
        )
    inside = next((slot for slot in slots if len(slot) > 1 and slot[0] in names), None)
    if inside is not None:
        raise _unknown(
            f"The type of {inside[0]!r}, which agent {agent!r} takes as a tool, cannot be told",
            f"Its prompt names {{{'.'.join(inside)}}}, so it is no text.",
            place,
        )
    return dict.fromkeys(sorted(names), str)


def _fields_of(takes: type[BaseModel], names: frozenset[str] | None, agent: str, place: Place) -> dict[str, Any]:
    given: object = takes
    if not isinstance(given, type) or not issubclass(takes, BaseModel):
        raise _unknown(f"takes={shown(given)} is no model", "It says what each parameter is.", place)
    missing = sorted((names or frozenset()) - takes.model_fields.keys())
    if missing:
        raise ToolInvalid(
            f"{takes.__name__} has no {missing[0]!r}, which the prompt of agent {agent!r} names",
            why="Called as a tool, an agent sees what it is called with and nothing else. (S12.2)",
            fix=unknown_name(missing[0], takes.model_fields),
            where=(place,),
        )
    return {name: parameter_of(takes, name) for name in takes.model_fields}


def parameter_of(model: type[BaseModel], name: str) -> Any:
    """A model's field as a parameter: its type with constraints and description, ``NotRequired`` if it has a default."""
    info = model.model_fields[name]
    annotation: Any = info.annotation
    for constraint in info.metadata:
        annotation = Annotated[annotation, constraint]
    if info.description:
        annotation = Annotated[annotation, Field(description=info.description)]
    return annotation if info.is_required() else NotRequired[annotation]


class DelegateHands(LoneHands):
    """The hands of an agent inside a call: what it asks goes through the outer ones, which record it.

    It is kept here, too, for an attempt that goes on from the call that failed.
    """

    def __init__(self, outer: Hands, cursor: str) -> None:
        super().__init__()
        self.held = outer.held
        self._outer = outer
        self._cursor = cursor

    async def effect(
        self,
        kind: Literal["model", "tool", "once"],
        request: Any,
        call: Callable[[], Awaitable[Effect]],
        reserve: Reserve | None,
    ) -> Effect:
        return await super().effect(kind, request, lambda: self._outer.effect(kind, request, call, reserve), reserve)

    @property
    def is_watched(self) -> bool:
        return self._outer.is_watched

    @property
    def driver(self) -> Any:
        return self._outer.driver

    @property
    def caller(self) -> Caller | None:
        return self._outer.caller

    def emit(self, text: str, *, tool: str = "", call: int = 0, under: str = "") -> None:
        self._outer.emit(text, tool=tool, call=call, under=under or self._cursor)


async def perform_inside(
    perform: Callable[[Context[Any]], Awaitable[Any]], ctx: Context[Any], retry: Retry | None
) -> Any:
    """Perform in the context of a call until it succeeds or the policy gives up; then its last error is raised."""
    hands = DelegateHands(ctx.hands, ctx.cursor)
    attempt = 1
    while True:
        inside = dataclasses.replace(
            ctx, hands=hands, attempt=attempt, branches=(), error=None, handoffs=(), must_hand_off=False
        )
        try:
            value = await perform(inside)
        except Exception as error:
            if retry is None or not is_worth_another(error, retry, attempt):
                raise
            hands.begin_again(keeps_records=hands.failed_in(error))
            least: float = getattr(error, "retry_after_s", None) or 0.0
            await asyncio.sleep(max(least, retry.wait_s(attempt, _seed(ctx.cursor, attempt))))
            attempt += 1
        else:
            for changes in hands.updates:
                ctx.hands.update(changes)
            return value


def _seed(cursor: str, attempt: int) -> float:
    """Where a wait lies within its jitter: the same each time (S8.1)."""
    return int.from_bytes(hashlib.blake2b(f"{cursor}#{attempt}".encode(), digest_size=4).digest()) / 2**32


def _unknown(what: str, why: str, place: Place) -> ToolInvalid:
    return ToolInvalid(
        what,
        why=why,
        fix="Say it with a model that has a field for each: as_tool(takes=Claim).",
        where=(place,),
    )
