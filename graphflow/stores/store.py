"""What a driver, and whoever looks on, needs of a store. One commit is a batch of entries of one run: all, or none.

A store keeps entries as text and understands nothing of them. What it can say of a run without reading its journal, it
is told with a commit (``Standing``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphflow.core.journal import Brief
from graphflow.core.plan import Plan
from graphflow.stores.ciphers import Cipher


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands after a commit: what a list of runs shows, and what a worker looks for.

    ``seq`` is how many entries its journal has; a store counts them itself, so a row always tells the truth.
    ``wake_at`` is when its next timer is due, in seconds since 1970. ``questions`` are the open ones: id, node, text and
    the JSON schema of an answer. ``state`` is the state as JSON-able data, None where this commit does not tell it: the
    one told before then stands.
    """

    seq: int
    status: str = "running"
    wake_at: float | None = None
    frontier: tuple[str, ...] = ()
    questions: tuple[dict[str, Any], ...] = ()
    usage: dict[str, Any] = field(default_factory=dict[str, Any])
    state: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as its store lists it; ``row`` tells of its state too. ``target`` is where its graph was found (``graphs/intel.py``), "" if it is unknown.

    ``created`` and ``updated`` are seconds since 1970. ``is_driven``: somebody holds its lease now.
    """

    run: str
    graph: str
    fingerprint: str
    standing: Standing
    target: str = ""
    model: str = ""
    parent: str = ""
    created: float = 0.0
    updated: float = 0.0
    is_driven: bool = False
    has_answers: bool = False


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer that somebody left in the store for a run: ``key`` is a question's id or a node's name (S10.1)."""

    number: int
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Origin:
    """What a new run is told of itself besides its plan: where its graph is found, its model's name, its parent."""

    target: str = ""
    model: str = ""
    parent: str = ""


NO_ORIGIN = Origin()


class Ticket(Protocol):
    """A commit under way. Awaiting it waits until everything handed over with it is safe; raises StoreError."""

    def __await__(self) -> Any: ...


class AwaitedStore(Protocol):
    """What a store may have besides, if becoming and ceasing to be a driver takes it long: a driver awaits it then."""

    async def acquired(self, run_id: str) -> int:
        """``acquire``; how many entries the run has. Cancelled, the run is free again."""
        ...

    async def released(self, run_id: str) -> None:
        """``release``. Cancelled, it is done all the same."""
        ...


class Store(Protocol):
    """Journals, append-only, each with one driver at a time (S18). Methods may be called from any thread."""

    @property
    def lease_s(self) -> float | None:
        """How long a driver may be silent before another may take over; None where a lease ends with its process."""
        ...

    @property
    def cipher(self) -> Cipher | None:
        """What seals secrets where this store writes, None without one: then no state with secrets is given to it.

        All that is handed over goes through ``ciphers.sealed``, and what ``read`` gives through ``ciphers.opened``; where
        a run stands stays sealed.
        """
        ...

    def create(self, run_id: str, plan: Plan, origin: Origin = ..., entries: Sequence[bytes | Brief] = ()) -> None:
        """Make room for a new run, with the journal it begins with if it has one. Raises StoreError if the id is taken."""
        ...

    def append(
        self,
        run_id: str,
        entries: Sequence[bytes | Brief],
        standing: Standing | None = None,
        taken: Sequence[int] = (),
    ) -> Ticket | None:
        """Hand over entries for the end of a run's journal; ``journal.text_of`` gives the text of either form, one line.

        ``taken`` are the numbers of given answers that these entries settle: they go in the same commit. None says that
        all is safe already; else the ticket tells, and of several the order is kept. The lease is renewed with it, also
        if there are no entries. Raises, or the ticket does, Fenced and StoreUnavailable.
        """
        ...

    def read(self, run_id: str) -> Sequence[bytes]:
        """A run's journal as it stands. Raises RunNotFound."""
        ...

    def cut(self, run_id: str, snapshot: bytes) -> bool:
        """Put a snapshot in the place of all entries up to its own ``seq``, at once and also while the run is driven.

        False if the journal begins there or later already. Raises RunNotFound.
        """
        ...

    def plans(self, run_id: str, like: Plan | None = None) -> dict[str, Plan]:
        """The plans the run was driven under, by fingerprint; ``like`` is the graph as it is now. Raises RunNotFound."""
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

    def answer(self, run_id: str, key: str, value: Any) -> None:
        """Leave an answer for the run's driver of now or later (S10.1). Raises RunNotFound."""
        ...

    def answers(self, run_id: str) -> list[GivenAnswer]:
        """The answers left for a run that no driver has taken yet, in the order they were given."""
        ...

    def row(self, run_id: str) -> RunRow:
        """What is known of a run without reading its journal. Raises RunNotFound."""
        ...

    def rows(
        self, *, status: Collection[str] | None = None, graph: str | None = None, last: int | None = None
    ) -> list[RunRow]:
        """The runs in the store, oldest first, without their states: of these statuses, of the graph of this name, and
        of those only the ``last`` so many."""
        ...

    def ready(self, now: float) -> list[RunRow]:
        """The runs that need a driver and have none, oldest first: stopped, answered, or due (``wake_at``) by ``now``.

        What a worker asks over and over, so no run that is parked or has ended may cost anything. Of a standing only
        ``seq``, ``status`` and ``wake_at`` are told.
        """
        ...

    def sizes(self) -> dict[str, int]:
        """How many bytes the runs take: journal and state."""
        ...

    def remove(self, run_id: str) -> None:
        """Forget a run. Raises RunNotFound, and RunBusy if it has a driver."""
        ...

    def compact(self) -> None:
        """Give back the room that was taken by what is forgotten, where the store does not do so by itself."""
        ...

    def ids(self) -> list[str]:
        """The runs in the store, oldest first."""
        ...

    def close(self) -> None:
        """Finish what was handed over, and let go of files and connections. Closing twice is fine."""
        ...
