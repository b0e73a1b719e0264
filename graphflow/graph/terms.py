"""The syntax tree of guards (S5.2): plain immutable nodes, equal where their structure is equal.

A tree is evaluated, printed as the edge's label, proved, changed a little and mined for test values; this module
only holds it. What the nodes mean:

- A value that is not there is None: a field that is None, or an attribute of one. Arithmetic and size of None are
  None. Ordering None is false, ``==`` and ``!=`` are Python's own (S5.3), contains in None is false.
- ``Given(x)`` is x, and raises where x is None. Only lifted predicates have it: there Python raises (S5.4).
- A value in the place of a condition holds where Python calls it true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar, Literal, cast

from graphflow.graph.constants import constant_text

ArithmeticSign = Literal["+", "-", "*"]
ComparisonSign = Literal["==", "!=", "<", "<=", ">", ">="]

OPPOSITE: dict[ComparisonSign, ComparisonSign] = {"==": "!=", "!=": "=="}
"""The signs that hold exactly where another one does not, None included."""

MIRRORED: dict[ComparisonSign, ComparisonSign] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""The sign to write when both sides are swapped."""


@dataclass(frozen=True, slots=True)
class Term:
    """Any node of the tree. ``str(term)`` is its label."""

    parts: ClassVar[tuple[str, ...]] = ()
    """The attributes that hold further terms."""

    def __str__(self) -> str:
        from graphflow.graph.labels import label  # labels also parses, and so builds on this module

        return label(self)


@dataclass(frozen=True, slots=True)
class Field(Term):
    """A field of the state."""

    name: str


@dataclass(frozen=True, slots=True)
class Item(Term):
    """The item of the innermost map around (S6.1)."""


