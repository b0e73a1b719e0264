"""Runs that are kept, with real processes: killed, stopped, answered from beside, shared by workers."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.cli.commands import HOLDING, Said
from tests.cli.test_process import ended, start

STORE = ("--store", "runs.db")
Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(folder: Path) -> Iterator[Begin]:
    """Starts the command line; no process is left after the test."""
    (folder / "holding.py").write_text(HOLDING)
    (folder / "log").touch()
    processes: list[subprocess.Popen[str]] = []

    def begun(*arguments: str) -> subprocess.Popen[str]:
        processes.append(start(folder, arguments))
        return processes[-1]

    yield begun
    for process in processes:
        process.kill()
        with process:
            process.communicate()


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def logged(folder: Path, what: str) -> int:
    return (folder / "log").read_text().splitlines().count(what)


def finished(process: subprocess.Popen[str]) -> Said:
    out, err = process.communicate(timeout=60)
    return Said(process.returncode, out, err)


def status(folder: Path, run: str, *more: str) -> str:
    said = ended(folder, "runs", "list", "--json", *STORE, *more)
    return str(next(one["status"] for one in said.json["runs"] if one["run"] == run))


def killed_at_work(begin: Begin, folder: Path, arguments: Sequence[str], number: signal.Signals) -> Said:
    process = begin(*arguments)
    before = logged(folder, "at work")
    until(lambda: logged(folder, "at work") > before)
    process.send_signal(number)
    return finished(process)


def test_a_run_that_was_killed_is_stopped_at_once_and_goes_on_in_another_process(begin: Begin, folder: Path) -> None:
    """S11.1, S14.2, S18: nothing finished runs twice, recorded calls are not made again, and nobody waits for a lease."""
    said = killed_at_work(begin, folder, ["run", "holding.py", "--run-id", "h", *STORE], signal.SIGKILL)
    assert said.code == -signal.SIGKILL
    assert status(folder, "h") == "stopped"
    assert "nobody drives it; graphflow runs resume h --store runs.db goes on" in (
        ended(folder, "runs", "show", "h", *STORE).out
    )
    assert ended(folder, "runs", "tail", "h", *STORE).code == 130
    (folder / "go").touch()
    (folder / "else").mkdir()
    said = ended(folder / "else", "runs", "resume", "h", "--json", "--store", "../runs.db")
    assert (said.code, said.json["state"]) == (0, {"paid": 7, "done": "all of it"}), said.err
    assert [logged(folder, what) for what in ("begin", "paid", "hold", "finish")] == [1, 1, 2, 1]
    data = ended(folder, "runs", "show", "h", "--json", *STORE).json
    assert data["resumed"] == 1
    assert [(node["node"], node["finished"], node["repeated"], node["reused"]) for node in data["nodes"]] == [
        ("begin", 1, 0, {}),
        ("hold", 1, 0, {"once": 1}),
        ("finish", 1, 0, {}),
    ]


def test_ctrl_c_leaves_it_resumable_and_says_how(begin: Begin, folder: Path) -> None:
    said = killed_at_work(begin, folder, ["run", "holding.py", "--run-id", "h", *STORE], signal.SIGINT)
    assert said.code == 130
    assert "go on      graphflow runs resume h --store runs.db\n" in said.err
    assert status(folder, "h") == "stopped"
    said = killed_at_work(begin, folder, ["runs", "resume", "h", "--json", *STORE], signal.SIGINT)
    assert (said.code, said.json["status"], said.json["frontier"]) == (130, "running", ["hold:1"])
    (folder / "go").touch()
    assert ended(folder, "runs", "resume", "h", *STORE).code == 0
    assert logged(folder, "paid") == 1


def test_a_driven_run_is_followed_and_refused_to_a_second_driver(begin: Begin, folder: Path) -> None:
    """S18: a second driver is refused at once."""
    driver = begin("run", "holding.py", "--run-id", "h", *STORE)
    until(lambda: logged(folder, "at work") == 1)
    assert status(folder, "h") == "running"
    tail = begin("runs", "tail", "h", "--json", *STORE)
    assert tail.stdout is not None
    while "effect" not in (line := tail.stdout.readline()):
        assert line
    said = ended(folder, "runs", "resume", "h", *STORE)
    assert said.code == 1
    assert "[GF302]" in said.err
    assert ended(folder, "worker", "--once", *STORE).err == ""
    driver.send_signal(signal.SIGINT)
    assert finished(driver).code == 130
    said = finished(tail)
    assert (said.code, json.loads(said.out.splitlines()[-1])["status"]) == (130, "stopped")


ASKING = """
import asyncio

