"""A long run with a large state: its store stays small, and going on with it is quick whatever lies behind it (S15.2)."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

from tests.faults.places import Drivers, Place

STEPS, STATE_BYTES = 1_000, 100_000


def size_of(place: Place) -> int:
    """What the runs take on disk."""
    if place.kind == "sqlite":
        return Path(place.address).stat().st_size
    tables = [name for (name,) in place.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'graphflow'")]
    for table in tables:
        place.ask(f"VACUUM FULL {table}")  # what was overwritten; the server does that by itself, at its leisure
    ((size,),) = place.ask(f"SELECT {' + '.join(f'pg_table_size({table!r})' for table in tables)}")
    return int(size)


def texts(place: Place) -> list[bytes]:
    """The journal, as it is kept."""
    with closing(place.open()) as store:
        return list(store.read("r"))


def test_a_thousand_steps_with_a_large_state(drivers: Drivers) -> None:
    """S11.1: its store is under twice state and updates; killed at the end, it goes on within a second of a new one."""
    floor_s = drivers.begin("chain", "small", state={"left": 1}).ended().told["first_s"]
    tables = 0 if drivers.place.kind == "sqlite" else size_of(drivers.place)  # a server has pages for each, and its own
    (drivers.folder / "log").unlink()
    note = random.Random(12).randbytes(STATE_BYTES // 2).hex()  # no store makes it much smaller
    child = drivers.begin("chain", state={"left": STEPS, "note": note, "dies_at": STEPS - 1})
    assert child.ended().code == -9
    assert drivers.place.finished()[-1] == f"step:{STEPS - 1}"
    ended = drivers.begin("chain").ended()
    assert ended.told.get("status") == "done", ended
    assert drivers.logged("step").total() == STEPS + 1, "only the one it died in was performed again"
    started, *updates = texts(drivers.place)
    assert len(started) < STATE_BYTES + 5_000
    assert size_of(drivers.place) - tables < 2 * (STATE_BYTES + sum(map(len, updates)))
    assert ended.told["first_s"] < floor_s + max(1.0, 5 * floor_s), "until its first node begins"
