"""Slips of the pen in a user's own code: a name that is nowhere, and the one that was probably meant.

Such an error is mended where it was made. No edge leads on from it, and trying again does not help.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any, cast

from graphflow.errors.base import nearest

_MOST_SHOWN = 20


def slip_of(error: BaseException) -> str:
    """How to mend an AttributeError or NameError: the nearest name that is there. Empty for every other error.

    >>> try:
    ...     [].apend(1)
    ... except AttributeError as error:
    ...     print(slip_of(error))
    Did you mean 'append'? A list has no 'apend'.
    """
    if isinstance(error, AttributeError):
        return _attribute(error)
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        return _name(error)
    return ""


def _attribute(error: AttributeError) -> str:
    name: str = error.name or ""
    holder: object = error.obj
    if not name or holder is None:
        return ""
    fields = getattr(cast("Any", type(holder)), "model_fields", None)
    if isinstance(fields, dict):
        return _mend(name, cast("Iterable[str]", fields), "The fields are {}.")
    what = getattr(holder, "__name__", "") if isinstance(holder, type) or hasattr(holder, "__spec__") else ""
    named = what or f"{'An' if type(holder).__name__[0] in 'aeiou' else 'A'} {type(holder).__name__}"
    known = [one for one in dir(holder) if not one.startswith("_") or name.startswith("_")]
    return _mend(name, known, f"{named} has no {name!r}.")


def _name(error: NameError) -> str:
    """The names where it was raised: local ones, those of the module, Python's own."""
    name: str = error.name or ""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if not name or trace is None:
        return ""
    frame = trace.tb_frame
    known = [*frame.f_locals, *frame.f_globals, *dir(builtins)]
    return _mend(name, [one for one in known if not one.startswith("__")], f"Nothing is called {name!r} there.")


def _mend(name: str, known: Iterable[str], otherwise: str) -> str:
    names = list(known)
    close = nearest(name, names)
    told = otherwise.format(", ".join(names[:_MOST_SHOWN])) if "{}" in otherwise else otherwise
    return f"Did you mean {close!r}? {told}" if close else f"Correct the name. {told}"
