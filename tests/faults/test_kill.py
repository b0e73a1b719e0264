"""A run is killed with -9, again and again, and gone on with in new processes, until it is done (S11.1, S14.2, S18)."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from graphflow.core.journal import decode
from graphflow.errors import RunBusy
from graphflow.stores import SQLiteStore
from tests.faults.durable_app import LEASE_S, Work, graph

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
APP = Path(__file__).with_name("durable_app.py")
TOTAL = sum(i * i for i in range(12)) + sum(range(21))
IN_FLIGHT = 3


Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Starts processes that drive the run; none is left after the test."""
    processes: list[subprocess.Popen[str]] = []

    def started(durability: str = "step", run_id: str = "r") -> subprocess.Popen[str]:
        command = [sys.executable, str(APP), str(tmp_path / "runs.db"), str(tmp_path / "log"), run_id, durability]
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=ENVIRONMENT))
        return processes[-1]

    yield started
    for process in processes:
        if process.poll() is None:
            process.kill()
        with process:
            process.communicate()


def until_done(begin: Begin, durability: str) -> str:
    """Go on until a process comes to the end; one that finds the run leased tries again."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        out, errors = (process := begin(durability)).communicate(timeout=60)
        if process.returncode == 0:
            return out
        assert process.returncode == 75, errors
        time.sleep(LEASE_S / 4)
    raise AssertionError("The run was never let go of.")


def lines(folder: Path) -> Counter[str]:
    path = folder / "log"
    return Counter(path.read_text().splitlines()) if path.exists() else Counter()


def wait_for(process: subprocess.Popen[str], folder: Path, many: int) -> None:
    """Until so many things were done outside."""
    while lines(folder).total() < many:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def stop_between_commits(process: subprocess.Popen[str], path: Path) -> None:
    """One that is stopped in the middle of a commit holds SQLite's lock, and with it everybody."""
    while True:
        process.send_signal(signal.SIGSTOP)
        connection = sqlite3.connect(path, timeout=0.05, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            return
        except sqlite3.OperationalError:
            process.send_signal(signal.SIGCONT)
            time.sleep(0.001)
        finally:
            connection.close()


def check_journal(folder: Path, run_id: str = "r") -> None:
    """Each step is in the journal once, in order, without a gap; the state is that of an undisturbed run."""
    store = SQLiteStore(folder / "runs.db")
    try:
        entries = [decode(text) for text in store.read(run_id)]
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
        finished = [entry["at"] for entry in entries if entry["kind"] == "finished"]
        assert len(finished) == len(set(finished)) == 1 + 1 + 12 + 21 + 1  # the start, plan, square, step, add_up
        row = store.row(run_id)
        assert (row.standing.status, row.standing.seq, row.is_driven) == ("done", len(entries), False)
        state = Work.model_validate(row.standing.state)
        assert (state.total, state.squares, state.done) == (TOTAL, [i * i for i in range(12)], list(range(21)))
    finally:
        store.close()


@pytest.mark.parametrize("durability", ["step", "batch", "exit"])
def test_a_killed_run_ends_as_if_nothing_had_happened(begin: Begin, tmp_path: Path, durability: str) -> None:
    seeded = random.Random(durability)
    kills = 0
    for _ in range(4):
        process = begin(durability)
        wait_for(process, tmp_path, lines(tmp_path).total() + seeded.randrange(1, 9))
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        time.sleep(LEASE_S)
    assert until_done(begin, durability) == f"done {TOTAL}\n"
    check_journal(tmp_path)
    if durability == "step":
        repeated = lines(tmp_path)
        assert sum(count - 1 for what, count in repeated.items() if what.startswith("node")) <= kills * IN_FLIGHT
        assert sum(count - 1 for what, count in repeated.items() if what.startswith("paid")) <= kills * IN_FLIGHT


def test_two_processes_start_one_run_and_one_drives_it(begin: Begin, tmp_path: Path) -> None:
    """S18: the second gets RunBusy."""
    first = begin()
    wait_for(first, tmp_path, 2)
    store = SQLiteStore(tmp_path / "runs.db")
    try:
        with pytest.raises(RunBusy):
            graph.resume_sync("r", store=store)
    finally:
        store.close()
    assert first.communicate(timeout=60)[0] == f"done {TOTAL}\n"
    check_journal(tmp_path)
    assert max(lines(tmp_path).values()) == 1


def test_a_driver_that_slept_past_its_lease_writes_nothing_more(begin: Begin, tmp_path: Path) -> None:
    """S18: stopped, taken over, woken: Fenced."""
    zombie = begin()
    wait_for(zombie, tmp_path, 5)
    stop_between_commits(zombie, tmp_path / "runs.db")
    time.sleep(2 * LEASE_S)
    assert until_done(begin, "step") == f"done {TOTAL}\n"
    zombie.send_signal(signal.SIGCONT)
    _, errors = zombie.communicate(timeout=60)
    assert zombie.returncode == 1
    assert "GF306" in errors
    check_journal(tmp_path)


def test_a_terminated_run_can_be_resumed_at_once(begin: Begin, tmp_path: Path) -> None:
    """S14.2: Ctrl-C stops the driver, which lets go of the run."""
    process = begin()
    wait_for(process, tmp_path, 5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert begin().communicate(timeout=60)[0] == f"done {TOTAL}\n"
    check_journal(tmp_path)
