"""One simulated run, from its start to where nothing goes on: over several processes if it is struck on the way.

Each process is an event loop of its own and the real driver; what the next one finds is what the real store kept. People
answer by seed, in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from graphflow.core import answering, reading
from graphflow.core.copying import copy
from graphflow.core.journal import Entry, decode
from graphflow.core.machine import Machine
from graphflow.core.usage import Budget
from graphflow.errors import AnswerInvalid, Fenced, RunBusy, RunFailed, StoreUnavailable, shown
from graphflow.errors.testing import NothingGenerated, TestingError
from graphflow.graph.answers import Answer
from graphflow.runtime.beginning import Surroundings, begin, resume
from graphflow.runtime.live import Live
from graphflow.runtime.run import Run
from graphflow.stores.memory import MemoryStore
from graphflow.stores.store import Store
from graphflow.testing.playing.performing import outside
from graphflow.testing.playing.still import NOTHING_COMES, Unreachable
from graphflow.testing.simulating.draws import Draws
from graphflow.testing.simulating.seeded import Died, Hung, SeededLoop
from graphflow.testing.simulating.staging import Stage, Theatre
from graphflow.testing.simulating.store import Blow, SimulatedStore

RUN_ID = "simulated"
MOST_LIVES = 40
"""A run that people have to answer more often is left waiting."""

Disturbance = Literal["nothing", "stopped", "cancelled"] | Blow
"""What a run meets once: at a commit of its driver, or at a turn of its loop."""

Opener = Callable[[], Store]
"""Opens the real store, as a process that starts does."""

AT_COMMITS: dict[Disturbance, Blow] = {blow: blow for blow in get_args(Blow)}
"""Those that happen at a commit."""

_SAID: dict[Disturbance, str] = {
    "crash before": "the process dies before a commit is written, and another one goes on",
    "crash behind": "the process dies right behind a commit, and another one goes on",
    "stale": "the process dies right behind a commit, and another one reads the store before that is seen",
    "unanswered": "the store writes a commit and does not say so, and another process goes on later",
    "refused": "the store refuses a commit, and another process goes on later",
    "fenced": "another process has taken over, and goes on",
    "stopped": "the driver is stopped (Ctrl-C, a cancelled await), and another one goes on",
    "cancelled": "the run is cancelled",
}


@dataclass(frozen=True, slots=True)
class Script:
    """What is simulated: start, seed, and what happens on the way. ``point`` counts commits or turns of the loop."""

    start: Any
    seed: int
    disturbance: Disturbance = "nothing"
    point: int = 0
    budget: Budget | None = None
    clock_jump_s: float = 0.0  # between two processes
    is_plain: bool = False  # in memory, with no store in between that could be struck


@dataclass(eq=False)
class Trial:
    """A run as it was simulated. ``lives`` processes drove it; what they left over, lost and repeated is noted."""

    script: Script
    stage: Stage
    deps: Any
    run: Run[Any] | None = None
    machine: Machine | None = None
    lives: int = 0
    commits: int = 0  # of the first process
    turns: int = 0
    is_struck: bool = False
    is_hung: bool = False
    broken: Exception | None = None  # what came out of the driver itself, which is never a node's error
    hidden: int = 0  # entries that the next process does not see at first
    is_misled: bool = False  # it went on from what it saw
    left: list[str] = field(default_factory=list[str])
    safe: list[bytes] = field(default_factory=list[bytes])  # what a driver was told is safe, when it was struck
    found: list[bytes] = field(default_factory=list[bytes])  # what the next process found
    effects: tuple[tuple[str, str], ...] = ()  # cursor and key of what nodes at work had recorded when it was struck
    open_calls: tuple[str, ...] = ()  # cursors with a recorded call under way when it was struck
    finished: frozenset[str] = frozenset()  # cursors whose end the journal told of, when the next process began
    mark: int = 0  # in the log: where the next process begins
    journal: list[bytes] = field(default_factory=list[bytes])

    @cached_property
    def entries(self) -> list[Entry]:
        """The journal, read once the run is over."""
        return list(map(decode, self.journal))


class Simulation:
    """Simulates runs of one staged graph; ``open_store`` None: in memory, and nothing in between."""

    def __init__(self, theatre: Theatre, open_store: Opener | None) -> None:
        self.theatre = theatre
        self._open_store = open_store
        self._graves: list[SeededLoop] = []

    def play(self, script: Script, stage: Stage, deps: Any) -> Trial:
        """Raises Unreachable if a node needs the world outside, NothingGenerated, and what a bug of ours raises."""
        trial = Trial(script, stage, deps)
        self.theatre.stage = stage
        with self._opened(script) as reopened:
            self._live(trial, reopened)
        return trial

    def bury(self) -> None:
        """Let go of all processes: nobody asks for anything of them any more."""
        for loop in self._graves:
            loop.bury()
        self._graves.clear()

    # -- processes -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _opened(self, script: Script) -> Generator[Callable[[Store | None], Store]]:
        """A function that gives the store to the next process, and takes it from the one before."""
        opened: list[Store] = []

        def reopened(old: Store | None) -> Store:
            if old is not None:
                old.release(RUN_ID)  # the dead driver's lease has run out
                if self._open_store is None:
                    return old
                old.close()
            opened.append(MemoryStore() if self._open_store is None else self._open_store())
            return opened[-1]

        try:
            yield reopened
            opened[-1].release(RUN_ID)
            opened[-1].remove(RUN_ID)  # one after the other under one id, on which chance in a run depends
        finally:
            for store in opened:
                store.close()

    def _live(self, trial: Trial, reopened: Callable[[Store | None], Store]) -> None:
        script = trial.script
        inner, start_s = reopened(None), 0.0
        answers: Sequence[Answer] = ()
        while trial.lives < MOST_LIVES:
            loop = SeededLoop(script.seed, start_s)
            self._graves.append(loop)
            if trial.lives:
                loop.epoch_s += script.clock_jump_s
            store = inner if script.is_plain else SimulatedStore(inner, loop, script.seed)
            if isinstance(store, SimulatedStore):
                store.hidden, trial.hidden = trial.hidden, 0
            trial.stage.life = trial.lives
            goes_on = self._drive(trial, loop, store, answers)
            if isinstance(store, SimulatedStore):
                store.close()
            start_s = loop.time() + 1
            if goes_on:
                self._note_end(trial, store, inner)
                if not _is_resumable(trial.found):
                    break
                inner, answers = reopened(inner), ()
                continue
            following = None if trial.run is None or trial.is_hung or trial.broken else _person(trial, loop)
            if following is None:
                break
            answers, start_s = following.answers, start_s + following.wait_s
        trial.journal = list(inner.read(RUN_ID))

    def _drive(self, trial: Trial, loop: SeededLoop, store: Store | SimulatedStore, answers: Sequence[Answer]) -> bool:
        """One process. True: it has ended before the run came to rest, and another is to go on."""
        script, stage = trial.script, trial.stage
        is_first = trial.lives == 0
        is_stale = isinstance(store, SimulatedStore) and store.hidden > 0
        trial.lives += 1

        async def main() -> Run[Any]:
            around = Surroundings(deps=trial.deps)
            if is_first:
                live = begin(self.theatre.plan, script.start, around, store=store, budget=script.budget, run_id=RUN_ID)
            else:
                live = resume(self.theatre.plan, RUN_ID, around, store=store, answers=answers)
            trial.machine = live._machine  # pyright: ignore[reportPrivateUsage]
            if is_first and script.disturbance == "cancelled":
                _strike_at_turn(trial, loop, lambda: live.cancel())
            return await _rested(live)

        def begun(task: asyncio.Task[Run[Any]]) -> None:
            if is_first and script.disturbance == "stopped":
                _strike_at_turn(trial, loop, task.cancel)

        if is_first and isinstance(store, SimulatedStore) and script.disturbance in AT_COMMITS:
            store.blow, store.strike_at = AT_COMMITS[script.disturbance], script.point
            store.struck = lambda: _note_strike(trial)
        goes_on = False
        try:
            trial.run = loop.play(main(), begun)
        except Died:
            if script.disturbance == "stale" and isinstance(store, SimulatedStore):
                trial.hidden = store.struck_entries
            return True
        except RunBusy:
            if not is_stale:
                raise
            stage.note("that one is refused: the run has gone on since what it saw; a third reads anew")
            return True
        except Hung:
            trial.is_hung = True
        except Unreachable as needed:
            if needed.what != NOTHING_COMES:
                raise self._outside(needed) from None
            trial.is_hung = True
        except (asyncio.CancelledError, Fenced, StoreUnavailable) as error:
            if not trial.is_struck:
                _note_break(trial, error)
            goes_on = trial.broken is None
        except TestingError:
            raise
        except Exception as error:
            _note_break(trial, error)
        if is_first:
            trial.turns = loop.turns
            trial.commits = store.commits if isinstance(store, SimulatedStore) else 0
        if not trial.is_hung and trial.broken is None:
            trial.left += _left_over(loop, store)
        stage.at_work.clear()
        trial.is_misled = trial.is_misled or is_stale
        return goes_on

    def _outside(self, needed: Unreachable) -> BaseException:
        scope = self.theatre.now.reached
        return needed if scope is None else outside(scope, needed.what)

    def _note_end(self, trial: Trial, store: Store | SimulatedStore, inner: Store) -> None:
        """What the next process may rely on."""
        trial.found = list(inner.read(RUN_ID))
        if isinstance(store, SimulatedStore):
            trial.safe = store.safe or trial.safe
        trial.mark = len(trial.stage.log)
        trial.finished = frozenset(reading.path(list(map(decode, trial.found))))


@dataclass(frozen=True, slots=True)
class _Following:
    """What follows a run that waits: an answer, or time that passes."""

    answers: Sequence[Answer] = ()
    wait_s: float = 0.0


def _person(trial: Trial, loop: SeededLoop) -> _Following | None:
    """What a person answers to the first open question, or how long nobody does; None: the run waits for ever."""
    run, machine, stage = trial.run, trial.machine, trial.stage
    assert run is not None
    assert machine is not None
    if run.status != "waiting":
        return None
    for question in answering.open_questions(machine):
        draws = Draws(stage.seed, "answer", question.id)
        if stage.has("silence") and draws.draw_boolean(_SILENT):
            continue
        with suppress(AnswerInvalid, NothingGenerated):
            value = True if question.call is not None else stage.cast.reply(draws.data, question.scope).value
            copy(machine).answer(question.id, value)  # refused here, where nobody is harmed
            stage.note(f"{question.scope.node.name!r} is answered {shown(value)}")
            return _Following([Answer(question.id, value)], draws.random.choice(_THINKS_S))
    due = min((one.due for one in run.questions if one.due is not None), default=None)
    return None if due is None else _Following(wait_s=max(0.0, due - loop.epoch_s - loop.time()))


_SILENT = 0.3
_THINKS_S = (0.0, 1.0, 3_600.0)
_FIRST_TURN = 2  # in the first the run is made, without which there is nothing to go on with


def _is_resumable(journal: Sequence[bytes]) -> bool:
    """Whether the next process has anything to do: not if the end was committed (S14.2)."""
    return bool(decode(journal[-1])["kind"] != "ended")


def _strike_at_turn(trial: Trial, loop: SeededLoop, strike: Callable[[], object]) -> None:
    def struck() -> None:
        _note_strike(trial)
        strike()

    loop.strike_at, loop.strike = max(trial.script.point, _FIRST_TURN), struck


def _note_strike(trial: Trial) -> None:
    trial.is_struck = True
    stage = trial.stage
    at_work = stage.at_work.items()
    trial.open_calls = tuple(cursor for cursor, hands in at_work if hands.calls_open)
    trial.effects = tuple((cursor, key) for cursor, hands in at_work for key in hands.scope.effects or ())
    stage.note(_SAID[trial.script.disturbance])


def _note_break(trial: Trial, error: BaseException) -> None:
    trial.broken = (
        error if isinstance(error, Exception) else RuntimeError("it was cancelled, and nobody had asked for that")
    )


async def _rested(live: Live[Any]) -> Run[Any]:
    try:
        return await live.drive()
    except RunFailed as failed:
        run: Run[Any] = failed.run
        return run


def _left_over(loop: SeededLoop, store: Store | SimulatedStore) -> list[str]:
    try:
        found = loop.left_over()
    except Unreachable as needed:
        found = [f"a task reaches for {needed.what} after the end"]
    if store.row(RUN_ID).is_driven:
        found.append("the run's lease is still held")
    return found
