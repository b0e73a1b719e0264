"""What the verbs of a graph are given, checked before anything starts: a mistake is told in the words of the caller."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from inspect import iscoroutine
from typing import Any, TypeGuard, cast

from graphflow.core.journal import secret_places
from graphflow.core.plan import Plan
from graphflow.core.usage import Budget
from graphflow.errors import ArgumentInvalid, CipherMissing, shown
from graphflow.graph.answers import Answer
from graphflow.graph.places import caller
from graphflow.runtime.run import Run
from graphflow.stores.store import Store

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
    if callable(given) or callable(getattr(given, "watch", None)):
        name = getattr(given, "__name__", "observe" if callable(given) else f"{type(given).__name__}()")
        raise _invalid("observers", given, why, f"Put it in a list: observers=[{name}].")
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise _invalid("observers", given, why, "Write observers=[print].")
    observers = cast("Sequence[object]", given)
    for one in observers:
        watches = callable(getattr(one, "watch", None))
        if isinstance(one, type) and watches:
            raise _invalid("observers", list(observers), why, f"Give an object: observers=[{one.__name__}()].")
        if not callable(one) and not watches:
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


def check_cipher(plan: Plan, store: Store | str | os.PathLike[str] | None) -> None:
    """Raises CipherMissing where a run with secrets would be kept on disk, and nothing seals them there (S1.1)."""
    if store is None or getattr(store, "lease_s", 0) is None or getattr(store, "cipher", None) is not None:
        return
    places = secret_places(plan)
    if not places:
        return
    if isinstance(store, str | os.PathLike):
        name = str(store)
        shown_name = name.rpartition("@")[2]  # an address may have a password in it
        kind, given = ("PostgresStore", "address") if "://" in name else ("SQLiteStore", repr(name))
    else:
        kind, given, shown_name = type(store).__name__, "...", getattr(store, "place", "")
    which = "These fields hold secrets" if len(places) > 1 else "This field holds a secret"
    raise CipherMissing(
        f"Graph {plan.name!r} keeps secrets, and the store {shown_name} has no cipher to seal them".replace("  ", " "),
        why=f"{which}: {', '.join(places)}. On disk a secret is sealed or not kept at all. Nothing was started. (S1.1)",
        fix=f"store={kind}({given}, cipher=FernetCipher(key)), both from graphflow.stores; FernetCipher.new_key() makes a "
        "key, and on the command line GRAPHFLOW_KEY holds it. A secret that need not outlive the process: "
        "graph.run(state, deps=...), read as ctx.deps. (S3.8)",
        where=(caller(),),
    )


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
