"""Conditions as Python that declares them again, for the lines that findings tell to write: ``fields(Essay).score >= 7``.

A label (see ``labels``) is for readers, and says ``and``, ``or``, ``not`` and ``in``, which conditions on fields do not
know (S5.3). What is written here can be pasted behind ``when=``: it evaluates to an equal tree, as long as the state's
class and the enums in it are known under their own names.
"""

from __future__ import annotations

from graphflow.core.plan import Guard, Over
from graphflow.graph.constants import constant_text
from graphflow.graph.labels import ITEM_NAME
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
)


def guard_line(guard: Guard, state: str) -> str:
    """A condition as it stands behind ``when=``. ``state`` is the name of the state's class.

    A predicate of which nothing but its name is known is written by that.
    """
    expression = guard.expression
    return line(expression, state) if isinstance(expression, Term) else guard.label


def over_line(over: Over, state: str) -> str:
    """What a map goes over, as it stands behind ``over=``."""
    return over.label if over.field is None else f"fields({state}).{over.field}"


def line(term: Term, state: str) -> str:
    """The tree as Python.

    >>> line(Or((And((Field("done"), Not(Compare("<", Field("score"), Constant(7))))), Field("urgent"))), "Essay")
    '(fields(Essay).done & not_(fields(Essay).score < 7)) | fields(Essay).urgent'
    """
    match term:
        case Field(name=name):
            return f"fields({state}).{name}"
        case Item():
            return ITEM_NAME
        case Attribute(of=of, name=name):
            return f"{_operand(of, state)}.{name}"
        case Constant(value=value):
            return constant_text(value)
        case Size(of=of):
            return f"size({line(of, state)})"
        case Given(of=of):  # of a lifted predicate: over fields a comparison with None is false by itself (S5.3)
            return line(of, state)
        case Arithmetic(sign=sign, left=left, right=right) | Compare(sign=sign, left=left, right=right):
            return f"{_operand(left, state)} {sign} {_operand(right, state)}"
        case Contains(container=container, value=value):
            return f"contains({line(container, state)}, {line(value, state)})"
        case OneOf(of=of, choices=choices):
            return f"one_of({line(of, state)}, [{', '.join(constant_text(choice.value) for choice in choices)}])"
        case Not(of=of):
            return f"not_({line(of, state)})"
        case And(of=terms):
            return " & ".join(_operand(part, state) for part in terms)
        case Or(of=terms):
            return " | ".join(_operand(part, state) for part in terms)
        case _:
            raise TypeError(f"{type(term).__name__} is no term")


def _operand(term: Term, state: str) -> str:
    """In parentheses unless it is one thing: & and | bind more tightly than comparisons."""
    text = line(term, state)
    return f"({text})" if isinstance(term, Arithmetic | Compare | And | Or) else text
