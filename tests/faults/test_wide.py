"""A wide fork is killed half-way and gone on with: finished branches are not repeated (S11.1, S14.3).

What was performed is counted outside; what had finished is read in the journal between two processes.
"""

from __future__ import annotations

import os
import random
from contextlib import closing

from tests.faults.places import Drivers

AT_ONCE = 16
SOAK = int(os.environ.get("GRAPHFLOW_SOAK", "1"))
WIDTH, KILLS = 100 * SOAK, 3 * SOAK


def finished_items(drivers: Drivers) -> set[str]:
    """The branches that have finished, by what they wrote in the log when they began."""
    return {f"square {at.split('[')[1].split(']')[0]}" for at in drivers.place.finished() if at.endswith("square:1")}


def check_squares(drivers: Drivers, width: int) -> None:
    """Each step is in the journal once, each item was performed, and the sum is right."""
    finished = drivers.place.finished()
    assert sum(at.endswith("square:1") for at in finished) == width
    with closing(drivers.place.open()) as store:
        row = store.row("r")
    assert row.standing.status == "done"
    assert row.standing.state is not None
    assert row.standing.state["squares"] == [item * item for item in range(width)]
    assert row.standing.state["total"] == sum(item * item for item in range(width))
    performed = drivers.logged("square")
    assert len(performed) == width
    assert drivers.logged("add up").total() == 1


def test_a_hundred_branches_killed_again_and_again(drivers: Drivers) -> None:
    """A branch is performed again only if it was in flight when its process died."""
    seeded = random.Random(9)
    child = drivers.begin("fan", state={"width": WIDTH, "pause_s": 0.02})
    for killed in range(KILLS):
        drivers.wait(child, min(WIDTH, len(drivers.log()) + seeded.randrange(AT_ONCE, 30)))
        child.kill()
        performed, finished = drivers.logged("square"), finished_items(drivers)
        assert performed.total() - len(performed) <= killed * AT_ONCE
        assert len(performed) - len(finished) <= AT_ONCE
        child = drivers.begin("fan")
        drivers.wait(child, performed.total() + 1)
        repeated = drivers.logged("square") - performed
        assert not repeated.keys() & finished, "a finished branch is not repeated"
    ended = child.ended()
    assert ended.told.get("status") == "done", ended
    check_squares(drivers, WIDTH)
    assert drivers.logged("square").total() - WIDTH <= KILLS * AT_ONCE


def test_ten_thousand_branches_need_little_memory_and_few_commits(drivers: Drivers) -> None:
    """Killed half-way; the second process takes what is left. Several branches share a commit."""
    few = drivers.begin("fan", "few", state={"width": 10})
    floor_kb = few.ended().told["peak_kb"]
    (drivers.folder / "log").unlink()
    width = 10_000
    child = drivers.begin("fan", state={"width": width})
    drivers.wait(child, width // 2)
    child.kill()
    performed, finished = drivers.logged("square"), finished_items(drivers)
    assert len(performed) - len(finished) <= AT_ONCE
    assert len(finished) > width // 3
    ended = drivers.begin("fan").ended()
    assert ended.told.get("status") == "done", ended
    assert ended.told["peak_kb"] < floor_kb + 150_000, "15 KB for a branch"
    check_squares(drivers, width)
    repeated = {item for item, count in drivers.logged("square").items() if count > 1}
    assert not repeated & finished
    assert len(repeated) <= AT_ONCE
    ((commits,),) = drivers.place.ask(
        "SELECT COUNT(*) FROM journal JOIN run ON run.number = journal.run WHERE run.id = 'r'"
    )
    assert commits < width / 4
