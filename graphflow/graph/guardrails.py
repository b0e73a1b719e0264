"""Guardrails: checks that stop an agent, a node or an edge, blocking, before anything gets past them (S8.4).

A guardrail is a function that returns None when all is well, or a text that says what is wrong; one that raises says no
as well. A plain function is asked about what comes out; ``Guardrail(check, on="input")`` says another moment.

| on an agent or node     | is asked                                     | with                                      |
|-------------------------|----------------------------------------------|-------------------------------------------|
| ``on="output"``         | after the work, before anything is committed | the result, as it was validated           |
| ``on="input"``          | before the work, and before a call is paid   | of an agent its prompt, of a node its view |
| ``on="tool"``           | before any tool of an agent's turn runs      | the tool's name and its arguments         |

On an edge a guardrail is asked about the state that would cross it. What trips is an error of the node, never retried,
and nothing of the node's step reaches the state. An async guardrail may ask a model, through its ``ctx``: on agents, and
on nodes of functions and agents.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast, get_args, get_origin, overload

from graphflow.core import guarding
from graphflow.core.plan import Rail
from graphflow.errors import DeclarationError, Place, UpdateInvalid, nearest, shown
from graphflow.graph.context import Caller, Context, Effect, Hands, Reserve
from graphflow.graph.holding import Held
from graphflow.graph.mistakes import mistake
from graphflow.graph.places import at_the_line, caller, names_of_caller
from graphflow.graph.signatures import Hints, name_of

Moment: TypeAlias = Literal["input", "output", "tool"]
"""When a guardrail is asked."""

Verdict: TypeAlias = str | None
"""None when all is well, else what is wrong."""

Answer: TypeAlias = Verdict | Awaitable[Verdict]

Check: TypeAlias = Callable[[Any], Answer] | Callable[[Any, Context[Any]], Answer]
"""What checks an input or an output; a parameter annotated ``Context`` gets the context."""

ToolCheck: TypeAlias = Callable[[str, dict[str, Any]], Answer] | Callable[[str, dict[str, Any], Context[Any]], Answer]
"""What checks a call of a tool: its name and arguments."""

_MOMENTS = get_args(Moment)
_GIVEN = {"input": ("the input",), "output": ("the output",), "tool": ("the tool's name", "its arguments")}


class Guardrail:
    """A check with the moment at which it is asked: ``Guardrail(no_secrets, on="input")``.

    ``check`` returns None when all is well, or a text that says what is wrong; it may be async where a node or agent is
    guarded. ``name`` is what errors and drawings call it, the function's own unless given. A plain function in
    ``guardrails=[...]`` is the same as ``Guardrail(function)``. Raises DeclarationError.

    >>> def no_shouting(text: str) -> str | None:
    ...     return "It shouts." if text.isupper() else None
    >>> Guardrail(no_shouting, on="input")
    Guardrail('no_shouting', on='input')
    """

    @overload
    def __init__(self, check: ToolCheck, *, on: Literal["tool"], name: str | None = None) -> None: ...
    @overload
    def __init__(self, check: Check, *, on: Literal["input", "output"] = "output", name: str | None = None) -> None: ...
    @at_the_line
    def __init__(self, check: Callable[..., Answer], *, on: Moment = "output", name: str | None = None) -> None:
        self._read(check, on, name, caller())

    def _read(self, check: object, on: object, name: object, place: Place) -> None:
        if isinstance(check, Guardrail):
            raise _wrong(f"{check!r} is a guardrail already", "It is given as it is.", "guardrails=[it]", place)
        if not callable(check) or isinstance(check, type):
            raise _no_check(check, place)
        if not isinstance(on, str) or on not in _MOMENTS:
            close = nearest(on, _MOMENTS) if isinstance(on, str) else None
            raise _wrong(
                f"on={shown(on)} is no moment",
                'A guardrail is asked on "input", on "output", or before a "tool" is called.',
                f"Write on={(close or 'output')!r}.",
                place,
            )
        self.name = _name(check, name, place)
        self.on: Moment = cast("Moment", on)
        self.place = place
        self._check: Callable[..., object] = check
        self._context = _context_of(check, self.name, self.on, place)
        self.is_async = _is_async(check)

    def __repr__(self) -> str:
        return f"Guardrail({self.name!r}, on={self.on!r})"

    @property
    def takes_context(self) -> bool:
        """Whether the check has a parameter for the context."""
        return self._context is not None

    def rail(self) -> Rail:
        """The same, as a plan holds it."""
        return Rail(self.name, self.on, self._check, self.place)

    def ask(self, *given: Any, ctx: Context[Any] | None) -> object:
        """What the check answers now; something to be awaited if it is async."""
        if self._context is None:
            return self._check(*given)
        return self._check(*given, **{self._context: None if ctx is None else _for_guardrail(ctx, self.name)})


Guardrails: TypeAlias = Sequence[Guardrail | Callable[[Any], Answer] | Callable[[Any, Context[Any]], Answer]]
"""What ``guardrails=`` takes: functions, asked about what comes out, and Guardrails that say when they are asked."""


def guardrails_of(given: object, owner: str, moments: tuple[Moment, ...], place: Place) -> tuple[Guardrail, ...]:
    """``guardrails=`` as given for ``owner``, ``"agent 'write'"``, which has these moments. Raises DeclarationError."""
    as_given: object = given
    if isinstance(given, Guardrail) or callable(given):
        called = name_of(given) or "check"
        raise _wrong(
            f"guardrails={shown(given)} is no list",
            "There may be several guardrails; they are asked in their order.",
            f"Put it in a list: guardrails=[{called}].",
            place,
        )
    if isinstance(given, str | Mapping | set | frozenset) or not isinstance(given, Sequence):
        raise _wrong(
            f"guardrails={shown(as_given)} is no list of guardrails",
            "A guardrail is a function that returns None when all is well, or a text that says what is wrong.",
            "Write guardrails=[no_names].",
            place,
        )
    found: list[Guardrail] = []
    for one in cast("Sequence[object]", given):
        guardrail = one if isinstance(one, Guardrail) else _of_function(one, place)
        if guardrail.on not in moments:
            raise _no_moment(guardrail, owner, moments, place)
        found.append(guardrail)
    return tuple(found)


def plain_rails(given: object, owner: str, moments: tuple[Moment, ...], place: Place) -> tuple[Rail, ...]:
    """The guardrails of an edge or a graph, which the machine asks: plain functions of a state (S8.4)."""
    found = guardrails_of(given, owner, moments, place)
    for guardrail in found:
        if guardrail.is_async or guardrail.takes_context:
            what = "is async" if guardrail.is_async else "takes a Context"
            raise _wrong(
                f"Guardrail {guardrail.name!r} {what}, and {owner} is guarded by plain functions of the state",
                "It is asked in the middle of a step, which waits for nothing. (S3.2)",
                f"Guard the node in front of it, graph.node(..., guardrails=[{guardrail.name}]), or make it a node.",
                place,
            )
    return tuple(guardrail.rail() for guardrail in found)


# -- asking ------------------------------------------------------------------------------------------------------------


def ask_now(
    guardrails: Sequence[Guardrail], on: Moment, given: tuple[Any, ...], ctx: Context[Any] | None, of: str, place: Place
) -> None:
    """Ask plain guardrails of one moment, in their order. Raises GuardrailTripped."""
    for guardrail in guardrails:
        if guardrail.on == on:
            rail = guardrail.rail()
            try:
                answer = guardrail.ask(*given, ctx=ctx)
            except Exception as error:
                if guarding.is_no_verdict(error):
                    raise
                raise guarding.raised(rail, error, of, place) from error
            guarding.judge(rail, answer, of, place)


async def ask_all(
    guardrails: Sequence[Guardrail], on: Moment, given: tuple[Any, ...], ctx: Context[Any] | None, of: str, place: Place
) -> None:
    """Ask the guardrails of one moment, in their order, awaiting those that are async. Raises GuardrailTripped.

    A ModelError of a model that an async guardrail asks goes through: it is no verdict, and may be tried again.
    """
    for guardrail in guardrails:
        if guardrail.on == on:
            rail = guardrail.rail()
            try:
                answer = guardrail.ask(*given, ctx=ctx)
                if inspect.isawaitable(answer):
                    answer = await answer
            except Exception as error:
                if guarding.is_no_verdict(error):
                    raise
                raise guarding.raised(rail, error, of, place) from error
            guarding.judge(rail, answer, of, place)


def _for_guardrail(ctx: Context[Any], name: str) -> Context[Any]:
    """The context of a guardrail: it can look and ask, but neither hand off nor change anything."""
    quiet = _QuietHands(ctx.hands)
    return dataclasses.replace(ctx, handoffs=(), must_hand_off=False, cursor=f"{ctx.cursor}/{name}", hands=quiet)


class _QuietHands:
    """The hands of a guardrail: what it asks is recorded, what it says is not shown, and it writes nothing."""

    is_watched = False

    def __init__(self, outer: Hands) -> None:
        self._outer = outer

    async def effect(
        self,
        kind: Literal["model", "tool", "once"],
        request: Any,
        call: Callable[[], Awaitable[Effect]],
        reserve: Reserve | None,
    ) -> Effect:
        return await self._outer.effect(kind, request, call, reserve)

    def update(self, changes: dict[str, Any]) -> None:
        raise UpdateInvalid(
            "A guardrail changes nothing of the state",
            why="It says yes or no; only what passes is written. (S8.4)",
            fix="Leave ctx.update to the node.",
        )

    @property
    def driver(self) -> Any:
        """What drives the run, for a graph that a guardrail asks."""
        return self._outer.driver

    @property
    def held(self) -> Held:
        """What is open for as long as the run is driven."""
        return self._outer.held

    @property
    def caller(self) -> Caller | None:
        return self._outer.caller

    def emit(self, text: str, *, tool: str = "", call: int = 0, under: str = "") -> None:
        """What a guardrail's model writes is not what the node says."""


