"""Trees compiled once to closures (S5.2): at run time nothing walks a tree.

The common shapes, a field against a constant, a field alone, and or or of two, have closures of their own, because
a guard is asked at every step of every run and of every property test.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from graphflow.graph.terms import (
    And,
    Arithmetic,
    Attribute,
    Compare,
    ComparisonSign,
    Constant,
    Contains,
    Field,
    Given,
    Item,
    Not,
    OneOf,
    Or,
    Size,
    Term,
)

Values = Mapping[str, Any]
Items = tuple[Any, ...]
Reading = Callable[[Values, Items], Any]
Test = Callable[[Values, Items], bool]

_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def compiled(condition: Term) -> Test:
    """``test(values, items)`` of a condition; a value holds where Python calls it true.

    >>> compiled(Compare(">=", Field("score"), Constant(7)))({"score": 8}, ())
    True
    """
    match condition:
        case And(of=terms):
            return _every([compiled(term) for term in terms])
        case Or(of=terms):
            return _some([compiled(term) for term in terms])
        case Not(of=term):
            test = compiled(term)
            return lambda values, items: not test(values, items)
        case Compare(left=Field(name=name), right=Constant(value=value), sign=sign):
            return _field_against_constant(sign, name, value)
        case Compare(left=Given(of=Field(name=name)), right=Constant(value=value), sign=sign):
            compare = _SIGNS[sign]
            return lambda values, items: compare(values[name], value)
        case Compare(left=left, right=Constant(value=None), sign="==" | "!=" as sign):
            read, is_wanted = reading(left), sign == "=="
            return lambda values, items: (read(values, items) is None) is is_wanted
        case Compare(left=left, right=right, sign=sign):
            return _comparison(sign, left, right)
        case Contains():
            return _containment(condition)
        case OneOf(of=term, choices=choices):
            read, values_of = reading(term), tuple(choice.value for choice in choices)
            return lambda values, items: read(values, items) in values_of
        case Field(name=name):
            return lambda values, items: bool(values[name])
        case _:
            read = reading(condition)
            return lambda values, items: bool(read(values, items))


def reading(term: Term) -> Reading:
    """``read(values, items)`` of any term."""
    match term:
        case Field(name=name):
            return lambda values, items: values[name]
        case Constant(value=value):
            return lambda values, items: value
        case Item():
            return lambda values, items: items[-1]
        case Attribute(of=of, name=name):
            return _attribute(reading(of), name)
        case Size(of=of):
            return _size(reading(of))
        case Given(of=of):
            return _given(reading(of), of)
        case Arithmetic(sign=sign, left=left, right=right):
            return _arithmetic(_SIGNS[sign], reading(left), reading(right))
        case _:
            return compiled(term)


def _every(tests: list[Test]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda values, items: first(values, items) and second(values, items)

    def every(values: Values, items: Items) -> bool:
        for test in tests:  # noqa: SIM110  (a generator would cost a frame)
            if not test(values, items):
                return False
        return True

    return every


def _some(tests: list[Test]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda values, items: first(values, items) or second(values, items)

    def some(values: Values, items: Items) -> bool:
        for test in tests:  # noqa: SIM110
            if test(values, items):
                return True
        return False

    return some


def _field_against_constant(sign: ComparisonSign, name: str, constant: Any) -> Test:
    """The shape nearly all guards have. Ordering asks for None first (S5.3)."""
    if constant is None and sign in ("==", "!="):
        if sign == "==":
            return lambda values, items: values[name] is None
        return lambda values, items: values[name] is not None
    match sign:
        case "==":
            return lambda values, items: values[name] == constant
        case "!=":
            return lambda values, items: values[name] != constant
        case "<":
            return lambda values, items: (value := values[name]) is not None and value < constant
        case "<=":
            return lambda values, items: (value := values[name]) is not None and value <= constant
        case ">":
            return lambda values, items: (value := values[name]) is not None and value > constant
        case ">=":
            return lambda values, items: (value := values[name]) is not None and value >= constant


def _comparison(sign: ComparisonSign, left: Term, right: Term) -> Test:
    read_left, read_right, compare = reading(left), reading(right), _SIGNS[sign]
    if sign in ("==", "!="):
        return lambda values, items: compare(read_left(values, items), read_right(values, items))

    def ordered(values: Values, items: Items) -> bool:
        one, other = read_left(values, items), read_right(values, items)
        return one is not None and other is not None and compare(one, other)

    return ordered


def _containment(term: Contains) -> Test:
    read_container, read_value = reading(term.container), reading(term.value)
    may_ask_for_none = isinstance(term.value, Constant)

    def contains(values: Values, items: Items) -> bool:
        container, value = read_container(values, items), read_value(values, items)
        return container is not None and (value is not None or may_ask_for_none) and value in container

    return contains


def _attribute(read: Reading, name: str) -> Reading:
    def attribute(values: Values, items: Items) -> Any:
        value = read(values, items)
        return None if value is None else getattr(value, name)

    return attribute


def _size(read: Reading) -> Reading:
    def size(values: Values, items: Items) -> Any:
        value = read(values, items)
        return None if value is None else len(value)

    return size


def _given(read: Reading, term: Term) -> Reading:
    def given(values: Values, items: Items) -> Any:
        value = read(values, items)
        if value is None:
            raise TypeError(f"{term} is None, and Python cannot use None here")
        return value

    return given


def _arithmetic(calculate: Callable[[Any, Any], Any], read_left: Reading, read_right: Reading) -> Reading:
    def arithmetic(values: Values, items: Items) -> Any:
        one, other = read_left(values, items), read_right(values, items)
        return None if one is None or other is None else calculate(one, other)

    return arithmetic
