"""What is typed wrongly is told with what was probably meant, and errors speak of commands, not of Python."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graphflow import END, START, Graph
from graphflow.errors import StoreError
from graphflow.stores import MemoryStore, SQLiteStore
from tests.cli.commands import Command

STORE = ("--store", "runs.db")
KINDS = """
from enum import Enum
from typing import Literal

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.models import ScriptedModel


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class State(BaseModel):
    kind: Literal["refund", "question"] = "refund"
    colour: Colour | None = None
    kinds: list[Literal["refund", "question"]] = []
    text: str = ""


state = fields(State)
graph = Graph("kinds", State)
which = graph.ask("which", "Which?", answer=Literal["refund", "question"], writes=state.kind)
graph.chain(START, which, END)

own = Graph("own", State)
writer = Agent("writer", "Write.", prompt="{kind}", model=ScriptedModel(lambda request: "done", name="mine"))
own.chain(START, own.node(writer, writes=state.text), END)

lead = Agent("lead", "Lead.", prompt="{kind}", model=ScriptedModel(lambda request: "done", name="mine"),
    tools=[Agent("helper", "Help.", prompt="{question}")])
asking = Graph("asking", State)
asking.chain(START, asking.node(lead, writes=state.text), END)
"""


@pytest.fixture
def kinds(folder: Path) -> Path:
    (folder / "kinds.py").write_text(KINDS)
    return folder


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ("run kinds.py kind=refnd", "kind=refund"),
        ("run kinds.py kind=Refund", "kind=refund"),
        ("run kinds.py colour=bleu", "colour=blue"),
        ("run kinds.py kinds=question kinds=quesion", "kinds=question"),
        ("run kinds.py --answer which=refnd", "'refund'"),
        ("runs list --status don --store runs.db", "--status done"),
        ("run kinds.py --durability stp --store runs.db", "--durability step"),
        ("draw kinds.py --format mermad", "--format mermaid"),
    ],
)
def test_a_misspelt_word_of_a_few(graphflow: Command, kinds: Path, arguments: str, meant: str) -> None:
    said = graphflow(*arguments.split())
    assert said.code == 2
    assert f"Did you mean {meant}?" in said.err


def test_a_misspelt_answer_to_a_run_that_is_kept(graphflow: Command, kinds: Path) -> None:
    graphflow("run", "kinds.py", "--run-id", "k", *STORE)
    said = graphflow("runs", "answer", "k", "which", "qestion", *STORE)
    assert (said.code, "Did you mean 'question'? Valid is refund or question." in said.err) == (2, True)


def test_a_picture_to_the_terminal_is_told_as_before(graphflow: Command, kinds: Path) -> None:
    assert "A png is written to a file: -o graph.png" in graphflow("draw", "kinds.py", "--format", "png").err


@pytest.mark.parametrize(
    ("arguments", "typed"),
    [
        ("runs show k --at 99", "graphflow runs show k --store runs.db lists them."),
        ("runs rerun k --at 99", "graphflow runs show k --store runs.db lists them."),
        ("runs answer k wich refund", "graphflow runs show k --store runs.db lists what is open"),
        ("run kinds.py --run-id k", "Go on with it: graphflow runs resume k --store runs.db."),
        ("run kinds.py --run-id k", "For a new run leave --run-id out"),
        ("runs resume done", "graphflow runs rerun done --store runs.db --at SEQ"),
        ("runs rerun done --at 9", "graphflow runs show done --store runs.db lists them"),
    ],
)
def test_errors_name_the_command_with_its_store(graphflow: Command, kinds: Path, arguments: str, typed: str) -> None:
    """GF200, GF212, GF300: nothing to be pasted into a program."""
    graphflow("run", "kinds.py", "--run-id", "k", *STORE)
    graphflow("run", "essay.py", "topic=owls", "--run-id", "done", *STORE)
    said = graphflow(*arguments.split(), *STORE)
    assert said.code != 0
    assert typed in said.err
    for python in ("run.steps", "run_id=", "graph.resume", "run.questions", "graph.rerun"):
        assert python not in said.err


def test_a_second_answer_names_the_store_too(graphflow: Command, kinds: Path) -> None:
    graphflow("run", "kinds.py", "--run-id", "k", *STORE)
    graphflow("runs", "answer", "k", "which", "refund", *STORE)
    said = graphflow("runs", "answer", "k", "which", "refund", *STORE)
    assert "graphflow runs resume k --store runs.db goes on with it." in said.err


def test_where_the_environment_names_the_store_no_option_is_told(
    graphflow: Command, kinds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHFLOW_STORE", "runs.db")
    graphflow("run", "kinds.py", "--run-id", "k")
    assert "graphflow runs show k lists them." in graphflow("runs", "show", "k", "--at", "99").err


def test_a_graph_with_errors_is_checked_by_a_command(graphflow: Command, folder: Path) -> None:
    (folder / "lost.py").write_text(
        "from pydantic import BaseModel\nfrom graphflow import END, START, Graph\n\n\nclass State(BaseModel):\n    n: int = 0\n\n\n"
        "graph = Graph('lost', State)\ngraph.edge(START, END)\ngraph.node(lambda view: None, name='lost')\n"
    )
    assert "graphflow check lost.py lists them without running anything." in graphflow("run", "lost.py").err


def test_a_run_id_that_is_taken_says_how_that_run_stands() -> None:
    """S18: and what to do, also while another process drives it."""
    from pydantic import BaseModel

    class State(BaseModel):
        n: int = 0

    graph = Graph("taken", State)
    store = MemoryStore()
    said: list[StoreError] = []

    @graph.node
    async def work(view: State) -> None:
        with pytest.raises(StoreError) as caught:
            graph.run(State(), store=store, run_id="one")
        said.append(caught.value)

    graph.chain(START, work, END)
    graph.run_sync(State(), store=store, run_id="one")
    with pytest.raises(StoreError) as caught:
        graph.run_sync(State(), store=store, run_id="one")
    assert "it is being driven now (S18)" in said[0].why
    assert said[0].fix.startswith(
        "Let it come to rest, as graphflow runs tail one shows; if it is not done by then, graph.resume('one'"
    )
    assert "its status is done" in caught.value.why or "it is done" in caught.value.why


def test_the_same_in_a_store_on_disk(folder: Path) -> None:
    from pydantic import BaseModel

    class State(BaseModel):
        n: int = 0

    graph = Graph("taken", State)
    graph.chain(START, graph.ask("sure", "Sure?", answer=bool, writes="n"), END)
    store = SQLiteStore("runs.db")
    graph.run_sync(State(), store=store, run_id="one")
    with pytest.raises(StoreError) as caught:
        graph.run_sync(State(), store=store, run_id="one")
    store.acquire("one")
    with pytest.raises(StoreError) as driven:
        graph.run_sync(State(), store=store, run_id="one")
    store.release("one")
    store.close()
    assert "its status is waiting" in caught.value.why
    assert caught.value.fix.startswith("Go on with it: graph.resume('one', store=...).")
    assert "it is being driven now" in driven.value.why


@pytest.mark.parametrize("place", [".", "sub", f"sub{os.sep}"])
def test_a_folder_as_a_target_names_the_files_that_may_be_meant(graphflow: Command, folder: Path, place: str) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "inner.py").write_text((folder / "essay.py").read_text())
    (folder / "sub" / "other.py").write_text("x = 1\n")
    said = graphflow("run", place)
    assert said.code == 5
    assert "is a folder" in said.err
    assert "Name the one you mean: " in said.err
    assert str(Path("sub", "inner.py")) in said.err
    assert "other.py" not in said.err


def test_a_folder_without_a_graph(graphflow: Command, folder: Path) -> None:
    (folder / "empty").mkdir()
    assert "No Python file in it speaks of graphflow" in graphflow("run", "empty").err


def test_the_model_is_told_where_it_is_used(graphflow: Command, kinds: Path) -> None:
    """An agent that names its own has no use for the run's; an agent that is a tool of it may have."""
    assert "model      the agents' own: mine\n" in graphflow("run", "kinds.py:own").err
    assert graphflow("run", "kinds.py:own", "--json").json["model"] is None
    assert "offline:extractive" in graphflow("run", "kinds.py:asking").err
    said = graphflow("run", "kinds.py:own", "--model", "offline")
    assert "model      the agents' own: mine, so --model offline is not used\n" in said.err


