"""The values that options of nodes and edges take, refused at the line where they are wrong.

Types catch most of it in the editor; this is for those who run without one, and for what types cannot say.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias, cast

from graphflow.core.plan import Limit, Limits, Need, Retry
from graphflow.errors import Place, shown
from graphflow.graph.mistakes import mistake

AtMost: TypeAlias = int | Limit | Literal["unbounded"]
"""How often an edge may be taken in a scope (S4.5)."""


def check_count(name: str, value: object, place: Place, *, least: int, form: str = "") -> int:
    """A whole number of at least ``least``; True and 3.0 are none. ``form`` is how it is written, ``quorum({})``."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    close = _count_in(value)
    form = form or f"{name}={{}}"
    raise mistake(
        "GF118",
        f"{form.format(shown(value))} is no count",
        f"{name} is a whole number of at least {least}.",
        f"Write {form.format(max(close, least) if close is not None else least)}.",
        place,
    )


def check_seconds(name: str, value: object, place: Place, *, form: str = "") -> float:
    """A finite number of seconds above 0."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return value
    form = form or f"{name}={{}}"
    raise mistake(
        "GF118",
        f"{form.format(shown(value))} is no number of seconds",
        f"{name} is a number above 0, in seconds.",
        f"Write {form.format(30)}." if value is not None else f"Leave {name}= out.",
        place,
    )


def check_at_once(value: object, place: Place) -> int | None:
    return None if value is None else check_count("at_once", value, place, least=1)


def check_text(name: str, value: object, place: Place) -> str:
    if isinstance(value, str):
        return value
    raise mistake("GF118", f"{name}={shown(value)} is no text", f"{name} is a string.", f'Write {name}="...".', place)


def check_flag(name: str, value: object, place: Place) -> bool:
    if isinstance(value, bool):
        return value
    raise mistake(
        "GF118", f"{name}={shown(value)} is neither True nor False", f"{name} is a bool.", f"Write {name}=True.", place
    )


def check_retry(value: object, place: Place) -> Retry | None:
    if value is None or isinstance(value, Retry):
        return value
    count = _count_in(value)
    raise mistake(
        "GF118",
        f"retry={shown(value)} is no Retry",
        "How often, after which waits and on which errors is one object: a count alone would retry what cannot "
        "succeed. (S8.1)",
        f"Write retry=Retry(attempts={3 if count is None else max(count, 1)}), or with on= the classes worth another try.",
        place,
    )


def check_limits(value: object, place: Place) -> Limits:
    if isinstance(value, Limits):
        return value
    raise mistake(
        "GF118", f"limits={shown(value)} is no Limits", "The limits of a graph are one object. (S17)",
        "Write limits=Limits(steps=1_000).", place,
    )  # fmt: skip


def check_choice(name: str, value: object, choices: tuple[str, ...], place: Place) -> Any:
    if isinstance(value, str) and value in choices:
        return value
    listed = " or ".join(repr(choice) for choice in choices)
    written = " or ".join(f"{name}={choice!r}" for choice in choices)
    raise mistake("GF118", f"{name}={shown(value)} is unknown", f"{name} is {listed}.", f"Write {written}.", place)


def check_limit(value: object, place: Place) -> tuple[int | None, Limit | None, bool]:
    """``at_most=`` as (count of its own, shared count, said to be unbounded)."""
    if value is None:
        return None, None, False
    if isinstance(value, str) and value == "unbounded":
        return None, None, True
    count = cast("object", value.at_most) if isinstance(value, Limit) else value
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        given = f"Limit({shown(count)})" if isinstance(value, Limit) else shown(value)
        close = _count_in(count)
        fix = f"Write at_most={3 if close is None else max(close, 0)}, or at_most='unbounded' if the conditions end the loop."
        if isinstance(value, str) and close is None:
            fix = "Did you mean at_most='unbounded'? Then the conditions alone end the loop."
        raise mistake(
            "GF122",
            f"at_most={given} is no count of takings",
            "It is a whole number of at least 0, a Limit shared by several edges, or the word 'unbounded'. (S4.5)",
            fix,
            place,
        )
    return (None, value, False) if isinstance(value, Limit) else (count, None, False)


def check_errors(value: object, place: Place) -> tuple[type[Exception], ...]:
    """``on_error=`` as a tuple of exception classes."""
    classes: tuple[object, ...] = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    for one in classes:
        if not _is_error_class(one):
            raise _no_error_class(one, place)
    if not classes:
        raise mistake(
            "GF129", "on_error=() names no error", "An error edge is taken for errors of its classes. (S8.2)",
            "Write on_error=ModelError, or Exception for any.", place,
        )  # fmt: skip
    return cast("tuple[type[Exception], ...]", classes)


def _is_error_class(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, Exception)


def _no_error_class(one: object, place: Place) -> Exception:
    given = shown(one)
    if isinstance(one, type) and issubclass(one, BaseException):
        why = f"{one.__name__} is no Exception: stopping and cancelling are never caught by a graph. (S8.4)"
        fix = "Name classes that derive from Exception."
    elif isinstance(one, BaseException):
        why = "An error edge is chosen by class, not by an instance. (S8.2)"
        fix = f"Write on_error={type(one).__name__}."
    else:
        why = "It takes an exception class, or a tuple of them. (S8.2)"
        fix = "Write on_error=ModelError, or Exception for any."
    return mistake("GF129", f"on_error={given} names no class of errors", why, fix, place)


def check_failures(value: object, need: Need, place: Place) -> Literal["stop", "collect"]:
    """``failures=``: by default all must succeed where all are needed (S6.7)."""
    if value is None:
        return "stop" if need.kind == "all" else "collect"
    return cast("Literal['stop', 'collect']", check_choice("failures", value, ("stop", "collect"), place))


def _count_in(value: object) -> int | None:
    """The whole number that somebody may have meant."""
    try:
        return int(float(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None
