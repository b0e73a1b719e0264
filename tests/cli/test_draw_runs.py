"""``graphflow draw --run``: a run on its graph, with the graph's file or without; and drawings that were kept."""

from __future__ import annotations

import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

from graphflow.cli import drawing
from tests.cli.commands import Command

STORE = ("--store", "runs.db")


def test_examples_of_runs_are_understood() -> None:
    for example in drawing._OF_RUNS:  # pyright: ignore[reportPrivateUsage]
        assert drawing.make_parser().read(shlex.split(example)[2:]).target in (None, "graphs/essay.py", "graphs/")


@pytest.fixture
def kept(graphflow: Command) -> None:
    """A run of the essay, in a store."""
    assert graphflow("run", "essay.py", "topic=owls", *STORE, "--run-id", "owls-1").code == 0


@pytest.mark.usefixtures("kept")
def test_a_run_is_drawn_on_its_graph(graphflow: Command) -> None:
    said = graphflow("draw", "essay.py", "--run", "owls-1", *STORE)
    assert (said.code, said.err) == (0, "")
    assert "run owls-1: done after entry " in said.out
    assert "✓ " in said.out
    early = graphflow("draw", "essay.py", "--run", "owls-1", *STORE, "--step", "2")
    assert "run owls-1: running after entry 2 of " in early.out
    assert "● " in early.out
    facts = graphflow("draw", "essay.py", "--run", "owls-1", *STORE, "--step", "2", "--json").json
    assert (facts["schema"], facts["run"], facts["step"]) == ("graphflow.draw/1", "owls-1", 2)


@pytest.mark.usefixtures("kept")
def test_a_run_is_drawn_without_its_file(graphflow: Command, folder: Path) -> None:
    """S16: the store knows the graph as it was run; nothing is imported."""
    whole = graphflow("draw", "essay.py", "--run", "owls-1", *STORE).out
    (folder / "essay.py").write_text("raise ImportError('it moved')\n")
    said = graphflow("draw", "--run", "owls-1", *STORE)
    assert (said.code, said.err, said.out) == (0, "", whole)
    for form in ("dot", "mermaid"):
        assert "✓ done" in graphflow("draw", "--run", "owls-1", *STORE, "--format", form).out


@pytest.mark.usefixtures("kept")
def test_pictures_of_runs_are_saved_and_played(graphflow: Command, folder: Path) -> None:
    pytest.importorskip("pygraphviz")
    for heat in ("time", "cost", "tokens"):
        assert graphflow("draw", "--run", "owls-1", *STORE, "--heat", heat, "-o", "run.svg").err == "wrote run.svg\n"
        assert "✓ done" in (folder / "run.svg").read_text()
    assert graphflow("draw", "--run", "owls-1", *STORE, "--animate", "-o", "plays.svg").code == 0
    played = (folder / "plays.svg").read_text()
    assert "@keyframes" in played
    ElementTree.fromstring(played)
    assert "@keyframes" in graphflow("draw", "--run", "owls-1", *STORE, "--animate", "--format", "svg").out


@pytest.mark.usefixtures("kept")
def test_two_runs_are_drawn_as_one(graphflow: Command, folder: Path) -> None:
    assert graphflow("run", "essay.py", "topic=bats", *STORE, "--run-id", "owls-2").code == 0
    assert graphflow("runs", "diff", "owls-1", "owls-2", *STORE, "-o", "diff.txt").code == 0
    assert "owls-1 → owls-2" in (folder / "diff.txt").read_text()


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--run", "owls-9", *STORE), 5, "owls-9"),
        (("--run", "owls-1", "--store", "none.db"), 5, "There is no store"),
        (("--run", "owls-1"), 2, "[GF528]"),
        (("desk.py", "--run", "owls-1", *STORE), 2, "[GF517]"),
        (("--run", "owls-1", *STORE, "--step", "99"), 1, "has no entry 99"),
        (("--run", "owls-1", *STORE, "--heat", "tme"), 2, "Did you mean 'time'?"),
        (("--run", "owls-1", *STORE, "--animate", "-o", "a.png"), 2, "Only an SVG can play a run"),
        (("essay.py", "--step", "3"), 2, "--step says nothing without --run"),
        (("essay.py", "--animate"), 2, "--animate says nothing without --run"),
        ((), 2, "Neither a graph nor a run is named"),
        ((".", "--run", "owls-1", *STORE), 2, "is a folder"),
        ((".", "--check", "a.svg"), 2, "is a folder"),
    ],
)
def test_what_cannot_be_drawn_is_told(graphflow: Command, arguments: tuple[str, ...], code: int, message: str) -> None:
    said = graphflow("draw", *arguments)
    assert message in said.err
    assert (said.code, said.out) == (code, "")


@pytest.mark.parametrize("suffix", ["svg", "dot", "mmd", "txt"])
def test_a_drawing_that_was_kept_is_checked(graphflow: Command, folder: Path, suffix: str) -> None:
    if suffix == "svg":
        pytest.importorskip("pygraphviz")
    file = f"essay.{suffix}"
    assert graphflow("draw", "essay.py", "-o", file).code == 0
    said = graphflow("draw", "essay.py", "--check", file)
    assert (said.code, said.out, said.err) == (0, "", f"{file} is up to date\n")
    kept = (folder / file).read_text()
    (folder / file).write_text(kept.replace("START", "ELSEWHERE").replace("draft", "drift").replace("write", "wrote"))
    said = graphflow("draw", "essay.py", "--check", file)
    assert said.code == 1
    assert said.out.startswith(f"{file} does not show essay as it is now:\n")
    found = graphflow("draw", "essay.py", "--check", file, "--json")
    assert found.code == 1
    assert found.json["differences"]


def test_a_file_that_is_not_there_or_cannot_be_compared_is_told(graphflow: Command, folder: Path) -> None:
    said = graphflow("draw", "essay.py", "--check", "none.svg")
    assert (said.code, said.out) == (5, "")
    (folder / "a.png").write_bytes(b"")
    assert graphflow("draw", "essay.py", "--check", "a.png").code == 2
