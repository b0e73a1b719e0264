"""``graphflow draw``: the picture of the declared graph, on stdout or in a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from graphflow.service.targets import load
from tests.cli.commands import Command

ROOT = Path(__file__).parents[2]


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


def test_a_folder_of_graphs_gives_a_folder_of_pictures(graphflow: Command, folder: Path) -> None:
    pytest.importorskip("pygraphviz")
    shutil.copytree(ROOT / "graphs", folder / "graphs", ignore=shutil.ignore_patterns("__pycache__"))
    said = graphflow("draw", "graphs/", "-o", "all/pictures/", "--detail", "names", "--width", "420", "--json")
    names = sorted(file.stem for file in (folder / "graphs").glob("*.py"))
    assert said.json["files"] == [str(Path("all/pictures") / f"{name}.svg") for name in names]
    assert all((folder / file).read_text().startswith("<svg") for file in said.json["files"])


def test_two_graphs_of_one_file_get_two_pictures(graphflow: Command, folder: Path) -> None:
    pytest.importorskip("pygraphviz")
    (folder / "two").mkdir()
    source = "from graphflow import patterns\n\ndef a(state): return 'a'\n\ndef b(state): return 'b'\n\n"
    builder = "patterns.fallback(a, otherwise=b)"
    (folder / "two" / "pair.py").write_text(f"{source}one = {builder}\nother = {builder}\nagain = one\n")
    assert graphflow("draw", "two", "-o", "drawn").err == "wrote 2 pictures to drawn\n"
    assert sorted(file.name for file in (folder / "drawn").iterdir()) == ["pair-one.svg", "pair-other.svg"]


@pytest.mark.parametrize("output", [[], ["-o", "one.svg"]])
def test_a_folder_of_graphs_goes_into_a_folder_only(graphflow: Command, folder: Path, output: list[str]) -> None:
    (folder / "empty").mkdir()
    said = graphflow("draw", "empty", *output)
    assert said.code == 2
    assert "fix    graphflow draw empty -o pictures/" in said.err
    assert graphflow("draw", "empty", "-o", "drawn").code == 5
    assert not (folder / "drawn").exists()


def test_the_pictures_of_a_folder_are_checked_each_against_its_graph(graphflow: Command, folder: Path) -> None:
    pytest.importorskip("pygraphviz")
    graphs, kept = folder / "graphs", folder / "kept"
    graphs.mkdir()
    for name in ("essay", "validate"):
        shutil.copy(ROOT / "graphs" / f"{name}.py", graphs)
    graphflow("draw", "graphs", "-o", "kept", "--detail", "names")
    check = ("draw", "graphs", "--check", "kept", "--detail", "names")
    said = graphflow(*check)
    assert (said.code, said.out, said.err) == (0, "", "2 pictures in kept up to date\n")
    assert graphflow(*check, "--json").json["differences"] == {}

    (kept / "essay.svg").unlink()
    (kept / "validate.svg").write_text((kept / "validate.svg").read_text().replace("quote", "quoted"))
    (kept / "gone.svg").write_text("<svg/>")
    said = graphflow(*check)
    assert said.code == 1
    assert said.out.splitlines()[0] == f"{Path('kept/essay.svg')}:"
    assert "+ no picture of essay" in said.out
    assert "- a picture of no graph in the folder" in said.out
    assert sorted(graphflow(*check, "--json").json["differences"]) == [
        str(Path("kept") / f"{name}.svg") for name in ("essay", "gone", "validate")
    ]


def test_a_folder_is_checked_against_a_folder_that_exists(graphflow: Command, folder: Path) -> None:
    (folder / "empty").mkdir()
    said = graphflow("draw", "empty", "--check", "one.svg")
    assert (said.code, said.out) == (2, "")
    assert "fix    graphflow draw empty --check pictures/" in said.err
    said = graphflow("draw", "empty", "--check", "nowhere")
    assert said.code == 5
    assert "fix    graphflow draw empty -o nowhere writes them." in said.err
    assert graphflow("draw", "empty", "--check", "empty").code == 5


def test_the_pictures_beside_the_readme_are_checked_as_it_says(graphflow: Command) -> None:
    pytest.importorskip("pygraphviz")
    kept = ROOT / "notebooks" / "images" / "patterns"
    options = ("--detail", "names", "--width", "420")
    assert graphflow("draw", str(ROOT / "graphs"), "--check", str(kept), *options).code == 0


def test_a_picture_that_is_too_wide_is_turned_if_that_helps(graphflow: Command) -> None:
    pytest.importorskip("pygraphviz")

    def width(*options: str) -> float:
        return float(graphflow("draw", "essay.py", "--format", "svg", *options).out.split('"')[1].removesuffix("pt"))

    across, down = width("--direction", "LR"), width("--direction", "TB")
    assert down < across
    assert width("--direction", "LR", "--width", str(int(across) + 1)) == across
    assert width("--direction", "LR", "--width", str(int(across) - 1)) == down
    assert width("--direction", "TB", "--width", "1") == down
