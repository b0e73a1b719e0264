"""The graph's file is changed between two processes (S16): refused with what differs, or migrated; never silently finished.

The first process is killed by its own node, with -9, in the middle of a branch; another starts from the file as it is
then, by the command line or by Python.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

import pytest

from tests.faults.places import Drivers, Ended

FILE = """
import os
import signal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel

from graphflow import END, START, Graph, append, best_effort, fields, quorum

HERE = Path(__file__).parent


class State(BaseModel):
    n: int = 0
    found: Annotated[list[str], append] = []
    note: str = ""
    text: str = ""


state = fields(State)
graph = Graph("changing", State)


def log(what: str) -> None:
    with (HERE / "log").open("a") as file:
        file.write(what + "\\n")


def die_once(where: str) -> None:
    if where == "AT" and not (HERE / "died").exists():
        (HERE / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)


@graph.node(writes=state.n)
async def begin(view: State) -> int:
    log("begin")
    return 3


@graph.node(writes=state.found)
async def quick(view: State) -> str:
    log("quick")
    return "quick"


@graph.node
async def first(view: State) -> dict[str, object]:
    log("first")
    return {}


@graph.node(writes=state.found, name="work")
async def work(view: State) -> str:
    log("work")
    die_once("work")
    return f"work {view.n}"


@graph.node(writes=state.text, name="gather")
async def gather(view: State) -> str:
    log("gather")
    die_once("gather")
    return ", ".join(view.found)


graph.chain(START, begin)
graph.fork(begin, [quick, first], join=gather, at_once=1)  # one after the other
graph.chain(first, work, gather)
graph.edge(gather, END)
"""

FORK = """
graph.fork(begin, [quick, first], join=gather, at_once=1)  # one after the other
graph.chain(first, work, gather)
"""

RESUMING = """
import importlib
import json
import sys

from graphflow.errors import GraphChanged

sys.path.insert(0, ".")
address, how, *modules = sys.argv[1:]
for module in modules:
    try:
        run = importlib.import_module(module).graph.resume_sync("c", store=address, migrate=eval(how))
        print(json.dumps({"status": run.status, "state": run.state.model_dump(), "path": run.path}))
    except GraphChanged as error:
        print(json.dumps({"code": error.code, "why": error.why}))
"""
"""Goes on by Python, with each of these files; ``how`` is a function of the old state's fields, or None."""


@dataclass(frozen=True)
class Change:
    """What is written instead of what in the file, and what is said of it; "" if the run goes on all the same."""

    old: str
    new: str
    said: str = ""
    text: str = "quick, work 3"
    is_migration: bool = True
    without: str = ""

    def of(self, file: str) -> str:
        assert self.old in file
        assert self.without in file
        return file.replace(self.old, self.new).replace(self.without, "")


REFUSED = {
    "a live node renamed": Change(
        'name="work"', 'name="labour"', "The run stands at node 'work' (begin:1[1]/work:1), which is gone."
    ),
    "a live node removed": Change(
        "graph.chain(first, work, gather)",
        "graph.edge(first, gather)",
        "The run stands at node 'work' (begin:1[1]/work:1), which is gone.",
        without='@graph.node(writes=state.found, name="work")\n',
    ),
    "a field's type": Change("n: int = 0", "n: float = 0", "The field 'n' was int and is float."),
    "a field renamed": Change("note: str", "notes: str", "The field 'note' is gone."),
    "a fork's join": Change(
        FORK,
        FORK.replace("gather", "other").replace("graph.fork", "other = graph.point('other')\ngraph.fork")
        + "graph.edge(other, gather)\n",
        "The open fork begin -> quick, first is gone or has another join",
    ),
    "a fork's targets": Change("[quick, first]", "[first, quick]", "The open fork begin -> quick, first is gone"),
    "a fork's need": Change("join=gather", "join=gather, need=quorum(1)", "is gone or has another join or policy."),
    "a fork's failures": Change("join=gather", 'join=gather, failures="collect"', "or has another join or policy."),
}
ACCEPTED = {
    "a function": Change('", ".join', '" and ".join', text="quick and work 3", is_migration=False),
    "a policy of a live node": Change('name="work"', 'name="work", timeout_s=60'),
    "a node more": Change(
        "graph.edge(gather, END)",
        "graph.chain(gather, graph.node(lambda view: {'text': view.text + '.'}, name='more'), END)",
        text="quick, work 3.",
    ),
    "a field more": Change("n: int = 0", "n: int = 0\n    more: int = 7"),
    "an edge more": Change(
        "graph.edge(gather, END)", "graph.edge(gather, END, when=state.n > 0)\ngraph.edge(gather, END)"
    ),
}


def begun(drivers: Drivers, at: str, file: str = FILE) -> Ended:
    """A run whose process died at a node."""
    (drivers.folder / "changing.py").write_text(file.replace("AT", at))
    return drivers.command("run", "changing.py", "--run-id", "c", "--store", drivers.place.address).ended()


def resumed(drivers: Drivers, file: str) -> Ended:
    """By the command line, with this file."""
    (drivers.folder / "changing.py").write_text(file)
    return drivers.command("runs", "resume", "c", "--json", "--store", drivers.place.address).ended()


