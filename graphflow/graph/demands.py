"""What a set of atoms asks of each field: the constants between which nothing changes.

An atom is understood if it compares one value, or its size, with constants. Others (field against field, arithmetic)
are free: the prover takes each for a Boolean of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from graphflow.graph.shapes import NUMBERS
from graphflow.graph.terms import (
    MIRRORED,
    Compare,
    Constant,
    Contains,
    OneOf,
    Size,
    Term,
    path_of,
    without_given,
)


@dataclass(slots=True)
class Demand:
    """What is asked of one value, and of the attributes below it."""

    constants: list[Any] = field(default_factory=list[Any])
    sizes: list[Any] = field(default_factory=list[Any])
    members: list[Any] = field(default_factory=list[Any])
    is_ordered: bool = False
    asks_truth: bool = False
    below: dict[str, Demand] = field(default_factory=dict[str, "Demand"])

    def at(self, path: Iterable[str]) -> Demand:
        """The demand of an attribute, made where there is none yet."""
        found = self
        for name in path:
            found = found.below.setdefault(name, Demand())
        return found

    @property
    def asks_size(self) -> bool:
        return bool(self.sizes)

    @property
    def is_about_equality_only(self) -> bool:
        return not (self.sizes or self.members or self.is_ordered or self.asks_truth)


def note(atom: Term, demands: Demand) -> bool:
    """Add what ``atom`` asks to ``demands``, by the name of its field. False if the atom is not understood."""
    match without_given(atom):
        case Constant():
            return True
        case Compare(left=Constant() as constant, right=term, sign=sign) if not isinstance(term, Constant):
            return _note_constants(term, (constant,), MIRRORED[sign] not in ("==", "!="), demands)
        case Compare(left=term, right=Constant() as constant, sign=sign):
            return _note_constants(term, (constant,), sign not in ("==", "!="), demands)
        case OneOf(of=term, choices=choices):
            return _note_constants(term, choices, False, demands)
        case Contains(container=container, value=Constant(value=value)):
            path = path_of(container)
            if path is not None:
                demands.at(path).members.append(value)
            return path is not None
        case Size(of=of):
            path = path_of(of)
            if path is not None:
                demands.at(path).sizes.append(0)
            return path is not None
        case term:
            path = path_of(term)
            if path is not None:
                demands.at(path).asks_truth = True
            return path is not None


def _note_constants(term: Term, constants: tuple[Constant, ...], is_ordering: bool, demands: Demand) -> bool:
    values = [constant.value for constant in constants]
    is_size = isinstance(term, Size)
    path = path_of(term.of if isinstance(term, Size) else term)
    if path is None or (is_size and not all(isinstance(value, NUMBERS) for value in values)):
        return False
    demand = demands.at(path)
    if is_size:
        demand.sizes.extend(values or [0])
        return True
    demand.constants.extend(value for value in values if value is not None)
    demand.is_ordered = demand.is_ordered or is_ordering
    return True