# -- reading -----------------------------------------------------------------------------------------------------------


def _of_function(one: object, place: Place) -> Guardrail:
    guardrail = Guardrail.__new__(Guardrail)
    guardrail._read(one, "output", None, place)  # pyright: ignore[reportPrivateUsage]
    return guardrail


def _name(check: Callable[..., object], given: object, place: Place) -> str:
    name = name_of(check) if given is None else given
    if isinstance(name, str) and name.strip() and name.isprintable():
        return name
    if given is not None:
        raise _wrong(
            f"{shown(given)} cannot be the name of a guardrail",
            "A name is printable text: it stands in errors and drawings.",
            'Write name="no names".',
            place,
        )
    raise _wrong(
        f"{'A lambda' if getattr(check, '__name__', '') == '<lambda>' else shown(check)} has no name of its own",
        "An error names the guardrail that stopped something.",
        'Give it one: Guardrail(check, name="no names").',
        place,
    )


def _context_of(check: Callable[..., object], name: str, on: Moment, place: Place) -> str | None:
    """The parameter that takes the context, if any; the others must be what this moment gives. Raises DeclarationError."""
    if inspect.isgeneratorfunction(check) or inspect.isasyncgenfunction(check):
        raise _wrong(
            f"Guardrail {name!r} is a generator function", "It answers once.", "Return the text instead.", place
        )
    try:
        parameters = list(inspect.signature(check).parameters.values())
    except (TypeError, ValueError):
        raise _wrong(
            f"The parameters of guardrail {name!r} cannot be read", "It is called with what it checks.",
            "Wrap it in a function: def check(text: str) -> str | None: ...", place,
        ) from None  # fmt: skip
    hints = Hints(check, names_of_caller())
    context = next((p.name for p in parameters if _is_context(hints.of(p), p)), None)
    others = [p for p in parameters if p.name != context]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p for p in others if p.default is inspect.Parameter.empty and p.kind not in variadic]
    room = sum(p.kind in positional for p in others)
    given = _GIVEN[on]
    takes_any = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in others)
    is_fit = len(needed) <= len(given) and all(p.kind in positional for p in needed)
    if is_fit and (takes_any or room >= len(given)):
        return context
    raise _wrong(
        f"Guardrail {name!r} takes {_listed(p.name for p in others)}, and is given {_listed(given)}",
        f'On "{on}" it is called with {_listed(given)}, and with the context if it has a parameter annotated Context.',
        f"Write def {name if name.isidentifier() else 'check'}({'tool: str, arguments: dict[str, Any]' if on == 'tool' else 'text: str'})"
        " -> str | None.",
        place,
    )


