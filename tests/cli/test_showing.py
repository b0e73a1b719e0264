"""``graphflow runs show``: visits and attempts, work and waiting, and what of a rerun is its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphflow.core import journal
from graphflow.stores import SQLiteStore
from tests.cli.commands import Command

STORE = ("--store", "runs.db")
TRYING = """
from pydantic import BaseModel

from graphflow import END, START, Graph, JoinFailed, Retry, best_effort, fields


class State(BaseModel):
    n: int = 0
    is_fine: bool = False
    items: list[int] = [1, 2]


state = fields(State)
graph = Graph("trying", State)
tries = []


@graph.node(writes=state.n, retry=Retry(attempts=3, first_s=0.001, jitter=0))
async def work(view: State) -> int:
    tries.append(1)
    if len(tries) < 3:
        raise ConnectionError("nobody there")
    return 1


fine = graph.ask("fine", "Is it?", answer=bool, writes=state.is_fine)


@graph.node
async def end(view: State) -> None:
    if not view.is_fine:
        raise ValueError("it is not")


graph.chain(START, work, fine, end, END)

joining = Graph("joining", State)


@joining.node
def fail(view: State, item: int) -> None:
    raise ValueError(f"bad {item}")


joining.map(START, fail, over=state.items, join=joining.point("gather"), need=best_effort(at_least=1))
joining.edge("gather", END)
"""


@pytest.fixture
def trying(folder: Path) -> Path:
    (folder / "trying.py").write_text(TRYING)
    return folder


def rows(text: str) -> list[list[str]]:
    """The table of nodes."""
    return [re.split(r"  +", line) for line in text[text.index("visits done") :].splitlines()[1:]]


def test_visits_and_attempts_are_counted_apart(graphflow: Command, trying: Path) -> None:
    """S8.1: two attempts failed, and the visit is done; a visit that failed for good is none of those."""
    graphflow("run", "trying.py", "--run-id", "t", "--answer", "fine=no", *STORE)
    said = graphflow("runs", "show", "t", *STORE)
    assert rows(said.out)[:3] == [["work", "1", "0", "2"], ["fine", "1", "0", "0"], ["end", "0", "1", "1"]]
    assert "error      ValueError: it is not\n" in said.out
    (work, _, end) = graphflow("runs", "show", "t", "--json", *STORE).json["nodes"]
    assert [(node["finished"], node["lost"], node["failed"]) for node in (work, end)] == [(1, 0, 2), (0, 1, 1)]


def test_a_visit_that_failed_and_was_gone_on_with_is_done(graphflow: Command, trying: Path) -> None:
    """S14.3."""
    graphflow("run", "trying.py", "--run-id", "t", "--answer", "fine=no", *STORE)
    (trying / "trying.py").write_text(TRYING.replace("if not view.is_fine", "if False"))
    from tests.cli.commands import forget

    forget(trying)
    assert graphflow("runs", "resume", "t", *STORE).code == 0
    assert rows(graphflow("runs", "show", "t", *STORE).out)[2] == ["end", "1", "0", "1"]


def later(place: str, run_id: str, kinds: tuple[str, ...], seconds: float) -> None:
    """As if the entries from the first of one of these kinds on had been made so much later."""
    store = SQLiteStore(place)
    entries = [journal.decode(text) for text in store.read(run_id)]
    first = next(n for n, entry in enumerate(entries) if entry["kind"] in kinds)
    moved = [entry | {"t": entry["t"] + seconds * (n >= first)} for n, entry in enumerate(entries)]
    moved[0]["run"] = f"{run_id}-later"
    plan = next(iter(store.plans(run_id, None).values()))
    store.create(f"{run_id}-later", plan, entries=[journal.encode(entry, plan) for entry in moved])
    store.close()


def test_waiting_is_told_apart_from_work(graphflow: Command, trying: Path) -> None:
    """S10.2: between the question and its answer nobody was at work."""
    graphflow("run", "trying.py", "--run-id", "t", *STORE)
    graphflow("runs", "answer", "t", "fine", "yes", "--resume", *STORE)
    later("runs.db", "t", ("resumed",), 7_200.0)
    shown = graphflow("runs", "show", "t-later", *STORE).out
    assert re.search(r"^spent      3 steps in [\d.]+ m?s, and 2 h 00 min not at work$", shown, re.MULTILINE)
    data = graphflow("runs", "show", "t-later", "--json", *STORE).json
    assert data["working_seconds"] < 60 < 7_200 <= data["idle_seconds"] <= data["seconds"]


def test_time_at_work_is_no_waiting(graphflow: Command, trying: Path) -> None:
    graphflow("run", "trying.py", "--run-id", "t", *STORE)
    later("runs.db", "t", ("asked",), 7_200.0)
    assert "2 steps in 2 h 00 min\n" in graphflow("runs", "show", "t-later", *STORE).out


def test_a_rerun_is_no_resumed_run_and_has_times_of_its_own(graphflow: Command, trying: Path) -> None:
    """S15.3: the old run took hours; what is told of the new one begins where it does."""
    graphflow("run", "trying.py", "--run-id", "t", *STORE)
    later("runs.db", "t", ("started",), -7_200.0)  # long ago
    said = graphflow("runs", "rerun", "t-later", "--at", "7", "--run-id", "new", "--graph", "trying.py", *STORE)
    assert "new  trying, a rerun of t-later from entry 7\n" in said.err
    assert re.search(r"^waiting    2 steps in [\d.]+ m?s$", said.err, re.MULTILINE)
    shown = graphflow("runs", "show", "new", *STORE).out
    assert "rerun of   t-later, from entry 7: what is up to there is from t-later, 1 step of those spent too\n" in shown
    assert re.search(r"^spent      2 steps in [\d.]+ m?s$", shown, re.MULTILINE)
    assert ", resumed" not in shown
    data = graphflow("runs", "show", "new", "--json", *STORE).json
    assert (data["parent"], data["parent_seq"], data["resumed"]) == ("t-later", 7, 0)
    assert max(data["seconds"], data["working_seconds"]) < 60
    graphflow("runs", "answer", "new", "fine", "yes", "--resume", *STORE)
    assert graphflow("runs", "show", "new", "--json", *STORE).json["resumed"] == 1


def test_a_join_that_cannot_fire_is_told_as_the_joins(graphflow: Command, trying: Path) -> None:
    """S8.3: it is an error of the join node, not of the node that forked."""
    said = graphflow("run", "trying.py:joining", "--run-id", "j", *STORE)
    assert "failed at the join 'gather' of START:1: Join 'gather' cannot fire" in said.err
    assert re.search(r"✗ gather +JoinFailed", said.err)
    shown = graphflow("runs", "show", "j", *STORE).out
    assert re.search(r"✗ +gather +JoinFailed", shown)
