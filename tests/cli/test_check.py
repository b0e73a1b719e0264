"""``graphflow check``: all findings at once, exit 1 for errors and warnings."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import Command

ADVICE = (
    "from pydantic import BaseModel\nfrom graphflow import END, START, Graph\n"
    "class State(BaseModel):\n    n: int = 0\n"
    "graph = Graph('idle', State)\ngraph.edge(START, END)\n"
)


def test_clean_graphs_are_said_to_be_clean(graphflow: Command) -> None:
    said = graphflow("check", "essay.py")
    assert (said.code, said.out, said.err) == (0, "clean    1 graph in essay.py\n", "")


def test_a_folder_stands_for_every_graph_in_it(graphflow: Command, folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "two.py").write_text(
        "from essay import graph\n" + ADVICE.replace("graph =", "idle =").replace("graph.edge", "idle.edge")
    )
    (folder / "notes.py").write_text("raise RuntimeError('this file has nothing to do with us')\n")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.py").write_text("import graphflow\nraise RuntimeError('hidden')\n")
    said = graphflow("check", ".")
    assert said.code == 0
    assert said.out.endswith("clean    1 advice · 5 graphs in .\n")


def test_advice_alone_does_not_fail(graphflow: Command, folder: Path) -> None:
    (folder / "idle.py").write_text(ADVICE)
    said = graphflow("check", "idle.py")
    assert said.code == 0
    assert said.out.startswith("advice in 'idle'\n[GF140] ")
    assert said.out.endswith("clean    1 advice · 1 graph in idle.py\n")


def test_errors_fail_and_say_where(graphflow: Command, folder: Path) -> None:
    (folder / "loop.py").write_text(
        (folder / "broken.py").read_text().replace("graph.edge(divide, END)", "graph.edge(divide, 'EN')")
    )
    said = graphflow("check", "loop.py", "essay.py")
    assert said.code == 1
    assert "error in 'broken'\n[GF120] " in said.out
    assert "  where  loop.py:19   graph.edge(divide, 'EN')\n" in said.out
    last = said.out.splitlines()[-1]
    assert last.startswith("found    ")
    assert last.endswith(" · 2 graphs in loop.py, essay.py")


def test_findings_as_json(graphflow: Command, folder: Path) -> None:
    (folder / "loop.py").write_text(
        (folder / "broken.py").read_text().replace("graph.edge(divide, END)", "graph.edge(divide, 'EN')")
    )
    said = graphflow("check", "loop.py", "--json")
    assert said.code == 1
    assert said.json["schema"] == "graphflow.check/1"
    first = said.json["findings"][0]
    assert list(first) == ["code", "severity", "graph", "where", "what", "why", "fix"]
    assert (first["code"], first["severity"], first["where"]) == ("GF120", "error", ["loop.py:19"])
    assert graphflow("check", "essay.py", "--json").json["findings"] == []


def test_files_that_cannot_be_imported_are_findings_and_stop_no_other(graphflow: Command, folder: Path) -> None:
    (folder / "aaa.py").write_text("import graphflow\nvalue = 1 / 0\n")
    (folder / "bbb.py").write_text((folder / "desk.py").read_text() + "graph.edge(approve, approve, at_most=-1)\n")
    said = graphflow("check", ".", "--json")
    assert said.code == 1
    assert [(one["graph"], one["where"][0]) for one in said.json["findings"]] == [
        ("aaa.py", "aaa.py:2"),
        ("bbb.py", "bbb.py:26"),
    ]


def test_where_there_is_no_graph_nothing_is_called_clean(graphflow: Command, folder: Path) -> None:
    (folder / "empty").mkdir()
    said = graphflow("check", "empty")
    assert (said.code, said.out) == (5, "")
    assert "There is no graph in empty" in said.err
    said = graphflow("check", "essay.py", "empty")
    assert said.code == 5


def test_where_nothing_could_be_imported_no_graphs_are_counted(graphflow: Command, folder: Path) -> None:
    (folder / "odd.py").write_text("import graphflow\nraise RuntimeError('odd')\n")
    assert graphflow("check", "odd.py").out.endswith("found    1 error · odd.py\n")
