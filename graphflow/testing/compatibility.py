"""``compatible``: may runs that were recorded earlier go on under the graph as it is now (S16)?

To be asked before a changed graph is deployed: of runs kept as exports beside the tests, or of a copy of the store.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from graphflow.core import migrating
from graphflow.core.journal import decode
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.errors import GraphChanged, GraphflowError, StoreError, shown
from graphflow.errors.testing import RecordInvalid
from graphflow.graph import restored
from graphflow.graph.declaration import Declaration
from graphflow.runtime.run import Run
from graphflow.stores.ciphers import cipher_of, opened
from graphflow.stores.exports import FORMAT, KIND
from graphflow.stores.store import Store
from graphflow.testing.proving.prove import plan_of

Recorded = Run[Any] | Store | str | os.PathLike[str]
"""A run; a file that ``graphflow runs export`` wrote; or a store, or where one is, for all runs of this graph in it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What would become of one run. ``folds``: its journal can be read; ``resumes``: it goes on, or it is over already.

    ``differences`` say why not. ``is_changed``: it was driven under another form of the graph.
    """

    run: str
    status: str
    folds: bool
    resumes: bool
    is_changed: bool = False
    differences: tuple[str, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether nothing is lost."""
        return self.folds and self.resumes

    def __str__(self) -> str:
        if not self.folds:
            what = "cannot be read"
        elif self.status in ("done", "cancelled"):
            what = "is over, and can be read"
        elif not self.resumes:
            what = "cannot go on"
        else:
            what = "goes on under the changed graph" if self.is_changed else "goes on, the graph is the same"
        head = f"{'fine' if self.is_fine else 'lost':<6}{self.run}  {self.status or 'unknown'}: {what}"
        return "\n".join([head, *(f"        {line}" for line in self.differences)])


@dataclass(frozen=True, slots=True)
class Compatibility:
    """The verdicts on all runs; true where none would be lost: ``assert compatible(graph, "runs.db")``."""

    graph: str
    verdicts: tuple[Verdict, ...]

    def __bool__(self) -> bool:
        return all(one.is_fine for one in self.verdicts)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __repr__(self) -> str:  # what pytest shows of ``assert compatible(...)``
        return str(self)

    def __str__(self) -> str:
        lost = sum(not one.is_fine for one in self.verdicts)
        runs = f"{len(self.verdicts)} run{'s' if len(self.verdicts) != 1 else ''}"
        head = f"{self.graph}: {runs}, {f'{lost} lost (S16)' if lost else 'none lost'}"
        return "\n".join([head, *(f"  {line}" for one in self.verdicts for line in str(one).splitlines())])


def compatible(
    graph: Declaration[Any],
    recorded: Recorded | Iterable[Recorded],
    *,
    migrate: migrating.Migrate | None = None,
) -> Compatibility:
    """Whether recorded runs can still be read, and could be resumed, under a graph as it is now (S16). Runs nothing.

    ``recorded`` is a Run, the path of an export (``.jsonl``) or of a store (``runs.db``, a Postgres address), a Store, or
    several of these; of a store the runs of a graph of this name are looked at. ``migrate`` is what a resume would be
    given. Nothing is written anywhere.

    Raises RecordInvalid for what is no record, StoreError for a store that cannot be opened.

    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Graph, fields
    >>> class Desk(BaseModel):
    ...     sent: bool = False
    >>> def desk(name):
    ...     graph = Graph("desk", Desk)
    ...     graph.chain(START, graph.ask(name, "Send it?", answer=bool, writes=fields(Desk).sent), END)
    ...     return graph
    >>> waiting = desk("approve").run_sync(Desk(), run_id="r-1")
    >>> bool(compatible(desk("approve"), waiting))
    True
    >>> print(compatible(desk("allow"), waiting))
    desk: 1 run, 1 lost (S16)
      lost  r-1  waiting: cannot go on
              The run stands at node 'approve' (approve:1), which is gone.
    """
    plan = plan_of(graph, "compatible")
    several: Iterable[Any] = [recorded] if _is_one(recorded) else cast("Iterable[Any]", recorded)
    found = [verdict for one in several for verdict in _verdicts(plan, one, migrate)]
    return Compatibility(plan.name, tuple(found))


def _is_one(recorded: object) -> bool:
    return isinstance(recorded, Run | str | os.PathLike) or hasattr(recorded, "rows")


