"""One execution of a plan, in words that every implementation under test shares.

An implementation is a function ``(plan, state, answers, order) -> Outcome``. ``answers`` is the oracle that stands
for all nodes: a pure function of the call. ``order`` chooses which of the running calls finishes next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphflow.core.plan import Node, Plan

Update = dict[str, Any]
WAITING = object()
"""An oracle's reply to a question that nobody has answered yet (S10.1)."""


@dataclass(frozen=True)
class Raise:
    """An oracle's reply: the node raises."""

    error: Exception


@dataclass(frozen=True)
class HandOff:
    """An oracle's reply: the node hands off to the node or end of that name (S9.1)."""

    target: str
    update: Update = field(default_factory=dict)


@dataclass(frozen=True)
class Branch:
    """How a branch ended: ``done``, ``failed`` or ``cancelled`` (S6.7)."""

    index: int
    items: tuple[Any, ...]
    status: str
    error: Exception | None
    state: Update


@dataclass(frozen=True, eq=False)
class Call:
    """A running attempt at a node, and all that the node may look at."""

    cursor: str
    node: Node
    attempt: int
    view: Update
    items: tuple[Any, ...]
    branches: Sequence[Any] = ()  # of Branch, or of what a driver gives for it
    error: Exception | None = None

    @property
    def visit(self) -> int:
        return int(self.cursor.rpartition(":")[2])


@dataclass
class Step:
    """A transition (S3.2): ``edge`` is None if none could be taken, ``update`` is None for an error edge (S8.2)."""

    cursor: str
    update: Update | None
    edge: int | None


@dataclass(frozen=True)
class Outcome:
    """Where a run came to rest. ``steps`` leaves out those of cancelled branches (S15.4)."""

    status: str
    state: Update
    steps: list[Step]
    error: Exception | None
    questions: list[str]


Answers = Callable[[Call], Any]
"""Gives an update, ``Raise``, ``HandOff``, or ``WAITING`` for a question."""

Order = Callable[[list[Call]], Call]


class Execute(Protocol):
    """An implementation of the semantics."""

    def __call__(self, plan: Plan, state: Update, answers: Answers, order: Order) -> Outcome: ...
