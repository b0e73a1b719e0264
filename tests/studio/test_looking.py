"""What the studio tells of runs: the list, a run's page, its moments and steps, when and why; and nothing of it changes one."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

from pydantic import BaseModel, SecretStr

from graphflow import END, START, Graph, fields
from graphflow.core import snapshots
from graphflow.core.journal import decode, encode
from graphflow.core.replay import replay
from graphflow.graph.answers import Answer
from graphflow.service.stored_runs import read_run
from graphflow.stores.sqlite import SQLiteStore
from graphflow.studio.addresses import encoded
from graphflow.studio.desk import Desk
from graphflow.studio.histories import Histories
from tests.studio.desks import (
    HOSTILE,
    Essay,
    Page,
    Wide,
    agent_graph,
    answer_essay,
    essay_graph,
    page_over,
    run_agent,
    run_essay,
    run_failing,
    store_in,
    wide_graph,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
def page(store: SQLiteStore) -> Iterator[Page]:
    with page_over(store) as made:
        yield made


# -- the list --------------------------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first_with_what_they_wait_for(store: SQLiteStore, page: Page) -> None:
    run_essay(store, "owls-1")
    run_failing(store, "down", 3)
    answer = page.get("/api/runs")
    assert [row["run"] for row in answer["runs"]] == ["down", "owls-1"]
    assert answer["total"] == 2
    assert answer["graphs"] == ["essay", "failing"]
    down, owls = answer["runs"]
    assert (owls["status"], owls["questions"], owls["frontier"]) == ("waiting", 1, ["review"])
    assert down["status"] == "failed"
    assert down["failing"] == {"node": "fetch", "error": "ConnectionError: the archive does not answer"}


def test_runs_are_found_by_status_graph_and_text(store: SQLiteStore, page: Page) -> None:
    run_essay(store, "owls-1")
    run_essay(store, "Mice")
    run_failing(store, "down", 3)

    def found(query: str) -> list[str]:
        return [row["run"] for row in page.get(f"/api/runs?{query}")["runs"]]

    assert found("status=failed") == ["down"]
    assert found("status=waiting,failed") == ["down", "Mice", "owls-1"]
    assert found("graph=essay") == ["Mice", "owls-1"]
    assert found("text=mic") == ["Mice"]
    assert found("text=FAILING") == ["down"]
    assert found("last=1") == ["down"]
    assert page.error("/api/runs?status=runing", 400)["fix"] == "Did you mean 'running'?"
    assert page.error("/api/runs?last=-1", 400)["code"] == "GF545"


def test_a_run_whose_process_died_is_told_as_of_its_last_entry(store: SQLiteStore, page: Page) -> None:
    run = run_essay(store, "whole")
    store.create("cut", essay_graph().plan(), entries=[line.replace(b"whole", b"cut") for line in run.raw_journal[:3]])
    [row] = [row for row in page.get("/api/runs")["runs"] if row["run"] == "cut"]
    assert (row["status"], row["frontier"], row["steps"]) == ("stopped", ["review"], 1)


def test_the_studio_says_what_it_is(page: Page) -> None:
    told = page.get("/api/studio")
    assert (told["name"], told["store"], told["read_only"]) == ("graphflow", "runs.db", False)
    assert told["start"] == page.desk.start
    assert "token" not in json.dumps(told)


# -- one run ---------------------------------------------------------------------------------------------------------


def test_a_run_that_waits_shows_its_question_and_what_it_began_with(store: SQLiteStore, page: Page) -> None:
    run_essay(store)
    told = page.of("owls-1")
    [question] = told["questions"]
    assert (question["node"], question["kind"], question["call"]) == ("review", "ask", None)
    assert question["text"] == "Is this good?\nAll about owls"
    assert question["schema"] == {"type": "boolean"}
    assert told["input"]["topic"] == "owls"
    assert told["input"]["draft"] == ""
    assert {"name": "draft", "type": "str"} in told["fields"]
    assert (told["first"], told["last"], told["row"]["seq"]) == (1, 5, 5)
    assert told["problem"] is None


def test_the_stage_and_the_marks_name_the_same_things(store: SQLiteStore, page: Page) -> None:
    run_essay(store)
    answer_essay(store, "owls-1", False)
    stage = page.of("owls-1", "/stage.svg")
    marks = page.of("owls-1", "/at/last")
    for own in [*marks["nodes"], *marks["edges"]]:
        assert f'id="{own}"' in stage
    assert marks["status"] == "waiting"
    assert marks["nodes"]["n.review"]["line"] == "‖ waiting"
    assert marks["nodes"]["n.write"]["visits"] == 2
    assert marks["nodes"]["n.write"]["figures"].startswith("×2 · ")
    assert marks["edges"]["e.write.0"]["times"] == 2
    assert "n.END" not in marks["nodes"]


def test_every_moment_can_be_looked_at(store: SQLiteStore, page: Page) -> None:
    run_essay(store)
    run = answer_essay(store, "owls-1", True)
    statuses = [
        page.of("owls-1", f"/at/{seq}")["nodes"].get("n.review", {}).get("status") for seq in range(1, run.seq + 1)
    ]
    assert statuses == [None, None, "running", "waiting", "waiting", "waiting", "done", "done"]  # fmt: skip
    assert page.of("owls-1", "/at/99", expect=404)["error"]["why"] == f"Its entries are 1 to {run.seq}."
    assert page.of("owls-1", "/at/x", expect=400)["error"]["code"] == "GF545"
    assert page.of("owls-1", "/at/0", expect=404)["error"]["fix"] == f"Look at entry {run.seq}."


def test_steps_are_told_in_one_line_and_in_pieces(store: SQLiteStore, page: Page) -> None:
    run_failing(store, "shaky", 1)
    told = page.of("shaky", "/steps")
    labels = [(step["label"], step["node"], step["tone"]) for step in told["steps"]]
    assert labels == [
        ("began", "", "plain"),
        ("began", "START", "plain"),
        ("failed", "fetch", "warn"),
        ("again", "fetch", "plain"),
        ("finished", "fetch", "good"),
        ("done", "", "good"),
    ]
    failed = told["steps"][2]
    assert failed["text"].startswith("attempt 1: ConnectionError: the archive does not answer; again after ")
    assert (failed["card"], failed["attempt"]) == ("n.fetch", 1)
    assert told["steps"][4]["arrow"] == "e.fetch.0"
    assert not told["more"]
    pieces = page.of("shaky", "/steps?after=2&limit=2")
    assert [step["seq"] for step in pieces["steps"]] == [3, 4]
    assert pieces["more"]


def test_a_step_tells_why_it_went_where_it_went(store: SQLiteStore, page: Page) -> None:
    """S4.2: every edge considered, in order, with the values its condition saw; out of the store alone."""
    run_essay(store)
    run = answer_essay(store, "owls-1", False)
    [answered] = [entry["seq"] for entry in run.journal if entry["kind"] == "answered"]
    told = page.of("owls-1", f"/steps/{answered}")
    assert told["why"] == [
        {"to": ["END"], "condition": "is_good", "values": "is_good=False", "outcome": "its condition did not hold", "taken": False},
        {"to": ["write"], "condition": "", "values": "", "outcome": "taken", "taken": True},
        {"to": ["END"], "condition": "", "values": "", "outcome": "was not tried", "taken": False},
    ]  # fmt: skip
    assert told["step"]["label"] == "answered"


def test_a_step_tells_what_it_changed(store: SQLiteStore, page: Page) -> None:
    run_essay(store)
    told = page.of("owls-1", "/steps/3")
    assert told["changes"] == [
        {"field": "draft", "before": "", "after": "All about owls"},
        {"field": "rounds", "before": 0, "after": 1},
    ]
    assert told["state"]["draft"] == "All about owls"
    assert page.of("owls-1", "/steps/1")["changes"] == []
    assert page.of("owls-1", "/steps/1")["state"]["topic"] == "owls"


def test_a_step_of_a_branch_tells_of_its_branch_and_the_join_of_all(store: SQLiteStore, page: Page) -> None:
    """S6.1: a branch has values of its own until its join."""
    run = wide_graph().run_sync(Wide(items=[1, 2, 3]), store=store, run_id="wide")
    branches = [entry["seq"] for entry in run.journal if entry["kind"] == "finished" and "[" in entry["at"]]
    assert [page.of("wide", f"/steps/{seq}")["changes"] for seq in branches] == [
        [{"field": "found", "before": [], "after": [2 * item]}] for item in (1, 2, 3)
    ]
    [joined] = [entry["seq"] for entry in run.journal if entry["kind"] == "joined"]
    assert page.of("wide", f"/steps/{joined}")["changes"] == [{"field": "found", "before": [], "after": [2, 4, 6]}]


def test_a_failed_step_tells_its_error_and_every_attempt(store: SQLiteStore, page: Page) -> None:
    run_failing(store, "down", 3)
    failed = [step["seq"] for step in page.of("down", "/steps")["steps"] if step["kind"] == "failed"]
    told = page.of("down", f"/steps/{failed[-1]}")
    assert told["error"] == {"type": "ConnectionError", "text": "the archive does not answer", "attempt": 3, "of": 3}
    assert [(one["n"], one["error"]) for one in told["attempts"]] == [
        (n, "ConnectionError: the archive does not answer") for n in (1, 2, 3)
    ]
    assert all(one["seconds"] >= 0 for one in told["attempts"])
    last = page.of("down", "/steps/last")
    assert (last["step"]["kind"], last["error"]["attempt"], last["error"]["of"]) == ("ended", 3, 3)


def test_attempts_are_those_of_the_node_not_what_it_was_at(store: SQLiteStore, page: Page) -> None:
    run_failing(store, "shaky", 2)
    finished = [step["seq"] for step in page.of("shaky", "/steps")["steps"] if step["kind"] == "finished"]
    told = page.of("shaky", f"/steps/{finished[-1]}")["attempts"]
    assert [(one["n"], one["outcome"]) for one in told] == [(1, "failed"), (2, "failed"), (3, "done")]
    run = run_essay(store)
    asked = next(entry["seq"] for entry in run.journal if entry["kind"] == "asked")
    assert page.of("owls-1", f"/steps/{asked}")["attempts"] == []


def test_an_agents_step_tells_what_was_said_and_what_its_tools_gave(store: SQLiteStore, page: Page) -> None:
    run = run_agent(store, "said")
    finished = next(entry["seq"] for entry in run.journal if entry["kind"] == "finished" and "writer" in entry["at"])
    told = page.of("said", f"/steps/{finished}")
    assert told["messages"] == [
        {
            "role": "assistant",
            "text": "",
            "calls": [{"tool": "search", "arguments": {"query": "owls"}, "result": "found owls"}],
        },
        {"role": "assistant", "text": "Owls are quiet.", "calls": []},
    ]
    assert (told["usage"]["model_calls"], told["usage"]["tool_calls"]) == (2, 1)
    calls = [step for step in page.of("said", "/steps")["steps"] if step["kind"] == "effect"]
    assert [(step["label"], step["text"]) for step in calls] == [
        ("model call", "calls search"),
        ("tool call", "found owls"),
        ("model call", "Owls are quiet."),
    ]


def test_the_timeline_has_a_lane_for_each_node_with_every_attempt(store: SQLiteStore, page: Page) -> None:
    run_failing(store, "shaky", 2)
    told = page.of("shaky", "/timeline")
    [lane] = told["lanes"]
    assert (lane["node"], lane["card"]) == ("fetch", "n.fetch")
    assert [(span["status"], span["attempt"]) for span in lane["spans"]] == [
        ("failed", 1),
        ("retrying", 2),
        ("failed", 2),
        ("retrying", 3),
        ("done", 3),
    ]
    ends = [told["t0"], *(span["to"] for span in lane["spans"])]
    assert [span["from"] for span in lane["spans"]] == ends[:-1]
    assert told["t1"] >= ends[-1]


def test_of_a_wide_run_the_timeline_tells_how_many(store: SQLiteStore, page: Page) -> None:
    wide_graph().run_sync(Wide(items=list(range(300))), store=store, run_id="wide")
    lanes = {lane["node"]: lane for lane in page.of("wide", "/timeline")["lanes"]}
    assert lanes["work"]["spans"] == []
    assert lanes["work"]["many"]["counts"] == {"done": 300}
    marks = page.of("wide", "/at/last")["nodes"]["n.work"]
    assert (marks["cells"], marks["counts"]) == (None, {"done": 300})


def test_time_in_which_nothing_was_at_work_is_told(store: SQLiteStore, page: Page) -> None:
    run_essay(store)
    journal = [json.loads(line) for line in store.read("owls-1")]
    later = [entry | {"t": entry["t"] + 100 * (entry["seq"] > 2)} for entry in journal]
    lines = [json.dumps(entry | ({"run": "slow"} if "run" in entry else {})).encode() for entry in later]
    lines.append(json.dumps({"kind": "resumed", "from": "waiting", "seq": 6, "t": later[-1]["t"] + 500}).encode())
    store.create("slow", essay_graph().plan(), entries=lines)
    told = page.of("slow", "/timeline")
    [(begin, end)] = told["idle"]
    assert (begin, end) == (later[3]["t"], told["t1"])
    assert [lane["node"] for lane in told["lanes"]] == ["write", "review"]


class Outer(BaseModel):
    n: int = 0
    more: int = 0


outer = fields(Outer)


def nested_graph(name: str = "add", extra: bool = False) -> Graph[Outer]:
    """A graph in a graph, which waits for a person; with one more field written when it was changed."""
    inner = Graph("inner", Outer)

    @inner.node(name=name, writes=outer.n)
    def add(state: Outer) -> int:
        return state.n + 1

    inner.chain(START, add, END)
    graph = Graph("outer", Outer)
    team = graph.node(inner, name="team")
    ask = graph.ask("ask", "Go on?", answer=int, writes=outer.more)
    graph.chain(START, team, ask)
    if extra:

        @graph.node(writes=outer.n)
        def last(state: Outer) -> int:
            return 100

        graph.chain(ask, last, END)
    else:
        graph.edge(ask, END)
    return graph


def test_what_happens_in_a_folded_sub_graph_is_shown_on_its_card(store: SQLiteStore, page: Page) -> None:
    nested_graph().run_sync(Outer(), store=store, run_id="nested")
    steps = page.of("nested", "/steps")["steps"]
    [inner] = [step for step in steps if step["node"] == "add"]
    assert (inner["card"], inner["spot"], inner["cursor"]) == ("n.team", "team/add", "team:1/add:1")
    assert page.of("nested", f"/steps/{inner['seq']}")["changes"] == [{"field": "n", "before": 0, "after": 1}]
    lanes = {lane["node"]: lane["card"] for lane in page.of("nested", "/timeline")["lanes"]}
    assert lanes == {"team": "n.team", "team/add": "n.team", "ask": "n.ask"}


def test_a_run_that_was_moved_to_a_changed_graph_is_shown_on_it(store: SQLiteStore, page: Page) -> None:
    """S16: what was before is told under the graph as it was."""
    nested_graph().run_sync(Outer(), store=store, run_id="moved")
    assert "n.last" not in page.of("moved", "/stage.svg")
    run = nested_graph(extra=True).resume_sync("moved", store=store, answers=[Answer("ask", 7)])
    assert run.status == "done"
    assert "n.last" in page.of("moved", "/stage.svg")
    marks = page.of("moved", "/at/last")
    assert (marks["nodes"]["n.team"]["status"], marks["nodes"]["n.last"]["status"]) == ("done", "done")
    steps = page.of("moved", "/steps")["steps"]
    assert [step["label"] for step in steps if step["kind"] == "migrated"] == ["moved"]
    for step in steps:
        told = page.of("moved", f"/steps/{step['seq']}")
        assert told["step"] == step
    assert page.of("moved", f"/steps/{steps[-2]['seq']}")["changes"] == [{"field": "n", "before": 1, "after": 100}]


def test_a_rerun_says_what_it_is_of_and_from_where(store: SQLiteStore, page: Page) -> None:
    """S15.3"""
    run = run_essay(store)
    asyncio.run(essay_graph().rerun(run, at=3, state={"draft": "Another"}, store=store, run_id="again"))
    told = page.of("again")
    assert (told["row"]["parent"], told["parent_seq"]) == ("owls-1", 3)
    assert page.of("owls-1")["parent_seq"] is None
    assert page.of("again", "/steps/4")["changes"] == [
        {"field": "draft", "before": "All about owls", "after": "Another"}
    ]


def test_times_of_a_rerun_are_its_own(store: SQLiteStore, page: Page) -> None:
    """S15.3: nobody was at work between the old run and the rerun, and nothing of it was an attempt."""
    run = run_essay(store)
    asyncio.run(essay_graph().rerun(run, at=3, state={}, store=store, run_id="again"))
    journal = [json.loads(line) for line in store.read("again")]
    later = [entry | {"t": entry["t"] + 110 * (entry["seq"] > 3)} for entry in journal]
    lines = [json.dumps(entry | ({"run": "late"} if "run" in entry else {})).encode() for entry in later]
    store.create("late", essay_graph().plan(), entries=lines)
    told = page.of("late", "/timeline")
    assert (told["t0"], told["idle"]) == (later[3]["t"], [])
    assert [(lane["node"], {span["status"] for span in lane["spans"]}) for lane in told["lanes"]] == [
        ("review", {"running", "waiting"})
    ]
    assert all(span["from"] >= told["t0"] for lane in told["lanes"] for span in lane["spans"])
    assert page.of("late", "/steps/6")["attempts"] == []


# -- two runs ----------------------------------------------------------------------------------------------------------


def test_two_runs_are_compared(store: SQLiteStore, page: Page) -> None:
    for name, is_good in (("good", True), ("bad", False)):
        run_essay(store, name)
        answer_essay(store, name, is_good)
    told = page.get("/api/compare?a=good&b=bad")
    assert (told["a"]["run"], told["b"]["run"]) == ("good", "bad")
    assert told["same_until"] == 3
    assert told["words"][0] == "They part at step 2, after write."
    assert {field["field"]: (field["a"], field["b"]) for field in told["fields"]}["is_good"] == (True, False)
    assert 'id="n.write"' in told["svg"]
    assert "only the first" in told["svg"]
    assert "− edge review → END: only in good" in told["words"]
    assert "~ edge write → review: taken ×1 → taken ×2" in told["words"]
    same = page.get("/api/compare?a=good&b=good")
    assert (same["is_equal"], same["words"]) == (True, ["The runs are equal: same steps, same state."])


def test_runs_of_two_graphs_are_compared_without_a_drawing(store: SQLiteStore, page: Page) -> None:
    run_essay(store, "one")
    run_failing(store, "other", 0)
    told = page.get("/api/compare?a=one&b=other")
    assert told["svg"] is None
    assert "two graphs" in told["hint"]
    assert page.error("/api/compare?a=one", 400)["why"] == "No run b was named."
    assert page.error("/api/compare?a=one&b=nobody", 404)["code"] == "GF301"


# -- what is not as it should be ---------------------------------------------------------------------------------------


def test_a_run_that_never_began_is_shown_and_says_so(store: SQLiteStore, page: Page) -> None:
    store.create("unborn", essay_graph().plan())
    told = page.of("unborn")
    assert told["row"]["status"] == "stopped"
    assert "never began" in told["problem"]["what"]
    assert told["can_act"] is False
    assert "never began" in told["why_not"]
    for rest in ("/at/last", "/steps", "/stage.svg", "/timeline", "/steps/1"):
        assert page.of("unborn", rest, expect=404)["error"]["fix"].startswith("Remove it")


def test_a_pruned_run_is_shown_from_where_it_begins(store: SQLiteStore, page: Page) -> None:
    """S15.2: what is left begins with a snapshot."""
    run = run_essay(store)
    machine = replay(run.plans, map(decode, store.read("owls-1")[:3]))
    assert store.cut("owls-1", encode(snapshots.take(machine), machine.plan))
    told = page.of("owls-1")
    assert (told["first"], told["last"]) == (3, 5)
    assert told["input"]["draft"] == "All about owls"
    assert [step["seq"] for step in page.of("owls-1", "/steps")["steps"]] == [3, 4, 5]
    assert page.of("owls-1", "/at/3")["nodes"]["n.write"]["status"] == "done"
    assert page.of("owls-1", "/steps/4")["why"] == []
    gone = page.of("owls-1", "/at/2", expect=410)["error"]
    assert (gone["what"], gone["fix"]) == ("Entry 2 of run 'owls-1' was pruned", "Look at entry 3.")


def test_a_run_that_is_pruned_while_it_is_looked_at(store: SQLiteStore, page: Page) -> None:
    run = run_essay(store)
    assert page.of("owls-1", "/at/2")["seq"] == 2
    machine = replay(run.plans, map(decode, store.read("owls-1")))
    store.cut("owls-1", encode(snapshots.take(machine), machine.plan))
    answer_essay(store, "owls-1", True)
    assert page.of("owls-1")["first"] == 5
    assert page.of("owls-1", "/at/last")["status"] == "done"


def test_a_run_of_a_graph_that_is_gone_is_shown_and_says_why_nothing_can_be_done(
    store: SQLiteStore, page: Page, tmp_path: Path
) -> None:
    from graphflow.stores.store import Origin

    run = run_essay(store)
    lines = [line.replace(b"owls-1", b"moved") for line in run.raw_journal]
    store.create("moved", essay_graph().plan(), Origin(target=f"{tmp_path}/gone.py:graph"), lines)
    told = page.of("moved")
    assert told["can_act"] is False
    assert "no longer at" in told["why_not"]
    assert "graphflow studio FILE:NAME" in told["why_not"]
    assert page.of("moved", "/at/last")["nodes"]["n.review"]["status"] == "waiting"
    assert 'id="n.write"' in page.of("moved", "/stage.svg")


def test_looking_imports_no_graph(store: SQLiteStore, page: Page, tmp_path: Path) -> None:
    from graphflow.stores.store import Origin

    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    run = run_essay(store)
    lines = [line.replace(b"owls-1", b"trap") for line in run.raw_journal]
    store.create("trap", essay_graph().plan(), Origin(target=f"{tmp_path}/trap.py:graph"), lines)
    before = set(sys.modules)
    assert page.of("trap")["can_act"] is True
    for rest in ("/at/last", "/steps", "/steps/3", "/stage.svg", "/timeline"):
        page.of("trap", rest)
    assert not [name for name in set(sys.modules) - before if "trap" in name]


@pytest.mark.parametrize("run_id", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_a_run_may_be_called_anything(store: SQLiteStore, page: Page, run_id: str) -> None:
    run_essay(store, run_id)
    assert page.of(run_id)["row"]["run"] == run_id
    assert page.of(run_id, "/at/last")["status"] == "waiting"
    assert page.of(run_id, "/steps/3")["changes"]
    assert page.of(run_id, "/stage.svg").startswith("<svg")
    assert [row["run"] for row in page.get("/api/runs")["runs"]] == [run_id]
    assert page.get(f"/runs/{encoded(run_id)}").startswith("<!doctype html>")


def test_there_is_no_such_run(page: Page) -> None:
    assert page.error("/api/runs/nobody", 404)["code"] == "GF301"
    assert page.error("/api/runs/nobody/events", 404)["code"] == "GF301"
    assert page.error("/api/nothing", 404)["code"] == "GF545"
    assert page.error("/nothing", 404)["code"] == "GF545"


class Account(BaseModel):
    key: SecretStr
    note: str = ""


def secret_graph() -> Graph[Account]:
    account = fields(Account)
    graph = Graph("secret", Account)

    @graph.node(writes=account.note)
    def use(state: Account) -> str:
        if state.note:
            raise ValueError(f"bad key {state.key.get_secret_value()}")
        return "used"

    @graph.node(writes=account.key)
    def renew(state: Account) -> SecretStr:
        return SecretStr("sesame-" + "2")

    graph.chain(START, use, renew)
    graph.edge(renew, END, when=lambda view: view.note == "never")  # which may have looked at everything
    graph.edge(renew, use, when=account.note == "used", at_most=2)
    graph.edge(renew, END)
    return graph


@pytest.mark.parametrize("is_sealed", [True, False])
def test_no_secret_is_told(tmp_path: Path, is_sealed: bool) -> None:
    """S3.8: neither as text nor sealed, whether the studio's store could open it or not."""
    pytest.importorskip("cryptography")
    from graphflow.errors import RunFailed
    from graphflow.stores.ciphers import FernetCipher

    cipher = FernetCipher(FernetCipher.new_key())
    with store_in(tmp_path, cipher=cipher) as store:
        with pytest.raises(RunFailed):
            secret_graph().run_sync(Account(key=SecretStr("sesame-" + "1")), store=store, run_id="safe")
        looked_at = SQLiteStore(tmp_path / "runs.db", cipher=None if is_sealed else cipher)
        with page_over(looked_at) as page:
            last = page.of("safe")["last"]
            told = [page.client.get("/api/runs").text, page.client.get("/api/compare?a=safe&b=safe").text]
            rests = ["", "/steps", "/at/last", "/timeline", "/stage.svg", *(f"/steps/{n}" for n in range(1, last + 1))]
            told += [page.client.get(f"/api/runs/safe{rest}").text for rest in rests]
            state = page.of("safe", "/steps/1")["state"]
        looked_at.close()
    assert state["key"] == "**********"
    for text in told:
        assert "sesame" not in text
        assert "sealed." not in text
        assert "here." not in text


