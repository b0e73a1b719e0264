"""One valid value of a type, simple and always the same: what an answer holds where nothing depends on it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from graphflow.core.schema import adapter
from graphflow.graph.demands import Demand
from graphflow.graph.representatives import domain_of, holds_stand_in
from graphflow.graph.shapes import Kind, Shape, shape_of

_DEEPEST = 12
_FIXED: dict[type[Any], Any] = {
    datetime: datetime(2026, 1, 1),
    date: date(2026, 1, 1),
    time: time(12),
    timedelta: timedelta(minutes=1),
    uuid.UUID: uuid.UUID(int=1),
    bytes: b"",
    Decimal: Decimal(0),
}


class NoSample(Exception):
    """No valid value is known."""


def sample(annotation: Any, metadata: Sequence[Any] = ()) -> Any:
    """A valid value of a type. Raises NoSample.

    >>> sample(list[str]), sample(str), sample(int | None), sample(dict[str, int])
    ([], 'x', 0, {})
    """
    return _valid(annotation, _of_shape(shape_of(annotation, metadata), 0))


def filled(value: Any, shape: Shape) -> Any:
    """A representative with real values in the place of stand-ins. Raises NoSample."""
    if not holds_stand_in(value):
        return value
    for kind in shape.kinds:
        if isinstance(value, list) and kind.base is list and kind.arguments:
            element = _of_shape(shape_of(kind.arguments[0]), 0)
            return [element if holds_stand_in(part) else part for part in cast("Iterable[Any]", value)]
        if isinstance(value, BaseModel) and isinstance(value, cast("type[Any]", kind.base or object)):
            return _model(type(value), 0, {n: part for n, part in value.__dict__.items() if not holds_stand_in(part)})
    if isinstance(value, list | set | frozenset | tuple | dict):
        raise NoSample
    return _of_shape(shape, 0)


def _valid(annotation: Any, value: Any) -> Any:
    try:
        return adapter(annotation).validate_python(value)
    except ValidationError:
        raise NoSample from None


def _of_shape(shape: Shape, depth: int) -> Any:
    for kind in shape.kinds:
        try:
            return _of_kind(kind, depth)
        except NoSample:
            continue
    if shape.is_optional:
        return None
    raise NoSample


def _of_kind(kind: Kind, depth: int) -> Any:
    base, bounds = kind.base, kind.bounds
    if depth > _DEEPEST:
        raise NoSample
    if base is None:
        return "x"
    if kind.choices:
        return kind.choices[0]
    if issubclass(base, BaseModel):
        return _model(base, depth, {})
    if base is str:
        return "x" * max(1, bounds.min_size)
    if issubclass(base, int | float | Decimal):
        values = domain_of(Shape((kind,), False, base), Demand()).values
        if not values:
            raise NoSample
        return values[0]
    if base in _FIXED:
        return _FIXED[base]
    if issubclass(base, Sequence | Set | Mapping):
        return _container(kind, depth)
    raise NoSample


def _container(kind: Kind, depth: int) -> Any:
    base, size = cast("type[Any]", kind.base), kind.bounds.min_size
    make = cast("Callable[[Any], Any]", base if base in (list, tuple, set, frozenset, dict) else list)
    if base is tuple and kind.arguments and kind.arguments[-1] is not Ellipsis:
        return tuple(_of_shape(shape_of(part), depth + 1) for part in kind.arguments)
    if not size:
        return make(())
    if issubclass(base, list | tuple) and kind.arguments:
        return make([_of_shape(shape_of(kind.arguments[0]), depth + 1)] * size)
    raise NoSample


def _model(base: type[BaseModel], depth: int, given: Mapping[str, Any]) -> Any:
    values = dict(given)
    for name, info in base.model_fields.items():
        if name not in values and info.is_required():
            values[name] = _of_shape(shape_of(info.annotation, info.metadata), depth + 1)
    try:
        return base.model_validate(values, by_alias=False, by_name=True)
    except ValidationError:
        raise NoSample from None
