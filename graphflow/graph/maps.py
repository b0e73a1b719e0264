"""What a map goes over: a field of the state that is a list, or a function of the view (S6.1)."""

from __future__ import annotations

import collections.abc
import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, Union, cast, get_args, get_origin

from pydantic import BaseModel

from graphflow.core.annotations import copier, stripped
from graphflow.core.plan import Over, Values
from graphflow.core.schema import Schema
from graphflow.core.view import view_maker
from graphflow.errors import DeclarationError, Place, shown
from graphflow.graph.evaluation import reading
from graphflow.graph.expressions import Expression, field_name, term_of
from graphflow.graph.mistakes import mistake
from graphflow.graph.operators import shape_of_values, state_of
from graphflow.graph.shapes import annotation_text
from graphflow.graph.signatures import UNKNOWN, Hints, name_of
from graphflow.graph.terms import Field, reads

Listed: TypeAlias = list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any]
"""What type checkers take a list field of ``fields(State)`` for."""


def over_of(given: Any, schema: Schema, names: dict[str, object], place: Place) -> Over:
    """The Over of ``over=``. Raises DeclarationError for what is no list."""
    if isinstance(given, Expression):
        return _over_expression(given, schema, place)
    if callable(given) and not isinstance(given, type):
        ask = of_view(given, "over", schema, place)
        returns = Hints(given, names).of_return()
        item_type = Any if returns is UNKNOWN or isinstance(returns, str) else _item_type(returns)
        if item_type is None:
            raise _no_list(f"over= gives {annotation_text(returns)}", "", annotation_text(returns), place)
        return Over(lambda values, items: _listed(ask(values, items)), item_type, name_of(given) or "a function")
    what = shown(given)
    if isinstance(given, str) and given in schema.fields:
        fix = f"Write over=fields({schema.state.__name__}).{given}."
    elif isinstance(given, list | tuple | set):
        fix = "Put the items into a field of the state and write over=fields(State).items, or over=lambda state: [...]."
    else:
        fix = f"Write over=fields({schema.state.__name__}).items, or over=lambda state: [...]."
    raise mistake(
        "GF123",
        f"over={what} says nothing about the state",
        "The items are read from the state when the map is entered: a list field, or a function of the view. (S6.1)",
        fix,
        place,
    )


def _over_expression(given: Expression, schema: Schema, place: Place) -> Over:
    term, label = term_of(given), str(given)
    for name in reads(term):  # a field of another state is refused
        field_name(Expression(Field(name), shape_of_values(given), state_of(given)), schema.state, place)
    shape = shape_of_values(given)
    annotation = shape.annotation
    item_type = Any if annotation is Any else _item_type(annotation)
    if item_type is None:
        raise _no_list(f"over={label} is no list", label, annotation_text(annotation), place)
    read, duplicate = reading(term), copier(annotation) or _same
    is_set = (get_origin(stripped(annotation)) or stripped(annotation)) in (set, frozenset)

    def items(values: Values, outer: tuple[Any, ...]) -> Sequence[Any]:
        found = duplicate(read(values, outer))
        return _ordered(found) if is_set else found

    field = next(iter(reads(term))) if isinstance(term, Field) else None
    return Over(items, item_type, label, field)


def _item_type(annotation: Any) -> Any:
    """The annotation of an item; None if the annotation is no list."""
    annotation = stripped(annotation)
    origin: Any = get_origin(annotation) or annotation
    arguments = get_args(annotation)
    if annotation is Any or annotation is object:
        return Any
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        return Union[arguments]  # noqa: UP007  (of as many as there are)
    if not isinstance(origin, type) or not issubclass(origin, collections.abc.Iterable):
        return None
    if issubclass(origin, str | bytes | collections.abc.Mapping | BaseModel):
        return None
    return arguments[0] if arguments else Any


def _listed(found: Any) -> list[Any]:
    if isinstance(found, str | bytes | collections.abc.Mapping | BaseModel):
        raise TypeError(f"it gave {shown(cast('object', found))}, which is no list")
    return _ordered(found) if isinstance(found, set | frozenset) else list(found)


def _ordered(found: Any) -> list[Any]:
    """A set in an order that is the same in every process (S15.1)."""
    try:
        return sorted(found)
    except TypeError:
        return sorted(found, key=repr)


def _same(value: Any) -> Any:
    return copy.copy(value)


def _no_list(what: str, label: str, annotation: str, place: Place) -> DeclarationError:
    if annotation.startswith(("dict", "Mapping")):
        fix = f"Say whether keys, values or pairs are meant: over=lambda state: list(state.{label or 'field'}.items())."
    elif annotation.endswith("| None"):
        fix = "Give the field an empty list as default instead of None: no items is an empty list."
    else:
        fix = "Name a field that is a list, tuple or set, or give a function of the view that returns one."
    return mistake("GF123", what, f"It is {annotation}; a map starts one branch per item of a list. (S6.1)", fix, place)


def of_view(
    function: Callable[..., Any], option: str, schema: Schema, place: Place
) -> Callable[[Values, tuple[Any, ...]], Any]:
    """A function of the view, or of view and item, as one of values and items."""
    ask, view_of = taking_view(function, option, place), view_maker(schema.state)
    return lambda values, items: ask(view_of(values), items)


def taking_view(function: Callable[..., Any], option: str, place: Place) -> Callable[[Any, tuple[Any, ...]], Any]:
    """A function of the view, or of view and item, as one of view and items. Raises DeclarationError for others."""
    try:
        count = _required(function)
    except (TypeError, ValueError):
        count = 1  # a builtin without a signature
    if inspect.iscoroutinefunction(function) or count not in (1, 2):
        raise mistake(
            "GF123" if option == "over" else "GF126",
            f"{option}={name_of(function) or 'the lambda'} is no function of the view",
            "It is called with the view of the state, and the item if it takes two; it cannot wait. (S6.1)",
            f"Write {option}=lambda state: ...; what takes longer is a node.",
            place,
        )
    if count == 2:
        return lambda view, items: function(view, items[-1])
    return lambda view, items: function(view)


def _required(function: Callable[..., Any]) -> int:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    demanded = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if any(p.kind not in positional for p in demanded):
        return -1
    return len(demanded) if demanded else min(1, sum(p.kind in positional for p in parameters))


def items_fit(item: Any, given: Any) -> bool:
    """Whether an item of one annotation can be what a node's ``item`` parameter asks for. In doubt it can."""
    item, given = stripped(item), stripped(given)
    kinds = (get_origin(item) or item, get_origin(given) or given)
    if not all(isinstance(kind, type) and kind not in (object, Any) for kind in kinds):
        return True
    wanted, offered = cast("tuple[type, type]", kinds)
    if wanted is float and offered is int:
        return True
    return getattr(wanted, "_is_protocol", False) or issubclass(offered, wanted) or issubclass(wanted, offered)