# -- how fast ----------------------------------------------------------------------------------------------------------


def test_a_run_is_decoded_once_and_gone_on_with(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run_essay(store)
    histories = Histories(Desk(store))
    decoded: list[bytes] = []
    monkeypatch.setattr("graphflow.studio.histories.decode", lambda text: decoded.append(text) or decode(text))
    assert histories.use("owls-1", lambda history: history.last) == 5
    assert len(decoded) == 5
    answer_essay(store, "owls-1", True)
    assert histories.use("owls-1", lambda history: history.last) == 8
    assert histories.use("owls-1", lambda history: history.row.standing.status) == "done"
    assert len(decoded) == 8


def test_few_runs_are_kept(store: SQLiteStore) -> None:
    histories = Histories(Desk(store))
    for number in range(12):
        run_essay(store, f"r-{number}")
        histories.use(f"r-{number}", lambda history: history.last)
    assert len(histories._places) == 6


def test_what_is_shown_is_what_the_store_has(store: SQLiteStore, page: Page) -> None:
    """A run that is removed, and another begun under its id, is not shown as the one before."""
    run_essay(store)
    assert page.of("owls-1", "/steps")["last"] == 5
    store.remove("owls-1")
    page.of("owls-1", expect=404)
    run = agent_graph()
    assert run.name == "agent"
    run_agent(store, "owls-1")
    assert page.of("owls-1")["row"]["graph"] == "agent"
    assert read_run(store, "owls-1").machine.plan.name == "agent"
    state: dict[str, Any] = page.of("owls-1", f"/steps/{page.of('owls-1')['last']}")["state"]
    assert state == Essay(topic="owls", draft="Owls are quiet.").model_dump()
