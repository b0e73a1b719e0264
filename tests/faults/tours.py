"""Processes that drive tours in a place, what they did outside, and what an undisturbed tour comes to."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from graphflow.core.journal import decode
from graphflow.runtime.run import Run
from tests.faults.places import DEADLINE_S, Ended, Place
from tests.faults.points import Fate
from tests.faults.touring_app import AT_ONCE, Diary, Tour, enter, graph, let_go_file

APP = Path(__file__).with_name("touring_app.py")
NODES = 120
SOAK = int(os.environ.get("GRAPHFLOW_SOAK", "1"))
"""How often the tests of faults kill at other moments."""

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    ["tests.faults.touring_app", "graphflow.cli.main", "graphflow.cli.working", "graphflow.stores.sqlite", "psycopg"]
)

Attempt = tuple[str, int]
"""An idempotency key, and the number of the attempt."""


@dataclass(frozen=True)
class Line:
    """One line of the diary."""

    what: str
    key: str
    attempt: int
    process: int


class Driver:
    """A process of this test's own, forked off one that has imported everything already."""

    def __init__(self, folder: Path, number: int, arguments: Sequence[str], told: str) -> None:
        self._out, self._errors = folder / f"out {number}", folder / f"errors {number}"
        given = (list(arguments), told, str(folder), str(self._out), str(self._errors))
        self.process = _processes.Process(target=enter, args=given, daemon=True)
        self.process.start()

    @property
    def id(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def ended(self) -> Ended:
        """Wait for its end."""
        self.process.join(DEADLINE_S)
        assert self.process.exitcode is not None
        return Ended(self.process.exitcode, self._out.read_text(), self._errors.read_text())

    def said(self) -> str:
        """What it has written to stderr so far."""
        return self._errors.read_text() if self._errors.exists() else ""

    @property
    def is_stopped(self) -> bool:
        """By SIGSTOP."""
        return Path(f"/proc/{self.id}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def send(self, number: signal.Signals) -> None:
        os.kill(self.id, number)

    def kill(self) -> None:
        """With -9, and wait until it is gone."""
        self.process.kill()
        self.ended()

    def until(self, is_so: Callable[[], bool]) -> None:
        """Until something is so, while the process is alive."""
        until(is_so, lambda: None if self.process.is_alive() else self.ended())


def until(is_so: Callable[[], bool], is_over: Callable[[], object] = lambda: None) -> None:
    """Until something is so. What is over before that is told."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        over = is_over()
        assert over is None or is_so(), over
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Tours:
    """Starts processes that drive tours in a place, and reads what they did. None is left after ``end``."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self._folder = folder
        self._diary = str(folder / "diary")
        self._drivers: list[Driver] = []

    # -- processes -----------------------------------------------------------------------------------------------------

    def begin(self, *runs: str, **options: Any) -> Driver:
        """A process that starts these runs, or goes on with them: see ``touring_app.py`` for its options."""
        return self._started([], {"runs": runs or ("r",), **options})

    def command(self, *arguments: str, **options: Any) -> Driver:
        """The command line."""
        return self._started([*arguments, "--deps", f"{APP}:diary", "--store", self.place.address], options)

    def worker(self, *arguments: str, **options: Any) -> Driver:
        return self.command("worker", *arguments, **options)

    def _started(self, arguments: list[str], options: dict[str, Any]) -> Driver:
        place = {"kind": self.place.kind, "address": self.place.address, "diary": self._diary}
        self._drivers.append(Driver(self._folder, len(self._drivers), arguments, json.dumps({**place, **options})))
        return self._drivers[-1]

    def end(self) -> None:
        for driver in self._drivers:
            driver.process.kill()
        for driver in self._drivers:
            driver.process.join(DEADLINE_S)
            driver.process.close()

    def create(self, *runs: str, **state: Any) -> None:
        """Runs that nobody drives yet."""
        with closing(self.place.open()) as store:
            for run_id in runs:
                graph.start(Tour(**state), store=store, run_id=run_id)

    def let_go(self, key: str) -> None:
        """The node that is held goes on, in any process."""
        let_go_file(self._diary, key).touch()

    def stop_between_commits(self, driver: Driver) -> None:
        """SIGSTOP. One that is stopped in the middle of a commit would hold the lock that others need."""

        def is_stopped() -> bool:
            driver.send(signal.SIGSTOP)
            if not (is_free := self.is_free()):
                driver.send(signal.SIGCONT)
            return is_free

        until(is_stopped)

    def is_free(self) -> bool:
        """Whether nobody is in the middle of a commit."""
        if self.place.kind == "sqlite":
            with closing(sqlite3.connect(self.place.address, timeout=0.1, isolation_level=None)) as connection:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute("ROLLBACK")
                except sqlite3.OperationalError:
                    return False
                return True
        import psycopg

        with psycopg.connect(self.place.address) as server:
            try:
                server.execute("LOCK TABLE graphflow.run IN SHARE MODE NOWAIT")
            except psycopg.errors.LockNotAvailable:
                return False
            return True

    # -- what they did -------------------------------------------------------------------------------------------------

    def lines(self, what: str = "", key: str = "", process: int = 0) -> list[Line]:
        """The diary: of all, or of what was so, of one node, of one process."""
        path = Path(self._diary)
        if not path.exists():
            return []
        found: list[Line] = []
        for text in path.read_text().splitlines():
            kind, of, attempt, by = text.rsplit(" ", 3)
            line = Line(kind, of, int(attempt), int(by))
            if what in ("", kind) and key in ("", of) and process in (0, line.process):
                found.append(line)
        return found

    def wait_held(self, driver: Driver, key: str) -> None:
        """Until the process has come to the node at which it is held."""
        driver.until(lambda: bool(self.lines("held", key, driver.id)))

    def in_flight(self, process: int, run_id: str = "r") -> Counter[Attempt]:
        """What a process that was killed had begun without its end being committed."""
        entries = self.place.journal(run_id)
        over = {(f"{run_id}/{e['at']}", e.get("attempt", 0)) for e in entries if e["kind"] == "failed"}
        done = {f"{run_id}/{e['at']}" for e in entries if e["kind"] == "finished"}
        begun = Counter((line.key, line.attempt) for line in self.lines("begin", process=process))
        return Counter({one: n for one, n in begun.items() if one[0] not in done and one not in over})

    # -- what a run came to --------------------------------------------------------------------------------------------

    def held_by(self, run_id: str = "r") -> tuple[Any, ...]:
        """Who holds the lease of a run: the fencing number, and the driver's name."""
        (held,) = self.place.ask(f"SELECT fence, owner FROM run WHERE id = '{run_id}'")
        return held

    def lease_until(self, run_id: str = "r") -> float:
        ((until,),) = self.place.ask(f"SELECT lease_until FROM run WHERE id = '{run_id}'")
        return float(until or 0.0)

    def status(self, run_id: str = "r") -> str:
        with closing(self.place.open()) as store:
            return store.row(run_id).standing.status

    def check_whole(self, *runs: str, rounds: int = 10) -> None:
        """Each run ended as one that nothing happened to: its state, and each step once with its update and its edge."""
        expected = undisturbed(rounds)
        for run_id in runs or ("r",):
            entries = self.place.journal(run_id)
            steps = [_step(entry) for entry in entries if entry["kind"] == "finished"]
            assert len(steps) == len({step[0] for step in steps})
            assert sorted(steps) == expected.steps
            failed = [(entry["at"], entry["attempt"]) for entry in entries if entry["kind"] == "failed"]
            assert sorted(failed) == expected.failed, "attempts are counted across a crash"
            effects = [entry["at"] for entry in entries if entry["kind"] == "effect"]
            assert sorted(effects) == expected.effects, "each effect is recorded once"
            with closing(self.place.open()) as store:
                row = store.row(run_id)
            assert (row.standing.status, row.is_driven) == ("done", False)
            assert row.standing.state == expected.state
            begun = {line.key.partition("/")[2] for line in self.lines("begin") if line.key.startswith(f"{run_id}/")}
            assert begun == expected.begun, "an attempt after a crash has the key of the one before"

    def repeated(self, what: str = "begin") -> Counter[Attempt]:
        """What was done more than once: how often too often."""
        done = Counter((line.key, line.attempt) for line in self.lines(what))
        return Counter({one: count - 1 for one, count in done.items() if count > 1})

    def check_only_in_flight_was_repeated(self, killed: Collection[int]) -> None:
        """Of each process that was killed, no more than it had at work at once; of others nothing."""
        lines = self.lines("begin")
        lost: Counter[tuple[int, str]] = Counter()
        for number, line in enumerate(lines):
            again = (later for later in lines[number + 1 :] if (later.key, later.attempt) == (line.key, line.attempt))
            if next(again, None) is not None:
                assert line.process in killed, line
                lost[line.process, line.key.partition("/")[0]] += 1
        assert max(lost.values(), default=0) <= AT_ONCE


@dataclass(frozen=True)
class Undisturbed:
    """What a run comes to that nothing happens to."""

    steps: list[tuple[str, str, str]]
    failed: list[tuple[str, int]]
    effects: list[str]
    begun: set[str]
    state: dict[str, Any]


def _step(entry: dict[str, Any]) -> tuple[str, str, str]:
    known = json.dumps({name: entry[name] for name in sorted(entry) if name not in ("seq", "t", "at", "kind")})
    return entry["at"], entry["kind"], known


@cache
def undisturbed(rounds: int = 10) -> Undisturbed:
    """Driven in memory."""
    run: Run[Tour] = asyncio.run(graph.run(Tour(rounds=rounds), deps=Diary(os.devnull, Fate(), {})))
    entries = [decode(text) for text in run.raw_journal]
    finished = [entry for entry in entries if entry["kind"] == "finished"]
    return Undisturbed(
        steps=sorted(map(_step, finished)),
        failed=sorted((entry["at"], entry["attempt"]) for entry in entries if entry["kind"] == "failed"),
        effects=sorted(entry["at"] for entry in entries if entry["kind"] == "effect"),
        begun={entry["at"] for entry in finished} - {"START:1"},
        state=run.state.model_dump(mode="json"),
    )
