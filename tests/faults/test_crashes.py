"""Processes that are killed with -9 at every point of a step, and runs that end as if nothing had happened (S11, S14, S18).

Where they die is told to them (``points.py``); what they did outside is read in their diary, which survives.
"""

from __future__ import annotations

import random
import signal
from collections import Counter

import pytest

from graphflow.errors import RunNotFound
from tests.faults.places import Ended
from tests.faults.tours import NODES, SOAK, Driver, Tours, undisturbed, until

AROUND_A_NODE = (
    "node before",
    "node in",
    "node in book",
    "node paid",  # outside it is done, and nobody knows of it
    "node recorded",
    "append .*finished",
    "append .*joined",
    "append .*failed",
)
INSIDE_A_TRANSACTION = (
    "sql before BEGIN",
    "sql before UPDATE run SET lease_until",
    "sql after UPDATE run SET lease_until",
    "sql after INSERT INTO journal",
    "sql before COMMIT",
    "sql after COMMIT",
)


def check_killed(driver: Driver, point: str = "") -> None:
    assert driver.ended().code == -signal.SIGKILL, f"it never came to {point}"


@pytest.mark.parametrize("seed", range(SOAK))
@pytest.mark.parametrize("points", [AROUND_A_NODE, INSIDE_A_TRANSACTION], ids=["around a node", "in a transaction"])
def test_a_run_killed_at_every_point_ends_as_if_nothing_had_happened(
    tours: Tours, points: tuple[str, ...], seed: int
) -> None:
    """Killed at one point after the other; what was at work at that moment is done again, and nothing else."""
    seeded = random.Random(f"{seed} {points}")
    tours.create("r")
    at_work: Counter[tuple[str, int]] = Counter()
    for point in seeded.sample(points, len(points)):
        rarely = "failed" in point or "joined" in point
        driver = tours.begin(fate={"at": point, "after": 1 if rarely else seeded.randrange(1, 12)})
        check_killed(driver, point)
        in_flight = tours.in_flight(driver.id)
        assert in_flight.total() <= 3
        at_work += in_flight
    assert tours.begin().ended().told == {"r": {"status": "done"}}
    tours.check_whole()
    assert tours.repeated() <= at_work
    assert tours.repeated("paid") <= at_work


def test_a_run_is_there_whole_or_not_at_all(tours: Tours) -> None:
    """Killed while it is made, and while it is taken for the first time."""
    for point in ("sql after INSERT INTO run ", "sql after INSERT INTO journal", "sql before COMMIT"):
        check_killed(tours.begin(fate={"at": point}), point)
        with pytest.raises(RunNotFound):
            tours.status()
    for point in ("sql after COMMIT", "sql after UPDATE run SET fence"):
        check_killed(tours.begin(state={"rounds": 1}, fate={"at": point}), point)
        assert [entry["kind"] for entry in tours.place.journal()] == ["started", "finished"]
    assert tours.begin().ended().told == {"r": {"status": "done"}}
    tours.check_whole(rounds=1)


def test_a_run_is_listed_as_what_it_is_once_that_is_committed(tours: Tours) -> None:
    """Nobody takes what has ended for stopped, and what goes on again is taken when its driver dies."""
    check_killed(tours.begin(state={"rounds": 1}, fate={"at": ["append .*ended", "sql after COMMIT"]}))
    tours.check_whole(rounds=1)
    check_killed(tours.begin("h", state={"hopeless": True}, fate={"at": ["append .*ended", "sql after COMMIT"]}))
    assert tours.status("h") == "failed"
    assert tours.worker("--once").ended() == Ended(0, "", "")
    check_killed(tours.begin("h", fate={"at": ["append .*resumed", "sql after COMMIT"]}))
    assert tours.status("h") == "running"
    ended = tours.worker("--once").ended()
    assert (ended.code, tours.status("h")) == (0, "failed"), ended.errors


def test_attempts_are_counted_across_crashes(tours: Tours) -> None:
    """S8.1, S14.3: killed in two of its attempts, a node still gets three, not three for each process."""
    for attempt in (2, 3):
        check_killed(tours.begin(state={"hopeless": True}, fate={"at": f"node in book:1 {attempt}"}))
    assert tours.begin().ended().told == {"r": {"status": "failed"}}
    assert [line.attempt for line in tours.lines("begin", "r/book:1")] == [1, 2, 2, 3, 3]
    failed = [entry["attempt"] for entry in tours.place.journal() if entry["kind"] == "failed"]
    assert failed == [1, 2, 3]


def test_a_run_that_may_lose_steps_loses_them_whole(tours: Tours) -> None:
    """What was performed and lost is performed again, and the run ends the same; "exit" loses all that it did."""
    check_killed(tours.begin(durability="batch", fate={"at": "node in", "after": 30}))
    before = tours.place.journal()
    assert before[-1]["kind"] != "started"
    check_killed(tours.begin(durability="exit", fate={"at": "node in", "after": 30}))
    assert tours.place.journal() == before
    assert tours.begin(durability="exit").ended().told == {"r": {"status": "done"}}
    tours.check_whole()


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_connections_that_are_lost_between_statements_cost_nothing(tours: Tours) -> None:
    """The server ends them, before and after each: a transaction is done again as a whole, and no node is repeated."""
    lost = tours.begin(fate={"at": "sql", "after": 83, "does": "lose", "again": True})
    assert lost.ended().told == {"r": {"status": "done"}}
    tours.check_whole()
    assert not tours.repeated()


# -- many processes, many runs -------------------------------------------------------------------------------------------

RUNS = ("a", "b", "c", "d")
KILLS = 12
SIDE_BY_SIDE = 3
POINTS = (
    "node before",
    "node in",
    *INSIDE_A_TRANSACTION,
)  # that are passed with every node, so that twelve die in time
MOST_PASSED = 25


@pytest.mark.parametrize("seed", range(SOAK))
def test_a_dozen_kills_over_four_runs_that_three_workers_share(tours: Tours, seed: int) -> None:
    """Each worker dies somewhere, often within a commit of two runs, and another takes its place."""
    seeded = random.Random(seed)
    tours.create(*RUNS)
    fates = [{"at": seeded.choice(POINTS), "after": seeded.randrange(5, MOST_PASSED)} for _ in range(KILLS)]
    killed: list[int] = []
    alive: list[Driver] = []
    while fates or alive:
        while fates and len(alive) < SIDE_BY_SIDE:
            alive.append(tours.worker("--at-once", "2", fate=fates.pop()))
        until(lambda: not all(driver.process.is_alive() for driver in alive))
        for driver in [driver for driver in alive if not driver.process.is_alive()]:
            check_killed(driver)
            alive.remove(driver)
            killed.append(driver.id)
    assert any(tours.status(run_id) != "done" for run_id in RUNS)
    assert len(killed) == KILLS
    last = tours.worker("--at-once", "4")
    last.until(lambda: all(tours.status(run_id) == "done" for run_id in RUNS))
    tours.check_whole(*RUNS)
    tours.check_only_in_flight_was_repeated(killed)
    assert len(undisturbed().begun) == NODES
