"""``graphflow runs export`` and ``import``: a run as JSON lines, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from graphflow.graph.restored import plan_of
from graphflow.graph.stored import data_of
from graphflow.service.targets import load_all
from tests.cli.commands import Command, forget

STORE, OTHER = ("--store", "runs.db"), ("--store", "other.db")
GRAPHS = Path(__file__).parents[2] / "graphs"


def test_a_run_goes_on_in_another_store(graphflow: Command, folder: Path) -> None:
    graphflow("run", "desk.py", "--run-id", "d", *STORE)
    graphflow("runs", "answer", "d", "approve", "no", *STORE)
    (folder / "desk.py").rename(folder / "away.py")  # neither needs the graph
    forget(folder)
    assert graphflow("runs", "export", "d", "-o", "d.jsonl", *STORE).code == 0
    said = graphflow("runs", "import", "d.jsonl", "--json", *OTHER)
    assert (said.code, said.json["status"], said.json["entries"]) == (0, "waiting", 4)
    (folder / "away.py").rename(folder / "desk.py")
    data = [graphflow("runs", "list", "--json", *store).json["runs"][0] for store in (STORE, OTHER)]
    for run in data:
        run.pop("created"), run.pop("updated")
    assert data[0] == data[1]
    said = graphflow("runs", "resume", "d", "--answer", "approve=yes", "--json", *OTHER)
    assert (said.code, said.json["path"]) == (0, ["approve:1", "rewrite:1", "approve:2"])


def test_what_was_exported_is_exported_the_same_again(graphflow: Command) -> None:
    graphflow("run", "essay.py", "topic=\u00fcber \U0001f989", "--run-id", "owls", *STORE)
    lines = graphflow("runs", "export", "owls", *STORE).out
    assert lines.isascii()
    assert lines.endswith("}\n")
    Path("owls.jsonl").write_text(lines)
    assert graphflow("runs", "import", "owls.jsonl", *OTHER).code == 0
    assert graphflow("runs", "export", "owls", *OTHER).out == lines
    assert graphflow("runs", "show", "owls", "--json", *OTHER).json["state"]["topic"] == "\u00fcber \U0001f989"


@pytest.mark.parametrize("file", sorted(GRAPHS.glob("*.py")), ids=lambda file: file.stem)
def test_plans_survive_being_read_and_written(folder: Path, file: Path) -> None:
    for target in load_all(str(file)):
        data = json.loads(json.dumps(data_of(target.graph.plan())))
        assert json.loads(json.dumps(data_of(plan_of(data)))) == data


def cut(lines: list[str]) -> list[str]:
    return lines[:-1]


def damaged(lines: list[str]) -> list[str]:
    return [*lines[:2], lines[2][:-5], *lines[3:]]


def out_of_order(lines: list[str]) -> list[str]:
    return [*lines[:2], lines[3], lines[2], *lines[4:]]


def newer(lines: list[str]) -> list[str]:
    return [lines[0].replace('"format": 1', '"format": 2', 1), *lines[1:]]


def newer_entries(lines: list[str]) -> list[str]:
    return [lines[0], lines[1].replace('"format":1', '"format":2'), *lines[2:]]


def renamed(lines: list[str]) -> list[str]:
    return [lines[0].replace('"run": "owls"', '"run": "mice"', 1), *lines[1:]]


def headless(lines: list[str]) -> list[str]:
    return lines[1:]


def without_plans(lines: list[str]) -> list[str]:
    return [json.dumps(json.loads(lines[0]) | {"plans": []}), *lines[1:]]


def empty(lines: list[str]) -> list[str]:
    return []


@pytest.mark.parametrize(
    "change", [cut, damaged, out_of_order, newer, newer_entries, renamed, headless, without_plans, empty]
)
def test_what_is_not_whole_is_refused_and_nothing_kept(
    graphflow: Command, change: Callable[[list[str]], list[str]]
) -> None:
    graphflow("run", "essay.py", "topic=owls", "--run-id", "owls", *STORE)
    lines = graphflow("runs", "export", "owls", *STORE).out.splitlines()
    Path("owls.jsonl").write_text("\n".join(change(lines)) + "\n")
    said = graphflow("runs", "import", "owls.jsonl", *OTHER)
    assert said.code == 2
    assert "[GF531]" in said.err
    assert "Nothing was kept." in said.err
    assert not Path("other.db").exists()


def test_a_run_that_is_there_is_left_as_it_is(graphflow: Command) -> None:
    graphflow("run", "essay.py", "topic=owls", "--run-id", "owls", *STORE)
    assert graphflow("runs", "export", "owls", "-o", "owls.jsonl", *STORE).code == 0
    said = graphflow("runs", "import", "owls.jsonl", *STORE)
    assert said.code == 1
    assert "There is a run 'owls' already" in said.err
    assert graphflow("runs", "show", "owls", "--json", *STORE).json["status"] == "done"
    assert graphflow("runs", "export", "owls", "-o", "owls.jsonl", *STORE).code == 2
    assert graphflow("runs", "import", "none.jsonl", *STORE).code == 5
