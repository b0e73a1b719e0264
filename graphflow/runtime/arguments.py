"""What the verbs of a graph are given, checked before anything starts: a mistake is told in the words of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import iscoroutine
from typing import Any, TypeGuard, cast

from graphflow.core.usage import Budget
from graphflow.errors import ArgumentInvalid, shown
from graphflow.graph.answers import Answer
from graphflow.graph.places import caller
from graphflow.runtime.run import Run

_STORE = ("create", "append", "read", "plans", "add_plan", "acquire", "release", "ids")


def check_answers(given: object) -> None:
    """Raises ArgumentInvalid unless it is a list of answers."""
    why = "answers= is a list of what approve.answer(...) makes, so that each names its question. (S10.1)"
    if isinstance(given, Answer):
        raise _invalid("answers", given, why, f"Put it in a list: answers=[{given.node}.answer({given.value!r})].")
    if isinstance(given, Mapping):
        named = cast("Mapping[object, object]", given).items()
        listed = ", ".join(f"{name}.answer({shown(value)})" for name, value in named)
        raise _invalid("answers", dict(named), why, f"Write answers=[{listed}].")
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise _invalid("answers", given, why, "Write answers=[approve.answer(True)].")
    answers = cast("Sequence[object]", given)
    for one in answers:
        if not isinstance(one, Answer):
            raise _invalid("answers", list(answers), why, f"Instead of {shown(one)} write approve.answer(...).")


def check_budget(given: object) -> None:
    """Raises ArgumentInvalid unless it is a Budget or None."""
    if given is not None and not isinstance(given, Budget):
        is_number = isinstance(given, int | float)
        why = "A number alone does not say of what: steps, model calls, tokens, usd or seconds. (S13.1)"
        fix = f"Name it: Budget(steps={given})." if is_number else "Give a Budget: Budget(steps=40, usd=0.50)."
        raise _invalid("budget", given, why if is_number else "A budget is a graphflow.Budget. (S13.1)", fix)


def check_observers(given: object) -> None:
    """Raises ArgumentInvalid unless it is a list of functions."""
    why = "observers= is a list of functions; each is called with every event."
    if callable(given):
        name = getattr(given, "__name__", "observe")
        raise _invalid("observers", given, why, f"Put it in a list: observers=[{name}].")
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise _invalid("observers", given, why, "Write observers=[print].")
    observers = cast("Sequence[object]", given)
    for one in observers:
        if not callable(one):
            raise _invalid("observers", list(observers), why, f"{shown(one)} cannot be called; leave it out.")


def check_approve(given: object) -> None:
    """Raises ArgumentInvalid unless it is a function or None."""
    if given is not None and (not callable(given) or isinstance(given, type)):
        why = "It is asked before a tool that needs approval is called, with a ToolRequest; only True lets the call pass. (S10.4)"
        fix = "Write approve=lambda request: input(f'{request.tool} {request.arguments}? ') == 'yes'."
        raise _invalid("approve", given, why, fix)


def check_durability(given: object) -> None:
    """Raises ArgumentInvalid unless it is one of the three."""
    if given not in ("step", "batch", "exit"):
        why = "It says when what has happened is safe in the store: at every step, in batches, or at the driver's exit."
        raise _invalid("durability", given, why, 'Write durability="step", or leave it out.')


def check_store(given: object) -> None:
    """Raises ArgumentInvalid unless it does what a store does."""
    missing = [name for name in _STORE if not callable(getattr(given, name, None))]
    if isinstance(given, type) or missing:
        lacks = "It is a class." if isinstance(given, type) else f"It has no {', '.join(missing)}."
        fix = "Give an object: store=graphflow.stores.MemoryStore(); or leave store= out."
        raise _invalid("store", given, f"A store keeps the journals of runs. {lacks}", fix)


def _is_run(given: object) -> TypeGuard[Run[Any]]:
    return isinstance(given, Run)


def checked_run(given: object) -> Run[Any]:
    """The run to go on from. Raises ArgumentInvalid for anything but a Run."""
    if _is_run(given):
        return given
    if iscoroutine(given):
        given.close()  # else Python would warn that nobody awaited it
        raise _invalid("run", given, "graph.run(...) is to be awaited.", "run = await graph.run(...), or run_sync.")
    raise _invalid(
        "run", given, "A run goes on from what an earlier call returned. (S14.3)", "run = graph.run_sync(...)"
    )


def _invalid(name: str, given: object, why: str, fix: str) -> ArgumentInvalid:
    return ArgumentInvalid(f"{name}= cannot be {shown(given)}", why=why, fix=fix, where=(caller(),))
