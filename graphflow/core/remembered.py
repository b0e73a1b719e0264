"""Errors as a journal keeps them: their class by name and their words. The objects themselves are not kept (S15.2).

A remembered error is an instance of the class it had, so that a join node or a node after an error edge tells classes
apart in a resumed run as it did in the first. Nothing is imported and none of the class's own code runs for it: it is
looked for among the exceptions that this process has loaded, and one that is not there, or that builds its instances in
a way of its own, is remembered by its name alone. What else the object held (a response, an errno) is gone.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Iterator
from typing import Any, cast

import graphflow.errors
from graphflow.errors import GraphflowError


class Remembered(Exception):
    """An error of an earlier process, or of a replay. ``type`` is its class's name, ``code`` graphflow's if it has one."""

    def __init__(self, described: dict[str, Any]) -> None:
        Exception.__init__(self, described.get("what", ""))
        self.type: str = described.get("type", "Exception")
        self.kind: str = described.get("class", "")
        self.code: str = described.get("code", "")
        self.what: str = described.get("what", "")
        self.why: str = described.get("why", "")
        self.fix: str = described.get("fix", "")
        self.where = ()

    def __str__(self) -> str:
        return GraphflowError.__str__(cast("GraphflowError", self)) if self.code else f"{self.type}: {self.what}"

    def __reduce__(self) -> tuple[Any, ...]:
        return remember, (describe(self),)


def describe(error: BaseException) -> dict[str, Any]:
    """An error as JSON-able data. Messages hold no payload by themselves; causes are named only."""
    if isinstance(error, Remembered):
        told = {"type": error.type, "what": error.what}
        told |= {name: value for name in ("code", "why", "fix") if (value := getattr(error, name)) or error.code}
        return told | ({"class": error.kind} if error.kind else {})
    kind = type(error)
    told = {"type": kind.__name__}
    if _known().get(kind.__name__) is not kind:
        told["class"] = _full_name(kind)
    if isinstance(error, GraphflowError):
        return told | {"code": error.code, "what": error.what, "why": error.why, "fix": error.fix}
    return told | {"what": str(error)[:2_000]}


def remember(described: dict[str, Any]) -> Exception:
    """The error that ``describe`` told of, of the same class where this process knows it.

    >>> error = remember(describe(ConnectionRefusedError("the server is down")))
    >>> isinstance(error, ConnectionError), str(error)
    (True, 'ConnectionRefusedError: the server is down')
    """
    kind: Any = _class_of(described.get("type", ""), described.get("class", ""))
    return Remembered(described) if kind is None else _remembered_as(kind)(described)


def _class_of(name: str, full_name: str) -> type[Exception] | None:
    if not full_name:
        return _known().get(name)
    return next((kind for kind in _loaded(Exception) if _full_name(kind) == full_name), None)


@functools.cache
def _known() -> dict[str, type[Exception]]:
    """The classes that a name alone tells: Python's own and ours."""
    modules = (builtins, graphflow.errors)
    named = {name: value for module in modules for name, value in vars(module).items()}
    return {name: kind for name, kind in named.items() if isinstance(kind, type) and issubclass(kind, Exception)}


def _loaded(kind: type[Exception]) -> Iterator[type[Exception]]:
    for below in type.__subclasses__(kind):
        yield below
        yield from _loaded(below)


def _full_name(kind: type[BaseException]) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


@functools.lru_cache(maxsize=512)
def _remembered_as(kind: type[Any]) -> type[Remembered]:
    """A class that is both, and builds its instances as Remembered does: no code of ``kind`` runs."""
    own = [base for base in kind.__mro__ if base.__module__ != "builtins"]
    is_plain = type(kind) is type and not any("__new__" in vars(b) or "__init_subclass__" in vars(b) for b in own)
    if issubclass(kind, Remembered | ExceptionGroup) or not is_plain:  # a group is what it holds, which is gone
        return Remembered
    try:
        return type(kind.__name__, (Remembered, kind), {"__module__": kind.__module__, "__slots__": ()})
    except TypeError:  # two layouts that cannot be one
        return Remembered
