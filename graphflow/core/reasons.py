"""Why a run went the way it went: every edge that was considered at an entry, with the values its condition saw.

A journal keeps what was decided, not why (S15.2). Conditions are pure (S5.1), so they can be asked again about the
state that they were asked about; only this module does that, and only for somebody who looks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from graphflow.core import deciding
from graphflow.core.journal import Entry
from graphflow.core.machine import Machine
from graphflow.core.plan import Edge, Plan
from graphflow.core.replay import fold, locate, replay
from graphflow.core.scopes import Scope
from graphflow.errors import GraphflowError

Outcome = Literal["taken", "its condition did not hold", "its limit was used up", "was not tried"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One edge as it was considered: where it leads, its condition, the values that saw, and what came of it."""

    edge: int
    to: tuple[str, ...]
    condition: str
    values: str
    outcome: Outcome

    def __str__(self) -> str:
        needs = f"  needs {self.condition}" if self.condition else ""
        values = f"  (is {self.values})" if self.values else ""
        return f"-> {', '.join(self.to)}{needs}{values}  {self.outcome}"


def reasons(
    plans: Mapping[str, Plan], journal: Sequence[Entry], wanted: Collection[int]
) -> dict[int, tuple[Reason, ...]]:
    """For each wanted entry (by ``seq``) that took an edge, the edges considered, in the order they were tried (S4.2).

    One pass over the journal. Entries that took none are left out. Raises JournalInvalid.
    """
    found: dict[int, tuple[Reason, ...]] = {}
    machine: Machine | None = None
    last = max(wanted, default=0)
    for place, entry in enumerate(journal):
        if entry["seq"] > last:
            break
        if machine is None or entry["kind"] == "migrated":
            machine = replay(plans, journal[: place + 1])
            continue
        if entry["seq"] in wanted:
            told = told_reasons(machine, entry)
            if told:
                found[entry["seq"]] = told
        else:
            fold(machine, entry)
    return found


def told_reasons(machine: Machine, entry: Entry) -> tuple[Reason, ...]:
    """Fold one entry, and tell of the edges considered at it; nothing where it took none. Raises JournalInvalid."""
    if "edge" not in entry or "at" not in entry or entry["kind"] == "joined":
        fold(machine, entry)
        return ()
    scope = locate(machine, str(entry.get("level", entry["at"])))
    plan, chosen = scope.plan, scope.plan.edge(entry["edge"])
    node = plan.nodes[chosen.source]
    edges: tuple[Edge, ...] = node.exits if chosen in node.exits else (chosen,)
    with_room = frozenset(edge.index for edge in edges if scope.has_room(edge))  # before this one is counted
    fold(machine, entry)
    return tuple(_considered(scope, plan, edges, chosen, with_room))


def _considered(
    scope: Scope, plan: Plan, edges: Sequence[Edge], chosen: Edge, with_room: Collection[int]
) -> list[Reason]:
    found: list[Reason] = []
    is_open = True
    for edge in edges:
        is_chosen = edge.index == chosen.index
        outcome: Outcome = "taken" if is_chosen else "was not tried"
        if is_open and not is_chosen:
            outcome = _outcome(scope, edge, edge.index in with_room)
        is_open = is_open and not is_chosen
        to = tuple(plan.nodes[target].name for target in edge.targets)
        label = "" if edge.guard is None else edge.guard.label
        values = "" if edge.guard is None else deciding.seen(edge.guard, scope)
        found.append(Reason(edge.index, to, label, values, outcome))
    return found


def _outcome(scope: Scope, edge: Edge, has_room: bool) -> Outcome:
    """Why an edge that was tried before the one taken was passed over."""
    if edge.guard is None:
        return "its limit was used up"
    try:
        holds = deciding.holds(edge.guard, scope, edge)
    except GraphflowError:  # a plan out of a store holds no functions; but with room, one that held would be taken
        holds = not has_room
    return "its limit was used up" if holds else "its condition did not hold"


__all__ = ["Reason", "reasons", "told_reasons"]
