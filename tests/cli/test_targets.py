"""TARGET leads to a graph, or the message says where it was looked for and what is there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from graphflow.errors import DeclarationError, ImportFailed, TargetNotFound, UsageError
from graphflow.service.targets import load, load_all
from tests.cli.commands import Command


def test_a_file_is_imported_and_not_run(folder: Path) -> None:
    """What stands under ``if __name__ == "__main__"`` raises in that file."""
    assert load("essay.py").graph.name == "essay"
    assert load(str(folder / "essay.py") + ":graph").name == "graph"


def test_a_file_is_loaded_once(folder: Path) -> None:
    assert load("essay.py").graph is load("./essay.py:graph").graph


def test_two_files_of_one_name_do_not_meet(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "essay.py").write_text((folder / "desk.py").read_text())
    assert load("essay.py").graph.name == "essay"
    assert load("other/essay.py").graph.name == "desk"


def test_the_module_is_registered_so_that_types_resolve(folder: Path) -> None:
    state = load("essay.py").graph.state
    assert sys.modules[state.__module__].__dict__["Essay"] is state
    assert state.model_rebuild(force=True)


def test_a_file_can_import_its_neighbours(folder: Path) -> None:
    (folder / "neighbour_of_ours.py").write_text("NAME = 'near'\n")
    (folder / "uses.py").write_text(
        "import neighbour_of_ours\nfrom graphflow import END, START, Graph\nfrom pydantic import BaseModel\n"
        "class State(BaseModel):\n    n: int = 0\n"
        "graph = Graph(neighbour_of_ours.NAME, State)\ngraph.edge(START, END)\n"
    )
    assert load("uses.py").graph.name == "near"


def test_a_file_in_a_package_may_import_relatively(folder: Path) -> None:
    package = folder / "package_of_ours"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "names.py").write_text("NAME = 'inside'\n")
    (package / "flow.py").write_text(
        "from .names import NAME\nfrom graphflow import END, START, Graph\nfrom pydantic import BaseModel\n"
        "class State(BaseModel):\n    n: int = 0\n"
        "graph = Graph(NAME, State)\ngraph.edge(START, END)\n"
    )
    assert load("package_of_ours/flow.py").graph.name == "inside"
    assert load("package_of_ours.flow:graph").graph.name == "inside"


def test_a_graph_may_be_an_attribute(folder: Path) -> None:
    (folder / "shop.py").write_text(
        "from essay import graph as essay\nclass App:\n    flow = essay\napp = App()\ngraph = 3\n"
    )
    assert load("shop.py:app.flow").graph.name == "essay"
    assert [target.name for target in load_all("shop.py")] == ["essay"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("esay.py", "[GF502] There is no file 'esay.py'\n  why    It was looked for in {here}.\n"
                    "  fix    Did you mean 'essay.py'?"),
        ("essay.py:grap", "[GF525] essay.py has no 'grap'\n  why    Its graphs are: graph.\n  fix    essay.py:graph"),
        ("essay.py:Essay", "[GF525] 'Essay' in essay.py is no Graph, it is of type ModelMetaclass\n"
                           "  why    Its graphs are: graph.\n  fix    essay.py:graph"),
        ("nowhere.flow", "[GF502] There is no module 'nowhere.flow'\n"
                         "  why    'nowhere' was looked for in {here} and where Python finds modules.\n"
                         "  fix    Name a file that ends in .py, or a module that can be imported from here."),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(folder: Path, target: str, message: str) -> None:
    with pytest.raises(TargetNotFound) as caught:
        load(target)
    assert str(caught.value) == message.format(here=folder.resolve())


def test_a_folder_is_no_graph(folder: Path) -> None:
    with pytest.raises(TargetNotFound, match=r"is a folder[\s\S]*broken\.py"):
        load(f"{folder}/")


def test_what_is_no_target_at_all(folder: Path) -> None:
    with pytest.raises(UsageError, match="is no target"):
        load("essay.py:not a name")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("import graphflow\n\nvalue = 1 / 0\n", "file.py:3   value = 1 / 0", "ZeroDivisionError: division by zero"),
        ("import graphflow\ndef f(:\n", "file.py:2   def f(:", "SyntaxError: invalid syntax"),
        ("import not_to_be_found\n", "file.py:1   import not_to_be_found", "No module named 'not_to_be_found'"),
        ("raise SystemExit(3)\n", "file.py:1   raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_file_that_cannot_be_imported_names_its_line(
    graphflow: Command, folder: Path, text: str, line: str, reason: str
) -> None:
    (folder / "file.py").write_text(text)
    said = graphflow("run", "file.py")
    assert said.code == 1
    assert said.err.startswith("[GF520] file.py cannot be imported\n")
    assert f"  where  {line}\n" in said.err
    assert reason in said.err
    assert "Traceback" not in said.err
    assert "Traceback" in graphflow("run", "file.py", "--debug").err


def test_a_module_that_fails_inside_is_not_taken_for_a_missing_one(folder: Path) -> None:
    (folder / "fails_inside.py").write_text("import not_to_be_found\n")
    with pytest.raises(ImportFailed, match="not_to_be_found"):
        load("fails_inside")


def test_a_wrong_declaration_speaks_for_itself(folder: Path) -> None:
    (folder / "wrong.py").write_text((folder / "desk.py").read_text() + "graph.edge(approve, approve, at_most=-1)\n")
    with pytest.raises(DeclarationError) as caught:
        load("wrong.py")
    assert str(caught.value.where[0]).startswith("wrong.py:")


def test_what_a_module_prints_is_no_data(graphflow: Command, folder: Path) -> None:
    (folder / "talks.py").write_text(
        "print('hello')\n" + (folder / "essay.py").read_text().replace("from __future__ import annotations", "")
    )
    said = graphflow("run", "talks.py", "topic=owls", "--json")
    assert said.json["status"] == "done"
    assert "hello\n" in said.err
