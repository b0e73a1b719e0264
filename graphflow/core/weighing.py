"""The state as a whole is bounded, as each of its values is (S17).

Weighing it at every step would cost as much as the state is large. So only large values are counted as they are
written; what is smaller is bounded by the number of steps. Once the count is over the limit the state is weighed as it
is, since values that were replaced are in the count, and not in the state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from graphflow.core.deciding import json_size, places
from graphflow.core.schema import Update
from graphflow.core.scopes import Scope
from graphflow.errors import LimitExceeded

if TYPE_CHECKING:
    from graphflow.core.machine import Machine

LARGE = 64_000
"""Bytes from which on a change is counted. At the default limits a thousand steps of less come to the limit."""


def weigh(machine: Machine, scope: Scope, updates: Sequence[Update]) -> None:
    """Before a step is folded. Raises LimitExceeded; the state is then untouched."""
    grown = sum(size for changes in updates for change in changes.values() if (size := size_if_large(change)))
    if not grown:
        return
    limit = machine.plan.limits.state_bytes
    machine.weight += grown
    if machine.weight <= limit:
        return
    machine.weight = weight_of(machine) + grown
    if machine.weight > limit:
        weight, machine.weight = machine.weight, machine.weight - grown
        raise LimitExceeded(
            f"The update of node {scope.node.name!r} would make the state {weight:,} bytes",
            why=f"With all its branches it may have {limit:,} bytes at most. (S17)",
            fix="Store large data outside and keep its address in the state, or raise it: limits=Limits(state_bytes=...).",
            where=places(scope.node.place),
        )


def weight_of(machine: Machine) -> int:
    """Bytes of all that the run holds, as JSON."""
    return sum(map(json_size, _held(machine.root)))


def size_if_large(change: Any) -> int:
    """Its size as JSON in bytes, 0 if it is surely not large."""
    if change is None or isinstance(change, int | float) or (isinstance(change, str) and len(change) * 6 < LARGE):
        return 0
    size = json_size(change)
    return size if size >= LARGE else 0


def _held(scope: Scope) -> Iterator[Any]:
    """Every value that the run holds: of each scope what is its own, and of each branch what it has written."""
    if not scope.is_borrowing:
        yield scope.values
    if scope.log:
        yield scope.log
    if scope.open is not None:
        for child in scope.open.children:
            if child is not None:
                yield from _held(child)
