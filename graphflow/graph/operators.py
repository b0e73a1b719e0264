"""Python's operators on trees: what ``essay.score >= 7`` and ``a & b`` make, and what they refuse (S5.3).

An ``Expression`` holds a tree, the shape of its values and the state it is about. Its operators build the next tree;
those that Python would decide at once, or that have no meaning on fields, are errors at the line. Nothing here
reads a value.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NoReturn, cast

from pydantic import BaseModel

from graphflow.errors import DeclarationError, shown
from graphflow.graph import mistakes
from graphflow.graph.labels import ITEM_NAME
from graphflow.graph.secrecy import refuse_comparison
from graphflow.graph.shapes import (
    ANYTHING,
    CONTAINERS,
    TRUTH,
    Kind,
    Shape,
    are_comparable,
    fields_in,
    fields_of,
    shape_of,
)
from graphflow.graph.terms import (
    Arithmetic,
    ArithmeticSign,
    Attribute,
    Compare,
    ComparisonSign,
    Constant,
    Field,
    Term,
    all_of,
    any_of,
    is_condition,
    negated,
    reads,
)


class Expression:
    """A value or condition over fields, with Python's operators. Made by ``fields`` and by other expressions.

    Its attributes are the fields of a nested model, so everything of its own is in double
    underscores. ``term_of`` gives the tree. ``str`` is the label.
    """

    __slots__ = ("__below__", "__shape__", "__state__", "__term__")

    def __init__(self, term: Term, shape: Shape, state: type[Any] | None) -> None:
        object.__setattr__(self, "__term__", term)
        object.__setattr__(self, "__shape__", shape)
        object.__setattr__(self, "__state__", state)
        object.__setattr__(self, "__below__", None)

    __term__: Term
    __shape__: Shape
    __state__: type[Any] | None
    __below__: dict[str, Expression] | None

    def __str__(self) -> str:
        return str(self.__term__)

    def __repr__(self) -> str:
        return f"<expression {self.__term__}>"

    def __dir__(self) -> list[str]:
        return sorted(fields_in(self.__shape__))

    def __copy__(self) -> Expression:
        return self

    def __deepcopy__(self, memo: object) -> Expression:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Expression, (self.__term__, self.__shape__, self.__state__)

    def __getattr__(self, name: str) -> Expression:
        if name.startswith("_"):
            raise AttributeError(name)
        if self.__below__ is None:
            object.__setattr__(self, "__below__", {})
        below = cast("dict[str, Expression]", self.__below__)
        if name not in below:
            below[name] = Expression(Attribute(self.__term__, name), self.__shape_of__(name), self.__state__)
        return below[name]

    def __shape_of__(self, name: str) -> Shape:
        if not self.__shape__.is_known:
            return ANYTHING
        known = fields_in(self.__shape__)
        if name not in known:
            holder = self.__shape__.kinds[0].base if len(self.__shape__.kinds) == 1 else None
            raise mistakes.unknown_field(name, str(self), holder, known)
        shape = known[name]
        return Shape(shape.kinds, True, shape.annotation | None) if self.__shape__.is_optional else shape

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise _not_settable(f"{self}.{name}")

    # Comparisons: an expression, never a bool (S5.3).

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]
        return _compared("==", self, other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]
        return _compared("!=", self, other)

    def __lt__(self, other: object) -> Expression:
        return _compared("<", self, other)

    def __le__(self, other: object) -> Expression:
        return _compared("<=", self, other)

    def __gt__(self, other: object) -> Expression:
        return _compared(">", self, other)

    def __ge__(self, other: object) -> Expression:
        return _compared(">=", self, other)

    def __and__(self, other: object) -> Expression:
        return _combined("&", all_of, self, other)

    def __rand__(self, other: object) -> Expression:
        return _combined("&", all_of, other, self)

    def __or__(self, other: object) -> Expression:
        return _combined("|", any_of, self, other)

    def __ror__(self, other: object) -> Expression:
        return _combined("|", any_of, other, self)

    def __invert__(self) -> Expression:
        return Expression(negated(condition_of(self)), TRUTH, self.__state__)

    def __add__(self, other: object) -> Expression:
        return _calculated("+", self, other)

    def __radd__(self, other: object) -> Expression:
        return _calculated("+", other, self)

    def __sub__(self, other: object) -> Expression:
        return _calculated("-", self, other)

    def __rsub__(self, other: object) -> Expression:
        return _calculated("-", other, self)

    def __mul__(self, other: object) -> Expression:
        return _calculated("*", self, other)

    def __rmul__(self, other: object) -> Expression:
        return _calculated("*", other, self)

    def __neg__(self) -> Expression:
        return _calculated("-", 0, self)

    # What Python would decide at once, or has no meaning here: errors at the line.

    def __bool__(self) -> NoReturn:
        raise self.__used__("GF103") or mistakes.asked_for_truth(str(self))

    def __contains__(self, value: object) -> NoReturn:
        raise self.__used__("GF104") or mistakes.used_as_container("in", str(self))

    def __len__(self) -> NoReturn:
        raise self.__used__("GF104") or mistakes.used_as_container("len", str(self))

    def __iter__(self) -> NoReturn:
        raise self.__used__("GF104") or mistakes.used_as_container("for", str(self))

    def __getitem__(self, key: object) -> NoReturn:
        raise self.__used__("GF104") or mistakes.used_as_container("[...]", str(self))

    def __hash__(self) -> int:
        raise mistakes.used_as_key(str(self), self.__shape__.is_bool)

    def __used__(self, code: str) -> DeclarationError | None:
        """The mistake of using this where there is a real state; None while the graph is declared."""
        is_field = isinstance(self.__term__, Field | Attribute)
        field = str(self) if is_field else next(iter(sorted(reads(self.__term__))), str(self))
        return mistakes.used_in_node(code, str(self), field, self.__state__)


def _refusing(sign: str) -> Callable[..., NoReturn]:
    def refuse(self: Expression, *_: object) -> NoReturn:
        raise mistakes.no_operator(sign, str(self))

    return refuse


for _sign, _names in {
    "/": ("truediv", "rtruediv"),
    "//": ("floordiv", "rfloordiv"),
    "%": ("mod", "rmod"),
    "**": ("pow", "rpow"),
    "^": ("xor", "rxor"),
    "@": ("matmul", "rmatmul"),
    "divmod": ("divmod", "rdivmod"),
    "abs": ("abs",),
    "round": ("round",),
    "int": ("int", "index"),
    "float": ("float",),
    "a call": ("call",),
}.items():
    for _name in _names:
        setattr(Expression, f"__{_name}__", _refusing(_sign))


class Fields:
    """What ``fields(State)`` is at run time: its attributes are the fields of the state."""

    __slots__ = ("__below__", "__state__")
    __state__: type[BaseModel]
    __below__: dict[str, Expression]

    def __init__(self, state: type[BaseModel]) -> None:
        object.__setattr__(self, "__state__", state)
        object.__setattr__(self, "__below__", {})

    def __getattr__(self, name: str) -> Expression:
        __tracebackhide__ = True  # a misspelt field is shown by pytest where it is written
        if name.startswith("_"):
            raise AttributeError(name)
        found = self.__below__.get(name)
        if found is None:
            known = fields_of(self.__state__)
            if name not in known:
                raise mistakes.unknown_field(name, self.__state__.__name__, self.__state__, known)
            if name == ITEM_NAME:
                raise mistakes.wrong_operand(
                    f"The field {ITEM_NAME} cannot be used in conditions",
                    f"There {ITEM_NAME} is the item of the map around.",
                    "Rename the field.",
                )
            found = self.__below__[name] = Expression(Field(name), known[name], self.__state__)
        return found

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise _not_settable(f"{self.__state__.__name__}.{name}")

    def __dir__(self) -> list[str]:
        return sorted(fields_of(self.__state__))

    def __reduce__(self) -> tuple[Any, ...]:
        return Fields, (self.__state__,)

    def __repr__(self) -> str:
        return f"<fields of {self.__state__.__name__}>"


def term_of(expression: object) -> Term:
    """The tree of an expression. Raises TypeError for anything else."""
    if isinstance(expression, Expression):
        return expression.__term__
    raise TypeError(f"{shown(expression)} is no expression over fields")


def shape_of_values(expression: Expression) -> Shape:
    """What values an expression can have."""
    return expression.__shape__


def state_of(expression: Expression) -> type[Any] | None:
    """The state whose fields it is about; None where it is only about ITEM."""
    return expression.__state__


def constant_of(value: Any) -> Constant:
    """The node of a value written in a condition."""
    return Constant(copy.deepcopy(value) if isinstance(value, CONTAINERS) else value)  # a list may change later


def made(term: Term, *operands: Expression) -> Expression:
    """A condition over the operands, which must be about one state."""
    states = [operand.__state__ for operand in operands if operand.__state__ is not None]
    for state in states[1:]:
        if state is not states[0] and not (issubclass(state, states[0]) or issubclass(states[0], state)):
            raise mistakes.mistake(
                "GF109",
                f"{term} is about two states, {states[0].__name__} and {state.__name__}",
                "A condition is a predicate of one state. (S5.1)",
                f"Use fields({states[0].__name__}) throughout.",
            )
    return Expression(term, TRUTH, states[0] if states else None)


def _compared(sign: ComparisonSign, one: Expression, other: object) -> Expression:
    what, shape = str(one), one.__shape__
    if is_condition(one.__term__) or (isinstance(other, Expression) and is_condition(other.__term__)):
        raise mistakes.wrong_operand(
            f"{sign} cannot compare the condition {one if is_condition(one.__term__) else other}",
            "A condition is not a value; & binds more tightly than a comparison.",
            "Put each comparison in parentheses, (a > 1) & (b > 2), and negate with not_(...).",
        )
    if isinstance(other, Fields):
        raise _not_settable(repr(other))
    if other is not None:
        refuse_comparison(f"{one} {sign} ...", shape, *([other.__shape__] if isinstance(other, Expression) else []))
    if isinstance(other, Expression):
        if not are_comparable(shape, other.__shape__):
            raise mistakes.never_comparable(what, sign, str(other), shape, other.__shape__)
        return made(Compare(sign, one.__term__, other.__term__), one, other)
    is_ordering = sign not in ("==", "!=")
    if is_ordering and (other is None or not shape.may_order(other)):
        raise mistakes.never_equal(what, sign, other, shape)
    if not is_ordering and not shape.may_equal(other):
        raise mistakes.never_equal(what, sign, other, shape)
    return Expression(Compare(sign, one.__term__, constant_of(other)), TRUTH, one.__state__)


def condition_of(expression: Expression) -> Term:
    """The tree of an expression used as a condition: a condition by nature, or a bool field."""
    shape = expression.__shape__
    if not (is_condition(expression.__term__) or shape.is_bool or not shape.is_known):
        raise mistakes.value_as_condition(str(expression), shape)
    return expression.__term__


def _combined(sign: str, combine: Callable[..., Term], one: object, other: object) -> Expression:
    for operand in (one, other):
        if not isinstance(operand, Expression):
            raise mistakes.wrong_operand(
                f"{sign} was given {shown(operand)}, which is no condition on fields",
                f"{sign} combines conditions, and binds more tightly than a comparison.",
                f"Put each comparison in parentheses: (a > 1) {sign} (b > 2).",
            )
    left, right = cast("Expression", one), cast("Expression", other)
    return made(combine(condition_of(left), condition_of(right)), left, right)


def _calculated(sign: ArithmeticSign, one: object, other: object) -> Expression:
    operands: list[Expression] = []
    terms: list[Term] = []
    for operand in (one, other):
        expression = operand if isinstance(operand, Expression) else None
        shape = expression.__shape__ if expression is not None else shape_of(type(operand))
        if shape.is_known and not all(kind.is_number for kind in shape.kinds):
            raise mistakes.wrong_operand(
                f"{sign} cannot calculate with {shown(operand) if expression is None else expression}",
                "Conditions calculate with numbers only.",
                "Write a predicate: when=lambda state: ...",
            )
        if expression is not None:
            operands.append(expression)
        terms.append(expression.__term__ if expression is not None else constant_of(operand))
    result = made(Arithmetic(sign, *terms), *operands)
    return Expression(result.__term__, _shape_of_result(operands, (one, other)), result.__state__)


def _shape_of_result(operands: list[Expression], given: tuple[object, ...]) -> Shape:
    bases = {kind.base for operand in operands for kind in operand.__shape__.kinds}
    bases |= {type(operand) for operand in given if not isinstance(operand, Expression)}
    if None in bases:
        return ANYTHING
    is_optional = any(operand.__shape__.is_optional for operand in operands)
    base: type[Any] = int if bases == {int} else float
    return Shape((Kind(base),), is_optional, base)


def _not_settable(what: str) -> DeclarationError:
    return mistakes.wrong_operand(
        f"{what} cannot be used like this",
        "fields(State) stands for the fields of any state; it holds no values and cannot be set or compared.",
        "A node changes a field by returning it; a condition compares one field, as in fields(State).score >= 7.",
    )