def _verdicts(plan: Plan, recorded: Any, change: migrating.Migrate | None) -> Iterator[Verdict]:
    given: Any = recorded
    if isinstance(recorded, Run):
        run: Run[Any] = given
        yield _verdict(plan, run.id, run.status, run.plans, list(run.raw_journal), change)
    elif hasattr(recorded, "rows"):
        yield from _of_store(plan, recorded, change)
    elif isinstance(recorded, str | os.PathLike):
        place = os.fspath(cast("str | os.PathLike[str]", recorded))
        if "://" not in place and _is_export(Path(place)):
            yield _of_export(plan, Path(place), change)
            return
        store = _opened(place)
        try:
            yield from _of_store(plan, store, change)
        finally:
            store.close()
    else:
        raise RecordInvalid(
            f"{shown(recorded)} is no recorded run",
            why="compatible() takes a Run, an export, a store, or several of these.",
            fix="Write compatible(graph, 'runs.db'), or compatible(graph, Path('tests/runs').glob('*.jsonl')).",
        )


def _of_store(plan: Plan, store: Store, change: migrating.Migrate | None) -> Iterator[Verdict]:
    for row in store.rows(graph=plan.name):
        try:
            plans, journal = store.plans(row.run, plan), list(store.read(row.run))
        except StoreError as error:
            yield Verdict(row.run, row.standing.status, False, False, differences=_lines(error))
            continue
        yield _verdict(plan, row.run, row.standing.status, plans, journal, change)


def _is_export(file: Path) -> bool:
    try:
        with file.open("rb") as begun:
            return begun.read(1) == b"{"
    except OSError as error:
        raise RecordInvalid(
            f"{str(file)!r} cannot be read",
            why=f"{error.strerror or error}.",
            fix="Name what graphflow runs export wrote, or a store.",
        ) from None


def _opened(place: str) -> Store:
    from graphflow.runtime.beginning import open_store

    return open_store(place, cipher_of(os.environ))


def _of_export(plan: Plan, file: Path, change: migrating.Migrate | None) -> Verdict:
    lines = [line for line in file.read_text(encoding="utf-8", errors="replace").split("\n") if line]
    try:
        header: Any = json.loads(lines[0])
        is_ours = header["kind"] == KIND and header["format"] == FORMAT
        name, status, entries = str(header["run"]), str(header["status"]), int(header["entries"])
        plans = [restored.plan_of(data, plan) for data in header["plans"]] if is_ours else []
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, GraphflowError) as error:
        raise _no_export(file, f"{type(error).__name__}: {error}.") from None
    if not is_ours:
        raise _no_export(file, "Its first line is no header of an export, or one of another format.")
    if entries != len(lines) - 1:
        return Verdict(
            name, status, False, False, differences=(f"It is to have {entries} entries, and has {len(lines) - 1}.",)
        )
    try:
        journal = _unsealed(lines[1:])
    except StoreError as error:
        return Verdict(name, status, False, False, differences=_lines(error))
    return _verdict(plan, name, status, {one.fingerprint: one for one in plans}, journal, change)


def _unsealed(lines: list[str]) -> list[bytes]:
    """The entries of an export, its secrets opened if their key is at hand. Raises CipherKeyUnknown and SecretDamaged."""
    cipher, journal = cipher_of(os.environ), [line.encode() for line in lines]
    return journal if cipher is None else [opened(line, cipher) for line in journal]


def _no_export(file: Path, why: str) -> RecordInvalid:
    return RecordInvalid(
        f"{str(file)!r} is no export that can be read",
        why=why,
        fix="Export the run again: graphflow runs export ID -o FILE",
    )


def _verdict(
    plan: Plan,
    run: str,
    status: str,
    plans: Mapping[str, Plan],
    journal: list[bytes],
    change: migrating.Migrate | None,
) -> Verdict:
    """Fold a run, and try to move it to the plan of now; both on a machine of its own."""
    try:
        machine: Machine = replay(plans, map(decode, journal))
    except GraphflowError as error:
        return Verdict(run, status, False, False, differences=_lines(error))
    is_changed = machine.plan.fingerprint != plan.fingerprint
    if machine.status in ("done", "cancelled") or (not is_changed and change is None):
        return Verdict(run, status, True, True, is_changed)
    try:
        migrating.migrate(machine, plan, change)
    except GraphChanged as error:
        differences = tuple(line for line in error.why.splitlines() if line != "(S16)")
        return Verdict(run, status, True, False, is_changed, differences)
    return Verdict(run, status, True, True, is_changed)


def _lines(error: GraphflowError) -> tuple[str, ...]:
    return (error.what, *error.why.splitlines())
