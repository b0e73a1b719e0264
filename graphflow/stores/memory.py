"""The default store: journals in memory, gone with the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphflow.core.journal import Brief, Journal
from graphflow.core.plan import Plan
from graphflow.errors import RunBusy, RunNotFound, StoreError, unknown_name


@dataclass(slots=True)
class _Kept:
    plans: dict[str, Plan]
    entries: list[bytes | Brief] = field(default_factory=list[bytes | Brief])
    is_driven: bool = False


class MemoryStore:
    """Journals in memory. Give one to several calls to resume a run by its id:

    >>> store = MemoryStore()
    >>> store.ids()
    []
    """

    def __init__(self) -> None:
        self._runs: dict[str, _Kept] = {}

    def create(self, run_id: str, plan: Plan) -> None:
        """Make room for a new run."""
        if run_id in self._runs:
            raise StoreError(
                f"There is a run {run_id!r} already",
                why="Run ids are unique in a store.",
                fix="Leave run_id= out, or resume that run.",
            )
        self._runs[run_id] = _Kept({plan.fingerprint: plan})

    def append(self, run_id: str, entries: Sequence[bytes | Brief]) -> None:
        """Commit entries to the end of a run's journal. They are kept as they come, and written when they are read."""
        self._runs[run_id].entries.extend(entries)

    def read(self, run_id: str) -> Sequence[bytes]:
        """A run's journal as it stands now. Raises RunNotFound."""
        return Journal(self._find(run_id).entries)

    def plans(self, run_id: str) -> dict[str, Plan]:
        """The plans the run was driven under, by fingerprint. Raises RunNotFound."""
        return dict(self._find(run_id).plans)

    def add_plan(self, run_id: str, plan: Plan) -> None:
        """The run goes on under another plan (S16)."""
        self._find(run_id).plans[plan.fingerprint] = plan

    def acquire(self, run_id: str) -> None:
        """Become the run's only driver. Raises RunBusy if there is one (S18)."""
        kept = self._find(run_id)
        if kept.is_driven:
            raise RunBusy(
                f"Run {run_id!r} is being driven already",
                why="A run has one driver at a time. (S18)",
                fix="Wait for it, or use the handle that graph.start gave.",
            )
        kept.is_driven = True

    def release(self, run_id: str) -> None:
        """The driver is gone."""
        if run_id in self._runs:
            self._runs[run_id].is_driven = False

    def ids(self) -> list[str]:
        """The runs in the store, oldest first."""
        return list(self._runs)

    def _find(self, run_id: str) -> _Kept:
        kept = self._runs.get(run_id)
        if kept is None:
            raise RunNotFound(
                f"There is no run {run_id!r} in this store",
                why="A store in memory holds the runs of this process that were given to it.",
                fix=unknown_name(run_id, self._runs),
            )
        return kept