def _listed(names: Any) -> str:
    found = list(names)
    return " and ".join(found) if found else "nothing"


def _is_context(annotation: Any, parameter: inspect.Parameter) -> bool:
    if isinstance(annotation, str):  # imported for type checkers only
        return annotation.partition("[")[0].rpartition(".")[2] == "Context"
    is_bare = parameter.annotation is inspect.Parameter.empty
    return annotation is Context or get_origin(annotation) is Context or (is_bare and parameter.name == "ctx")


def _is_async(check: Callable[..., object]) -> bool:
    called = getattr(type(check), "__call__", None)  # noqa: B004  (an object whose call is async)
    return inspect.iscoroutinefunction(check) or inspect.iscoroutinefunction(called)


def _no_check(check: object, place: Place) -> DeclarationError:
    why = "A guardrail is a function that returns None when all is well, or a text that says what is wrong."
    if inspect.iscoroutine(check):
        check.close()
        return _wrong(f"{check.__name__}(...) was called instead of given", why, f"Write {check.__name__}.", place)
    if isinstance(check, type):
        return _wrong(f"The class {check.__name__} is no guardrail", why, f"Give {check.__name__}(...).", place)
    return _wrong(f"{shown(check)} is no guardrail", why, "Write guardrails=[no_names].", place)


def _no_moment(guardrail: Guardrail, owner: str, moments: tuple[Moment, ...], place: Place) -> DeclarationError:
    if guardrail.on == "tool" and "input" in moments:
        why = f"{owner[0].upper()}{owner[1:]} calls no tools: the guardrail would never be asked."
        fix = f'Give it to the agent that has them: Agent(..., tools=[...], guardrails=[Guardrail({guardrail.name}, on="tool")]).'
    else:
        why = f"{owner[0].upper()}{owner[1:]} has one moment: the guardrail is asked about the state that would cross."
        fix = f"Leave on= out: guardrails=[{guardrail.name}]."
    return _wrong(f'{owner} has no moment "{guardrail.on}"', why, fix, place)


def _wrong(what: str, why: str, fix: str, place: Place) -> DeclarationError:
    return mistake("GF138", what, f"{why} (S8.4)", fix, place)
