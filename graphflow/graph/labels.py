"""Trees as edge labels, and labels as trees again (S5.2).

A label reads like Python: ``score >= 7 and size(facts) > 0``, ``kind in ("refund", "question")``, ``not done``.
Parentheses stand only where leaving them out would change the meaning, and around ``and`` inside ``or`` and a
comparison after ``not``, where a reader would stop to think. ``given(x)`` is x, which must not be None.

Law: ``parse_label(str(term), State) == term``. Parsing walks Python's own syntax tree and runs nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from enum import Enum
from typing import Any

from graphflow.graph.constants import constant_text, parsed_constant
from graphflow.graph.shapes import Shape, fields_of, shape_of
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
    all_of,
    any_of,
)

_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _ATOM = range(7)
ITEM_NAME = "ITEM"
_ASTS: dict[type[ast.AST], Any] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
}


def label(term: Term) -> str:
    """The tree as text.

    >>> label(Or((And((Field("done"), Not(Compare("<", Field("score"), Constant(7))))), Field("urgent"))))
    '(done and not (score < 7)) or urgent'
    """
    return _written(term)[0]


def _written(term: Term) -> tuple[str, int]:
    """The text of a term, and how strongly its parts hold together."""
    match term:
        case Field(name=name):
            return name, _ATOM
        case Item():
            return ITEM_NAME, _ATOM
        case Attribute(of=of, name=name):
            return f"{_within(of, _ATOM)}.{name}", _ATOM
        case Constant(value=value):
            return constant_text(value), _ATOM
        case Size(of=of):
            return f"size({label(of)})", _ATOM
        case Given(of=of):
            return f"given({label(of)})", _ATOM
        case Arithmetic(sign=sign, left=left, right=right):
            level = _PRODUCT if sign == "*" else _SUM
            return f"{_within(left, level)} {sign} {_within(right, level + 1)}", level
        case _:
            return _written_condition(term)


def _written_condition(term: Term) -> tuple[str, int]:
    match term:
        case Compare(sign=sign, left=left, right=right):
            return f"{_within(left, _SUM)} {sign} {_within(right, _SUM)}", _COMPARISON
        case Contains(container=container, value=value):
            return f"{_within(value, _SUM)} in {_within(container, _SUM)}", _COMPARISON
        case OneOf(of=of, choices=choices):
            return f"{_within(of, _SUM)} in {_choices(choices)}", _COMPARISON
        case Not(of=Contains(container=container, value=value)):
            return f"{_within(value, _SUM)} not in {_within(container, _SUM)}", _COMPARISON
        case Not(of=OneOf(of=of, choices=choices)):
            return f"{_within(of, _SUM)} not in {_choices(choices)}", _COMPARISON
        case Not(of=of):
            return f"not {_within(of, _SUM if isinstance(of, Compare) else _NOT)}", _NOT
        case And(of=terms):
            return " and ".join(_within(part, _NOT) for part in terms), _AND
        case Or(of=terms):
            return " or ".join(_within(part, _NOT) for part in terms), _OR
        case _:
            raise TypeError(f"{type(term).__name__} is no term")


def _within(term: Term, level: int) -> str:
    text, own = _written(term)
    return text if own >= level else f"({text})"


def _choices(choices: tuple[Constant, ...]) -> str:
    return constant_text(tuple(choice.value for choice in choices))


def parse_label(text: str, state_type: type[Any]) -> Term:
    """The tree that a label stands for. Raises ValueError where it is no label of conditions on this state."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        raise ValueError(f"{text!r} is no label: {error.msg}") from None
    return _Parser(fields_of(state_type), _enums_in(state_type)).term(tree.body)


class _Parser:
    """Python's syntax tree of a label -> the term."""

    def __init__(self, fields: Mapping[str, Shape], enums: Mapping[str, type[Enum]]) -> None:
        self.fields = fields
        self.enums = enums

    def term(self, node: ast.expr) -> Term:
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return all_of(*map(self.term, values))
            case ast.BoolOp(values=values):
                return any_of(*map(self.term, values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.term(operand))
            case ast.Compare(left=left, ops=[sign], comparators=[right]):
                return self.comparison(left, sign, right)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as sign, right=right):
                return Arithmetic(_ASTS[type(sign)], self.term(left), self.term(right))
            case _:
                return self.value(node)

    def comparison(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Term:
        if isinstance(sign, ast.NotIn):
            return Not(self.comparison(left, ast.In(), right))
        if isinstance(sign, ast.In):
            if isinstance(right, ast.Tuple):
                choices = tuple(Constant(parsed_constant(part, self.enums)) for part in right.elts)
                return OneOf(self.term(left), choices)
            return Contains(self.term(right), self.term(left))
        if type(sign) not in _ASTS:
            raise ValueError(f"a label has no {type(sign).__name__}")
        written: ComparisonSign = _ASTS[type(sign)]
        return Compare(written, self.term(left), self.term(right))

    def value(self, node: ast.expr) -> Term:
        match node:
            case ast.Name(id=name) if name == ITEM_NAME:
                return Item()
            case ast.Name(id=name) if name in self.fields:
                return Field(name)
            case ast.Call(func=ast.Name(id="size"), args=[of]):
                return Size(self.term(of))
            case ast.Call(func=ast.Name(id="given"), args=[of]):
                return Given(self.term(of))
            case ast.Attribute(value=of, attr=name) if not self.is_enum(of):
                return Attribute(self.term(of), name)
            case _:
                return Constant(parsed_constant(node, self.enums))

    def is_enum(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self.enums and node.id not in self.fields


def _enums_in(state_type: type[Any]) -> dict[str, type[Enum]]:
    """The enums that a state's fields may hold, by name, at any depth."""
    found: dict[str, type[Enum]] = {}
    seen: set[Any] = set()

    def look(shape: Shape) -> None:
        for kind in shape.kinds:
            if kind.base is None or kind in seen:
                continue
            seen.add(kind)
            if issubclass(kind.base, Enum):
                found[kind.base.__name__] = kind.base
            for argument in kind.arguments:
                look(shape_of(argument))
            for below in fields_of(kind.base).values():
                look(below)

    for shape in fields_of(state_type).values():
        look(shape)
    return found
