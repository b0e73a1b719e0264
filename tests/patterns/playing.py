"""Playing a pattern against a hostile model: to its end, stopped anywhere, and told again from its events and journal."""

from __future__ import annotations

import asyncio
import functools
import os
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pytest
from pydantic import BaseModel, TypeAdapter

from graphflow import Budget, RunFailed
from graphflow.core.journal import Brief, Entry, decode
from graphflow.core.machine import Machine
from graphflow.core.plan import Edge, Plan
from graphflow.core.replay import fold, replay
from graphflow.core.scopes import Scope
from graphflow.errors import AnswerInvalid, ReadUndeclared
from graphflow.graph.answers import Answer
from graphflow.runtime.events import Event, Joined, NodeFinished, RunStarted, TimerFired
from graphflow.runtime.run import Question, Run
from graphflow.stores import MemoryStore
from graphflow.stores.store import Standing
from graphflow.testing.virtual import VirtualLoop, run_virtual
from tests.patterns.cases import CASES, TIMED, Case
from tests.patterns.hostile import CURSOR, Hostile, fitting

T = TypeVar("T")
DEPTH = int(os.environ.get("GRAPHFLOW_LAWS", "0"))
"""How often each case is played; 0: a few times."""
SEEDS = range(DEPTH or 6)
FEW = range(DEPTH or 2)
EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
UNTIMED = pytest.mark.parametrize(
    "case",
    [case for name, case in CASES.items() if name not in TIMED],
    ids=[name for name in CASES if name not in TIMED],
)
CHOSEN = ("finished", "answered", "left", "chosen")
"""Kinds of entries at which an edge is chosen after the node's update (S3.2)."""
ROUNDS = 40
"""How often a waiting run is gone on with before it counts as endless."""


@dataclass(eq=False)
class Played:
    """A run as it came to rest, what its observers were told, and what its model was asked."""

    case: Case
    run: Run[Any]
    model: Hostile
    events: list[Event] = field(default_factory=list[Event])
    seconds: float = 0.0
    left: int = 0  # tasks that still run

    @property
    def outcome(self) -> dict[str, Any]:
        """What two equal runs share, byte for byte (S15.4)."""
        error = self.run.error
        kind = None if error is None else getattr(error, "type", type(error).__name__)
        return {
            "status": self.run.status,
            "state": repr(self.run.state.model_dump()),
            "path": () if stopped_branches(self.run) else self.run.path,
            "error": None if stopped_branches(self.run) else kind,
        }


def stopped_branches(run: Run[Any]) -> bool:
    """Whether a fork was stopped by a failure: which siblings had come how far is a matter of time (S15.4)."""
    return run.status == "failed" and any(
        "[" in failure.cursor for failure in run.failures if failure.outcome != "collected"
    )


async def rested(work: Coroutine[Any, Any, Run[Any]]) -> Run[Any]:
    """The run, however it ends. Anything but RunFailed is no typed end, and fails the test."""
    try:
        return await work
    except RunFailed as failed:
        return cast("Run[Any]", failed.run)


def play(
    case: Case,
    model: Hostile,
    *,
    budget: Budget | None = None,
    is_watched: bool = True,
    store: MemoryStore | None = None,
    deps: Any = None,
) -> Played:
    """Play a case to its end."""
    events: list[Event] = []
    observers = [events.append] if is_watched else []

    async def main() -> Played:
        loop = asyncio.get_running_loop()
        store_ = store or MemoryStore()
        begun = case.graph.run(
            case.start(), model=model, budget=budget, observers=observers, store=store_, deps=deps, run_id="played"
        )
        run = await answered(case, await rested(begun), model, observers, store_, budget)
        await asyncio.sleep(0)
        left = len(asyncio.all_tasks()) - 1
        return Played(case, run, model, events, loop.time(), left)

    return run_virtual(main())


async def answered(
    case: Case,
    run: Run[Any],
    model: Hostile,
    observers: Sequence[Any],
    store: MemoryStore,
    budget: Budget | None = None,
) -> Run[Any]:
    """A run that waits gets answers as hostile as those of the model, or none until the question's time is over."""
    loop = cast("VirtualLoop", asyncio.get_running_loop())
    for _ in range(ROUNDS):
        if run.status != "waiting":
            return run
        question = run.questions[0]
        draw = random.Random(f"{model.seed} {question.id}")
        _refuse_nonsense(case, run, question, store)
        answers: list[Answer] = []
        if question.due is not None and draw.random() < 0.4:
            await asyncio.sleep(max(0.0, question.due - loop.epoch_s - loop.time()) + 1)
        else:
            schema = TypeAdapter(question.answer).json_schema()
            answers = [Answer(question.id, fitting(schema, draw))]
        resumed = case.graph.resume(run, model=model, answers=answers, observers=observers, store=store, budget=budget)
        run = await rested(resumed)
    raise AssertionError(f"{case.name} goes on waiting")


