"""Views: what a node sees of its scope's state (S3.1, S3.5, S3.6).

A view is an instance of a subclass of the state, made once per state and set of reads. Its fields are descriptors
that copy on first access into the view's own dict: making one costs the same for 5 fields and for 500, ``isinstance``
and the model's methods work, and what a node alters is its own. ``__dict__`` is a property that fetches all fields
first, so that pydantic's ``model_dump``, ``==`` and ``repr`` see a whole model. The class is made by ABCMeta, because
pydantic's own metaclass would compile a schema for each.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, cast

from pydantic import BaseModel

from graphflow.core.annotations import copier
from graphflow.errors import ReadUndeclared, ViewReadOnly

_own_dict: Callable[[Any], dict[str, Any]] = BaseModel.__dict__["__dict__"].__get__
"""The real instance dict, behind the property of the same name."""


class _Seen:
    """A field of a view: copied from the scope's values on first access. Not a data descriptor: then the copy wins."""

    __slots__ = ("copy", "name")

    def __init__(self, name: str, copy: Callable[[Any], Any] | None) -> None:
        self.name = name
        self.copy = copy

    def __get__(self, view: Any, owner: type | None = None) -> Any:
        if view is None:
            raise AttributeError(self.name)
        value = view._graphflow_values[self.name]
        if self.copy is not None:
            value = self.copy(value)
        _own_dict(view)[self.name] = value
        return value


class _Unseen:
    """A field that the node did not declare. The error is no AttributeError: that would give a default (S3.5)."""

    __slots__ = ("allowed", "name")

    def __init__(self, name: str, allowed: frozenset[str]) -> None:
        self.name = name
        self.allowed = allowed

    def __get__(self, view: Any, owner: type | None = None) -> Any:
        if view is None:
            raise AttributeError(self.name)
        raise ReadUndeclared(
            f"The node reads {self.name!r}, which it did not declare",
            why=f"It declared {', '.join(sorted(self.allowed)) or 'nothing'}; a node sees that and nothing else. (S3.5)",
            fix=f"Add {self.name} to the node's reads= (an agent's prompt declares them: name it there).",
        )


def _refuse_set(view: Any, name: str, value: object = None) -> None:
    raise ViewReadOnly(
        f"A node tried to set {name!r} on its view of the state",
        why="A view cannot change the state: a node returns the fields that change. (S3.6)",
        fix=f'Return {{"{name}": ...}}, or declare writes= and return the value.',
    )


def _whole(view: Any) -> dict[str, Any]:
    own = _own_dict(view)
    for name in type(view)._graphflow_fields:
        if name not in own:
            getattr(view, name)
    # the model's own order of fields, as a real instance has it
    return {name: own[name] for name in type(view)._graphflow_fields} if len(own) > 1 else own


def _plain(view: Any, *_: Any, **__: Any) -> Any:
    """A view copied becomes an ordinary instance of the state."""
    import copy

    made = view.__class__.__new__(view.__class__)
    object.__setattr__(made, "__dict__", copy.deepcopy(_whole(view)))
    object.__setattr__(made, "__pydantic_fields_set__", set(type(view)._graphflow_fields))
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


def _model_copy(view: Any, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Any:
    return _plain(view).model_copy(update=update, deep=deep)


@lru_cache(maxsize=4096)
def view_class(state: type[BaseModel], allowed: frozenset[str] | None = None) -> Any:
    """The class of views of ``state`` that show ``allowed`` fields (None: all)."""
    names = tuple(n for n in state.model_fields if allowed is None or n in allowed)
    namespace: dict[str, Any] = {
        "__slots__": ("_graphflow_values",),
        "__module__": state.__module__,
        "__qualname__": state.__qualname__,
        "__doc__": state.__doc__,
        "__setattr__": _refuse_set,
        "__delattr__": _refuse_set,
        "__copy__": _plain,
        "__deepcopy__": _plain,
        "model_copy": _model_copy,
        "__reduce_ex__": lambda view, protocol: _plain(view).__reduce_ex__(protocol),
        "__dict__": property(_whole),
        "__class__": property(lambda view: state),
        "__pydantic_fields_set__": frozenset(names),
        "__pydantic_extra__": None,
        "__pydantic_private__": None,
        "_graphflow_fields": names,
    }
    for name, info in state.model_fields.items():
        shown = allowed is None or name in allowed
        namespace[name] = (
            _Seen(name, copier(info.annotation)) if shown else _Unseen(name, cast("frozenset[str]", allowed))
        )
    made: Any = ABCMeta.__new__(type(state), state.__name__, (state,), namespace)
    set_values = made.__dict__["_graphflow_values"].__set__
    new = object.__new__

    def make(values: Mapping[str, Any]) -> Any:
        view = new(made)
        set_values(view, values)
        return view

    type.__setattr__(made, "_graphflow_make", staticmethod(make))
    return made


def view_maker(state: type[BaseModel], allowed: frozenset[str] | None = None) -> Callable[[Mapping[str, Any]], Any]:
    """A function values -> view, as quick as it can be."""
    return cast("Callable[[Mapping[str, Any]], Any]", view_class(state, allowed)._graphflow_make)


def view_of(state: type[BaseModel], values: Mapping[str, Any], allowed: frozenset[str] | None = None) -> Any:
    """A view of ``values``, which must not change as long as it is read; see ``freeze``."""
    return view_maker(state, allowed)(values)


def is_view(value: object) -> bool:
    """Whether a value is a view of some state."""
    return hasattr(type(value), "_graphflow_make")


def freeze(view: Any) -> None:
    """Fetch every field now: the scope's values are about to change while somebody still holds the view."""
    _whole(view)