@dataclass(frozen=True, slots=True)
class Attribute(Term):
    """A field of a nested model; None where the model is None."""

    of: Term
    name: str

    parts: ClassVar[tuple[str, ...]] = ("of",)


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Term):
    """A value written in the condition. Equal to another of the same type and value: 1 is not True, nor 1.0."""

    value: Any

    def key(self) -> tuple[object, ...]:
        """What tells two constants apart."""
        value: object = self.value
        return (type(value), value if type(value) in (int, str) else constant_text(value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())


@dataclass(frozen=True, slots=True)
class Arithmetic(Term):
    """A sum, difference or product; None where an operand is None."""

    sign: ArithmeticSign
    left: Term
    right: Term

    parts: ClassVar[tuple[str, ...]] = ("left", "right")


@dataclass(frozen=True, slots=True)
class Size(Term):
    """How many elements or characters; None for None."""

    of: Term

    parts: ClassVar[tuple[str, ...]] = ("of",)


@dataclass(frozen=True, slots=True)
class Given(Term):
    """The value, which must be there: raises TypeError where it is None."""

    of: Term

    parts: ClassVar[tuple[str, ...]] = ("of",)


@dataclass(frozen=True, slots=True)
class Compare(Term):
    """A comparison of two values."""

    sign: ComparisonSign
    left: Term
    right: Term

    parts: ClassVar[tuple[str, ...]] = ("left", "right")


@dataclass(frozen=True, slots=True)
class Contains(Term):
    """Whether a value is in a container, or a text in a text."""

    container: Term
    value: Term

    parts: ClassVar[tuple[str, ...]] = ("container", "value")


@dataclass(frozen=True, slots=True)
class OneOf(Term):
    """Whether a value equals one of some constants."""

    of: Term
    choices: tuple[Constant, ...]

    parts: ClassVar[tuple[str, ...]] = ("of", "choices")


@dataclass(frozen=True, slots=True)
class Not(Term):
    """Holds where the condition does not."""

    of: Term

    parts: ClassVar[tuple[str, ...]] = ("of",)


@dataclass(frozen=True, slots=True)
class And(Term):
    """All hold; asked in order, up to the first that does not. At least two, none itself an And."""

    of: tuple[Term, ...]

    parts: ClassVar[tuple[str, ...]] = ("of",)


@dataclass(frozen=True, slots=True)
class Or(Term):
    """One holds; asked in order, up to the first that does. At least two, none itself an Or."""

    of: tuple[Term, ...]

    parts: ClassVar[tuple[str, ...]] = ("of",)


CONDITIONS = (Compare, Contains, OneOf, Not, And, Or)
"""The nodes that are true or false; the others are values."""


def is_condition(term: Term) -> bool:
    """Whether a term is true or false by its nature, and not a value."""
    return isinstance(term, CONDITIONS)


def all_of(*terms: Term) -> Term:
    """The conjunction, flattened, so that a tree has one form only."""
    return And(tuple(part for term in terms for part in (term.of if isinstance(term, And) else (term,))))


def any_of(*terms: Term) -> Term:
    """The disjunction, flattened."""
    return Or(tuple(part for term in terms for part in (term.of if isinstance(term, Or) else (term,))))


def negated(term: Term) -> Term:
    """A condition that holds exactly where ``term`` does not, also for None: ``not x < 3`` is not ``x >= 3``."""
    if isinstance(term, Not) and is_condition(term.of):
        return term.of
    if isinstance(term, Compare) and term.sign in OPPOSITE:
        return replace(term, sign=OPPOSITE[term.sign])
    return Not(term)


def children(term: Term) -> tuple[Term, ...]:
    """The terms directly below, in order."""
    found: list[Term] = []
    for name in term.parts:
        part = getattr(term, name)
        found.extend(cast("tuple[Term, ...]", part) if isinstance(part, tuple) else (part,))
    return tuple(found)


def with_children(term: Term, new: tuple[Term, ...]) -> Term:
    """The same node over other terms, as many as ``children`` gives."""
    rest = iter(new)
    changes: dict[str, Any] = {}
    for name in term.parts:
        part = getattr(term, name)
        is_many = isinstance(part, tuple)
        changes[name] = tuple(islice(rest, len(cast("tuple[Term, ...]", part)))) if is_many else next(rest)
    return replace(term, **changes) if changes else term


def walk(term: Term) -> Iterator[Term]:
    """The term and all below it, from above, left to right."""
    yield term
    for child in children(term):
        yield from walk(child)


def atoms(condition: Term) -> tuple[Term, ...]:
    """The parts of a condition that are not put together with and, or, not; each once, in order.

    >>> [str(atom) for atom in atoms(all_of(Not(Field("done")), Compare(">=", Field("score"), Constant(7))))]
    ['done', 'score >= 7']
    """
    if isinstance(condition, And | Or | Not):
        return tuple(dict.fromkeys(atom for child in children(condition) for atom in atoms(child)))
    return (condition,)


def reads(term: Term) -> frozenset[str]:
    """The fields of the state that it looks at."""
    return frozenset(part.name for part in walk(term) if isinstance(part, Field))


def uses_item(term: Term) -> bool:
    """Whether it looks at the map's item."""
    return any(isinstance(part, Item) for part in walk(term))


def constants(condition: Term) -> dict[Term, tuple[Any, ...]]:
    """What each value is compared with: term -> constants, each once, in order. Mined for test values.

    >>> {str(term): values for term, values in constants(Compare("<", Field("score"), Constant(7))).items()}
    {'score': (7,)}
    """
    found: dict[Term, dict[Constant, None]] = {}
    for part in walk(condition):
        if isinstance(part, Compare):
            pairs = [(part.left, part.right), (part.right, part.left)]
        elif isinstance(part, Contains):
            pairs = [(part.container, part.value), (part.value, part.container)]
        elif isinstance(part, OneOf):
            pairs = [(part.of, choice) for choice in part.choices]
        else:
            continue
        for term, constant in pairs:
            if isinstance(constant, Constant) and not isinstance(term, Constant):
                found.setdefault(without_given(term), {})[constant] = None
    return {term: tuple(constant.value for constant in values) for term, values in found.items()}


def without_given(term: Term) -> Term:
    """The same value, without the demand that it is there."""
    while isinstance(term, Given):
        term = term.of
    below = children(term)
    return with_children(term, tuple(without_given(child) for child in below)) if below else term


def path_of(term: Term) -> tuple[str, ...] | None:
    """``("review", "score")`` for ``review.score``, ``("ITEM", "name")`` for the item's; None for other terms."""
    term = without_given(term)
    names: list[str] = []
    while isinstance(term, Attribute):
        names.append(term.name)
        term = term.of
    if isinstance(term, Field):
        return (term.name, *reversed(names))
    return ("ITEM", *reversed(names)) if isinstance(term, Item) else None
