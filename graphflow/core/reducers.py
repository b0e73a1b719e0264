"""Reducers: how a change folds into a field (S7).

A reducer stands in the field's annotation, ``Annotated[list[str], append]``. Without one a write replaces. Reducers
need not be associative: branches are merged change by change, in branch order (S6.4).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from graphflow.core.sealing import scrubbed, secret_values
from graphflow.errors import UpdateInvalid, shown

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Reducer:
    """How changes of a field fold: ``fold(old, change)`` gives the new value and never alters ``old``.

    ``absorb(own, change)`` does the same in place on a container that belongs to the caller alone; None where the
    values cannot be altered. ``takes(annotation)`` is the type of a change for a field of that type.

    >>> append.fold(["a"], "b")
    ['a', 'b']
    """

    name: str
    fold: Callable[[Any, Any], Any]
    takes: Callable[[Any], Any]
    absorb: Callable[[Any, Any], None] | None = None
    absorb_all: Callable[[Any, Sequence[Any]], None] | None = None  # many changes in one call, for wide joins
    is_given: bool = False  # a function of the user's: it may raise, alter what it is given, or return anything
    keys_conflict: bool = False  # merge: two branches may not write the same key (S7.1)

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Local:
    """The mark ``local``: a field's writes stay in their scope and are left behind at the join (S6.5)."""

    def __repr__(self) -> str:
        return "local"


@dataclass(frozen=True, slots=True)
class Replace(Generic[T]):
    """Overrides a field's reducer for one update: ``{"comments": Replace([])}``; a write without one (S7.3)."""

    value: T


def _element(annotation: Any) -> Any:
    """The element type of a list, set or tuple annotation; Any where it is not said."""
    if get_origin(annotation) in (list, set, frozenset, tuple) or annotation in (list, set, frozenset, tuple):
        arguments = get_args(annotation)
        return arguments[0] if arguments else Any
    raise TypeError("takes a field that is a list")


def _list(annotation: Any) -> Any:
    _element(annotation)
    return annotation


def _set(annotation: Any) -> Any:
    if annotation in (set, frozenset) or get_origin(annotation) in (set, frozenset):
        return annotation
    raise TypeError("takes a field that is a set")


def _dict(annotation: Any) -> Any:
    if annotation is dict or get_origin(annotation) is dict:
        return annotation
    raise TypeError("takes a field that is a dict")


def _same(annotation: Any) -> Any:
    return annotation


def _appended(old: Any, change: Any) -> Any:
    if isinstance(old, tuple):
        return (*old, change)
    return [*old, change]


def _extended(old: Any, change: Iterable[Any]) -> Any:
    if isinstance(old, tuple):
        return (*old, *change)
    return [*old, *change]


def _append_to(own: list[Any], change: Any) -> None:
    own.append(change)


def _append_all(own: list[Any], changes: Sequence[Any]) -> None:
    own.extend(changes)


def _extend_by_all(own: list[Any], changes: Sequence[Iterable[Any]]) -> None:
    own.extend(chain.from_iterable(changes))


def _unite_all(own: set[Any], changes: Sequence[Iterable[Any]]) -> None:
    own.update(*changes)


def _extend_by(own: list[Any], change: Iterable[Any]) -> None:
    own.extend(change)


def _unite(own: set[Any], change: Iterable[Any]) -> None:
    own.update(change)


def _merge_into(own: dict[Any, Any], change: dict[Any, Any]) -> None:
    own.update(change)


append = Reducer("append", _appended, _element, _append_to, _append_all)
"""``Annotated[list[str], append]``: an update gives one element."""

extend = Reducer("extend", _extended, _list, _extend_by, _extend_by_all)
"""``Annotated[list[str], extend]``: an update gives a list of elements."""

add = Reducer("add", lambda old, change: old + change, _same)
"""``Annotated[int, add]``: an update is added to the value."""

union = Reducer("union", lambda old, change: old | change, _set, _unite, _unite_all)
"""``Annotated[set[str], union]``: an update gives elements to add."""

merge = Reducer("merge", lambda old, change: {**old, **change}, _dict, _merge_into, keys_conflict=True)
"""``Annotated[dict[str, int], merge]``: an update gives entries; one key from two branches conflicts."""

keep_last = Reducer("keep_last", lambda old, change: change, _same)
"""``Annotated[str, keep_last]``: of several branches' writes the last one in branch order stays."""

local = Local()
"""``Annotated[str, local]``: writes stay in their scope, so that a loop with plain fields can run under a map."""


def reducer_in(metadata: Iterable[Any]) -> Reducer | None:
    """The reducer among a field's annotations: one of ours, or any function ``(old, new) -> old'`` such as ``max``.

    Raises TypeError if there are two.
    """
    found = [mark for mark in metadata if isinstance(mark, Reducer) or is_function(mark)]
    if not found:
        return None
    if len(found) > 1:
        raise TypeError("has two reducers: " + " and ".join(map(_name, found)))
    mark = found[0]
    return mark if isinstance(mark, Reducer) else of_function(mark)


def of_function(function: Callable[[Any, Any], Any]) -> Reducer:
    """A reducer from ``(old, new) -> old'``. A change has the type of the second parameter, else the field's."""

    def takes(annotation: Any) -> Any:
        try:
            hints = get_type_hints(function, include_extras=True)
            parameters = list(inspect.signature(function).parameters)
        except (TypeError, ValueError, NameError):  # builtins such as max have no signature
            return annotation
        if len(parameters) < 2 or parameters[1] not in hints:
            return annotation
        hint = hints[parameters[1]]
        return annotation if isinstance(hint, TypeVar) else hint

    return Reducer(_name(function), function, takes, is_given=function not in (max, min))


def careful(
    reducer: Reducer, field: str, copy_old: Callable[[Any], Any] | None, copy_new: Callable[[Any], Any] | None
) -> Reducer:
    """A user's reducer, given copies: what it alters is its own, as siblings and the journal hold the same values."""

    def fold(old: Any, change: Any) -> Any:
        given = old if copy_old is None else copy_old(old)
        try:
            return reducer.fold(given, change if copy_new is None else copy_new(change))
        except Exception as error:
            said = scrubbed(str(error), chain(secret_values(old), secret_values(change)))
            raise UpdateInvalid(
                f"The reducer {reducer.name} of {field!r} raised {type(error).__name__}: {said}",
                why=f"It was given {shown(old)} and {shown(change)}. A reducer must fold whatever its types allow. (S7.1)",
                fix="Mend the reducer; nothing of the update was kept.",
            ) from error

    return replace(reducer, fold=fold)


def is_function(mark: object) -> bool:
    """Whether an annotation is a user's reducer. Classes are not: pydantic's own marks may be classes."""
    return inspect.isroutine(mark) or isinstance(mark, functools.partial)


def _name(mark: Any) -> str:
    return getattr(mark, "name", None) or getattr(mark, "__name__", None) or repr(mark)
