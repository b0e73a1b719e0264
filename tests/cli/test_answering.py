"""``graphflow runs answer``: checked at once, left in the store, taken by whoever drives the run (S10.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from graphflow.cli.questions import form_of
from graphflow.core.schema import adapter
from graphflow.service.answers import annotation_of
from graphflow.stores import SQLiteStore
from tests.cli.commands import Command, forget

STORE = ("--store", "runs.db")
FORM = """
from typing import Literal

from pydantic import BaseModel

from graphflow import END, START, Graph, fields


class Review(BaseModel):
    is_good: bool
    note: str = ""


class State(BaseModel):
    tags: list[str] = []
    review: Review | None = None
    word: Literal["yes", "later"] | None = None


state = fields(State)
graph = Graph("form", State)
tags = graph.ask("tags", "Which tags?", answer=list[str], writes=state.tags)
review = graph.ask("review", "How is it?", answer=Review, writes=state.review)
word = graph.ask("word", "When?", answer=Literal["yes", "later"], writes=state.word)
graph.chain(START, tags, review, word, END)
"""


def answered(graphflow: Command, folder: Path) -> list[tuple[str, object]]:
    """The answers that lie in the store."""
    store = SQLiteStore(folder / "runs.db")
    try:
        return [(left.key, left.value) for left in store.answers("d")]
    finally:
        store.close()


@pytest.fixture
def desk(graphflow: Command) -> None:
    assert graphflow("run", "desk.py", "--run-id", "d", *STORE).code == 3


@pytest.mark.usefixtures("desk")
def test_an_answer_is_kept_and_taken_when_the_run_goes_on(graphflow: Command, folder: Path) -> None:
    said = graphflow("runs", "answer", "d", "approve", "yes", *STORE)
    assert said.code == 0
    assert said.out == (
        "kept       for approve:1; a graphflow worker goes on, or: graphflow runs resume d --store runs.db\n"
    )
    assert answered(graphflow, folder) == [("approve:1", True)]
    assert "a driver: it was answered" in graphflow("runs", "list", *STORE).out
    said = graphflow("runs", "resume", "d", "--json", *STORE)
    assert (said.code, said.json["state"]["is_sent"]) == (0, True)


@pytest.mark.usefixtures("desk")
def test_with_resume_the_run_goes_on_right_away(graphflow: Command) -> None:
    said = graphflow("runs", "answer", "d", "approve:1", "no", "--resume", "--json", *STORE)
    assert (said.code, said.json["schema"], said.json["status"]) == (3, "graphflow.run/1", "waiting")
    assert said.json["questions"][0]["id"] == "approve:2"


@pytest.mark.usefixtures("desk")
def test_an_answer_as_json(graphflow: Command) -> None:
    assert graphflow("runs", "answer", "d", "approve", "yes", "--json", *STORE).json == {
        "schema": "graphflow.answer/1", "run": "d", "question": "approve:1", "value": True, "is_open": True,
        "is_taken": False,
    }  # fmt: skip


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("has_graph", [True, False])
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("approve", "perhaps", "Valid is yes or no."),
        ("aprove", "yes", "Did you mean 'approve'?"),
        ("approve:9/x:1", "yes", "Nothing asks"),
    ],
)
def test_what_is_no_answer_is_told_at_once_and_changes_nothing(
    graphflow: Command, folder: Path, has_graph: bool, key: str, value: str, message: str
) -> None:
    if not has_graph:
        (folder / "desk.py").unlink()
        forget(folder)
    said = graphflow("runs", "answer", "d", key, value, *STORE)
    assert (said.code, said.out) == (2, "")
    assert "[GF212]" in said.err
    assert message in said.err
    assert answered(graphflow, folder) == []


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("has_graph", [True, False])
def test_a_second_and_a_late_answer_are_told(graphflow: Command, folder: Path, has_graph: bool) -> None:
    """S10.1: they change nothing, and the giver is told."""
    text = (folder / "desk.py").read_text()

    def leave() -> None:
        if not has_graph:
            (folder / "desk.py").unlink(missing_ok=True)
            forget(folder)

    leave()
    assert graphflow("runs", "answer", "d", "approve", "no", *STORE).code == 0
    said = graphflow("runs", "answer", "d", "approve", "yes", *STORE)
    assert said.code == 2
    assert "'approve:1' has an answer already" in said.err
    (folder / "desk.py").write_text(text)
    assert graphflow("runs", "resume", "d", *STORE).code == 3
    leave()
    said = graphflow("runs", "answer", "d", "approve:1", "yes", *STORE)
    assert said.code == 2
    assert "no longer open" in said.err
    (folder / "desk.py").write_text(text)
    assert graphflow("runs", "answer", "d", "approve", "yes", "--resume", *STORE).code == 0
    said = graphflow("runs", "answer", "d", "approve", "yes", *STORE)
    assert said.code == 2
    assert "The run is done" in said.err


@pytest.mark.usefixtures("desk")
def test_an_early_answer_is_kept_for_its_question(graphflow: Command, folder: Path) -> None:
    """S10.1: early ones are kept."""
    said = graphflow("runs", "answer", "d", "approve:2", "yes", *STORE)
    assert said.code == 0
    assert "approve:2 has not asked yet" in said.out
    assert graphflow("runs", "answer", "d", "approve", "no", "--resume", *STORE).code == 0


def test_lists_records_and_words(graphflow: Command, folder: Path) -> None:
    (folder / "form.py").write_text(FORM)
    graphflow("run", "form.py", "--run-id", "d", *STORE)
    assert graphflow("runs", "answer", "d", "tags", "night", "birds of prey", "--resume", *STORE).code == 3
    said = graphflow("runs", "answer", "d", "review", "is_good=perhaps", *STORE)
    assert said.code == 2
    assert graphflow("runs", "answer", "d", "review", "is_good=yes", "note=Well done.", "--resume", *STORE).code == 3
    said = graphflow("runs", "answer", "d", "word", "never", *STORE)
    assert said.code == 2
    assert "Valid is yes or later." in said.err
    said = graphflow("runs", "answer", "d", "word", "later", "--resume", "--json", *STORE)
    assert said.json["state"] == {
        "tags": ["night", "birds of prey"], "review": {"is_good": True, "note": "Well done."}, "word": "later",
    }  # fmt: skip


def test_without_the_graph_the_question_tells_what_is_valid(graphflow: Command, folder: Path) -> None:
    (folder / "form.py").write_text(FORM)
    graphflow("run", "form.py", "--run-id", "d", *STORE)
    (folder / "form.py").unlink()
    forget(folder)
    assert graphflow("runs", "answer", "d", "tags", "night", "birds of prey", *STORE).code == 0
    (folder / "form.py").write_text(FORM)
    assert graphflow("runs", "resume", "d", "--json", *STORE).json["state"]["tags"] == ["night", "birds of prey"]


@pytest.mark.parametrize(
    "annotation", [bool, int, float, str, list[int], Literal["a", "b"], int | None, list[str] | str]
)
def test_a_schema_tells_the_same_form_as_its_type(annotation: object) -> None:
    assert form_of(annotation_of(adapter(annotation).json_schema())) == form_of(annotation)
