"""Reading a predicate's syntax tree as a guard's tree; used by ``lifting``, which says what sound means.

Every method gives a term that is exactly the same as the Python it was read from, or raises ``NotLiftable``. The
types of the state's fields are relied on: values in a state have been validated.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from types import CellType, FunctionType
from typing import Any, NoReturn, cast
from uuid import UUID

from graphflow.graph.constants import constant_text, parsed_constant
from graphflow.graph.labels import ITEM_NAME
from graphflow.graph.secrecy import is_secret_shape
from graphflow.graph.shapes import ANYTHING, COUNT, Kind, Shape, fields_in, fields_of, shape_of
from graphflow.graph.sources import Definition
from graphflow.graph.terms import (
    MIRRORED,
    Arithmetic,
    ArithmeticSign,
    Attribute,
    Compare,
    ComparisonSign,
    Constant,
    Contains,
    Field,
    Given,
    Item,
    OneOf,
    Size,
    Term,
    all_of,
    any_of,
    negated,
    walk,
)

_SCALARS = (str, int, float, bool, bytes, type(None), Decimal, date, time, timedelta, UUID, Enum)
_MOST_NODES = 300
_SIGNS: dict[type[ast.cmpop], ComparisonSign] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_TRUE, _FALSE = Constant(True), Constant(False)


class NotLiftable(Exception):
    """No tree is known to be exactly the same."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A name from around the predicate: what it was at the declaration, and how to look again."""

    name: str
    value: object
    look: Callable[[], object]

    def check(self) -> None:
        """Raise if it means something else by now: then neither the tree nor the predicate can be trusted."""
        now = self.look()
        if now is not self.value and (type(now) is not type(self.value) or now != self.value):
            raise ValueError(
                f"{self.name} was {constant_text(self.value)} when the condition was declared and is "
                f"{constant_text(now)} now; bind it: lambda state, {self.name}={self.name}: ..."
            )