def _refuse_nonsense(case: Case, run: Run[Any], question: Question, store: MemoryStore) -> None:
    before = run.seq
    for nonsense in (Answer(question.id, object()), Answer("nobody", 1)):
        with pytest.raises(AnswerInvalid):
            _ = case.graph.resume(run, answers=[nonsense], store=store)
    assert run.seq == before


@functools.cache
def played(case: Case, seed: int) -> Played:
    """A case played once for all laws that only look."""
    return play(case, Hostile(seed, pace=seed, is_steady=False))


# -- stopping ----------------------------------------------------------------------------------------------------------


class Stopping(MemoryStore):
    """A store that stops the driver, as Ctrl-C would, once so many commits are written."""

    def __init__(self, commits: int) -> None:
        super().__init__()
        self.commits = commits
        self.task: asyncio.Task[Any] | None = None

    def append(
        self,
        run_id: str,
        entries: Sequence[bytes | Brief],
        standing: Standing | None = None,
        taken: Sequence[int] = (),
    ) -> None:
        super().append(run_id, entries, standing, taken)
        self.commits -= 1
        if self.commits == 0 and self.task is not None:
            self.task.cancel()


def stop_and_resume(case: Case, model: Hostile, commits: int) -> tuple[Played, list[Entry], int] | None:
    """Play, stopped after so many commits and resumed with the same model: also the journal at the stop, and how many
    calls had been made by then. None if that was the end, which counts (S14.2)."""
    store = Stopping(commits)

    async def main() -> tuple[Played, list[Entry], int] | None:
        begun = case.graph.run(case.start(), model=model, store=store, run_id="stopped")
        store.task = asyncio.ensure_future(rested(begun))
        journal: list[Entry] = []
        calls = 0
        try:
            run = await store.task
        except asyncio.CancelledError:
            journal = [decode(text) for text in store.read("stopped")]
            if journal[-1]["kind"] == "ended":
                return None
            calls = len(model.calls)
            run = await rested(case.graph.resume("stopped", model=model, store=store))
        run = await answered(case, run, model, (), store)
        return Played(case, run, model), journal, calls

    return run_virtual(main())


def cut_and_resume(whole: Played, seq: int, model: Hostile) -> Played:
    """A run of which nothing was written after an entry, resumed by another process: its model is another one."""

    async def main() -> Played:
        past = whole.run.at(seq)
        loop = cast("VirtualLoop", asyncio.get_running_loop())
        loop.advance(past.journal[-1]["t"] - loop.epoch_s)
        store = MemoryStore()
        store.create(past.id, past.plan, entries=past.raw_journal)
        run = await rested(whole.case.graph.resume(past.id, model=model, store=store))
        return Played(whole.case, await answered(whole.case, run, model, (), store), model)

    return run_virtual(main())


class Struck(VirtualLoop):
    """A virtual loop that does something at its n-th turn, wherever every task stands then."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = 0
        self.at = -1
        self.strike: Callable[[], object] = lambda: None

    def _run_once(self) -> None:
        self.turns += 1
        if self.turns == self.at:
            self.strike()
        super()._run_once()  # type: ignore[misc]


def run_struck(main: Callable[[Struck], Coroutine[Any, Any, T]]) -> tuple[T, int]:
    """Run on a loop that can be struck; what came of it, and how many turns it took."""
    with asyncio.Runner(loop_factory=Struck) as runner:
        loop = cast("Struck", runner.get_loop())
        return runner.run(main(loop)), loop.turns


# -- told again --------------------------------------------------------------------------------------------------------


def retold(plan: Plan, events: Sequence[Event]) -> tuple[dict[str, Any], list[str]]:
    """Path and state from events alone: updates are laid down by scope, and a join takes those of its members."""
    begin = next(event for event in events if isinstance(event, RunStarted))
    logs: dict[str, list[dict[str, Any]]] = {"": []}
    path: dict[str, None] = {}
    for event in events:
        scope = event.cursor.rpartition("/")[0]
        if isinstance(event, NodeFinished):
            inner = next((one for one in reversed(logs) if one.partition("~")[0] == event.cursor), None)
            updates = logs[inner] if inner is not None and not event.updates else event.updates
            logs.setdefault(scope, []).extend(updates)
            path[event.cursor] = None
        elif isinstance(event, TimerFired) and event.to:
            path[event.cursor] = None
        elif isinstance(event, Joined):
            branches = {int(one[len(event.cursor) + 1 : -1]): one for one in logs if _is_branch(one, event.cursor)}
            members = sorted(branches) if event.members is None else event.members
            for member in members:
                kept = [_handed_over(plan, changes) for changes in logs.get(branches.get(member, "?"), ())]
                logs.setdefault(scope, []).extend(kept)
    values = plan.schema.revive_state(begin.state)
    for changes in logs[""]:
        for name, change in changes.items():
            plan.schema.specs[name].fold_into(values, None, change)
    return values, [cursor for cursor in path if not cursor.rpartition("/")[2].startswith("START:")]


def _handed_over(plan: Plan, changes: dict[str, Any]) -> dict[str, Any]:
    """What of a branch's update its join takes: not what is local (S6.5)."""
    return {name: change for name, change in changes.items() if not plan.schema.specs[name].is_local}


