"""A Postgres server that crashes, stays away, or is cut off at COMMIT while a process drives a run in it (S11.1, S18).

The run waits and goes on, or stops with a code and can be gone on with; nothing is lost, nothing is there twice.
"""

from __future__ import annotations

import random
import signal
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from graphflow.testing.store_contract.place import plan_of_notes
from tests.faults.places import DEADLINE_S, Drivers, Place
from tests.faults.undisturbed import STEPS, check_whole
from tests.postgres_server import Server
from tests.stores.proxy import Proxy

pytestmark = pytest.mark.parametrize("place", ["postgres"], indirect=True)


def test_a_server_that_crashes_again_and_again_loses_nothing(drivers: Drivers, postgres: Server) -> None:
    """Three processes drive a run each; the server is killed with them at work, and comes back."""
    seeded, names = random.Random(7), ["r", "s", "t"]
    children = [drivers.begin("chain", name, state={"left": 400}, store={"wait_s": DEADLINE_S}) for name in names]
    for _ in range(3):
        drivers.wait(children[0], len(drivers.log()) + seeded.randrange(60, 200))
        postgres.stop(signal.SIGQUIT)
        postgres.start()
    for child, name in zip(children, names, strict=True):
        ended = child.ended()
        assert ended.told.get("status") == "done", ended
        check_whole(drivers, most_repeated=1_000, run_id=name, steps=400)
    assert max(drivers.logged("step").values()) == len(names), "a driver that waits performs nothing twice"


def test_what_a_crash_undid_is_never_taken_for_committed(postgres: Server, place: Place, tmp_path: Path) -> None:
    """After a crash Postgres gives the numbers of transactions that were in flight to others, which then commit."""
    proxy, drivers = Proxy(postgres.port), Drivers(place, tmp_path)
    through = Drivers(Place("postgres", place.address.replace(str(postgres.port), str(proxy.port))), tmp_path)
    try:
        with closing(place.open()) as others:
            others.ids()

            at_commit, is_back = threading.Event(), threading.Event()

            def hold() -> None:
                at_commit.set()
                is_back.wait(DEADLINE_S)

            proxy.before_cut = hold
            child = through.begin("chain", state={"pause_s": 0.005})
            through.wait(child, 20)
            proxy.cut = "before commit"
            assert at_commit.wait(DEADLINE_S)
            proxy.is_away = True
            postgres.stop(signal.SIGQUIT)
            postgres.start()
            for number in range(20):
                others.create(f"other {number}", plan_of_notes())
            proxy.is_away = False
            is_back.set()
            ended = child.ended()
            assert ended.told.get("status") == "done", ended
            assert proxy.cuts == 1
            assert len(others.ids()) == 21
        check_whole(drivers, most_repeated=0)
    finally:
        through.end()
        proxy.close()


def test_a_server_that_stays_away_is_told_of_and_the_run_goes_on_later(drivers: Drivers, postgres: Server) -> None:
    child = drivers.begin("chain", state={"pause_s": 0.01}, store={"wait_s": 0.5})
    drivers.wait(child, 10)
    postgres.stop(signal.SIGQUIT)
    try:
        told = child.ended().told
    finally:
        postgres.start()
    assert told["code"] == "GF307"
    assert "resume the run once it does" in told["error"]
    assert drivers.place.finished()
    ended = drivers.begin("chain").ended()
    assert ended.told["status"] == "done", ended.errors
    check_whole(drivers, most_repeated=1)


@pytest.mark.parametrize("when", ["before commit", "after commit"])
def test_connections_lost_at_commit_are_asked_about(place: Place, postgres: Server, tmp_path: Path, when: Any) -> None:
    """What became of it is read again: no step is lost or there twice, and none is performed again."""
    proxy = Proxy(postgres.port)
    drivers = Drivers(Place("postgres", place.address.replace(str(postgres.port), str(proxy.port))), tmp_path)
    seeded = random.Random(when)
    try:
        child = drivers.begin("chain", state={"pause_s": 0.005})
        for cuts in range(1, 9):
            drivers.wait(child, min(STEPS - 8, len(drivers.log()) + seeded.randrange(1, 7)))
            proxy.cut = when
            drivers.until(child, lambda cuts=cuts: proxy.cuts == cuts)  # type: ignore[misc]
        ended = child.ended()
        assert ended.told.get("status") == "done", ended
    finally:
        drivers.end()
        proxy.close()
    direct = Drivers(place, tmp_path)
    check_whole(direct, most_repeated=0)
