"""Where runs are kept while something goes wrong, and the processes that drive them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphflow.core.journal import decode
from graphflow.stores import PostgresStore, SQLiteStore

ROOT = Path(__file__).parents[2]
APP = Path(__file__).with_name("driving_app.py")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "GRAPHFLOW_STORE"},
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
}
DEADLINE_S = 90.0  # for what takes a second on a machine that is idle


@dataclass(frozen=True)
class Place:
    """A file, or a database of its own on the tests' Postgres server: ``address`` is what ``store=`` and --store take."""

    kind: str
    address: str

    def open(self, **options: Any) -> SQLiteStore | PostgresStore:
        return SQLiteStore(self.address, **options) if self.kind == "sqlite" else PostgresStore(self.address, **options)

    def journal(self, run_id: str = "r") -> list[Any]:
        """The entries of a run, which are numbered without a gap."""
        with closing(self.open()) as store:
            entries = [decode(text) for text in store.read(run_id)]
            assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
            assert store.row(run_id).standing.seq == len(entries)
        return entries

    def has_run(self, run_id: str = "r") -> bool:
        with closing(self.open()) as store:
            return run_id in store.ids()

    def finished(self, run_id: str = "r") -> list[str]:
        """The steps in the journal of a run, each of them once."""
        found = [entry["at"] for entry in self.journal(run_id) if entry["kind"] == "finished"]
        assert len(found) == len(set(found))
        return found

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """A query to its tables."""
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.address, timeout=DEADLINE_S, isolation_level=None)) as connection:
                return connection.execute(sql).fetchall()
        import psycopg

        with psycopg.connect(self.address, autocommit=True) as server:
            server.execute("SET search_path TO graphflow")
            done = server.execute(sql.encode())
            return done.fetchall() if done.description else []


@dataclass(frozen=True)
class Ended:
    """How a process ended: ``told`` is the line that the app printed."""

    code: int
    out: str
    errors: str

    @property
    def told(self) -> dict[str, Any]:
        assert self.out, self.errors
        told: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return told


class Child:
    """A process of this test's own."""

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)

    def ended(self) -> Ended:
        """Wait for its end."""
        out, errors = self.process.communicate(timeout=DEADLINE_S)
        return Ended(self.process.returncode, out, errors)

    def kill(self) -> None:
        """With -9, and wait until it is gone."""
        self.process.kill()
        self.ended()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        with self.process:
            if not self.process.stdout or not self.process.stdout.closed:
                self.process.communicate()


class Drivers:
    """Starts processes that drive runs in a place, and reads what they did outside. None is left after the test."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self.folder = folder
        self._children: list[Child] = []

    def begin(self, graph: str, run_id: str = "r", **options: Any) -> Child:
        """A process that starts the run, or goes on with it: see ``driving_app.py`` for its options."""
        asked = {
            "kind": self.place.kind,
            "address": self.place.address,
            "log": str(self.folder / "log"),
            "graph": graph,
            "run": run_id,
            **options,
        }
        return self.started([sys.executable, str(APP), json.dumps(asked)])

    def command(self, *arguments: str) -> Child:
        """The command line."""
        return self.started([sys.executable, "-m", "graphflow", *arguments])

    def started(self, command: Sequence[str], **variables: str) -> Child:
        self._children.append(Child(command, self.folder, ENVIRONMENT | variables))
        return self._children[-1]

    def log(self) -> list[str]:
        """What was done outside, by all of them."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    def logged(self, begin: str = "") -> Counter[str]:
        return Counter(line for line in self.log() if line.startswith(begin))

    def wait(self, child: Child, lines: int) -> None:
        """Until so many lines are in the log."""
        self.until(child, lambda: len(self.log()) >= lines)

    def until(self, child: Child, is_so: Callable[[], bool]) -> None:
        """Until something is so, while the child is alive."""
        deadline = time.monotonic() + DEADLINE_S
        while not is_so():
            assert child.process.poll() is None, child.ended()
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def end(self) -> None:
        for child in self._children:
            child.end()
