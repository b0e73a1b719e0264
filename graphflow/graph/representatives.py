"""One value per region between the constants that a field is compared with.

Between two neighbouring constants every atom on a field answers the same, so a handful of values stands for all
(S4.4). Types and constraints decide which regions are empty: there is no integer between 3 and 4. States survive
JSON (S1.1), so floats are finite. ``Domain.is_exact`` says that no region was missed; where it is False the
values are only good for finding witnesses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count, islice, pairwise, product
from typing import Any, cast

from pydantic import BaseModel

from graphflow.graph.demands import Demand
from graphflow.graph.shapes import Bounds, Kind, Shape, annotation_text, fields_of, shape_of

_LONGEST = 100_000
_MOST_MEMBERS = 5
_MOST_VALUES = 5_000


class Some:
    """Stands for a value of a type that is not worth making up, or cannot be: equal to itself alone."""

    __slots__ = ("name",)

    def __init__(self, annotation: Any) -> None:
        self.name = annotation_text(annotation)

    def __repr__(self) -> str:
        return f"<{self.name}>"


@dataclass(frozen=True, slots=True)
class Domain:
    """Values to try, the most readable first. ``is_exact``: every region has one."""

    values: tuple[Any, ...]
    is_exact: bool


def domain_of(shape: Shape, demand: Demand) -> Domain:
    """Representatives of the values a shape allows, for what is asked of them."""
    values: list[Any] = [None] if shape.is_optional and shape.is_known else []
    is_exact = True
    for kind in shape.kinds:
        found = _of_kind(kind, demand)
        values.extend(found.values)
        is_exact = is_exact and found.is_exact
    return Domain(tuple(sorted(_distinct(values), key=_effort)), is_exact)


def _of_kind(kind: Kind, demand: Demand) -> Domain:
    base = kind.base
    if base is None:
        return Domain(tuple(demand.constants) or (0, "x"), False)
    if kind.choices is not None:
        return Domain(kind.choices, not demand.below)
    if demand.below or issubclass(base, BaseModel):
        return _models(kind, demand)
    if any(abs(size) > _LONGEST for size in demand.sizes):
        return Domain((Some(base),), False)
    if issubclass(base, int):
        return _integers(kind.bounds, demand)
    if issubclass(base, float | Decimal):
        return _reals(kind, demand)
    if issubclass(base, str):
        return _texts(kind.bounds, demand)
    if issubclass(base, list | tuple | Set | Mapping | Sequence) and base is not bytes:
        return _containers(kind, demand)
    if issubclass(base, date):
        return _dates(base, demand)
    return Domain((*_of_type(demand.constants, base), Some(base)), demand.is_about_equality_only)


def _of_type(values: Iterable[Any], base: type[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, base)]


def _integers(bounds: Bounds, demand: Demand) -> Domain:
    numbers = [value for value in demand.constants if isinstance(value, int | float | Decimal) and math.isfinite(value)]
    edges = [edge for edge in (bounds.least, bounds.most, bounds.above, bounds.below) if edge is not None]
    found: set[int] = set()
    for number in (0, *numbers, *(edge for edge in edges if math.isfinite(edge))):
        low = math.floor(number)
        step = bounds.multiple_of
        if step is None:
            found.update((low - 1, low, low + 1))
        elif isinstance(step, int) and step > 0:
            found.update(low // step * step + n * step for n in (-1, 0, 1))
    is_exact = bounds.multiple_of is None or (isinstance(bounds.multiple_of, int) and bounds.multiple_of > 0)
    return Domain(tuple(value for value in found if bounds.allow(value)), is_exact and not demand.sizes)


def _reals(kind: Kind, demand: Demand) -> Domain:
    bounds, base = kind.bounds, cast("type[Any]", kind.base)
    make: Callable[[Any], Any] = float if issubclass(base, float) else Decimal
    given = [value for value in demand.constants if isinstance(value, int | float | Decimal) and math.isfinite(value)]
    given += [edge for edge in (bounds.least, bounds.most, bounds.above, bounds.below) if edge is not None]
    points = sorted({make(value) for value in given if math.isfinite(value)} | {make(0)})
    is_exact = all(make(value) == value for value in given) and bounds.multiple_of is None and not demand.sizes
    between = [_between(one, other) for one, other in pairwise(points)]
    values = [*points, *between, points[0] - 1, points[-1] + 1]
    if points[0] - 1 == points[0] or points[-1] + 1 == points[-1]:
        is_exact = False  # so large that one makes no difference
    return Domain(tuple(value for value in values if bounds.allow(value)), is_exact)


def _between(one: Any, other: Any) -> Any:
    """A readable number strictly between two, if there is one."""
    middle = one + (other - one) / 2
    for digits in range(16):
        rounded = round(middle, digits)
        if one < rounded < other:
            return rounded
    return middle


def _texts(bounds: Bounds, demand: Demand) -> Domain:
    known: set[str] = {value for value in demand.constants if isinstance(value, str)}
    members: list[str] = [value for value in demand.members if isinstance(value, str)]
    if demand.asks_truth:
        known.add("")
    has_bounds = bounds.min_size > 0 or bounds.max_size is not None
    if demand.is_ordered:
        values = _ordered_texts(known)
        is_exact = not (demand.sizes or members or has_bounds)
    elif members:
        values = _texts_with(members[:_MOST_MEMBERS], known)
        is_exact = not (demand.sizes or has_bounds) and len(members) <= _MOST_MEMBERS
    else:
        values, is_exact = [], True
    lengths = _sizes(bounds, demand.sizes, (0, 1))
    values += [*known, *(text for length in lengths if (text := _other_text(length, known)) is not None)]
    return Domain(tuple(value for value in values if bounds.allow(value)), is_exact)


def _ordered_texts(known: Iterable[str]) -> list[str]:
    """A text in every gap of the order of texts: the least one after ``k`` is ``k`` and a zero character."""
    ordered = sorted(known)
    values = ["", *ordered]
    for number, text in enumerate(ordered):
        above = ordered[number + 1] if number + 1 < len(ordered) else None
        values.append(next((text + end for end in ("a", " ") if above is None or text + end < above), text + "\0"))
    return values


def _texts_with(members: Sequence[str], known: Set[str]) -> list[str]:
    """A text for every set of texts it may contain, also one that is none of ``known``."""
    apart = next(sign for sign in _letters(" ,;|/") if not any(sign in member for member in members))
    values: list[str] = []
    for chosen in _subsets(members):
        text = apart.join(chosen)
        values.append(text)
        while text in known:
            text += apart
        values.append(text)
    return values


def _other_text(length: int, known: Set[str]) -> str | None:
    """A text of that length that is none of ``known``."""
    if length == 0:
        return "" if "" not in known else None
    return next(text for letter in _letters("x") if (text := letter * length) not in known)


def _letters(first: str) -> Iterator[str]:
    yield from first
    yield from (chr(ord("a") + number) for number in range(26))
    yield from (chr(0xC0 + number) for number in count())


def _sizes(bounds: Bounds, asked: Iterable[Any], others: Iterable[int]) -> list[int]:
    """Every size that makes a difference, within the bounds."""
    found = {*others, bounds.min_size}
    if bounds.max_size is not None:
        found.add(bounds.max_size)
    for size in asked:
        if math.isfinite(size):
            found.update((math.floor(size) - 1, math.floor(size), math.floor(size) + 1))
    most = _LONGEST + 1 if bounds.max_size is None else bounds.max_size
    return sorted(size for size in found if bounds.min_size <= size <= most)


def _containers(kind: Kind, demand: Demand) -> Domain:
    base = cast("type[Any]", kind.base)
    if base is tuple and not (len(kind.arguments) == 2 and kind.arguments[1] is Ellipsis):
        return Domain((*_of_type(demand.constants, base), Some(base)), demand.is_about_equality_only)
    element = shape_of(kind.arguments[0]) if kind.arguments else shape_of(Any)
    constants = _of_type(demand.constants, base)
    members = [value for value in _distinct(demand.members) if element.may_equal(value)]
    held = [part for value in constants for part in value]
    fillers = _fillers(element, [*members, *held])
    is_exact = not demand.is_ordered and len(members) <= _MOST_MEMBERS
    if any(len(value) > 0 for value in constants):
        is_exact = is_exact and not (members or demand.sizes) and not element.choices
    values: list[Any] = list(constants)
    are_unique = issubclass(base, Set | Mapping)
    for chosen in _subsets(members[:_MOST_MEMBERS]):
        for size in _sizes(kind.bounds, demand.sizes, (0, 1, len(chosen), len(chosen) + 1)):
            parts = _filled(chosen, size, fillers, are_unique)
            if parts is not None:
                values.append(_contained(base, kind.arguments, parts))
    return Domain(tuple(values), is_exact)


def _filled(
    chosen: Sequence[Any], size: int, fillers: Callable[[], Iterator[Any]], are_unique: bool
) -> list[Any] | None:
    """``size`` elements: those chosen, and others; None where there are not enough others."""
    missing = size - len(chosen)
    if missing < 0:
        return None
    if are_unique:
        found = list(islice(fillers(), missing))
        return [*chosen, *found] if len(found) == missing else None
    filler = next(fillers(), chosen[0] if chosen else _NOTHING)
    return None if missing and filler is _NOTHING else [*chosen, *[filler] * missing]


_NOTHING = object()


def _contained(base: type[Any], arguments: tuple[Any, ...], parts: list[Any]) -> Any:
    if issubclass(base, Mapping):
        value = example(shape_of(arguments[1])) if len(arguments) > 1 else None
        return dict.fromkeys(parts, value)
    if issubclass(base, Set):
        return frozenset(parts) if base is frozenset else set(parts)
    return tuple(parts) if base is tuple else parts


def _fillers(element: Shape, taken: list[Any]) -> Callable[[], Iterator[Any]]:
    """Endless different elements that are none of ``taken``; a few if the type has no more."""

    def fill() -> Iterator[Any]:
        for value in _elements(element):
            if not any(type(value) is type(other) and value == other for other in taken):
                yield value

    return fill


def _elements(element: Shape) -> Iterator[Any]:
    kind = element.kinds[0] if element.kinds else Kind(None)
    bounds = kind.bounds
    if element.choices:
        yield from element.choices
    elif kind.base is str:
        size = max(1, bounds.min_size)
        yield from (letter * size for letter in _letters("xyz"))
    elif kind.base is int:
        start = 0 if bounds.least is None else math.ceil(bounds.least)
        yield from (value for value in range(start, start + 1_000) if bounds.allow(value))
    elif kind.base is float:
        yield from (float(value) for value in range(1_000) if bounds.allow(float(value)))
    else:
        yield from (Some(element.annotation) for _ in range(_LONGEST + 2))


def _dates(base: type[Any], demand: Demand) -> Domain:
    unit = timedelta(microseconds=1) if issubclass(base, datetime) else timedelta(days=1)
    known = _of_type(demand.constants, base)
    values: list[Any] = list(known) or [Some(base)]
    for value in known:
        for step in (-unit, unit):
            try:
                values.append(value + step)
            except OverflowError:
                continue
    return Domain(tuple(values), not (demand.asks_truth or demand.sizes or demand.members))


def _models(kind: Kind, demand: Demand) -> Domain:
    """Nested models: every combination of what is asked of their fields."""
    base = cast("type[Any]", kind.base)
    known = fields_of(base)
    domains = {name: domain_of(known[name], below) for name, below in demand.below.items() if name in known}
    has_own_truth = hasattr(base, "__bool__") or hasattr(base, "__len__")
    is_exact = len(domains) == len(demand.below) and not demand.constants and not (demand.asks_truth and has_own_truth)
    is_exact = is_exact and not (demand.sizes or demand.members)
    combinations = math.prod(len(domain.values) for domain in domains.values())
    chosen = islice(product(*(domain.values for domain in domains.values())), _MOST_VALUES)
    values = [model_of(base, dict(zip(domains, row, strict=True))) for row in chosen]
    return Domain(
        tuple(values),
        is_exact and combinations <= _MOST_VALUES and all(domain.is_exact for domain in domains.values()),
    )


def model_of(base: type[Any], given: dict[str, Any]) -> Any:
    """An instance with these values; the fields that nobody asks about have their defaults, or an example."""
    if not issubclass(base, BaseModel):
        made = object.__new__(base)
        for name, shape in fields_of(base).items():
            object.__setattr__(made, name, given[name] if name in given else example(shape))
        return made
    values: dict[str, Any] = {}
    for name, info in base.model_fields.items():
        if name in given:
            values[name] = given[name]
        elif info.is_required():
            values[name] = example(fields_of(base)[name])
        else:
            values[name] = info.get_default(call_default_factory=True, validated_data=values)
    made = cast("Any", base).model_construct()
    object.__setattr__(made, "__dict__", values)
    return made


def example(shape: Shape) -> Any:
    """Some simple value that a shape allows; a stand-in where none is known."""
    values = domain_of(shape, Demand()).values
    return values[0] if values else Some(shape.annotation)


def holds_stand_in(value: object) -> bool:
    """Whether a value is, or holds, a stand-in, and so is not quite a value of its type."""
    if isinstance(value, Some):
        return True
    if isinstance(value, dict):
        pairs = cast("dict[object, object]", value)
        return any(holds_stand_in(key) or holds_stand_in(part) for key, part in pairs.items())
    if isinstance(value, list | tuple | set | frozenset):
        return any(holds_stand_in(part) for part in cast("Iterable[object]", value))
    return isinstance(value, BaseModel) and any(holds_stand_in(part) for part in value.__dict__.values())


def _subsets(members: Sequence[Any]) -> Iterator[list[Any]]:
    for choice in product((False, True), repeat=len(members)):
        yield [member for member, is_in in zip(members, choice, strict=True) if is_in]


def _distinct(values: Iterable[object]) -> list[Any]:
    """Each value once; 1 and True are two."""
    found: list[Any] = []
    seen: set[tuple[type[object], object]] = set()
    for value in values:
        try:
            key = (type(value), value)
            if key in seen:
                continue
            seen.add(key)
        except TypeError:  # lists and models have no hash; a double costs little
            pass
        found.append(value)
    return found


def _effort(value: Any) -> float:
    """How much a reader has to take in: 0 before 1 before -1 before 0.5, short before long."""
    match value:
        case bool() | None:
            return 0.0 if not value else 0.1
        case int() | float() | Decimal():
            return abs(float(value)) + (0.2 if value < 0 else 0) + (0 if value == int(value) else 0.3)
        case str() | bytes():
            return len(value) * 0.01
        case list() | tuple() | set() | frozenset() | dict():
            return len(cast("list[Any]", value)) * 0.1
        case _:
            return 0.5
