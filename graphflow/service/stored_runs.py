"""Runs as their store has them: a fold of the journal, with the run's graph or without it (S15.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphflow.core.journal import decode
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.errors import JournalInvalid
from graphflow.runtime.run import Run
from graphflow.stores.store import RunRow, Store


@dataclass(frozen=True, slots=True)
class StoredRun:
    """What a store holds of a run: the row that lists it, its plans and journal, and the machine they make."""

    row: RunRow
    plans: dict[str, Plan]
    journal: list[bytes]
    machine: Machine

    def run(self, model: str | None = None) -> Run[Any]:
        return Run(self.plans, self.machine, self.journal, self.row.model if model is None else model)


def read_run(store: Store, run_id: str, like: Plan | None = None) -> StoredRun:
    """A run as its store has it. ``like`` is its graph, which it can do without: nothing can be started under it then.

    Raises RunNotFound, and JournalInvalid for a run that ended before its start was safe.
    """
    row = store.row(run_id)
    journal = list(store.read(run_id))
    if not journal:
        raise JournalInvalid(
            f"Run {run_id!r} never began",
            why="Its process ended before the state it starts with was safe in the store.",
            fix=f"Remove it, and run it anew: graphflow runs rm {run_id}",
        )
    plans = store.plans(run_id, like)
    machine = replay(plans, map(decode, journal))
    return StoredRun(row, plans, journal, machine)


def stored_run(store: Store, run_id: str, like: Plan | None = None, model: str | None = None) -> Run[Any]:
    """The same as a Run. Raises RunNotFound and JournalInvalid."""
    return read_run(store, run_id, like).run(model)


def values_of(run: Run[Any]) -> dict[str, Any]:
    """The fields of a run's state."""
    return {name: getattr(run.state, name) for name in run.plan.schema.fields}
