"""What values an annotation allows: for errors at the line where a condition is written, and for the prover.

A shape is a union of ``Kind``s and, perhaps, None. Whatever is not understood allows anything: it is better to miss
a mistake than to refuse what is right.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import BaseModel
from pydantic.fields import FieldInfo

NUMBERS: tuple[type, ...] = (int, float, Decimal)
CONTAINERS: tuple[type, ...] = (list, tuple, set, frozenset, dict)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The constraints of a field that decide which regions are empty."""

    least: Any = None
    most: Any = None
    above: Any = None
    below: Any = None
    multiple_of: Any = None
    min_size: int = 0
    max_size: int | None = None

    def allow(self, value: Any) -> bool:
        """Whether a number, or the size of anything else, is within them."""
        if isinstance(value, NUMBERS):
            return (
                (self.least is None or value >= self.least)
                and (self.most is None or value <= self.most)
                and (self.above is None or value > self.above)
                and (self.below is None or value < self.below)
                and (self.multiple_of is None or not isinstance(value, int) or value % self.multiple_of == 0)
            )
        if isinstance(value, (str, bytes, *CONTAINERS)):
            size = len(cast("Sized", value))
            return size >= self.min_size and (self.max_size is None or size <= self.max_size)
        return True


@dataclass(frozen=True, slots=True)
class Kind:
    """One alternative of a shape. ``base`` is its class, None if it is not known; ``choices`` all values if few."""

    base: type[Any] | None
    arguments: tuple[Any, ...] = ()
    choices: tuple[Any, ...] | None = None
    bounds: Bounds = Bounds()

    @property
    def is_number(self) -> bool:
        return self.base is not None and issubclass(self.base, NUMBERS) and self.choices is None

    @property
    def is_sized(self) -> bool:
        return self.base is not None and hasattr(self.base, "__len__") and not issubclass(self.base, Enum)

    def may_equal(self, value: Any) -> bool:
        """Whether some value of this kind equals ``value``."""
        if self.choices is not None:
            return any(choice == value for choice in self.choices)
        if self.base is None:
            return True
        if self.is_number:
            return isinstance(value, int | float | Decimal) and (not issubclass(self.base, int) or value % 1 == 0)
        return isinstance(value, self.base)

    def may_order(self, value: Any) -> bool:
        """Whether ``<`` between a value of this kind and ``value`` is defined."""
        if self.base is None:
            return True
        if self.choices is not None:
            return any(_are_ordered(choice, value) for choice in self.choices)
        if self.is_number:
            return isinstance(value, NUMBERS)
        return isinstance(value, self.base) or (isinstance(value, Enum) and isinstance(value.value, self.base))


@dataclass(frozen=True, slots=True)
class Shape:
    """What values an annotation allows. ``is_optional``: None is one of them."""

    kinds: tuple[Kind, ...]
    is_optional: bool
    annotation: Any

    @property
    def is_known(self) -> bool:
        return all(kind.base is not None for kind in self.kinds)

    @property
    def may_be_none(self) -> bool:
        return self.is_optional or not self.is_known

    @property
    def is_bool(self) -> bool:
        return bool(self.kinds) and all(kind.base in (bool, None) for kind in self.kinds)

    @property
    def element(self) -> Any:
        """The annotation of what a container holds, of a dict's keys; Any where that is not one thing."""
        found = {_element(kind) for kind in self.kinds}
        return found.pop() if len(found) == 1 else Any

    def may_equal(self, value: Any) -> bool:
        return self.may_be_none if value is None else any(kind.may_equal(value) for kind in self.kinds)

    def may_order(self, value: Any) -> bool:
        return any(kind.may_order(value) for kind in self.kinds)

    @property
    def choices(self) -> tuple[Any, ...]:
        """All values, where the shape is nothing but a Literal, an Enum or a bool."""
        if any(kind.choices is None for kind in self.kinds):
            return ()
        return tuple(choice for kind in self.kinds for choice in kind.choices or ())

    def __str__(self) -> str:
        return annotation_text(self.annotation)


ANYTHING = Shape((Kind(None),), is_optional=True, annotation=Any)
COUNT = Shape((Kind(int, bounds=Bounds(least=0)),), is_optional=False, annotation=int)
TRUTH = Shape((Kind(bool, choices=(False, True)),), is_optional=False, annotation=bool)


def shape_of(annotation: Any, metadata: Iterable[Any] = ()) -> Shape:
    """What an annotation, with the constraints beside it, allows.

    >>> shape_of(int | None).is_optional
    True
    >>> shape_of(Literal["refund", "question"]).choices
    ('refund', 'question')
    """
    kinds, is_optional = _kinds(annotation, tuple(metadata))
    return Shape(tuple(kinds), is_optional, annotation)


