"""Drivers that are silent past their lease: stopped and woken, or stuck. Another takes over, and they write nothing more
(S14.2, S18).

A lease is tied to the life of its driver, not of its process: what cannot drive does not keep its run.
"""

from __future__ import annotations

import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from graphflow.core.journal import decode
from tests.faults.places import Ended
from tests.faults.tours import Driver, Tours, until

LEASE_S = 0.6
SHORT = {"lease_s": LEASE_S}
FIRST, SECOND = "r/rate:2", "r/choose:3"  # where the first driver is held, and where the one that takes over is


def check_fenced(ended: Ended, run_id: str = "r") -> None:
    """The process says what became of its run."""
    assert ended.code == 1, ended
    assert ended.told[run_id]["code"] == "GF306", ended


def taken_over(tours: Tours, silent: Driver, **options: Any) -> Driver:
    """A worker takes the run of one that is silent, and is held further on."""
    worker = tours.worker(holds={SECOND: "wait"}, **options)
    tours.wait_held(worker, SECOND)
    assert silent.process.is_alive()
    return worker


def standing(tours: Tours) -> tuple[Any, ...]:
    """What a zombie must not change: the journal, who drives, what is listed."""
    with closing(tours.place.open()) as store:
        row = store.row("r")
        return (tours.held_by(), list(store.read("r")), row.standing.seq, row.is_driven)


def finish(tours: Tours, *others: Driver) -> None:
    """The held ones go on, to the run's end."""
    tours.let_go(SECOND)
    until(lambda: tours.status() == "done")
    for other in others:
        other.send(signal.SIGTERM)
        assert other.ended().code == 0


@pytest.mark.parametrize("kind", ["program", "command", "worker"])
def test_a_driver_that_slept_past_its_lease_writes_nothing_more(tours: Tours, kind: str) -> None:
    """Stopped, taken over, woken: Fenced; its node is cancelled, it begins nothing, and the process says so."""
    tours.create("r")
    options: dict[str, Any] = {"store": SHORT, "holds": {FIRST: "wait"}}
    zombie = {
        "program": lambda: tours.begin(**options),
        "command": lambda: tours.command("runs", "resume", "r", **options),
        "worker": lambda: tours.worker(**options),
    }[kind]()
    tours.wait_held(zombie, FIRST)
    tours.stop_between_commits(zombie)
    worker = taken_over(tours, zombie)
    before = standing(tours)
    zombie.send(signal.SIGCONT)
    if kind == "program":
        check_fenced(zombie.ended())
    elif kind == "command":
        ended = zombie.ended()
        assert ended.code == 1
        assert "GF306" in ended.errors
    else:
        zombie.until(lambda: "lost    r  tour  another drives it" in zombie.said())
    assert tours.lines(process=zombie.id)[-1].what == "cancelled"
    assert standing(tours) == before
    if kind == "worker":
        worker.kill()  # one that has lost a run takes it again, once it is free
        zombie.until(lambda: bool(tours.lines("begin", SECOND, zombie.id)))
        finish(tours, zombie)
    else:
        finish(tours, worker)
    tours.check_whole()
    assert set(tours.repeated()) <= {(FIRST, 1), (SECOND, 1)}


@pytest.mark.parametrize("durability", ["batch", "exit"])
def test_what_a_sleeper_had_not_committed_is_never_written(tours: Tours, durability: str) -> None:
    tours.create("r")
    zombie = tours.begin(store=SHORT, holds={FIRST: "wait"}, durability=durability)
    tours.wait_held(zombie, FIRST)
    tours.stop_between_commits(zombie)
    worker = taken_over(tours, zombie)
    before = standing(tours)
    tours.let_go(FIRST)
    zombie.send(signal.SIGCONT)
    check_fenced(zombie.ended())
    assert standing(tours) == before
    finish(tours, worker)
    tours.check_whole()


def test_one_that_slept_and_was_not_missed_goes_on(tours: Tours) -> None:
    """A lease that is over is no reason to stop: somebody else's is."""
    sleeper = tours.begin(store=SHORT, holds={FIRST: "wait"})
    tours.wait_held(sleeper, FIRST)
    tours.stop_between_commits(sleeper)
    until(lambda: not is_driven(tours))
    tours.let_go(FIRST)
    sleeper.send(signal.SIGCONT)
    assert sleeper.ended().told == {"r": {"status": "done"}}
    tours.check_whole()
    assert not tours.repeated()


