"""Conditions as users write them: ``fields(State)`` and the operators on what it gives (S5).

    essay = fields(Essay)
    graph.edge(review, END, when=(essay.score >= 7) & not_(essay.is_stale))

``fields`` is typed as the state itself, so that the editor completes, renames and underlines; at run time every
attribute is an ``Expression``: a tree of ``terms`` with Python's operators on it. The tree is what counts; it is
compiled, printed, proved and mined elsewhere. Whatever Python would decide at once instead of building a tree, and
whatever can never be true because of a field's type, is an error at the line (S5.3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sized
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from graphflow.core.plan import Guard
from graphflow.errors import DeclarationError, Place, nearest, shown
from graphflow.graph import mistakes
from graphflow.graph.evaluation import compiled
from graphflow.graph.operators import (
    Expression,
    Fields,
    condition_of,
    constant_of,
    made,
    shape_of_values,
    state_of,
    term_of,
)
from graphflow.graph.secrecy import refuse_comparison
from graphflow.graph.shapes import ANYTHING, COUNT, TRUTH, Shape, are_comparable, fields_of, shape_of
from graphflow.graph.terms import Attribute, Contains, Field, Item, OneOf, Size, Term, reads, uses_item

__all__ = [
    "ITEM",
    "Expression",
    "contains",
    "field_name",
    "fields",
    "guard_of",
    "is_none",
    "not_",
    "one_of",
    "size",
    "term_of",
]

S = TypeVar("S", bound=BaseModel)
T = TypeVar("T")


def fields(state: type[S]) -> S:
    """The fields of a state, to say things about: ``essay = fields(Essay)``, then ``essay.score >= 7``.

    The same words serve conditions, ``writes=``, ``over=``, ``switch`` and properties in tests. Raises
    DeclarationError for anything but a pydantic model, and later, at the dot, for a name that is no field.

    >>> class Essay(BaseModel):
    ...     score: int = 0
    ...     facts: list[str] = []
    >>> essay = fields(Essay)
    >>> print((essay.score >= 7) & (size(essay.facts) > 0))
    score >= 7 and size(facts) > 0
    """
    given: object = state
    if not (isinstance(given, type) and issubclass(given, BaseModel)):
        named = type(given).__name__ if isinstance(given, BaseModel) else None
        raise mistakes.mistake(
            "GF109",
            f"fields() was given {shown(given)}, which is no state class",
            "The state of a graph is a pydantic model, and fields() takes the class. (S1.1)",
            f"Write fields({named})." if named else "Write class State(BaseModel): ... and fields(State).",
        )
    return cast("S", Fields(state))


ITEM: Any = Expression(Item(), ANYTHING, None)
"""The item of the innermost map around, in conditions of its region: ``when=ITEM.score > 3`` (S6.1)."""


def not_(condition: bool) -> bool:
    """The condition that holds exactly where ``condition`` does not; what ``not`` would mean on fields."""
    expression = _expression(condition, "not_")
    return cast("bool", ~expression)


def size(container: Sized) -> int:
    """How many elements or characters a field has: ``size(essay.comments) > 0``. None, and so never, if it is None."""
    expression = _expression(container, "size")
    if shape_of_values(expression).is_known and not all(kind.is_sized for kind in shape_of_values(expression).kinds):
        raise mistakes.wrong_operand(
            f"size({expression}) has no meaning",
            f"{expression} is of type {shape_of_values(expression)}, which has no size.",
            "Give size() a text, a list or another container.",
        )
    shape = Shape(COUNT.kinds, shape_of_values(expression).is_optional, COUNT.annotation)
    return cast("int", Expression(Size(term_of(expression)), shape, state_of(expression)))


def contains(container: Collection[T], value: T) -> bool:
    """Whether a value is in a field, or a text in a text: ``contains(essay.tags, "urgent")``. False for None."""
    given: object = container
    if not isinstance(given, Expression):
        return one_of(value, container)
    expression = _expression(given, "contains")
    if shape_of_values(expression).is_known and not all(
        hasattr(kind.base, "__contains__") for kind in shape_of_values(expression).kinds
    ):
        raise mistakes.wrong_operand(
            f"contains({expression}, ...) has no meaning",
            f"{expression} is of type {shape_of_values(expression)}, which holds nothing.",
            f"Compare it: {expression} == ..., or ask one_of({expression}, [...]).",
        )
    element = shape_of(shape_of_values(expression).element)
    refuse_comparison(f"contains({expression}, ...)", element, shape_of_values(expression))
    if isinstance(value, Expression):
        if not are_comparable(element, shape_of_values(value)):
            raise mistakes.never_comparable(str(value), "in", str(expression), shape_of_values(value), element)
        return cast("bool", made(Contains(term_of(expression), term_of(value)), expression, value))
    if not element.may_equal(value):
        raise mistakes.never_equal(f"an element of {expression}", "==", value, element)
    return cast("bool", made(Contains(term_of(expression), constant_of(value)), expression))


def one_of(value: T, choices: Iterable[T]) -> bool:
    """Whether a field equals one of some constants: ``one_of(desk.kind, ["refund", "question"])``."""
    expression = _expression(value, "one_of")
    refuse_comparison(f"one_of({expression}, ...)", shape_of_values(expression))
    wanted: list[object] = list(choices)
    for choice in wanted:
        if isinstance(choice, Expression):
            raise mistakes.wrong_operand(
                f"one_of({expression}, ...) was given the field {choice} as a choice",
                "The choices are constants.",
                f"Write ({expression} == {choice}) | ...",
            )
        if not shape_of_values(expression).may_equal(choice):
            raise mistakes.never_equal(str(expression), "==", choice, shape_of_values(expression))
    constants = tuple(constant_of(choice) for choice in wanted)
    return cast("bool", Expression(OneOf(term_of(expression), constants), TRUTH, state_of(expression)))


def is_none(value: object) -> bool:
    """Whether a field is None; the same as ``== None``, for those whose linter minds that."""
    return cast("bool", _expression(value, "is_none") == None)  # noqa: E711


def guard_of(condition: object, state_type: type[Any], place: Place) -> Guard:
    """The guard that a condition means (S5.1, S5.2).

    ``condition`` is an expression over the fields of ``state_type``, a tree, or a plain predicate ``(state)`` or
    ``(state, item)``; a guard is given back as it is. ``place`` is where it was declared, for messages. Raises
    DeclarationError for a real bool, an expression over another state, and a predicate that is none.
    """
    if isinstance(condition, Guard):
        return condition
    if isinstance(condition, Expression):
        _of_state(condition, state_type, place)
        return _guard_of_term(condition_of(condition), place)
    if isinstance(condition, Term):
        return _guard_of_term(condition, place)
    if callable(condition) and not isinstance(condition, type):
        from graphflow.graph.lifting import guard_of_predicate  # inspect and ast cost 20 ms that few need

        return guard_of_predicate(condition, state_type, place)
    raise mistakes.no_condition(condition, place)


def field_name(expression: object, state_type: type[Any] | None = None, place: Place | None = None) -> str:
    """The name of a field of the state, as in ``writes=essay.draft``: ``"draft"``.

    Raises DeclarationError for a field of a nested model, a condition, or anything else that is no field, and, if
    ``state_type`` is given, for a field of another state. A name as a text is taken if ``state_type`` has it.
    """
    if isinstance(expression, Expression):
        if state_type is not None:
            _of_state(expression, state_type, place)
        term = term_of(expression)
        if isinstance(term, Field):
            return term.name
    elif isinstance(expression, str) and state_type is not None:
        if expression in fields_of(state_type):
            return expression
        raise mistakes.unknown_field(expression, state_type.__name__, state_type, fields_of(state_type))
    raise _no_field(expression, place)


def _no_field(expression: object, place: Place | None) -> DeclarationError:
    what = str(expression) if isinstance(expression, Expression) else shown(expression)
    term = term_of(expression) if isinstance(expression, Expression) else None
    top = term
    while isinstance(top, Attribute):
        top = top.of
    if isinstance(top, Field):
        why = f"{what} is part of the field {top.name}; nodes write and maps go over whole fields of the state. (S3.1)"
        return mistakes.mistake("GF109", f"{what} is no field of the state", why, f"Name {top.name}.", place)
    why = "Here the name of a field is needed: an attribute of fields(State). (S3.1)"
    return mistakes.mistake("GF109", f"{what} is no field of the state", why, "Write fields(State).draft.", place)


def _guard_of_term(term: Term, place: Place) -> Guard:
    return Guard(compiled(term), str(term), reads(term), term, uses_item(term), place)


def _of_state(expression: Expression, state_type: type[Any], place: Place | None) -> None:
    """An expression over another state would read fields that are not there, or others of the same name."""
    state = state_of(expression)
    if state is None or issubclass(state_type, state):
        return
    if state.__name__ != state_type.__name__ or fields_of(state) != fields_of(state_type):
        close = nearest(str(expression), fields_of(state_type))
        raise mistakes.mistake(
            "GF109",
            f"{expression} is about the fields of {state.__name__}, but the state here is {state_type.__name__}",
            "Conditions and writes of a graph name fields of its own state. (S1.1)",
            f"Use fields({state_type.__name__})" + (f".{close}." if close else "."),
            place,
        )


def _expression(value: object, function: str) -> Expression:
    if isinstance(value, Expression):
        return value
    what = repr(value) if isinstance(value, Fields) else shown(value)
    raise mistakes.wrong_operand(
        f"{function}() was given {what}, which is no expression over fields",
        "It says something about fields of the state; a value known now needs no condition.",
        f"Write {function}(fields(State).draft{'' if function in ('not_', 'size', 'is_none') else ', ...'}).",
    )