def fields_of(model: type[Any]) -> Mapping[str, Shape]:
    """Name -> shape for a model or dataclass; empty for a class without fields."""
    if issubclass(model, BaseModel):
        return _fields_of_model(model) if model.__pydantic_complete__ else _fields_of_model.__wrapped__(model)
    if dataclasses.is_dataclass(model):
        hints = get_type_hints(model, include_extras=True)
        return {field.name: shape_of(hints[field.name]) for field in dataclasses.fields(model)}
    return {}


@lru_cache(maxsize=1024)
def _fields_of_model(model: type[BaseModel]) -> Mapping[str, Shape]:
    return {name: shape_of(info.annotation, info.metadata) for name, info in model.model_fields.items()}


def fields_in(shape: Shape) -> Mapping[str, Shape]:
    """The fields that every alternative of a shape has."""
    found: dict[str, Shape] | None = None
    for kind in shape.kinds:
        here: Mapping[str, Shape] = fields_of(kind.base) if kind.base is not None else {}
        if found is None:
            found = dict(here)
        else:
            found = {name: _either(found[name], here[name]) for name in found if name in here}
    return found or {}


def are_comparable(one: Shape, other: Shape) -> bool:
    """Whether some value of each could be equal, judged by their classes."""
    return any(
        a.base is None
        or b.base is None
        or (issubclass(a.base, NUMBERS) and issubclass(b.base, NUMBERS))
        or issubclass(a.base, b.base)
        or issubclass(b.base, a.base)
        for a in one.kinds
        for b in other.kinds
    )


def annotation_text(annotation: Any) -> str:
    """An annotation as a message shows it: ``int``, ``list[str]``, ``Literal['refund', 'question']``."""
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    if get_origin(annotation) is Annotated:
        return annotation_text(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return " | ".join(annotation_text(part) for part in get_args(annotation))
    return str(annotation).replace("typing.", "")


def _either(one: Shape, other: Shape) -> Shape:
    if one == other:
        return one
    return Shape((*one.kinds, *other.kinds), one.is_optional or other.is_optional, one.annotation | other.annotation)


def _kinds(annotation: Any, metadata: tuple[Any, ...]) -> tuple[list[Kind], bool]:
    """The alternatives of an annotation, and whether None is one."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kinds(arguments[0], (*arguments[1:], *metadata))
    if origin in (Union, types.UnionType):
        found = [_kinds(argument, metadata) for argument in arguments]
        return [kind for kinds, _ in found for kind in kinds], any(optional for _, optional in found)
    if annotation is None or annotation is type(None):
        return [], True
    if origin is Literal:
        values = tuple(value for value in arguments if value is not None)
        bases: list[type[Any]] = list(dict.fromkeys(map(type, values)))
        kinds = [Kind(base, choices=tuple(value for value in values if type(value) is base)) for base in bases]
        return kinds, None in arguments
    inner = getattr(annotation, "__value__", None) or getattr(annotation, "__supertype__", None)
    if inner is not None and not isinstance(annotation, type):
        return _kinds(inner, metadata)
    base = origin or annotation
    if not isinstance(base, type) or base in (object, Any) or isinstance(annotation, typing.TypeVar):
        return [Kind(None)], True
    return [_kind(base, arguments, metadata)], False


def _kind(base: type[Any], arguments: tuple[Any, ...], metadata: tuple[Any, ...]) -> Kind:
    if base is bool:
        return Kind(bool, choices=(False, True))
    if issubclass(base, Enum):
        return Kind(base, choices=tuple(base))
    return Kind(base, arguments, bounds=_bounds(metadata))


def _element(kind: Kind) -> Any:
    if kind.base is None or not kind.arguments:
        return str if kind.base is str else Any
    if kind.base is tuple and not (len(kind.arguments) == 2 and kind.arguments[1] is Ellipsis):
        return Any
    return kind.arguments[0]


def _bounds(metadata: Iterable[Any]) -> Bounds:
    found: dict[str, Any] = {}
    for mark in _flattened(metadata):
        match mark:
            case Ge(ge=value):
                found["least"] = value
            case Le(le=value):
                found["most"] = value
            case Gt(gt=value):
                found["above"] = value
            case Lt(lt=value):
                found["below"] = value
            case MultipleOf(multiple_of=value):
                found["multiple_of"] = value
            case MinLen(min_length=value):
                found["min_size"] = value
            case MaxLen(max_length=value):
                found["max_size"] = value
            case _:
                pass  # a pattern, a validator, a reducer: they do not bound a region
    return Bounds(**found)


def _flattened(metadata: Iterable[Any]) -> Iterable[Any]:
    for mark in metadata:
        if isinstance(mark, FieldInfo):
            yield from _flattened(mark.metadata)
        elif isinstance(mark, GroupedMetadata):
            yield from _flattened(cast("Iterable[Any]", mark))
        else:
            yield mark


def _are_ordered(one: Any, other: Any) -> bool:
    try:
        return (one < other) in (True, False)
    except TypeError:
        return False
