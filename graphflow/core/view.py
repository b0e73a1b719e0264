"""Views: what a node sees of its scope's state (S3.1, S3.5, S3.6).

A view is an instance of a subclass of the state, made once per state and set of reads. Its own dict is a shallow copy
of the values, so that a field whose values cannot change is read as fast as any attribute (0.03 us, where a descriptor
took 0.5); fields that hold containers are descriptors, which copy on first access. ``isinstance`` and the model's
methods work, and what a node alters is its own. ``__dict__`` is a property that copies all containers first, so that
pydantic's ``model_dump``, ``==`` and ``repr`` see a whole model. The class is made by ABCMeta, because pydantic's own
metaclass would compile a schema for each.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, SupportsIndex, cast

from pydantic import BaseModel

from graphflow.core.annotations import copier
from graphflow.errors import ReadUndeclared, ViewReadOnly

_real_dict: Any = BaseModel.__dict__["__dict__"]
_own_dict: Callable[[Any], dict[str, Any]] = _real_dict.__get__
"""The real instance dict, behind the property of the same name."""


class _Copied:
    """A field that holds a container: the node's own copy, made on first access and kept as ``=name``.

    A data descriptor, so that it goes before the original in the view's dict.
    """

    __slots__ = ("copy", "key", "name")

    def __init__(self, name: str, copy: Callable[[Any], Any]) -> None:
        self.name = name
        self.key = "=" + name
        self.copy = copy

    def __get__(self, view: Any, owner: type | None = None) -> Any:
        if view is None:
            raise AttributeError(self.name)
        own = _own_dict(view)
        key = self.key
        if key in own:
            return own[key]
        value = own[key] = self.copy(own[self.name])
        return value

    def __set__(self, view: Any, value: object) -> None:
        _refuse_set(view, self.name)


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

    def __set__(self, view: Any, value: object) -> None:
        _refuse_set(view, self.name)


def _refuse_set(view: Any, name: str, value: object = None) -> None:
    raise ViewReadOnly(
        f"A node tried to set {name!r} on its view of the state",
        why="A view cannot change the state: a node returns the fields that change. (S3.6)",
        fix=f'Return {{"{name}": ...}}, or declare writes= and return the value.',
    )


def _names(view: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = view._graphflow_fields
    return names


def _whole(view: Any) -> dict[str, Any]:
    own = _own_dict(view)
    kind: Any = cast("Any", type(view))
    names: tuple[str, ...] = kind._graphflow_fields
    copied: frozenset[str] = kind._graphflow_copied
    return {name: getattr(view, name) if name in copied else own[name] for name in names}


def _plain(view: Any, *_: Any, **__: Any) -> Any:
    """A view copied becomes an ordinary instance of the state."""
    import copy

    made = view.__class__.__new__(view.__class__)
    object.__setattr__(made, "__dict__", copy.deepcopy(_whole(view)))
    names = _names(view)
    object.__setattr__(made, "__pydantic_fields_set__", set(names))
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


def _reduce(view: Any, protocol: SupportsIndex) -> Any:
    return _plain(view).__reduce_ex__(protocol)


def _model_copy(view: Any, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Any:
    return _plain(view).model_copy(update=update, deep=deep)


@lru_cache(maxsize=4096)
def view_class(state: type[BaseModel], allowed: frozenset[str] | None = None) -> Any:
    """The class of views of ``state`` that show ``allowed`` fields (None: all)."""
    names = tuple(n for n in state.model_fields if allowed is None or n in allowed)
    namespace: dict[str, Any] = {
        "__slots__": (),
        "__module__": state.__module__,
        "__qualname__": state.__qualname__,
        "__doc__": state.__doc__,
        "__setattr__": _refuse_set,
        "__delattr__": _refuse_set,
        "__copy__": _plain,
        "__deepcopy__": _plain,
        "model_copy": _model_copy,
        "__reduce_ex__": _reduce,
        "__dict__": property(_whole),
        "__class__": property(lambda view: state),
        "__pydantic_fields_set__": frozenset(names),
        "__pydantic_extra__": None,
        "__pydantic_private__": None,
        "_graphflow_fields": names,
        "_graphflow_size": len(state.model_fields),
    }
    copied: list[str] = []
    for name, info in state.model_fields.items():
        if allowed is not None and name not in allowed:
            namespace[name] = _Unseen(name, allowed)
        elif (copy := copier(info.annotation)) is not None:
            namespace[name] = _Copied(name, copy)
            copied.append(name)
    namespace["_graphflow_copied"] = frozenset(copied)
    made: Any = ABCMeta.__new__(type(state), state.__name__, (state,), namespace)
    set_dict = _real_dict.__set__
    new = object.__new__

    def make(values: dict[str, Any]) -> Any:
        view = new(made)
        set_dict(view, values.copy())
        return view

    type.__setattr__(made, "_graphflow_make", staticmethod(make))
    return made


def view_maker(state: type[BaseModel], allowed: frozenset[str] | None = None) -> Callable[[Mapping[str, Any]], Any]:
    """A function values -> view, as quick as it can be."""
    return cast("Callable[[Mapping[str, Any]], Any]", view_class(state, allowed)._graphflow_make)


def has_copies(state: type[BaseModel], allowed: frozenset[str] | None = None) -> bool:
    """Whether such views copy containers on first access, so that the scope's own must stay as they are until then."""
    return bool(view_class(state, allowed)._graphflow_copied)


def view_of(state: type[BaseModel], values: Mapping[str, Any], allowed: frozenset[str] | None = None) -> Any:
    """A view of ``values``, whose containers must not change as long as it is read; see ``freeze``."""
    return view_maker(state, allowed)(values)


def is_view(value: object) -> bool:
    """Whether a value is a view of some state."""
    return hasattr(type(value), "_graphflow_make")


def freeze(view: Any) -> None:
    """Copy every container now: the scope is about to change its own while somebody still holds the view."""
    _whole(view)


def copies_in(view: Any) -> list[tuple[str, Any, Any]]:
    """The containers that a node has looked at: field, the node's own copy, and what it was copied from."""
    own = _own_dict(view)
    if len(own) == view._graphflow_size:  # a copy is one entry more; mostly there is none
        return []
    return [(name[1:], value, own[name[1:]]) for name, value in own.items() if name[0] == "="]


def altered_in(view: Any) -> list[str]:
    """The fields whose value a node has altered in its view: that changes nothing, and is mostly meant to (S3.6)."""
    own = _own_dict(view)
    return [name[1:] for name, value in own.items() if name[0] == "=" and value != own[name[1:]]]
