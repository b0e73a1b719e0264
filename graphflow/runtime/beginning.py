"""How a run begins: anew, resumed, or rerun from an earlier moment. Everything is validated before anything runs."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphflow.agents.clocks import date
from graphflow.core import migrating
from graphflow.core.journal import decode, encode
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.core.usage import Budget
from graphflow.errors import RunError, StoreError
from graphflow.graph.answers import Answer
from graphflow.runtime import arguments
from graphflow.runtime.live import Live
from graphflow.runtime.outbox import Durability
from graphflow.runtime.run import Run
from graphflow.runtime.watching import Observer
from graphflow.stores.ciphers import Cipher
from graphflow.stores.memory import MemoryStore
from graphflow.stores.store import Origin, Store


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is given to a run besides its state: never journalled, and given again at a resume (S3.8).

    ``given_model`` is what was named for this run, ``model`` the one that answers: without a name, the environment's.
    """

    deps: Any = None
    model: Any = None
    model_name: str = ""
    given_model: Any = None
    observers: Sequence[Observer] = field(default=())
    approve: Any = None
    durability: Durability = "step"
    target: str = ""

    def origin(self, plan: Plan, parent: str = "") -> Origin:
        """What a store is told of a new run; its graph is found again where it was declared, unless told better."""
        place = "" if plan.place is None else plan.place.file
        return Origin(self.target or place, self.model_name, parent)


def open_store(store: Store | str | os.PathLike[str] | None, cipher: Cipher | None = None) -> Store:
    """The store a call names; a fresh one in memory without a name. Raises StoreError.

    A name is a file, or the address of a Postgres database: ``runs.db``, ``postgresql://user@host/database``. One that
    is named is opened with ``cipher``.
    """
    if store is None:
        return MemoryStore()
    if not isinstance(store, str | os.PathLike):
        arguments.check_store(store)
        return store
    if str(store).startswith(("postgres://", "postgresql://")):
        from graphflow.stores.postgres import PostgresStore

        return PostgresStore(str(store), cipher=cipher)
    from graphflow.stores.sqlite import SQLiteStore

    return SQLiteStore(store, cipher=cipher)


def begin(
    plan: Plan,
    state: Any,
    surroundings: Surroundings,
    *,
    store: Store | str | os.PathLike[str] | None = None,
    budget: Budget | None = None,
    run_id: str | None = None,
) -> Live[Any]:
    """A new run, its start state validated here. Raises InputInvalid and StoreError."""
    arguments.check_budget(budget)
    arguments.check_cipher(plan, store)
    kept = open_store(store)
    machine = Machine(plan, run_id or f"r-{secrets.token_hex(4)}", budget)
    values = machine.check_input(state)
    if kept.lease_s is None:
        kept.create(machine.run_id, plan)
        return _live(machine, kept, surroundings, lambda: machine.start_with(values), store)
    machine.now = _now()
    machine.start_with(values)
    entries = [encode(entry, under) for entry, under in machine.entries]
    kept.create(machine.run_id, plan, surroundings.origin(plan), entries)  # at once: a run without a start is none
    live = _live(machine, kept, surroundings, lambda: None, store)
    live.skip(len(entries))
    return live


def resume(
    plan: Plan,
    run: Run[Any] | str,
    surroundings: Surroundings,
    *,
    store: Store | str | os.PathLike[str] | None = None,
    answers: Sequence[Answer] = (),
    budget: Budget | None = None,
    migrate: migrating.Migrate | None = None,
) -> Live[Any]:
    """Go on with a stopped, waiting, failed or exhausted run. Raises RunNotFound, GraphChanged, AnswerInvalid."""
    arguments.check_budget(budget)
    arguments.check_answers(answers)
    arguments.check_cipher(plan, store)
    kept, run_id = _where(run, store)
    machine = replay(kept.plans(run_id, plan), map(decode, kept.read(run_id)))
    machine.now = max(machine.now, _now())
    if machine.plan.fingerprint != plan.fingerprint or migrate is not None:
        migrating.migrate(machine, plan, migrate)
        kept.add_plan(run_id, plan)
    else:
        machine.adopt(plan)
    machine.resume(budget)
    for answer in answers:
        machine.answer(answer.node, answer.value)
    if surroundings.approve is not None:
        machine.ask_elsewhere()
    machine.timers[:] = machine.owed_timers()  # answers go first, then due timers (S10.3)
    return _live(machine, kept, surroundings, lambda: None, store)


