"""``compatible``: what a changed graph would do to recorded runs, without touching them (S16)."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from graphflow import END, START, Graph, fields
from graphflow.cli.main import main
from graphflow.errors.testing import RecordInvalid
from graphflow.runtime.run import Run
from graphflow.stores import MemoryStore
from graphflow.testing import compatible


class Desk(BaseModel):
    text: str = ""
    sent: bool = False


class Renamed(BaseModel):
    words: str = ""
    sent: bool = False


def desk(ask: str = "approve", extra: bool = False, state: type[BaseModel] = Desk) -> Graph[BaseModel]:
    graph: Graph[BaseModel] = Graph("desk", state)
    first = graph.point("first")
    question = graph.ask(ask, "Send it?", answer=bool, writes=fields(state).sent)  # type: ignore[attr-defined]
    graph.edge(START, first)
    if extra:
        graph.chain(first, graph.point("second"), question, END)
    else:
        graph.chain(first, question, END)
    return graph


def waiting(run_id: str = "r-1", **options: object) -> Run[BaseModel]:
    return desk(**options).run_sync(Desk(text="hello"), run_id=run_id)  # type: ignore[arg-type]


def test_the_same_graph() -> None:
    found = compatible(desk(), waiting())
    assert found
    assert str(found) == "desk: 1 run, none lost\n  fine  r-1  waiting: goes on, the graph is the same"


def test_a_graph_with_more_in_it() -> None:
    found = compatible(desk(extra=True), waiting())
    assert found
    assert str(found).endswith("goes on under the changed graph")


def test_a_renamed_node_where_a_run_stands() -> None:
    """S16: a renamed node is never finished."""
    found = compatible(desk("allow"), waiting())
    assert not found
    assert str(found) == (
        "desk: 1 run, 1 lost (S16)\n"
        "  lost  r-1  waiting: cannot go on\n"
        "          The run stands at node 'approve' (approve:1), which is gone."
    )


def test_a_run_that_is_over_needs_nothing_but_to_be_read() -> None:
    [verdict] = compatible(desk("allow"), _done())
    assert (verdict.is_fine, verdict.is_changed, verdict.status) == (True, True, "done")
    assert "is over, and can be read" in str(verdict)


def _done() -> Run[BaseModel]:
    graph: Graph[BaseModel] = Graph("desk", Desk)
    graph.chain(START, graph.point("first"), END)
    return graph.run_sync(Desk(), run_id="r-9")


def test_a_changed_state_and_the_function_that_mends_it() -> None:
    run = waiting()
    [verdict] = compatible(desk(state=Renamed), run)
    assert verdict.differences == ("The field 'text' is gone.",)
    assert compatible(desk(state=Renamed), run, migrate=lambda old: {"words": old["text"], "sent": old["sent"]})


def test_nothing_is_changed_by_asking() -> None:
    run = waiting()
    before = list(run.raw_journal)
    compatible(desk(extra=True), run)
    assert list(run.raw_journal) == before
    assert run.status == "waiting"
    assert run.plan is not desk(extra=True).plan()


def test_a_store_tells_of_the_runs_of_that_graph(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    desk().run_sync(Desk(), store=str(file), run_id="kept-1")
    desk().run_sync(Desk(), store=str(file), run_id="kept-2")
    other: Graph[Desk] = Graph("other", Desk)
    other.chain(START, other.point("here"), END)
    other.run_sync(Desk(), store=str(file), run_id="other-1")
    assert [one.run for one in compatible(desk("allow"), file)] == ["kept-1", "kept-2"]
    assert not compatible(desk("allow"), str(file))
    assert compatible(desk(extra=True), file)


def test_a_store_that_is_open() -> None:
    store = MemoryStore()
    desk().run_sync(Desk(), store=store, run_id="kept-1")
    assert [one.status for one in compatible(desk(), store)] == ["waiting"]
    assert store.rows()[0].standing.status == "waiting"


def test_exports_kept_beside_the_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk().run_sync(Desk(), store=str(tmp_path / "runs.db"), run_id="kept-1")
    export = tmp_path / "kept-1.jsonl"
    assert main(["runs", "export", "kept-1", "--store", str(tmp_path / "runs.db"), "-o", str(export)]) == 0
    assert compatible(desk(extra=True), tmp_path.glob("*.jsonl"))
    assert not compatible(desk("allow"), export)
    assert len(compatible(desk(), [export, waiting()])) == 2
    export.write_text("\n".join(export.read_text().splitlines()[:-1]))
    [verdict] = compatible(desk(), export)
    assert not verdict.folds
    assert "cannot be read" in str(verdict)


def test_what_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text('{"kind": "note"}\n')
    with pytest.raises(RecordInvalid, match="no export that can be read"):
        compatible(desk(), tmp_path / "notes.jsonl")
    with pytest.raises(RecordInvalid, match="cannot be read"):
        compatible(desk(), tmp_path / "gone.jsonl")
    with pytest.raises(RecordInvalid) as caught:
        compatible(desk(), [3])  # type: ignore[list-item]
    assert str(caught.value) == (
        "[GF622] 3 is no recorded run\n"
        "  why    compatible() takes a Run, an export, a store, or several of these.\n"
        "  fix    Write compatible(graph, 'runs.db'), or compatible(graph, Path('tests/runs').glob('*.jsonl'))."
    )
