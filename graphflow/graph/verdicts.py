"""What is said of the conditions of one node, and on what grounds (S4.2, S4.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphflow.graph.shapes import Shape
from graphflow.graph.terms import Term

Outcome = bool | None
"""Of one condition on one state: None if it raised."""

Witness = dict[str, Any]
"""Field name -> value, for the fields that matter; under "ITEM" the item, if it matters."""


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A condition that holds only where one declared before it holds and is taken. ``by``: those before it."""

    index: int
    by: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two conditions that can hold at once. ``is_nested``: one holds wherever the other does."""

    first: int
    second: int
    witness: Witness
    is_nested: bool


@dataclass(frozen=True, slots=True)
class Raising:
    """A condition that raises on a state on which it is asked."""

    index: int
    witness: Witness
    error: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of the conditions of one node, by their index in the order tried.

    ``dead`` are never true. ``gap`` is a state where none holds; ``gap_without_limited`` one where only those hold
    that have an ``at_most``, which may be used up. ``possible_gap`` is a state where it depends on what cannot be
    decided; with all three None there is no gap, proved. ``proved`` is False if anything could not be decided,
    ``reason`` says what; with ``is_unknown`` that is everything. Findings that are listed hold in any case.
    """

    dead: tuple[int, ...] = ()
    shadowed: tuple[Shadowed, ...] = ()
    gap: Witness | None = None
    gap_without_limited: Witness | None = None
    possible_gap: Witness | None = None
    overlaps: tuple[Overlap, ...] = ()
    raises: tuple[Raising, ...] = ()
    proved: bool = True
    reason: str = ""
    is_unknown: bool = False

    @property
    def is_total(self) -> bool:
        """Whether it is proved that one of the conditions holds on every state, limits not counted."""
        return self.gap is None and self.possible_gap is None and not self.is_unknown


Outcomes = dict[tuple[Outcome, ...], list[Witness]]
"""What the conditions say together -> a few states on which they do."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a solver knows: every way in which the conditions may answer together, with states on which they might.

    ``is_understood`` is False if some part of a condition was a free Boolean to it.
    """

    possible: dict[tuple[bool | None, ...], list[Witness]]
    is_understood: bool


Solver = Callable[[Sequence[Term | None], Callable[[str], Shape]], Answers | None]
"""``solver(trees, shape_at)``: the conditions in order, None for an opaque one; None where it gives up."""