def rerun(
    plan: Plan,
    run: Run[Any],
    surroundings: Surroundings,
    *,
    at: int,
    state: Mapping[str, Any] | None = None,
    scope: str = "",
    store: Store | str | os.PathLike[str] | None = None,
    budget: Budget | None = None,
    run_id: str | None = None,
) -> Live[Any]:
    """A new run that goes on from entry ``at`` of an old one, which stays as it is (S15.3). Raises RunError."""
    arguments.check_budget(budget)
    arguments.check_cipher(plan, store)
    past = arguments.checked_run(run).at(at)
    machine = replay(past.plans, past.journal)
    if machine.status in ("done", "cancelled"):
        raise RunError(
            f"Run {run.id!r} had ended at entry {at}",
            why="There is nothing left to run from there. (S15.3)",
            fix="Choose an earlier entry; run.steps lists them.",
        )
    new_id = run_id or f"r-{secrets.token_hex(4)}"
    machine.now = max(machine.now, _now())
    machine.rerun(new_id, scope, state or {})
    kept, first = open_store(store), machine.plan
    # with what was changed, at once: who takes the run before it is driven here goes on from there, too
    changed = [] if kept.lease_s is None else [encode(entry, under) for entry, under in machine.entries]
    if first.fingerprint != plan.fingerprint:
        migrating.migrate(machine, plan)
    else:
        machine.adopt(plan)
    machine.resume(budget)
    machine.timers[:] = machine.owed_timers()
    kept.create(new_id, first, surroundings.origin(plan, parent=run.id), [*past.raw_journal, *changed])
    for other in (*past.plans.values(), plan):
        kept.add_plan(new_id, other)
    live = _live(machine, kept, surroundings, lambda: None, store)
    if changed:
        live.skip(len(changed))
    return live


def _now() -> float:
    """By the clock of the loop that is running, in seconds since 1970; by the wall where none is."""
    try:
        return date()
    except RuntimeError:
        return time.time()


def _where(run: Run[Any] | str, store: Store | str | os.PathLike[str] | None) -> tuple[Store, str]:
    """The store that holds a run: the one named, else one made from the run itself."""
    if isinstance(run, str):
        if store is None:
            raise StoreError(
                f"Run {run!r} cannot be found without its store",
                why="A run's id is known to the store that holds it.",
                fix="Give store=, or give the Run itself: graph.resume(run).",
            )
        return open_store(store), run
    arguments.checked_run(run)
    if store is not None:
        return open_store(store), run.id
    kept = MemoryStore()
    plans = list(run.plans.values())
    kept.create(run.id, plans[0], entries=run.raw_journal)
    for plan in plans[1:]:
        kept.add_plan(run.id, plan)
    return kept, run.id


Named = Store | str | os.PathLike[str] | None


def _live(machine: Machine, store: Store, surroundings: Surroundings, begin_run: Any, named: Named) -> Live[Any]:
    is_ours = named is None or isinstance(named, str | os.PathLike)
    return Live(
        machine,
        store,
        begin_run,
        deps=surroundings.deps,
        model=surroundings.model,
        model_name=surroundings.model_name,
        given_model=surroundings.given_model,
        approve=surroundings.approve,
        durability=surroundings.durability,
        observers=surroundings.observers,
        reopen=(lambda: open_store(named)) if is_ours else None,
    )


__all__ = ["Surroundings", "begin", "open_store", "rerun", "resume"]
