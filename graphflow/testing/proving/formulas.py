"""Conditions as formulas that z3 reads: three values, true, false and raising, over one variable per field.

They allow at least what Python does: sums of floats are any function of what is added, and a part without a formula is
a free Boolean. So what no model shows cannot be; what one shows still has to be tried. Numbers of a state are finite,
as it survives JSON (S1.1), and so are taken to be their sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from importlib import import_module
from typing import Any, NamedTuple, cast

from pydantic import BaseModel

from graphflow.graph.shapes import Kind, Shape, fields_of
from graphflow.graph.terms import (
    And,
    Arithmetic,
    Attribute,
    Compare,
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
    negated,
    path_of,
)

_NUMBERS: Set[type[Any]] = {int, float, Decimal}
_NEAR = 12  # what a reader takes in at once: small numbers, short texts


class Value(NamedTuple):
    """A value as z3 sees it. ``of`` is its sort: int, float, bool, str, an Enum, or ``list`` for its size alone."""

    of: type[Any]
    at: Any
    is_none: Any
    raises: Any


class Truth(NamedTuple):
    """A condition: where it holds, and where it raises instead of answering."""

    holds: Any
    raises: Any


@dataclass(slots=True)
class Variable:
    """One field, or attribute of a nested model."""

    path: tuple[str, ...]
    shape: Shape
    kind: Kind
    value: Value
    members: list[tuple[Any, Any]] = field(default_factory=list[tuple[Any, Any]])  # of containers: constant, is in


class NoFormula(Exception):
    """A term that z3 is not told of."""


class Formulas:
    """The conditions of one node as formulas."""

    def __init__(self, shape_at: Callable[[str], Shape], *, has_exact_sums: bool) -> None:
        self.z3: Any = import_module("z3")
        self.shape_at = shape_at
        self.has_exact_sums = has_exact_sums
        self.variables: dict[tuple[str, ...], Variable] = {}
        self.rules: list[Any] = []  # what types and constraints allow
        self.nearby: list[Any] = []
        self.free: dict[Term, Any] = {}
        self.sums: dict[str, Any] = {}
        self.never, self.always = self.z3.BoolVal(False), self.z3.BoolVal(True)

    # -- conditions ------------------------------------------------------------------------------------------------

    def truth(self, term: Term) -> Truth:
        """A condition as a formula. Parts are asked in order, up to the first that decides, as Python does."""
        z3 = self.z3
        match term:
            case And(of=terms) | Or(of=terms):
                holds, raises = self.always, self.never
                for part in map(self.truth, terms):  # ``holds`` is where the parts so far let the next one be asked
                    raises = z3.Or(raises, z3.And(holds, part.raises))
                    holds = z3.And(holds, part.holds if isinstance(term, And) else z3.Not(part.holds))
                return Truth(holds if isinstance(term, And) else z3.Not(holds), raises)
            case Not(of=of):
                part = self.truth(of)
                return Truth(z3.Not(part.holds), part.raises)
            case _:
                try:
                    return self._atom(term)
                except NoFormula:
                    return Truth(self._free(term), self.never)

    def _free(self, atom: Term) -> Any:
        """A Boolean of its own, shared with the opposite."""
        if isinstance(atom, Compare) and atom.sign == "!=":
            return self.z3.Not(self._free(negated(atom)))
        return self.free.setdefault(atom, self.z3.Bool(f"free {len(self.free)}"))

    def _atom(self, term: Term) -> Truth:
        z3 = self.z3
        match term:
            case Constant(value=value):
                return Truth(z3.BoolVal(bool(value)), self.never)
            case Compare(left=left, right=right, sign=sign):
                if sign in ("==", "!=") and isinstance(right, Constant) and isinstance(left, Given):
                    left = left.of  # Python compares None for equality without complaint
                return self._comparison(sign, left, right)
            case OneOf(of=of, choices=choices):
                value = self.value(of)
                return Truth(z3.Or([self._equal(value, self._constant(one.value)) for one in choices]), value.raises)
            case Contains(container=container, value=Constant(value=member)):
                return self._containment(container, member)
            case _:
                value = self.value(term)
                if value.of is BaseModel and self._is_always_true(term):
                    return Truth(z3.Not(value.is_none), value.raises)
                return Truth(z3.And(z3.Not(value.is_none), self._truthy(value)), value.raises)

    def _comparison(self, sign: str, left: Term, right: Term) -> Truth:
        z3 = self.z3
        if isinstance(right, Constant) and right.value in ([], {}, set(), ()) and sign in ("==", "!="):
            value = self._container(left)
            holds = z3.And(z3.Not(value.is_none), value.at == 0)
            return Truth(holds if sign == "==" else z3.Not(holds), value.raises)
        one, other = self.value(left), self.value(right)
        raises = z3.Or(one.raises, other.raises)
        if sign in ("==", "!="):
            equal = self._equal(one, other)
            return Truth(equal if sign == "==" else z3.Not(equal), raises)
        if not ({one.of, other.of} <= _NUMBERS or one.of is other.of is str):
            raise NoFormula
        compared = {"<": one.at < other.at, "<=": one.at <= other.at, ">": other.at < one.at, ">=": other.at <= one.at}
        return Truth(z3.And(z3.Not(one.is_none), z3.Not(other.is_none), compared[sign]), raises)

    def _equal(self, one: Value, other: Value) -> Any:
        z3 = self.z3
        if one.of is type(None) or other.of is type(None):
            return z3.And(one.is_none, other.is_none)
        if not ({one.of, other.of} <= _NUMBERS or (one.of is other.of and one.of is not list)):
            raise NoFormula
        both = z3.And(z3.Not(one.is_none), z3.Not(other.is_none), one.at == other.at)
        return z3.Or(z3.And(one.is_none, other.is_none), both)

    def _truthy(self, value: Value) -> Any:
        if value.of is bool:
            return value.at
        if value.of is str:
            return self.z3.Length(value.at) > 0
        if value.of in (*_NUMBERS, list):
            return value.at != 0
        raise NoFormula

    def _is_always_true(self, term: Term) -> bool:
        """Whether a model has no truth of its own, so that it holds wherever it is there."""
        base = self._variable(path_of(term) or ()).kind.base
        return not (hasattr(base, "__bool__") or hasattr(base, "__len__"))

    def _containment(self, term: Term, member: Any) -> Truth:
        z3 = self.z3
        value = self.value(term)
        if value.of is str and isinstance(member, str):
            return Truth(z3.And(z3.Not(value.is_none), z3.Contains(value.at, z3.StringVal(member))), value.raises)
        variable = self.variables.get(path_of(term) or ())
        if value.of is not list or variable is None:
            raise NoFormula
        for known, is_in in variable.members:
            if type(known) is type(member) and known == member:
                return Truth(z3.And(z3.Not(value.is_none), is_in), value.raises)
        if any(known == member for known, _ in variable.members):
            raise NoFormula  # 1 and True: one is in where the other is
        is_in = z3.Bool(f"{'.'.join(variable.path)} has {member!r}")
        variable.members.append((member, is_in))
        self.rules.append(value.at >= z3.Sum([z3.If(one, 1, 0) for _, one in variable.members]))
        return Truth(z3.And(z3.Not(value.is_none), is_in), value.raises)

    # -- values ----------------------------------------------------------------------------------------------------

    def value(self, term: Term) -> Value:
        """A value as a formula. Raises NoFormula."""
        z3 = self.z3
        match term:
            case Constant(value=value):
                return self._constant(value)
            case Given(of=of):
                value = self.value(of)
                return value._replace(is_none=self.never, raises=z3.Or(value.raises, value.is_none))
            case Size(of=of):
                value = self.value(of)
                if value.of is str:
                    return value._replace(of=int, at=z3.Length(value.at))
                if value.of is list:
                    return value._replace(of=int)
                raise NoFormula
            case Arithmetic(sign=sign, left=left, right=right):
                one, other = self.value(left), self.value(right)
                sort, at = self._calculated(sign, one, other)
                return Value(sort, at, z3.Or(one.is_none, other.is_none), z3.Or(one.raises, other.raises))
            case Field() | Item() | Attribute():
                return self._read(term)
            case _:
                raise NoFormula

    def _calculated(self, sign: str, one: Value, other: Value) -> tuple[type[Any], Any]:
        if one.of is other.of is str and sign == "+":
            return str, self.z3.Concat(one.at, other.at)
        of = one.of if other.of is int else other.of
        if one.of not in (int, of) or of not in _NUMBERS:
            raise NoFormula  # Python adds no float to a Decimal
        if of is not int and not self.has_exact_sums:
            real = self.z3.RealSort()
            function = self.sums.setdefault(
                f"{of.__name__} {sign}", self.z3.Function(f"{of.__name__} {sign}", real, real, real)
            )
            return of, function(self._real(one), self._real(other))
        return of, {"+": one.at + other.at, "-": one.at - other.at, "*": one.at * other.at}[sign]

    def _real(self, value: Value) -> Any:
        return self.z3.ToReal(value.at) if value.of is int else value.at

    def _constant(self, value: Any) -> Value:
        z3 = self.z3
        match value:
            case None:
                return Value(type(None), self.never, self.always, self.never)
            case Enum():
                return Value(type(value), z3.IntVal(list(type(value)).index(value)), self.never, self.never)
            case bool():
                return Value(bool, z3.BoolVal(value), self.never, self.never)
            case int():
                return Value(int, z3.IntVal(value), self.never, self.never)
            case float() | Decimal() if math.isfinite(value):
                exact = Fraction(value)
                return Value(type(value), z3.Q(exact.numerator, exact.denominator), self.never, self.never)
            case str():
                return Value(str, z3.StringVal(value), self.never, self.never)
            case _:
                raise NoFormula

    def _container(self, term: Term) -> Value:
        value = self.value(term)
        if value.of is not list:
            raise NoFormula
        return value

    def _read(self, term: Term) -> Value:
        """A field. An attribute is None where the model around it is, and the demand of a Given inside is kept."""
        z3 = self.z3
        path = path_of(term)
        if path is None:
            raise NoFormula
        value = self._variable(path).value
        around, is_none, raises = term, value.is_none, self.never
        while isinstance(around, Attribute):
            around = around.of
            is_given = isinstance(around, Given)
            while isinstance(around, Given):
                around = around.of
            above = self._variable(path_of(around) or ()).value.is_none
            if is_given:
                raises = z3.Or(raises, above)
            else:
                is_none = z3.Or(is_none, above)
        return value._replace(is_none=is_none, raises=raises)

    def _variable(self, path: tuple[str, ...]) -> Variable:
        known = self.variables.get(path)
        if known is not None:
            return known
        shape = self._shape(path)
        if len(shape.kinds) != 1 or not shape.is_known:
            raise NoFormula
        made = self.variables[path] = Variable(path, shape, shape.kinds[0], self._made(".".join(path), shape))
        return made

    def _shape(self, path: tuple[str, ...]) -> Shape:
        if len(path) == 1:
            return self.shape_at(path[0])
        above = self._variable(path[:-1])
        found = fields_of(cast("type[Any]", above.kind.base)).get(path[-1])
        if found is None:
            raise NoFormula
        return found

    def _made(self, name: str, shape: Shape) -> Value:
        z3 = self.z3
        kind = shape.kinds[0]
        base, bounds = cast("type[Any]", kind.base), kind.bounds
        is_none = z3.Bool(f"{name} is None") if shape.is_optional else self.never
        if issubclass(base, BaseModel):
            return Value(BaseModel, self.never, is_none, self.never)
        of, at = self._sorted(name, base)
        if kind.choices is not None and of is not bool:
            self.rules.append(z3.Or([at == self._constant(choice).at for choice in kind.choices]))
        if of in _NUMBERS and not issubclass(base, Enum):
            limits = ((bounds.least, "<="), (bounds.above, "<"), (bounds.most, ">="), (bounds.below, ">"))
            for limit, sign in limits:
                if limit is not None:
                    bound = self._constant(limit).at
                    held = {"<=": bound <= at, "<": bound < at, ">=": bound >= at, ">": bound > at}
                    self.rules.append(held[sign])
            self.nearby += [at <= _NEAR, at >= -_NEAR]
        if bounds.multiple_of is not None:
            if of is not int or not isinstance(bounds.multiple_of, int):
                raise NoFormula
            self.rules.append(at % bounds.multiple_of == 0)
        if of in (str, list):
            size = z3.Length(at) if of is str else at
            self.rules.append(size >= bounds.min_size)
            self.nearby.append(size <= _NEAR)
            if bounds.max_size is not None:
                self.rules.append(size <= bounds.max_size)
        return Value(of, at, is_none, self.never)

    def _sorted(self, name: str, base: type[Any]) -> tuple[type[Any], Any]:
        z3 = self.z3
        if issubclass(base, Enum):
            return base, z3.Int(name)
        if base is bool:
            return bool, z3.Bool(name)
        if base is int:
            return int, z3.Int(name)
        if base in (float, Decimal):
            return base, z3.Real(name)
        if base is str:
            return str, z3.String(name)
        if base in (list, set, frozenset, dict):
            return list, z3.Int(f"size of {name}")
        raise NoFormula
