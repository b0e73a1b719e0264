"""What a driver needs of a store. One commit is one event's entries: all of them, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from graphflow.core.journal import Brief
from graphflow.core.plan import Plan


class Store(Protocol):
    """A journal per run, append-only."""

    def create(self, run_id: str, plan: Plan) -> None:
        """Make room for a new run. Raises StoreError if the id is taken."""
        ...

    def append(self, run_id: str, entries: Sequence[bytes | Brief]) -> None:
        """Commit entries to the end of a run's journal. ``journal.text_of`` gives the text of either form."""
        ...

    def read(self, run_id: str) -> Sequence[bytes]:
        """A run's journal as it stands. Raises RunNotFound."""
        ...

    def plans(self, run_id: str) -> dict[str, Plan]:
        """The plans the run was driven under, by fingerprint."""
        ...

    def add_plan(self, run_id: str, plan: Plan) -> None:
        """The run goes on under another plan (S16)."""
        ...

    def acquire(self, run_id: str) -> None:
        """Become the run's only driver. Raises RunBusy at once if there is one (S18)."""
        ...

    def release(self, run_id: str) -> None:
        """The driver is gone."""
        ...

    def ids(self) -> list[str]:
        """The runs in the store, oldest first."""
        ...