def migrated(drivers: Drivers, file: str, how: str) -> Ended:
    """By Python, with this file and a function of the old state's fields."""
    (drivers.folder / "changing.py").write_text(file)
    return drivers.started([sys.executable, "-c", RESUMING, drivers.place.address, how, "changing"]).ended()


def error_of(ended: Ended) -> dict[str, str]:
    """The error that the command line told."""
    error: dict[str, str] = json.loads(ended.out)["error"]
    return error


def check_done(ended: Ended, text: str) -> None:
    assert ended.code == 0, ended
    told = json.loads(ended.out)
    assert told["status"] == "done"
    assert told["state"]["text"] == text


def test_what_the_run_still_needs_is_refused_and_told(drivers: Drivers) -> None:
    """Nothing runs and nothing is written; with the file as it was the run goes on."""
    assert begun(drivers, "work").code == -9
    assert set(drivers.place.finished("c")) == {"START:1", "begin:1", "begin:1[0]/quick:1", "begin:1[1]/first:1"}
    before = drivers.place.journal("c")
    for number, change in enumerate(REFUSED.values()):
        (drivers.folder / f"changed_{number}.py").write_text(change.of(FILE))
    modules = [f"changed_{number}" for number in range(len(REFUSED))]
    ended = drivers.started([sys.executable, "-c", RESUMING, drivers.place.address, "None", *modules]).ended()
    assert ended.code == 0, ended
    for (kind, change), line in zip(REFUSED.items(), ended.out.splitlines(), strict=True):
        told = json.loads(line)
        assert told["code"] == "GF304", (kind, told)
        assert change.said in told["why"], (kind, told)
    for kind in ("a live node renamed", "a fork's need"):
        error = error_of(resumed(drivers, REFUSED[kind].of(FILE)))
        assert error["code"] == "GF304"
        assert REFUSED[kind].said in error["why"]
    assert drivers.log() == ["begin", "quick", "first", "work"]
    assert drivers.place.journal("c") == before
    check_done(resumed(drivers, FILE), "quick, work 3")
    assert drivers.log() == ["begin", "quick", "first", "work", "work", "gather"]


@pytest.mark.parametrize(
    ("place", "kind"),
    [*(("sqlite", kind) for kind in ACCEPTED), ("postgres", "a field more"), ("postgres", "an edge more")],
    indirect=["place"],
)
def test_what_it_does_not_need_may_change(drivers: Drivers, kind: str) -> None:
    """It goes on under the new graph, which the journal says; nothing finished runs again."""
    change = ACCEPTED[kind]
    assert begun(drivers, "work").code == -9
    check_done(resumed(drivers, change.of(FILE)), change.text)
    assert drivers.log() == ["begin", "quick", "first", "work", "work", "gather"]
    entries = drivers.place.journal("c")
    assert [entry["kind"] for entry in entries].count("migrated") == change.is_migration
    drivers.place.finished("c")


def test_a_missing_edge_is_added_and_nothing_runs_again(drivers: Drivers) -> None:
    """S3.2, S16: the node had finished, and only its edge is chosen anew."""
    edge = "graph.edge(gather, END)"
    ended = begun(drivers, "nowhere", FILE.replace(edge, "graph.edge(gather, END, when=state.n > 5)"))
    assert ended.code == 1
    assert "no way out" in ended.errors.lower(), ended
    check_done(resumed(drivers, FILE), "quick, work 3")
    assert drivers.log() == ["begin", "quick", "first", "work", "gather"]


def test_a_state_that_changed_is_refused_or_migrated(drivers: Drivers) -> None:
    """A field of another type, one under another name, and a new one that has no default."""
    file = FILE.replace("n: int = 0", "n: str = '0'\n    more: bool").replace('text: str = ""', 'words: str = ""')
    file = file.replace("state.text", "state.words").replace("-> int:", "-> str:")
    assert begun(drivers, "gather").code == -9
    before = drivers.place.journal("c")
    refused = resumed(drivers, file)
    assert refused.code == 1
    assert error_of(refused)["code"] == "GF304"
    assert "The field 'n' was int and is str.\nThe field 'text' is gone." in error_of(refused)["why"]
    assert "migrate=" in error_of(refused)["fix"]
    told = migrated(drivers, file, "lambda old: {'found': old['found'], 'n': str(old['n'])}").told
    assert told["code"] == "GF304", "it makes no valid state"
    assert "more" in told["why"]
    assert drivers.place.journal("c") == before
    told = migrated(drivers, file, "lambda old: {'found': old['found'], 'n': str(old['n']), 'more': True}").told
    assert told["status"] == "done"
    assert told["state"] == {"n": "3", "more": True, "found": ["quick", "work 3"], "note": "", "words": "quick, work 3"}
    assert drivers.log() == ["begin", "quick", "first", "work", "gather", "gather"]


def test_no_migration_takes_a_live_node_away(drivers: Drivers) -> None:
    """A renamed node is never finished, whatever becomes of the state."""
    assert begun(drivers, "gather").code == -9
    told = migrated(drivers, FILE.replace('name="gather"', 'name="collect"'), "dict").told
    assert told["code"] == "GF304"
    assert "The run stands at node 'gather' (gather:1), which is gone." in told["why"]
    check_done(resumed(drivers, FILE), "quick, work 3")