def is_driven(tours: Tours, run_id: str = "r") -> bool:
    with closing(tours.place.open()) as store:
        return store.row(run_id).is_driven


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
@pytest.mark.parametrize("statement", ["UPDATE run SET lease_until", "INSERT INTO journal"])
def test_one_that_is_stopped_in_a_transaction_holds_nobody_up(tours: Tours, statement: str) -> None:
    """The server ends what is idle in the middle: the rows are free, and who wakes has lost its run."""
    tours.create("r")
    fate = {"at": f"sql after {statement}", "after": 30, "does": "stop"}
    zombie = tours.begin(store=SHORT, fate=fate, idle_s=0.5)
    zombie.until(lambda: zombie.is_stopped)
    worker = taken_over(tours, zombie)
    before = standing(tours)
    zombie.send(signal.SIGCONT)
    check_fenced(zombie.ended())
    assert standing(tours) == before
    finish(tours, worker)
    tours.check_whole()


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_one_that_is_stopped_in_a_transaction_keeps_the_file_and_its_run(tours: Tours) -> None:
    """Nobody can take over what nobody can write to: the others are told so, and it goes on when it wakes."""
    tours.create("r")
    fate = {"at": "sql after INSERT INTO journal", "after": 30, "does": "stop"}
    sleeper = tours.begin(store=SHORT, fate=fate)
    sleeper.until(lambda: sleeper.is_stopped)
    before = standing(tours)[1:3]
    told = tours.begin(store={"wait_s": LEASE_S}).ended().told["r"]
    assert told["code"] == "GF307"
    assert "Another process holds it" in told["error"]
    assert standing(tours)[1:3] == before
    sleeper.send(signal.SIGCONT)
    assert sleeper.ended().told == {"r": {"status": "done"}}
    tours.check_whole()
    assert not tours.repeated()


# -- stuck ---------------------------------------------------------------------------------------------------------------


def test_a_driver_that_is_stuck_is_taken_over_from(tours: Tours) -> None:
    """A node holds the event loop, for ever for all anybody knows; the thread that writes lives. Its lease ends."""
    tours.create("r")
    stuck = tours.begin(store=SHORT, holds={FIRST: "block"})
    tours.wait_held(stuck, FIRST)
    worker = taken_over(tours, stuck)
    before = standing(tours)
    tours.let_go(FIRST)
    check_fenced(stuck.ended())
    assert standing(tours) == before
    assert tours.lines("begin", process=stuck.id)[-1].key == FIRST
    finish(tours, worker)
    tours.check_whole()
    assert set(tours.repeated()) == {(FIRST, 1)}


def test_what_else_its_process_drives_keeps_its_lease(tours: Tours) -> None:
    """Two drivers in one process, with one connection: each lease lives as long as its own driver does."""
    tours.create("r", "s")
    both = tours.begin("r", "s", only={"r": SHORT, "s": {"lease_s": 3}}, holds={FIRST: "block", "s/rate:2": "wait"})
    tours.wait_held(both, FIRST)
    tours.wait_held(both, "s/rate:2")
    since = tours.lease_until("s")
    worker = taken_over(tours, both)
    both.until(lambda: tours.lease_until("s") > since + 3)  # renewed, and again when the first renewal was over
    assert is_driven(tours, "s")
    assert not tours.lines(key="s/rate:2", process=worker.id)
    tours.let_go("s/rate:2")
    both.until(lambda: tours.status("s") == "done")
    tours.let_go(FIRST)
    ended = both.ended()
    check_fenced(ended)
    assert ended.told["s"] == {"status": "done"}
    finish(tours, worker)
    tours.check_whole("r", "s")


def test_a_driver_that_cannot_end_lets_go_of_its_run(tours: Tours, tmp_path: Path) -> None:
    """A node has swallowed its cancel, so it is waited for; nobody is sure of that, and the lease ends."""
    tours.create("r")
    stuck = tours.begin(store=SHORT, holds={FIRST: "cling"}, stops=str(tmp_path / "stop"))
    tours.wait_held(stuck, FIRST)
    (tmp_path / "stop").touch()
    stuck.until(lambda: bool(tours.lines("clings", FIRST, stuck.id)))
    worker = taken_over(tours, stuck)
    before = standing(tours)
    tours.let_go(FIRST)
    check_fenced(stuck.ended())
    assert standing(tours) == before
    finish(tours, worker)
    tours.check_whole()
    assert decode(before[1][-1])["kind"] != "ended"
