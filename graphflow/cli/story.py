"""What happened in a run, entry by entry, each read under the plan that was in force then (S16)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphflow.core.journal import Entry
from graphflow.core.reading import under_plans
from graphflow.runtime.events import Event, event_of
from graphflow.runtime.run import Run


def told(run: Run[Any]) -> Iterator[tuple[Entry, Event]]:
    """The entries of a run's journal with the events that observers were told."""
    for entry, plan in under_plans(run.plans, run.journal):
        yield entry, event_of(entry, plan)
