"""What happened in a run, entry by entry, each read under the plan that was in force then (S16)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphflow.core.journal import Entry
from graphflow.core.plan import Plan
from graphflow.runtime.events import Event, event_of
from graphflow.runtime.run import Run


def told(run: Run[Any]) -> Iterator[tuple[Entry, Event]]:
    """The entries of a run's journal with the events that observers were told."""
    for entry, plan in under_plans(run.plans, run.journal):
        yield entry, event_of(entry, plan)


def under_plans(plans: Mapping[str, Plan], entries: Sequence[Entry]) -> Iterator[tuple[Entry, Plan]]:
    """Each entry with the plan it was made under: that of the start, until the run moved to another."""
    plan: Plan | None = None
    for entry in entries:
        if entry["kind"] in ("started", "migrated"):
            plan = plans[entry["fingerprint"]]
        assert plan is not None
        yield entry, plan
