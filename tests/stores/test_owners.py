"""A driver whose process has ended lets go of its run at once, not when its lease ends (S18)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from graphflow import END, START, Graph
from graphflow.errors import RunBusy
from graphflow.stores import SQLiteStore
from graphflow.stores.owners import is_gone, new_owner

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
HOLD = "import sys; from graphflow.stores import SQLiteStore; s = SQLiteStore(sys.argv[1]); s.acquire('r'); print('held', flush=True); sys.stdin.read()"
NAME = "from graphflow.stores.owners import new_owner; print(new_owner(), flush=True); import sys; sys.stdin.read()"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Elsewhere the lease ends by itself")


class State(BaseModel):
    n: int = 0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    graph = Graph("empty", State)
    graph.edge(START, END)
    store = SQLiteStore(tmp_path / "runs.db", lease_s=3_600)
    store.create("r", graph.plan())
    yield store
    store.close()


def begun(*arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", *arguments], env=ENVIRONMENT, stdin=pipe, stdout=pipe, text=True)


def test_a_run_of_a_killed_process_is_free_at_once(store: SQLiteStore) -> None:
    with begun(HOLD, store.place) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert store.row("r").is_driven
        with pytest.raises(RunBusy):
            store.acquire("r")
        process.kill()
        process.wait()
        assert not store.row("r").is_driven
        store.acquire("r")
        assert store.row("r").is_driven
        store.release("r")


def test_a_run_of_a_killed_process_can_be_removed(store: SQLiteStore) -> None:
    with begun(HOLD, store.place) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.wait()
        store.remove("r")
        assert store.ids() == []


def test_a_process_nobody_has_looked_after_yet_is_gone_too() -> None:
    """A killed child stays a zombie until its parent waits for it."""
    with begun(NAME) as process:
        assert process.stdout is not None
        owner = process.stdout.readline().strip()
        assert not is_gone(owner)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(owner)
    assert is_gone(owner)


def test_another_process_of_the_same_number_is_another() -> None:
    place, pid, start, more = new_owner().split(" ")
    assert is_gone(f"{place} {pid} {int(start) + 1} {more}")


@pytest.mark.parametrize("owner", ["", "0123456789abcdef", "elsewhere/pid:[1] 1 2 3", "a b c", "a b c d e"])
def test_of_what_is_elsewhere_nothing_is_known(owner: str) -> None:
    assert not is_gone(owner)
