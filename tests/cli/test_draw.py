"""``graphflow draw``: the picture of the declared graph, on stdout or in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphflow.cli.targets import load
from tests.cli.commands import Command


@pytest.mark.parametrize("form", ["text", "dot", "mermaid"])
def test_a_drawing_goes_to_stdout(graphflow: Command, form: str) -> None:
    said = graphflow("draw", "essay.py", "--format", form)
    assert (said.code, said.err) == (0, "")
    assert said.out.rstrip("\n") == str(getattr(load("essay.py").graph.draw(), form)).rstrip("\n")


def test_text_is_the_default(graphflow: Command) -> None:
    assert graphflow("draw", "essay.py").out == graphflow("draw", "essay.py", "--format", "text").out


def test_a_drawing_goes_to_a_file(graphflow: Command, folder: Path) -> None:
    said = graphflow("draw", "essay.py", "-o", "essay.mmd", "--direction", "LR", "--detail", "names")
    assert (said.code, said.out, said.err) == (0, "", "wrote essay.mmd\n")
    drawn = load("essay.py").graph.draw(direction="LR", detail="names").mermaid
    assert (folder / "essay.mmd").read_text() == drawn
    assert graphflow("draw", "essay.py", "-o", "essay.mmd", "--json").json["file"] == "essay.mmd"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-o", "essay.gif"], 2, "Did you mean 'essay.svg'?"),
        (["-o", "nowhere/essay.dot"], 5, "There is no folder 'nowhere'"),
        (["--theme", "darc"], 2, "Did you mean 'dark'?"),
        (["--expand", "team"], 2, "[GF516]"),
        (["--format", "text", "-o", "x.txt"], 2, "not allowed with argument"),
    ],
)
def test_what_cannot_be_drawn_is_told(graphflow: Command, arguments: list[str], code: int, message: str) -> None:
    said = graphflow("draw", "essay.py", *arguments)
    assert (said.code, said.out) == (code, "")
    assert message in said.err


def test_a_missing_folder_is_made_in_the_shell_and_a_picture_goes_to_a_file(graphflow: Command) -> None:
    assert "fix    Make it first: mkdir -p 'no dir/x'\n" in graphflow("draw", "essay.py", "-o", "no dir/x/a.mmd").err
    said = graphflow("draw", "essay.py", "--format", "png")
    assert said.code == 2
    assert "A png is written to a file: -o graph.png" in said.err
