"""``graphflow run --store`` and what ``graphflow runs`` says of a run that is kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from graphflow.stores import SQLiteStore
from tests.cli.commands import Command, forget

STORE = ("--store", "runs.db")


def test_a_run_that_is_kept_says_where_and_as_what(graphflow: Command) -> None:
    said = graphflow("run", "essay.py", "topic=owls", "--run-id", "owls-1", *STORE)
    assert said.code == 0
    assert "store      runs.db, as owls-1\n" in said.err


@pytest.mark.parametrize("place", ["essay.py", "essay", "./essay.py:graph"])
def test_where_its_graph_is_is_told_so_that_any_folder_understands(
    graphflow: Command, folder: Path, place: str
) -> None:
    assert graphflow("run", place, "topic=owls", *STORE).code == 0
    (run,) = graphflow("runs", "list", "--json", *STORE).json["runs"]
    assert run["target"] == f"{folder / 'essay.py'}:graph"


def test_the_environment_names_the_store_for_every_command(graphflow: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHFLOW_STORE", "here.db")
    assert graphflow("run", "desk.py", "--run-id", "d").code == 3
    assert "graphflow runs answer d approve VALUE --resume\n" in graphflow("runs", "show", "d").out
    assert [run["run"] for run in graphflow("runs", "list", "--json").json["runs"]] == ["d"]
    graphflow("run", "essay.py", "topic=owls", "--store", "there.db")  # which goes before
    assert len(graphflow("runs", "list", "--json").json["runs"]) == 1


@pytest.mark.parametrize("action", ["list", "show x", "tail x", "resume x", "answer x y z", "rm x", "diff x y"])
def test_no_store_is_a_usage_error(graphflow: Command, action: str) -> None:
    said = graphflow("runs", *action.split())
    assert (said.code, said.out) == (2, "")
    assert "[GF528] No store is named" in said.err
    assert "GRAPHFLOW_STORE" in said.err


def test_a_misspelt_store_is_refused_and_not_made(graphflow: Command, folder: Path) -> None:
    graphflow("run", "desk.py", *STORE)
    said = graphflow("runs", "list", "--store", "run.db")
    assert said.code == 5
    assert "[GF529] There is no store 'run.db'" in said.err
    assert "Did you mean 'runs.db'?" in said.err
    assert not (folder / "run.db").exists()
    assert graphflow("worker", "--store", "run.db").code == 5


def test_a_file_that_is_no_store_is_left_as_it_is(graphflow: Command, folder: Path) -> None:
    said = graphflow("runs", "list", "--store", "essay.py")
    assert said.code == 1
    assert "[GF305]" in said.err
    assert "class Essay" in (folder / "essay.py").read_text()


def test_an_unknown_run_names_the_nearest(graphflow: Command) -> None:
    graphflow("run", "desk.py", "--run-id", "owls-1", *STORE)
    for action in (["show"], ["tail"], ["resume"], ["export"], ["rm", "--yes"], ["rerun", "--at", "1"]):
        said = graphflow("runs", *action, "owls-2", *STORE)
        assert said.code == 5, action
        assert "[GF301]" in said.err
        assert "Did you mean 'owls-1'?" in said.err


def test_a_name_is_taken_once(graphflow: Command) -> None:
    graphflow("run", "desk.py", "--run-id", "one", *STORE)
    said = graphflow("run", "desk.py", "--run-id", "one", *STORE)
    assert said.code == 1
    assert "There is a run 'one' already" in said.err


@pytest.mark.parametrize("name", ["", "two words", "a/b"])
def test_a_name_is_a_word(graphflow: Command, name: str) -> None:
    assert graphflow("run", "desk.py", f"--run-id={name}", *STORE).code == 2


def test_durability_needs_a_store(graphflow: Command) -> None:
    said = graphflow("run", "desk.py", "--durability", "batch")
    assert said.code == 2
    assert "--durability batch needs a store" in said.err
    for durability in ("step", "batch", "exit"):
        assert graphflow("run", "essay.py", "topic=owls", "--durability", durability, *STORE).code == 0


def test_runs_are_listed_newest_first_with_what_they_wait_for(graphflow: Command) -> None:
    graphflow("run", "essay.py", "topic=owls", "--run-id", "owls", *STORE)
    graphflow("run", "desk.py", "--run-id", "desk-1", *STORE)
    graphflow("run", "broken.py", "--run-id", "bad", *STORE)
    graphflow("run", "essay.py", "topic=mice", "--run-id", "mice", "--budget-steps", "1", *STORE)
    said = graphflow("runs", "list", *STORE)
    assert [re.sub(r"\b\d+ s\b", "T", line) for line in said.out.splitlines()] == [
        "run     graph   status     steps  age  waits for",
        "mice    essay   exhausted  1      T  a larger budget",
        "bad     broken  failed     1      T  integer division or modulo by zero",
        "desk-1  desk    waiting    1      T  approve: Send this? No.",
        "owls    essay   done       4      T",
    ]


def test_the_list_as_json_and_by_status_and_graph(graphflow: Command) -> None:
    graphflow("run", "essay.py", "topic=owls", "--run-id", "owls", *STORE)
    graphflow("run", "desk.py", "--run-id", "desk-1", *STORE)
    data = graphflow("runs", "list", "--json", *STORE).json
    assert (data["schema"], [run["run"] for run in data["runs"]]) == ("graphflow.runs/1", ["desk-1", "owls"])
    desk = data["runs"][0]
    assert (desk["graph"], desk["status"], desk["steps"], desk["is_driven"]) == ("desk", "waiting", 1, False)
    assert desk["questions"] == [
        {"id": "approve:1", "node": "approve", "text": "Send this?\n\nNo.", "answer": {"type": "boolean"}, "due": None}
    ]

    def named(*options: str) -> list[str]:
        return [run["run"] for run in graphflow("runs", "list", "--json", *options, *STORE).json["runs"]]

    assert named("--status", "waiting") == ["desk-1"]
    assert named("--status", "waiting", "--status", "done") == ["desk-1", "owls"]
    assert named("--graph", "essay") == ["owls"]
    assert graphflow("runs", "list", "--status", "sleeping", *STORE).code == 2


def test_a_run_is_shown_without_its_graph(graphflow: Command, folder: Path) -> None:
    """S15.2: it is a fold of the journal."""
    graphflow("run", "essay.py", "topic=owls", "--run-id", "owls", *STORE)
    (folder / "essay.py").unlink()
    forget(folder)
    said = graphflow("runs", "show", "owls", "--state", *STORE)
    assert said.code == 0
    assert re.sub(r"\d\d:\d\d:\d\d, \d+ s|(?<=steps in )[\d.]+ m?s", "T", said.out) == (
        "run        owls  essay\n"
        "status     done\n"
        f"target     {folder}/essay.py:graph\n"
        "began      T ago\n"
        "spent      4 steps in T\n"
        "path       write → review → write:2 → review:2\n"
        "\n"
        "entry     step                          changed\n"
        "3      ✓  write     → review            draft\n"
        "4      ✓  review    → write             score, comments\n"
        "5      ✓  write:2   → review            draft\n"
        "6      ✓  review:2  → END [score >= 7]  score, comments\n"
        "\n"
        "node    visits done  visits failed  attempts failed  calls recorded  used again  cost\n"
        "write   2            0              0\n"
        "review  2            0              0\n"
        "\n"
        "state:\n"
        "topic: owls\n"
        "words: 200\n"
        "tags: []\n"
        "draft:\nAll about owls.\nIn 200 words.\n"
        "score: 8\n"
        "comments:\n  - more of it\n  - more of it\n"
    )


def test_a_run_at_an_earlier_moment(graphflow: Command) -> None:
    """S15.2: the run as it was after an entry."""
    graphflow("run", "essay.py", "topic=owls", "--run-id", "owls", *STORE)
    data = graphflow("runs", "show", "owls", "--at", "4", "--json", *STORE).json
    assert (data["seq"], data["path"], data["frontier"]) == (4, ["write:1", "review:1"], ["write:2"])
    assert data["state"]["score"] == 4
    assert "as it was after entry 4 of 7; from there: graphflow runs rerun owls --at 4 --store runs.db" in (
        graphflow("runs", "show", "owls", "--at", "4", *STORE).out
    )
    said = graphflow("runs", "show", "owls", "--at", "99", *STORE)
    assert said.code == 1
    assert "Its entries are 1 to 7." in said.err


def test_a_shown_run_as_json_tells_every_step_and_node(graphflow: Command) -> None:
    graphflow("run", "broken.py", "--run-id", "bad", *STORE)
    data = graphflow("runs", "show", "bad", "--json", *STORE).json
    assert (data["schema"], data["status"], data["error"]["type"]) == (
        "graphflow.show/1",
        "failed",
        "ZeroDivisionError",
    )
    assert [(step["at"], step["kind"], step["attempt"]) for step in data["steps"]] == [
        ("START:1", "finished", None),
        ("divide:1", "failed", 1),
    ]
    assert data["nodes"] == [
        {"node": "divide", "finished": 0, "lost": 1, "failed": 1, "repeated": 0, "calls": {}, "reused": {}}
    ]
    text = graphflow("runs", "show", "bad", *STORE).out
    assert "status     failed; graphflow runs resume bad --store runs.db goes on\n" in text
    assert re.search(r"✗ +divide +attempt 1: ZeroDivisionError: integer division", text)


def test_open_questions_are_shown_with_how_to_answer(graphflow: Command, folder: Path) -> None:
    graphflow("run", "desk.py", "--run-id", "desk-1", *STORE)
    (folder / "desk.py").unlink()
    forget(folder)
    assert graphflow("runs", "show", "desk-1", *STORE).out.endswith(
        "approve:1 asks (yes or no):\n  Send this?\n\n  No.\n"
        "  answer: graphflow runs answer desk-1 approve VALUE --store runs.db --resume\n"
    )


def test_of_a_long_run_the_last_steps_are_shown(graphflow: Command) -> None:
    graphflow("run", "essay.py", "topic=owls", "--run-id", "owls", *STORE)
    said = graphflow("runs", "show", "owls", "--last", "1", *STORE).out
    assert "(3 steps before; --last N shows more)\nentry     step                          changed\n6 " in said


def test_tail_tells_what_a_run_did_and_ends_with_its_status(graphflow: Command) -> None:
    graphflow("run", "essay.py", "topic=owls", "--run-id", "owls", *STORE)
    said = graphflow("runs", "tail", "owls", *STORE)
    assert said.code == 0
    lines = [re.sub(r"^ *[\d.]+ m?s", "T", line) for line in said.out.splitlines()]
    assert lines == [
        "run        owls  essay",
        "T  ✓ write      → review",
        "T  ✓ review     → write",
        "T  ✓ write:2    → review",
        "T  ✓ review:2   → END [score >= 7]",
        "done",
    ]
    assert graphflow("runs", "tail", "owls", "--last", "2", *STORE).out.count("✓") == 1


def test_tail_as_json_lines(graphflow: Command) -> None:
    graphflow("run", "desk.py", "--run-id", "d", *STORE)
    said = graphflow("runs", "tail", "d", "--json", *STORE)
    first, *entries, last = map(json.loads, said.out.splitlines())
    assert first == {"schema": "graphflow.tail/1", "run": "d", "graph": "desk"}
    assert [entry["kind"] for entry in entries] == ["started", "finished", "asked", "waiting"]
    assert (said.code, last) == (3, {"run": "d", "status": "waiting"})


def test_runs_are_removed_if_that_is_meant(graphflow: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "three"):
        graphflow("run", "desk.py", "--run-id", name, *STORE)
    said = graphflow("runs", "rm", "one", *STORE)
    assert said.code == 2
    assert "[GF532]" in said.err
    assert graphflow("runs", "rm", "one", "nine", "--yes", *STORE).code == 5
    assert len(graphflow("runs", "list", "--json", *STORE).json["runs"]) == 3
    assert graphflow("runs", "rm", "one", "two", "--yes", "--json", *STORE).json["removed"] == ["one", "two"]

    class Terminal:
        def __init__(self, typed: str) -> None:
            self.typed = typed

        def readline(self) -> str:
            return self.typed

    monkeypatch.setattr("graphflow.cli.removing.may_prompt", lambda: True)
    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    assert graphflow("runs", "rm", "three", *STORE).code == 1
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    said = graphflow("runs", "rm", "three", *STORE)
    assert said.code == 0
    assert "three  desk  waiting\nRemove 1 run for good? (yes or no): removed three\n" in said.err
    assert graphflow("runs", "list", "--json", *STORE).json["runs"] == []


def test_a_driven_run_is_not_removed(graphflow: Command, folder: Path) -> None:
    graphflow("run", "desk.py", "--run-id", "one", *STORE)
    store = SQLiteStore(folder / "runs.db")
    store.acquire("one")
    said = graphflow("runs", "rm", "one", "--yes", *STORE)
    resumed = graphflow("runs", "resume", "one", *STORE)
    store.release("one")
    store.close()
    assert (said.code, resumed.code) == (1, 1)
    assert "[GF302]" in said.err
    assert "[GF302]" in resumed.err


def test_two_runs_are_compared(graphflow: Command) -> None:
    """S15.4: runs that answered the same are equal."""
    graphflow("run", "essay.py", "topic=owls", "--run-id", "a", *STORE)
    graphflow("run", "essay.py", "topic=owls", "--run-id", "b", *STORE)
    graphflow("run", "essay.py", "topic=owls", "score=5", "--run-id", "c", *STORE)
    same = graphflow("runs", "diff", "a", "b", "--exit-code", *STORE)
    assert same.code == 0
    assert "The runs are equal" in same.out
    said = graphflow("runs", "diff", "a", "c", *STORE)
    assert (said.code, said.out) == (
        0,
        "        a      c\n"
        "graph   essay  essay\n"
        "status  done   done\n"
        "steps   4      2\n"
        "\n"
        "They part at step 2, after write:\n"
        "  a: review  → write   score = 4; comments = more of it\n"
        "  c: review  → END   score = 9; comments = more of it\n"
        "\n"
        "2 fields of the state differ:\n"
        "  score\n    a: 8\n    c: 9\n"
        "  comments\n    a: ['more of it', 'more of it']\n    c: ['more of it']\n",
    )
    assert graphflow("runs", "diff", "a", "c", "--exit-code", *STORE).code == 1
    data = graphflow("runs", "diff", "a", "c", "--json", *STORE).json
    assert (data["is_equal"], data["state"]["score"], data["counts"]["steps"]) == (False, [8, 9], [4, 2])
