"""A store that is locked, full or torn while a process drives a run in it (S11.1, S14.2, S18).

The run waits and goes on, or stops with a code and can be gone on with; nothing is lost, nothing is there twice.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel

from graphflow import END, START, Graph, fields
from graphflow.core.journal import decode
from graphflow.errors import Fenced
from graphflow.runtime.outbox import Durability
from graphflow.stores import SQLiteStore
from tests.faults.places import DEADLINE_S, Child, Drivers, Place
from tests.faults.undisturbed import STEPS, check_told, check_whole
from tests.postgres_server import Server

# -- locked --------------------------------------------------------------------------------------------------------------


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """This process holds the lock without which nobody writes there."""
    if place.kind == "sqlite":
        with closing(sqlite3.connect(place.address, timeout=DEADLINE_S, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
    else:
        import psycopg

        with psycopg.connect(place.address) as connection:
            connection.execute("LOCK TABLE graphflow.run, graphflow.journal IN EXCLUSIVE MODE")
            yield


@pytest.mark.parametrize(("place", "seconds"), [("sqlite", 5), ("postgres", 3)], indirect=["place"])
def test_a_store_that_is_locked_for_five_seconds_is_waited_for(drivers: Drivers, seconds: int) -> None:
    """Longer than the lease lasts: nobody can take the run over, and it goes on where it was."""
    child = drivers.begin("chain", state={"pause_s": 0.01}, store={"lease_s": 2})
    drivers.wait(child, 5)
    with locked(drivers.place):
        until, before = time.monotonic() + seconds, len(drivers.log())
        drivers.until(child, lambda: time.monotonic() > until)
        assert len(drivers.log()) <= before + 1  # a step is safe before the next is performed
    ended = child.ended()
    assert ended.told["status"] == "done", ended.errors
    check_whole(drivers, most_repeated=0)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_file_that_is_locked_for_longer_than_the_wait_is_told_of(drivers: Drivers) -> None:
    """The run stops with what is safe and what to do, and goes on from there."""
    child = drivers.begin("chain", state={"pause_s": 0.01}, store={"wait_s": 0.2})
    drivers.wait(child, 5)
    with locked(drivers.place):
        ended = child.ended()
    check_told(ended.told, "locked", "Another process holds it")
    ended = drivers.begin("chain").ended()
    assert ended.told["status"] == "done", ended.errors
    check_whole(drivers, most_repeated=1)


class Ending(BaseModel):
    is_lost: bool = False


@pytest.mark.parametrize("durability", ["step", "batch", "exit"])
def test_a_run_whose_end_was_refused_is_not_told_to_be_done(place: Place, durability: Durability) -> None:
    """S18: another took the run over while its last node was at work, and nothing of that node is written."""
    graph = Graph("ending", Ending)

    @graph.node(writes=fields(Ending).is_lost)
    def lose(state: Ending) -> bool:
        place.ask("UPDATE run SET fence = fence + 1")
        return True

    graph.chain(START, lose, END)
    with closing(place.open()) as store:
        with pytest.raises(Fenced):
            graph.run_sync(Ending(), store=store, run_id="r", durability=durability)
        assert store.row("r").standing.status == "running"
    assert "lose:1" not in place.finished()


# -- full ----------------------------------------------------------------------------------------------------------------


LARGE = {"left": STEPS, "grows": 40_000}


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("durability", ["step", "batch", "exit"])
def test_a_file_that_may_not_grow_stops_the_run_and_with_room_it_goes_on(drivers: Drivers, durability: str) -> None:
    told = drivers.begin("chain", state=LARGE, durability=durability, file_bytes=700_000).ended().told
    check_told(told)
    done = len(drivers.place.finished())
    assert 1 <= done < STEPS
    ended = drivers.begin("chain", durability=durability).ended()
    assert ended.told["status"] == "done", ended.errors
    check_whole(drivers, most_repeated=1 if durability == "step" else STEPS)


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], Path]]:
    """A file system of so many megabytes, which everybody reaches; asked again, that is how large it is from then on."""
    if shutil.which("mount") is None:
        pytest.skip("There is no mount: a full disk is NOT tested.")
    folder = Path(tempfile.mkdtemp(prefix="graphflow-disk-"))
    folder.chmod(0o755)
    is_there = False

    def mount(megabytes: int) -> Path:
        nonlocal is_there
        how = f"{'remount,' if is_there else ''}size={megabytes}m,mode=0777"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", how, "tmpfs", str(folder)], capture_output=True, text=True)
        if done.returncode and not is_there:
            pytest.skip(
                f"A file system in memory cannot be mounted here: a full disk is NOT tested. {done.stderr.strip()}"
            )
        assert not done.returncode, done.stderr
        is_there = True
        return folder

    try:
        yield mount
    finally:
        if is_there:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def test_a_full_disk_stops_the_run_and_with_room_it_goes_on(
    small_disk: Callable[[int], Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    drivers = Drivers(Place("sqlite", str(small_disk(1) / "runs.db")), tmp_path)
    request.addfinalizer(drivers.end)
    check_full(drivers, lambda: small_disk(32))


def test_a_server_whose_disk_is_full_stops_the_run_and_with_room_it_goes_on(
    small_disk: Callable[[int], Path], postgres: Server, schema: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import psycopg

    folder = small_disk(32) / "tables"
    folder.mkdir()
    postgres.give(folder)
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE {schema} LOCATION '{folder}'".encode())
        connection.execute(f"CREATE DATABASE {schema} TABLESPACE {schema}".encode())
    place = Place("postgres", postgres.url(database=schema))
    place.open().close()  # which makes the tables
    ballast = folder.with_name("ballast")
    ballast.write_bytes(bytes(shutil.disk_usage(folder).free - 1_200_000))
    drivers = Drivers(place, tmp_path)
    try:
        check_full(drivers, ballast.unlink, lambda: os.truncate(ballast, ballast.stat().st_size - 300_000))
    finally:
        drivers.end()
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {schema} WITH (FORCE)".encode())
            connection.execute(f"DROP TABLESPACE {schema}".encode())


def check_full(drivers: Drivers, make_room: Callable[[], object], a_little: Callable[[], object] | None = None) -> None:
    """Stopped at some step, gone on with when it is still full: stopped again; and with room, to the end.

    ``a_little`` makes room for as long as it is too full for a run to begin at all: a server uses some for itself.
    """
    told = drivers.begin("chain", state=LARGE).ended().told
    while a_little is not None and not drivers.place.has_run():
        check_told(told, "Make room")
        a_little()
        told = drivers.begin("chain", state=LARGE).ended().told
    check_told(told, "Make room")
    done = drivers.place.finished()
    assert 2 <= len(done) < STEPS
    assert drivers.begin("chain").ended().told.get("code") == "GF307"
    assert drivers.place.finished()[: len(done)] == done
    make_room()
    ended = drivers.begin("chain").ended()
    assert ended.told["status"] == "done", ended.errors
    check_whole(drivers, most_repeated=3)


# -- a log whose end is torn -----------------------------------------------------------------------------------------------


def _cut(log: bytes, seeded: random.Random) -> bytes:
    return log[: -seeded.randrange(100, len(log) // 2)]


def _garbled(log: bytes, seeded: random.Random) -> bytes:
    tail = seeded.randrange(100, len(log) // 2)
    return log[:-tail] + seeded.randbytes(tail)


def _half_page(log: bytes, seeded: random.Random) -> bytes:
    """Its last page was written in part: the rest is what was there before, zeros."""
    tail = seeded.randrange(1, 4096)
    return log[:-tail] + bytes(tail)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("tear", [_cut, _garbled, _half_page])
def test_a_torn_log_loses_only_its_end_and_the_run_goes_on(
    drivers: Drivers, tear: Callable[[bytes, random.Random], bytes], tmp_path: Path
) -> None:
    """As after a power cut: what is left is a beginning of the journal, and the run goes on from there."""
    seeded = random.Random(tear.__name__)
    child: Child = drivers.begin("chain", state={"pause_s": 0.005})
    drivers.wait(child, seeded.randrange(30, 50))
    child.kill()
    log = tmp_path / "runs.db-wal"
    before = _journal_of_copy(tmp_path, "before")
    log.write_bytes(tear(log.read_bytes(), seeded))
    left = _journal_of_copy(tmp_path, "after")
    assert 1 <= len(left) < len(before)
    assert left == before[: len(left)]
    ended = drivers.begin("chain").ended()
    assert ended.told.get("status") == "done", ended
    with closing(SQLiteStore(drivers.place.address)) as store:
        assert list(store.read("r"))[: len(left)] == left
    check_whole(drivers, most_repeated=len(before) - len(left) + 1)


def _journal_of_copy(folder: Path, name: str) -> list[bytes]:
    """What is committed, seen in a copy: opening a file whose process was killed puts its log in order."""
    copy = folder / name
    copy.mkdir()
    for part in ("runs.db", "runs.db-wal"):
        shutil.copy(folder / part, copy / part)
    with closing(SQLiteStore(copy / "runs.db")) as store:
        entries = list(store.read("r"))
    assert [decode(text)["seq"] for text in entries] == list(range(1, len(entries) + 1))
    return entries
