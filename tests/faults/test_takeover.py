"""Who drives a run: one of many, and another once that one is gone (S14.2, S18).

A driver whose process has died on this machine is known to be gone at once. Of one on another machine, or one that is
alive and silent, nothing is known: its lease has to end.
"""

from __future__ import annotations

import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.places import Ended
from tests.faults.tours import Tours, until

HELD = "r/rate:1"
POLL_S = 0.5  # how often a worker looks
SLACK_S = 20.0  # for a machine that is loaded
RACERS = 6
ONE_ROUND = {"rounds": 1}


def codes(ended: list[Ended]) -> list[str]:
    return [one.told["r"].get("code", one.told["r"].get("status")) for one in ended]


@pytest.mark.parametrize("beginning", ["start", "resume"])
def test_many_processes_want_one_run_and_one_drives_it(tours: Tours, tmp_path: Path, beginning: str) -> None:
    """The others are told at once, while the one is still at work, and have done nothing."""
    go = tmp_path / "go"
    if beginning == "resume":
        tours.create("r", **ONE_ROUND)
    options = {"at": str(go), "starts": beginning == "start", "state": ONE_ROUND, "holds": {HELD: "wait"}}
    racers = [tours.begin(**options) for _ in range(RACERS)]
    until(lambda: len(list(tmp_path.glob("go.*"))) == RACERS)
    go.touch()
    until(lambda: sum(racer.process.is_alive() for racer in racers) == 1)
    lost = [racer.ended() for racer in racers if not racer.process.is_alive()]
    if beginning == "resume":
        assert codes(lost) == ["GF302"] * (RACERS - 1)
    else:
        assert codes(lost) == ["GF300"] * (RACERS - 1)
        assert all("There is a run 'r' already" in one.told["r"]["error"] for one in lost)
    (winner,) = (racer for racer in racers if racer.process.is_alive())
    tours.let_go(HELD)
    assert winner.ended().told == {"r": {"status": "done"}}
    tours.check_whole(rounds=1)
    assert not tours.repeated()
    assert {line.process for line in tours.lines()} == {winner.id}


def test_one_that_read_the_run_before_it_went_on_does_not_drive_it(tours: Tours) -> None:
    """S18: between reading its journal and taking it, another drove it."""
    tours.create("r")
    slow = tours.begin(fate={"at": "sql before BEGIN", "does": "stop"})
    slow.until(lambda: slow.is_stopped)
    other = tours.begin(fate={"at": "node in plan:2"})
    assert other.ended().code == -signal.SIGKILL
    before = tours.place.journal()
    slow.send(signal.SIGCONT)
    ended = slow.ended()
    assert codes([ended]) == ["GF302"]
    assert "was driven by another meanwhile" in ended.told["r"]["error"]
    assert tours.place.journal() == before
    assert not tours.lines(process=slow.id)
    assert tours.begin().ended().told == {"r": {"status": "done"}}
    tours.check_whole()


def test_a_dead_drivers_run_is_free_at_once_on_its_own_machine(tours: Tours) -> None:
    """Whatever its lease; and with nobody alive the run waits, listed as stopped, for the next start."""
    driver = tours.begin(store={"lease_s": 3_600}, holds={HELD: "wait"})
    tours.wait_held(driver, HELD)
    assert codes([tours.begin().ended()]) == ["GF302"]
    driver.kill()
    before = tours.place.journal()
    with closing(tours.place.open()) as store:
        row = store.row("r")
        assert (row.standing.status, row.is_driven) == ("running", False)
        assert [ready.run for ready in store.ready(time.time())] == ["r"]
    assert tours.begin().ended().told == {"r": {"status": "done"}}
    assert tours.place.journal()[: len(before)] == before
    tours.check_whole()
    assert set(tours.repeated()) <= {(HELD, 1)}


def test_a_dead_drivers_run_elsewhere_is_free_when_its_lease_ends(tours: Tours) -> None:
    """Not before, and then a worker takes it within a look."""
    lease_s = 2.0
    driver = tours.begin(store={"lease_s": lease_s}, owner="another machine", holds={HELD: "wait"})
    tours.wait_held(driver, HELD)
    worker = tours.worker()
    driver.kill()
    died = time.monotonic()
    assert codes([tours.begin().ended()]) == ["GF302"]
    worker.until(lambda: tours.held_by()[1] not in ("another machine", None))
    took_s = time.monotonic() - died
    assert took_s < lease_s + POLL_S + SLACK_S
    until(lambda: tours.status() == "done")
    tours.check_whole()
    worker.send(signal.SIGTERM)
    assert worker.ended().code == 0


def test_a_driver_that_lives_keeps_its_run_however_long_a_node_takes(tours: Tours) -> None:
    """Its lease is renewed again and again, while a worker looks for runs beside it."""
    lease_s = 2.0
    driver = tours.begin(store={"lease_s": lease_s}, owner="another machine", holds={HELD: "wait"})
    tours.wait_held(driver, HELD)
    worker = tours.worker()
    first = tours.lease_until()
    driver.until(lambda: tours.lease_until() > first + 1.5 * lease_s)
    assert tours.held_by() == (1, "another machine")
    assert not tours.lines(process=worker.id)
    tours.let_go(HELD)
    assert driver.ended().told == {"r": {"status": "done"}}
    tours.check_whole()
    assert not tours.repeated()


@pytest.mark.parametrize(
    ("command", "number", "code"),
    [(["worker"], signal.SIGTERM, 0), (["worker"], signal.SIGINT, 130), (["runs", "resume", "r"], signal.SIGINT, 130)],
)
def test_one_that_is_ended_hands_over_what_it_was_at(
    tours: Tours, command: list[str], number: signal.Signals, code: int
) -> None:
    """S14.2: its run is free at once, the node that was at work is done again, and nothing else."""
    tours.create("r", **ONE_ROUND)
    first = tours.command(*command, holds={HELD: "wait"}, store={"lease_s": 3_600}, owner="another machine")
    tours.wait_held(first, HELD)
    assert codes([tours.begin().ended()]) == ["GF302"]
    first.send(number)
    assert first.ended().code == code
    assert tours.lines(process=first.id)[-1].what == "cancelled"
    assert tours.begin().ended().told == {"r": {"status": "done"}}
    tours.check_whole(rounds=1)
    assert tours.repeated() == {(HELD, 1): 1}