def _is_branch(scope: str, fork: str) -> bool:
    return scope.startswith(f"{fork}[") and scope.endswith("]") and "/" not in scope[len(fork) :]


def steps_before(plan: Plan, journal: Sequence[Entry]) -> Iterator[tuple[Machine, Entry]]:
    """Each entry of a journal, with the run as it stood right before."""
    machine = replay(plan, journal[:1])
    for entry in journal[1:]:
        yield machine, entry
        fold(machine, entry)
    yield machine, {"kind": "nothing"}


class Takings:
    """How often each edge was taken in each scope, counted here and not by the machine (S4.5)."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, object]] = Counter()

    def _key(self, scope: Scope, edge: Edge) -> tuple[str, object]:
        return scope.prefix, edge.index if edge.limit is None else id(edge.limit)

    def take(self, scope: Scope, edge: Edge) -> None:
        self.counts[self._key(scope, edge)] += 1

    def is_enabled(self, scope: Scope, edge: Edge, values: dict[str, Any]) -> bool:
        """S4.2: its condition holds on these values, and its limit is not used up."""
        most = edge.limit.at_most if edge.limit is not None else edge.at_most
        has_room = most is None or self.counts[self._key(scope, edge)] < most
        return has_room and (edge.guard is None or bool(edge.guard.test(values, scope.items)))


def after_updates(scope: Scope, entry: Entry) -> dict[str, Any]:
    """A scope's values with an entry's updates folded in: what its edges are chosen on."""
    schema, values = scope.plan.schema, dict(scope.read())
    if entry["kind"] == "left":
        child = locate_child(scope)
        updates = list(child.log or [])
    else:
        updates = [schema.revive(changes) for changes in entry.get("updates", ())]
    for changes in updates:
        for name, change in changes.items():
            schema.specs[name].fold_into(values, None, change)
    return values | (schema.revive_state(entry["altered"]) if "altered" in entry else {})


def locate_child(scope: Scope) -> Scope:
    assert scope.open is not None
    child = scope.open.children[0]
    assert child is not None
    return child


# -- what nodes see ----------------------------------------------------------------------------------------------------


@contextmanager
def looking_at_views(look: Callable[[Scope, Any], None]) -> Generator[None]:
    """Every view that a node is given is looked at first; calls of models know whose they are."""
    make = Machine.view

    def view(machine: Machine, scope: Scope) -> Any:
        look(scope, make(machine, scope))
        CURSOR.set(scope.path)
        return make(machine, scope)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Machine, "view", view)
        yield


def readable(scope: Scope, view: Any, wrong: list[str]) -> dict[str, Any]:
    """The fields that a view gives: reads and writes; all others must be refused, not given a default (S3.5)."""
    node, every = scope.node, frozenset(scope.plan.schema.fields)
    given = every if node.reads is None else node.reads | (node.writes.declared or frozenset())
    found: dict[str, Any] = {}
    for name in scope.plan.schema.fields:
        with suppress(ReadUndeclared):
            found[name] = getattr(view, name)
    if found.keys() != given:
        wrong.append(f"{scope.path} sees {sorted(found)}, declared are {sorted(given)}")
    return found


def vandalise(value: Any) -> None:
    """Alter whatever can be altered, all the way down."""
    if isinstance(value, BaseModel):
        for name, one in list(vars(value).items()):
            vandalise(one)
            if isinstance(one, str):
                object.__setattr__(value, name, "vandal")
        return
    for part in _parts(value):
        vandalise(part)
    if isinstance(value, list):
        value.append("vandal")
        value.reverse()
    elif isinstance(value, dict):
        value["vandal"] = 1
    elif isinstance(value, set):
        value.add("vandal")


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[Any, Any]", value).values())
    return list(cast("list[Any] | set[Any]", value)) if isinstance(value, list | set) else []
