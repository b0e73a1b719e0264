"""``graphflow test``: every property of a graph without a line of test, exit 0, 1, 2 or 5."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Command

pytest.importorskip("hypothesis")

STUCK = """
from pydantic import BaseModel
from graphflow import END, START, Agent, Graph, fields
class News(BaseModel):
    score: int = 0
news, graph = fields(News), Graph("newsroom", News)
review = graph.node(Agent("review", "Score it.", prompt="{score}", output=int), writes=news.score)
graph.edge(START, review)
graph.edge(review, END, when=news.score >= 7)
"""


def test_a_graph_that_holds_says_how_much_was_tried(graphflow: Command) -> None:
    """What its nodes print is no data of the command."""
    said = graphflow("test", "desk.py")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("holds    desk.py:graph   ")
    assert "50 walks" in said.out
    assert "proved" in said.out
    assert "printed by a node" not in graphflow("test", "essay.py").out


def test_what_does_not_hold_is_shown_as_a_run(graphflow: Command, folder: Path) -> None:
    (folder / "news.py").write_text(STUCK)
    said = graphflow("test", "news.py")
    assert said.code == 1
    assert said.out.startswith("fails    news.py:graph   ")
    assert "no stuck state\n" in said.out
    assert "  no way out of 'review':" in said.out
    assert "replay(newsroom, start=News(), steps=[('review', 0)])" in said.out
    kept = json.loads((folder / ".graphflow" / "failures.json").read_text())["failures"]["news.py:graph"]
    assert kept["no stuck state"].startswith("replay(newsroom")
    assert "no stuck state (known from earlier)" in graphflow("test", "news.py").out


def test_a_folder_that_cannot_be_written_to_loses_nothing(graphflow: Command, folder: Path) -> None:
    (folder / "news.py").write_text(STUCK)
    (folder / ".graphflow").write_text("in the way")
    said = graphflow("test", "news.py")
    assert said.code == 1
    assert "no way out of 'review'" in said.out
    assert said.err.startswith("What failed could not be kept for the next time: ")


def test_a_mended_failure_is_forgotten(graphflow: Command, folder: Path) -> None:
    (folder / ".graphflow").mkdir()
    stored: dict[str, Any] = {"desk.py:graph": {"no stuck state": "replay(graph, start=Desk(), steps=[])"}}
    stored["desk.py:graph"]["no crash"] = "replay(graph, start=Gone(), steps=[('what is this?',)])"
    (folder / ".graphflow" / "failures.json").write_text(
        json.dumps({"schema": "graphflow.failures/1", "failures": stored})
    )
    assert graphflow("test", "desk.py").code == 0
    assert json.loads((folder / ".graphflow" / "failures.json").read_text())["failures"] == {}


def test_json_has_each_property_with_its_error(graphflow: Command, folder: Path) -> None:
    (folder / "news.py").write_text(STUCK)
    said = graphflow("test", "news.py", "--json")
    assert (said.code, said.err) == (1, "")
    data = said.json
    assert (data["schema"], data["profile"]) == ("graphflow.test/1", "quick")
    [graph] = data["graphs"]
    assert (graph["graph"], graph["target"]) == ("newsroom", "news.py:graph")
    found = {one["name"]: one for one in graph["properties"]}
    assert found["terminates"]["status"] == "holds"
    assert found["no stuck state"]["error"]["code"] == "GF610"
    assert found["no stuck state"]["error"]["replay"].startswith("replay(newsroom")


def test_errors_of_check_are_told_and_nothing_is_run(graphflow: Command, folder: Path) -> None:
    (folder / "loop.py").write_text(
        (folder / "broken.py").read_text().replace("graph.edge(divide, END)", "graph.edge(divide, 'EN')")
    )
    said = graphflow("test", "loop.py")
    assert said.code == 1
    assert "structure\n" in said.out
    assert "GF120" in said.out
    assert "skipped  check finds errors" in said.out


def test_a_node_that_crashes_is_found(graphflow: Command) -> None:
    said = graphflow("test", "broken.py", "--profile", "ci")
    assert said.code == 1
    assert "no crash\n" in said.out
    assert "ZeroDivisionError" in said.out


def test_a_file_that_cannot_be_imported_fails_beside_the_others(graphflow: Command, folder: Path) -> None:
    (folder / "broken.py").write_text("import graphflow\nraise RuntimeError('no')\n")
    (folder / "essay.py").unlink()
    said = graphflow("test", ".")
    assert said.code == 1
    assert "GF520" in said.out
    assert "holds    desk.py:graph" in said.out
    assert said.out.endswith("found    1 failure in 2 graphs\n")


def test_coverage_is_told_and_drawn_and_may_fail(graphflow: Command, folder: Path) -> None:
    said = graphflow("test", "essay.py", "--cov", "--cov-fail-under", "100")
    assert said.code == 1
    assert "condition  review -> END [score >= 7]: score >= 7 is False" not in said.out, "it was asked both ways"
    assert "fails    less than the 100% that were asked for" in said.out
    assert graphflow("test", "desk.py", "--cov-fail-under", "90").code == 0
    coverage = graphflow("test", "desk.py", "--cov", "--json").json["coverage"]
    assert coverage["graphs"][0]["graph"] == "desk"
    assert {"kind": "node", "name": "rewrite", "status": "covered"}.items() <= _part(coverage, "rewrite").items()


def _part(coverage: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in coverage["graphs"][0]["parts"] if one["name"] == name)
    return found


def test_what_is_not_there_and_what_cannot_be_understood(graphflow: Command) -> None:
    assert graphflow("test", "nothing.py").code == 5
    assert graphflow("test", "essay.py", "--profile", "hard").code == 2
    assert graphflow("test").code == 2