@dataclass(slots=True)
class Lifter:
    """Reads one predicate. ``captured`` collects the names whose values it took."""

    function: FunctionType
    definition: Definition
    state_type: type[Any]
    captured: dict[str, Captured] = field(default_factory=dict[str, Captured])
    state_name: str = field(init=False)
    item_name: str | None = field(init=False)
    defaults: dict[str, object] = field(init=False)
    statements_left: int = 200

    def __post_init__(self) -> None:
        names = list(self.function.__code__.co_varnames[: self.function.__code__.co_argcount])
        defaults = self.function.__defaults__ or ()
        given = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
        keywords: dict[str, object] = getattr(self.function, "__kwdefaults__", None) or {}
        self.defaults = given | keywords
        self.state_name = names[0] if names else ""
        takes_item = len(names) > 1 and (names[1] not in self.defaults or names[1] == "item")
        self.item_name = names[1] if takes_item else None

    def whole(self) -> Term:
        """The predicate's answer as a condition."""
        body = self.definition.body
        term = self.block(body) if isinstance(body, list) else self.condition(body)
        if sum(1 for _ in walk(term)) > _MOST_NODES:
            raise NotLiftable
        return term

    def block(self, statements: list[ast.stmt]) -> Term:
        """What a function's statements return: ``if`` and ``return`` only."""
        self.statements_left -= 1
        if self.statements_left < 0:
            raise NotLiftable  # what follows an if is read once per way through it
        match statements:
            case []:
                return _FALSE  # falls off the end: None
            case [ast.Expr(value=ast.Constant()) | ast.Pass(), *rest]:
                return self.block(rest)
            case [ast.Return(value=None), *_]:
                return _FALSE
            case [ast.Return(value=ast.expr() as value), *_]:
                return self.condition(value)
            case [ast.If(test=test, body=body, orelse=otherwise), *rest]:
                return _choice(self.condition(test), self.block([*body, *rest]), self.block([*otherwise, *rest]))
            case _:
                raise NotLiftable

    def condition(self, node: ast.expr) -> Term:
        """An expression, as far as it is true or false."""
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return all_of(*map(self.condition, values))
            case ast.BoolOp(values=values):
                return any_of(*map(self.condition, values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return negated(self.condition(operand))
            case ast.Compare():
                return self.comparisons(node)
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                return _choice(self.condition(test), self.condition(body), self.condition(otherwise))
            case ast.Call(func=ast.Name(id="bool"), args=[argument], keywords=[]) if self.is_builtin("bool"):
                return self.condition(argument)
            case _:
                term, _ = self.value(node)
                return Constant(bool(term.value)) if isinstance(term, Constant) else term

    def comparisons(self, node: ast.Compare) -> Term:
        sides = [node.left, *node.comparators]
        found = [self.comparison(sides[n], sign, sides[n + 1]) for n, sign in enumerate(node.ops)]
        return found[0] if len(found) == 1 else all_of(*found)

    def comparison(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Term:
        match sign:
            case ast.NotIn():
                return negated(self.membership(left, right))
            case ast.In():
                return self.membership(left, right)
            case ast.Is():
                return self.identity(left, right)
            case ast.IsNot():
                return negated(self.identity(left, right))
            case _:
                return self.ordinary(left, _SIGNS[type(sign)], right)

    def ordinary(self, left: ast.expr, sign: ComparisonSign, right: ast.expr) -> Term:
        (one, one_shape), (other, other_shape) = self.value(left), self.value(right)
        if isinstance(one, Constant):
            if isinstance(other, Constant):
                raise NotLiftable
            one, one_shape, other, other_shape, sign = other, other_shape, one, one_shape, MIRRORED[sign]
        if is_secret_shape(one_shape) and not (isinstance(other, Constant) and other.value is None):
            raise NotLiftable  # two secrets cannot be told apart in a label
        if sign in ("==", "!="):
            if not isinstance(other, Constant) and not (_is_plain(one, one_shape) and _is_plain(other, other_shape)):
                raise NotLiftable  # a view shows copies, which objects without == of their own tell apart
            return Compare(sign, one, other)
        return Compare(sign, _given(one, one_shape), _given(other, other_shape))

    def identity(self, left: ast.expr, right: ast.expr) -> Term:
        """``is``: the same as ``==`` for None, and for bools and enums where the field holds nothing else."""
        (one, shape), (other, _) = self.value(left), self.value(right)
        if isinstance(one, Constant) or not isinstance(other, Constant):
            raise NotLiftable
        holds_bools = isinstance(other.value, bool) and shape.is_bool and shape.is_known
        holds_enums = isinstance(other.value, Enum) and all(kind.base is type(other.value) for kind in shape.kinds)
        if not (other.value is None or holds_bools or holds_enums):
            raise NotLiftable
        return Compare("==", one, other)

    def membership(self, left: ast.expr, right: ast.expr) -> Term:
        (one, one_shape), (other, other_shape) = self.value(left), self.value(right)
        if isinstance(other, Constant):
            if isinstance(one, Constant):
                raise NotLiftable
            return self.among(one, one_shape, other.value)
        if not isinstance(one, Constant) and one_shape.may_be_none:
            raise NotLiftable  # a text refuses None, a list does not: the tree has one meaning only
        return Contains(_given(other, other_shape), one)

    def among(self, one: Term, shape: Shape, values: object) -> Term:
        if isinstance(values, str):
            return Contains(Constant(values), _given(one, shape))
        if isinstance(values, set | frozenset):
            if not (shape.is_known and all(issubclass(cast("type", kind.base), _SCALARS) for kind in shape.kinds)):
                raise NotLiftable  # asking a set hashes the value, which may raise
            values = sorted(cast("set[Any]", values), key=constant_text)
        if not isinstance(values, tuple | list):
            raise NotLiftable
        return OneOf(one, tuple(Constant(value) for value in cast("list[Any]", values)))

    def value(self, node: ast.expr) -> tuple[Term, Shape]:
        """An expression's value as a term, and what values it can have."""
        match node:
            case ast.Name(id=name):
                return self.named(name)
            case ast.Attribute(value=of, attr=name):
                return self.attribute(of, name)
            case ast.Call(func=ast.Name(id="len"), args=[of], keywords=[]) if self.is_builtin("len"):
                term, shape = self.value(of)
                if isinstance(term, Constant):
                    raise NotLiftable
                return Size(_given(term, shape)), COUNT
            case ast.BinOp(left=left, op=sign, right=right):
                return self.arithmetic(left, sign, right)
            case ast.UnaryOp(op=ast.USub(), operand=operand) if not isinstance(operand, ast.Constant):
                return self.arithmetic(ast.Constant(0), ast.Sub(), operand)
            case _:
                return self.literal(node)

    def literal(self, node: ast.expr) -> tuple[Term, Shape]:
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            parts = [self.value(part)[0] for part in node.elts]
            values = [part.value for part in parts if isinstance(part, Constant)]
            if len(values) < len(parts):
                raise NotLiftable
            made: type[Any] = {ast.Tuple: tuple, ast.List: list, ast.Set: set}[type(node)]
            return Constant(made(values)), ANYTHING
        if any(isinstance(part, ast.Call | ast.Attribute) for part in ast.walk(node)):
            raise NotLiftable
        try:
            return Constant(parsed_constant(node, {})), ANYTHING
        except (ValueError, TypeError):
            raise NotLiftable from None

    def attribute(self, of: ast.expr, name: str) -> tuple[Term, Shape]:
        if name.startswith("_"):
            raise NotLiftable
        if isinstance(of, ast.Name) and of.id == self.state_name:
            known = fields_of(self.state_type)
            if name not in known or name == ITEM_NAME:
                raise NotLiftable
            return Field(name), known[name]
        if isinstance(of, ast.Name) and of.id != self.item_name:
            return self.member(of.id, name)
        term, shape = self.value(of)
        if isinstance(term, Constant):
            raise NotLiftable
        if not shape.is_known:
            return Attribute(_given(term, shape), name), ANYTHING
        known = fields_in(shape)
        if name not in known:
            raise NotLiftable
        return Attribute(_given(term, shape), name), known[name]

    def member(self, name: str, member: str) -> tuple[Term, Shape]:
        """``Kind.REFUND``, of an enum from around."""
        found = self.capture(name)
        if not (isinstance(found, type) and issubclass(found, Enum) and member in found.__members__):
            raise NotLiftable
        return Constant(found[member]), ANYTHING

    def arithmetic(self, left: ast.expr, sign: ast.operator, right: ast.expr) -> tuple[Term, Shape]:
        written: ArithmeticSign
        match sign:
            case ast.Add():
                written = "+"
            case ast.Sub():
                written = "-"
            case ast.Mult():
                written = "*"
            case _:
                raise NotLiftable
        (one, one_shape), (other, other_shape) = self.value(left), self.value(right)
        shapes = [
            shape_of(type(term.value)) if isinstance(term, Constant) else shape
            for term, shape in ((one, one_shape), (other, other_shape))
        ]
        if not all(kind.is_number for shape in shapes for kind in shape.kinds if kind.base is not None):
            raise NotLiftable
        if isinstance(one, Constant) and isinstance(other, Constant):
            raise NotLiftable
        is_whole = all(kind.base is int for shape in shapes for kind in shape.kinds)
        base: type[Any] = int if is_whole else float
        return Arithmetic(written, _given(one, one_shape), _given(other, other_shape)), Shape(
            (Kind(base),), False, base
        )

    def named(self, name: str) -> tuple[Term, Shape]:
        if name == self.state_name:
            raise NotLiftable
        if name == self.item_name:
            return Item(), ANYTHING
        value = self.capture(name)
        if not _is_constant(value):
            raise NotLiftable
        return Constant(value), ANYTHING

    def capture(self, name: str) -> object:
        """What a name from around means now; remembered, so that a later change is noticed."""
        if name in self.defaults:
            return self.defaults[name]
        code = self.function.__code__
        if name in code.co_freevars:
            cell = (self.function.__closure__ or ())[code.co_freevars.index(name)]
            return self.captured_from(name, _looking_into(cell))
        if name in code.co_varnames or name in code.co_cellvars:
            raise NotLiftable
        space = self.surroundings
        return self.captured_from(name, lambda: space.get(name, Ellipsis))

    def captured_from(self, name: str, look: Callable[[], object]) -> object:
        value = look()
        if value is Ellipsis:
            raise NotLiftable
        self.captured[name] = Captured(name, value, look)
        return value

    @property
    def surroundings(self) -> dict[str, object]:
        """The globals of the predicate's module."""
        return cast("dict[str, object]", getattr(self.function, "__globals__"))  # noqa: B009  (unknown to pyright)

    def is_builtin(self, name: str) -> bool:
        """Whether nobody gave the name another meaning."""
        code = self.function.__code__
        if name in code.co_varnames or name in code.co_freevars:
            return False
        return self.surroundings.get(name, getattr(builtins, name)) is getattr(builtins, name)


def _looking_into(cell: CellType) -> Callable[[], object]:
    def look() -> object:
        try:
            return cell.cell_contents
        except ValueError:  # not assigned yet
            return Ellipsis

    return look


def _is_constant(value: object) -> bool:
    """Whether a value cannot change and is known through and through."""
    if isinstance(value, tuple | frozenset):
        return all(_is_constant(part) for part in cast("tuple[object, ...]", value))
    return isinstance(value, Enum) or cast("type[Any]", type(value)) in _SCALARS


def _is_plain(term: Term, shape: Shape) -> bool:
    """Whether a copy of the value, as a view shows it, equals what the value equals."""
    return isinstance(term, Item) or all(
        kind.base is not None and issubclass(kind.base, _SCALARS) for kind in shape.kinds
    )


def _given(term: Term, shape: Shape) -> Term:
    """The value where Python needs one: None would raise."""
    if isinstance(term, Constant):
        if term.value is None:
            _refuse()
        return term
    return Given(term) if shape.may_be_none else term


def _refuse() -> NoReturn:
    raise NotLiftable


def _choice(test: Term, then: Term, otherwise: Term) -> Term:
    """``then if test else otherwise``, as short as it goes without asking anything in another order."""
    if then == _TRUE:
        return test if otherwise == _FALSE else any_of(test, otherwise)
    if then == _FALSE:
        return negated(test) if otherwise == _TRUE else all_of(negated(test), otherwise)
    if otherwise == _FALSE:
        return all_of(test, then)
    if otherwise == _TRUE:
        return any_of(negated(test), then)
    return any_of(all_of(test, then), all_of(negated(test), otherwise))
