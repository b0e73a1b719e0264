"""What walks make values around: the constants of conditions and properties, and those in the code of functions (S5.2).

A guard ``tokens == 131072`` is reached by no random walk, unless 131072 is among what is tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

from graphflow.core.plan import Guard, Plan
from graphflow.graph.demands import Demand, note
from graphflow.graph.terms import Term, atoms
from graphflow.testing.exploring.control import guards_of

_MOST_LOOSE = 40
_LONGEST = 60
_MOST_TEXTS = 10


@dataclass(slots=True)
class Pool:
    """``fields``: what expressions ask of each field; ``loose``: constants in code, tried wherever their type fits."""

    fields: Mapping[str, Demand] = field(default_factory=dict[str, Demand])
    loose: tuple[Any, ...] = ()

    @property
    def texts(self) -> list[str]:
        """The texts that any field is compared with: a list of texts may hold what is asked of another field."""
        found = {value: None for one in self.fields.values() for value in one.constants if isinstance(value, str)}
        return list(found)[:_MOST_TEXTS]

    def demand(self, name: str) -> Demand:
        """What is asked of a field."""
        return self.fields.get(name) or Demand()


def pool_of(plan: Plan, claims: Iterable[Guard] = ()) -> Pool:
    """The constants of a plan's conditions and functions, and of claims about its state."""
    demands = Demand()
    loose: dict[tuple[type, Any], Any] = {}
    for guard in (*guards_of(plan), *claims):
        if isinstance(guard.expression, Term):
            for atom in atoms(guard.expression):
                note(atom, demands)
        else:
            _add(loose, guard.test)
    for node in plan.nodes:
        if node.kind == "function":
            _add(loose, node.work)
    return Pool(demands.below, tuple(list(loose.values())[:_MOST_LOOSE]))


def _add(found: dict[tuple[type, Any], Any], function: Any) -> None:
    for code in _codes_of(function):
        for value in _constants_in(code):
            kind = value.__class__
            found.setdefault((kind, value), value)


def _codes_of(function: Any, depth: int = 2) -> Iterator[CodeType]:
    """The code of a function, of what it wraps, and of the functions it closes over: a guard's test holds a predicate."""
    code = getattr(function, "__code__", None)
    if isinstance(code, CodeType):
        yield code
    if depth:
        inner = [getattr(function, "__wrapped__", None)]
        inner += [_content(cell) for cell in getattr(function, "__closure__", None) or ()]
        for one in inner:
            if isinstance(one, FunctionType):
                yield from _codes_of(one, depth - 1)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None


def _constants_in(code: CodeType) -> Iterator[Any]:
    documented = code.co_consts[0] if code.co_consts and isinstance(code.co_consts[0], str) else None
    found: list[Any] = list(code.co_consts)
    for value in found:
        if isinstance(value, CodeType):
            yield from _constants_in(value)
        elif isinstance(value, frozenset | tuple):
            found.extend(value)  # pyright: ignore[reportUnknownArgumentType]
        elif type(value) in (int, float) or (type(value) is str and value is not documented and len(value) <= _LONGEST):
            yield value