def test_debug_says_nothing_twice(graphflow: Command, folder: Path) -> None:
    (folder / "wrong.py").write_text("from graphflow import Graph\n\ngraph = Graph('d', dict)\n")
    said = graphflow("run", "wrong.py", "--debug")
    assert said.err.count("[GF110]") == 1
    assert 'File "wrong.py", line 3, in <module>' in said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("run", "graphflow run: TARGET is missing"),
        ("runs answer a", "graphflow runs answer: KEY and VALUE are missing"),
        ("run kinds.py --store", "graphflow run: --store needs a value"),
        ("run kinds.py --input", "Write --input FILE."),
        ("--verson", "Did you mean '--version'?"),
        ("run kinds.py Kind=refund", "Did you mean 'kind'?"),
        ("run kinds.py --answer which", "--answer which=yes"),
        ("explain GF20", "Did you mean one of GF200, GF201,"),
        ("run nothing.py", "The Python files there are: broken.py, desk.py, essay.py, kinds.py."),
        ("draw kinds.py --step 3", "Name the run, and its store: --run ID --store runs.db --step"),
    ],
)
def test_what_is_missing_or_half_typed(graphflow: Command, kinds: Path, arguments: str, said: str) -> None:
    assert said in graphflow(*arguments.split()).err


def test_help_names_a_command_too(graphflow: Command) -> None:
    assert graphflow("help", "run").out == graphflow("run", "--help").out
    assert graphflow("help", "runs", "show").out == graphflow("runs", "show", "--help").out


def test_a_file_that_is_no_export_is_told_without_a_store_in_the_middle(graphflow: Command, kinds: Path) -> None:
    graphflow("run", "kinds.py", "--run-id", "k", *STORE)
    assert "Name what graphflow runs export wrote." in graphflow("runs", "import", "nothing.jsonl", *STORE).err