from pydantic import BaseModel

from graphflow import END, START, Graph, fields, quorum


class State(BaseModel):
    is_sent: bool = False
    is_busy: bool = False


state = fields(State)
graph = Graph("asking", State)
approve = graph.ask("approve", "Send this?", answer=bool, writes=state.is_sent)
first = graph.node(lambda view: {}, name="first")


@graph.node(writes=state.is_busy)
async def work(view: State) -> bool:
    await asyncio.sleep(600)
    return True


@graph.node
def last(view: State) -> dict[str, object]:
    return {}


graph.edge(START, first)
graph.fork(first, [approve, work], join=last, need=quorum(1))
graph.edge(last, END)
"""


def test_a_process_that_drives_the_run_takes_an_answer_by_itself(begin: Begin, folder: Path) -> None:
    """S10.1: within a second, and whoever gave it is told."""
    (folder / "asking.py").write_text(ASKING)
    driver = begin("run", "asking.py", "--run-id", "a", "--json", *STORE)
    until(lambda: (folder / "runs.db").exists())
    until(lambda: _asks(folder))
    said = ended(folder, "runs", "answer", "a", "approve", "yes", *STORE)
    assert said.code == 0, said.err
    assert "the process that drives the run has taken it" in said.out
    assert finished(driver).json["state"] == {"is_sent": True, "is_busy": False}


def _asks(folder: Path) -> bool:
    said = ended(folder, "runs", "show", "a", "--json", *STORE)
    return said.code == 0 and bool(said.json["questions"])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_worker_that_is_stopped_leaves_its_runs_resumable(
    begin: Begin, folder: Path, number: signal.Signals, code: int
) -> None:
    killed_at_work(begin, folder, ["run", "holding.py", "--run-id", "h", *STORE], signal.SIGKILL)
    said = killed_at_work(begin, folder, ["worker", *STORE], number)
    assert said.code == code, said.err
    assert "Traceback" not in said.err
    assert "stopped" in said.err
    assert status(folder, "h") == "stopped"
    (folder / "go").touch()
    worker = begin("worker", *STORE)
    until(lambda: status(folder, "h") == "done")
    worker.send_signal(number)
    assert finished(worker).code == code
    assert logged(folder, "paid") == 1


def test_several_workers_share_the_runs(begin: Begin, folder: Path) -> None:
    """S18: each run is driven by one of them, each step is done once."""
    names = [f"d{n}" for n in range(8)]
    for name in names[1:]:
        assert ended(folder, "run", "desk.py", "--run-id", name, *STORE).code == 3
        assert ended(folder, "runs", "answer", name, "approve", "yes", *STORE).code == 0
    killed_at_work(begin, folder, ["run", "holding.py", "--run-id", names[0], *STORE], signal.SIGKILL)
    (folder / "go").touch()
    said = [finished(worker) for worker in [begin("worker", "--once", *STORE) for _ in range(3)]]
    assert [one.code for one in said] == [0, 0, 0], [one.err for one in said]
    data = ended(folder, "runs", "list", "--json", *STORE).json["runs"]
    assert {run["run"]: run["status"] for run in data} == dict.fromkeys(names, "done")
    told = "".join(one.err for one in said)
    assert [told.count(f"rests   {name}  ") for name in names] == [1] * 8
    assert (logged(folder, "finish"), logged(folder, "paid")) == (1, 1)
