"""The wall clock jumps by an hour, either way, while a run is driven or between two processes (S10.3, S15.1, S18).

A driver goes by a clock that nobody sets, leases by the machine's or the server's: no timer is lost or early, no wait
is endless, no healthy driver is fenced.
"""

from __future__ import annotations

import itertools
import sys
import time
from contextlib import closing

import pytest

from graphflow.errors import RunBusy
from tests.cli.commands import HOLDING
from tests.faults.places import Drivers

HOUR = 3_600.0
both_ways = pytest.mark.parametrize("jump_s", [HOUR, -HOUR], ids=["forward", "back"])


def times(drivers: Drivers, what: str) -> list[float]:
    """When that was begun, by the machine's monotonic clock."""
    return [float(line.split()[1]) for line in drivers.log() if line.startswith(f"{what} ")]


@both_ways
def test_a_jump_under_way_moves_no_timer_and_no_lease(drivers: Drivers, jump_s: float) -> None:
    """Retries, a timer, and work for longer than a lease: in order, on time, and nobody else can take the run over."""
    child = drivers.begin("timed", state={"jump_s": jump_s, "left": 10}, store={"lease_s": 0.6})
    drivers.wait(child, 1)
    with closing(drivers.place.open(lease_s=0.6)) as rival:
        while len(drivers.log()) < 1 + 3 + 1 + 10:
            with pytest.raises(RunBusy):
                rival.acquire("r")
            time.sleep(0.01)
    ended = child.ended()
    assert ended.told.get("status") == "waiting", ended
    flaky, (slow,), work = times(drivers, "flaky"), times(drivers, "slow"), times(drivers, "work")
    assert (len(flaky), len(work)) == (3, 10)
    assert all(0.09 < later - earlier < 30 for earlier, later in itertools.pairwise(flaky)), "with jitter"
    assert 0.39 < work[0] - slow < 30
    assert drivers.place.finished()[-1] == "work:10"


@both_ways
def test_a_jump_between_two_processes_loses_no_timer(drivers: Drivers, jump_s: float) -> None:
    """Killed while a timer of 0.4 s runs; the next process has another clock, and does not wait for an hour."""
    child = drivers.begin("timed")
    drivers.until(child, lambda: bool(times(drivers, "slow")))
    child.kill()
    ended = drivers.begin("timed", clock_s=jump_s).ended()
    assert ended.told.get("status") == "waiting", ended
    assert ended.told["path"][-8:] == [f"work:{number}" for number in range(1, 9)]


def test_a_question_is_over_once_the_clock_says_so(drivers: Drivers) -> None:
    """S10.3: due times are absolute, for whoever goes on with a run that waits."""
    assert drivers.begin("timed", state={"left": 1}).ended().told["status"] == "waiting"
    assert drivers.begin("timed", clock_s=-HOUR).ended().told["status"] == "waiting"
    assert drivers.begin("timed", clock_s=HOUR).ended().told["path"][-1] == "late:1"


def test_leases_hold_and_end_between_clocks_that_disagree(drivers: Drivers, monkeypatch: pytest.MonkeyPatch) -> None:
    """S18: an hour is neither added to a lease nor taken off; one who died lets go, and another takes over."""
    true_time = time.time
    child = drivers.begin("chain", clock_s=HOUR, state={"left": 1_000, "pause_s": 0.05}, store={"lease_s": 0.6})
    drivers.wait(child, 3)
    with closing(drivers.place.open(lease_s=0.6)) as rival:
        for clock_s in (-HOUR, 0, HOUR, 2 * HOUR):
            monkeypatch.setattr(time, "time", lambda clock_s=clock_s: true_time() + clock_s)
            until = len(drivers.log()) + 8  # more steps than a lease lasts
            while len(drivers.log()) < until:
                with pytest.raises(RunBusy):
                    rival.acquire("r")
                time.sleep(0.01)
        child.kill()
        for clock_s in (-HOUR, 2 * HOUR):
            monkeypatch.setattr(time, "time", lambda clock_s=clock_s: true_time() + clock_s)
            rival.acquire("r")
            rival.release("r")


LATER = "import time; true = time.time; time.time = lambda: true() + 3600\nfrom graphflow.cli.main import main; main()"


def test_a_worker_takes_what_a_process_with_a_later_clock_left(drivers: Drivers) -> None:
    """Its last sign of life lies an hour ahead of the worker's time: no reason to wait for that."""
    (drivers.folder / "holding.py").write_text(HOLDING)
    store = ("--store", drivers.place.address)
    child = drivers.started([sys.executable, "-c", LATER, "run", "holding.py", "--run-id", "h", *store])
    drivers.until(child, lambda: "at work" in drivers.log())
    child.kill()
    (drivers.folder / "go").touch()
    worker = drivers.command("worker", "--once", *store).ended()
    assert worker.code == 0, worker
    assert "rests   h  holding" in worker.errors, worker
