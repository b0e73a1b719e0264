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
    pasted = """\
    replay  from graphflow.testing import replay
            from news import News, graph
            replay(graph, start=News(), steps=[('review', 0)])
"""
    assert said.out.count(pasted) == 2  # of a walk, and of the explorer
    kept = json.loads((folder / ".graphflow" / "failures.json").read_text())["failures"]["news.py:graph"]
    assert kept["no stuck state"].startswith("replay(graph, ")
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
    assert found["no stuck state"]["error"]["replay"].startswith("replay(graph, ")


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


MAP = """
from typing import Annotated
from pydantic import BaseModel
from graphflow import END, START, Graph, extend, fields
class Docs(BaseModel):
    topic: str = "owls"
    documents: list[str] = []
    words: Annotated[list[str], extend] = []
docs, graph = fields(Docs), Graph("digest", Docs)
@graph.node(writes=docs.words)
def first_word(state: Docs, item: str) -> list[str]:
    return [item.split()[0]]
begin, finish = graph.point("begin"), graph.point("finish")
graph.edge(START, begin)
graph.map(begin, first_word, over=docs.documents, join=finish, failures="stop")
graph.edge(finish, END)
"""


def test_what_a_user_gives_a_graph_is_made_up_and_told(graphflow: Command, folder: Path) -> None:
    """A map over a list that is empty by default runs all the same, and breaks where a text has no words."""
    (folder / "digest.py").write_text(MAP)
    said = graphflow("test", "digest.py")
    assert said.code == 1
    assert "\n         start: documents made up or as declared, the rest as declared\n" in said.out
    assert "start documents=['']" in said.out
    assert "from digest import Docs, graph\n            replay(graph, start=Docs(documents=['']), steps=[" in said.out


def test_start_says_what_every_run_starts_with(graphflow: Command, folder: Path) -> None:
    """As `run` takes it: key=value, files, JSON."""
    (folder / "digest.py").write_text(MAP)
    (folder / "state.json").write_text('{"documents": ["one two"]}')
    for given in (
        ["--start", "documents=one two", "documents=three"],
        ["--start", "documents=one two", "--start", "documents=three"],
        ["--start", '{"documents": ["one two"]}'],
        ["--start", "@state.json", "topic=bees"],
    ):
        said = graphflow("test", "digest.py", *given)
        assert "start documents" not in said.out
        assert " made up" not in said.out
        assert "documents as given, the rest as declared" in said.out.replace("topic", "documents").replace(
            "documents, documents", "documents"
        )
    assert graphflow("test", "digest.py", "--start", "documents=one", "--json").json["graphs"][0]["start"]


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ("docments=one", "GF521", "Did you mean 'documents'?"),
        ('{"docments": []}', "GF521", "Did you mean 'documents'?"),
        ('{"documents": 5}', "GF211", "documents: Input should be a valid list (is 5)"),
        ('{"documents":', "GF524", "is no JSON"),
        ("@state.json", "GF524", "There is no file 'state.json'"),
        ("documents", "GF501", "is not of the form key=value"),
    ],
)
def test_a_start_that_is_none_is_refused(graphflow: Command, folder: Path, given: str, code: str, told: str) -> None:
    (folder / "digest.py").write_text(MAP)
    said = graphflow("test", "digest.py", "--start", given)
    assert said.code != 0
    assert said.out == ""
    assert said.err.startswith(f"[{code}]")
    assert told in said.err


LEAKING = """
import asyncio
from pydantic import BaseModel
from graphflow import END, START, Graph
class News(BaseModel):
    score: int = 0
graph = Graph("newsroom", News)
@graph.node
async def web(state):
    asyncio.create_task(asyncio.sleep(5))
graph.chain(START, web, END)
"""


def test_simulated_runs_are_asked_for(graphflow: Command, folder: Path) -> None:
    """S14.2: on the real driver a task is seen that outlives its run; no walk can see that."""
    (folder / "leaking.py").write_text(LEAKING)
    assert graphflow("test", "leaking.py").code == 0
    said = graphflow("test", "leaking.py", "--simulate", "20")
    assert said.code == 1
    assert "simulated (20 seeds)\n" in said.out
    assert "the task sleep(), started by 'web:1', is still running" in said.out
    assert "simulate(graph, seeds=[0])" in said.out
    holds = graphflow("test", "desk.py", "--simulate", "20")
    assert holds.code == 0
    assert ", 20 seeds" in holds.out
    for wrong in ("0", "-1", "many"):
        assert graphflow("test", "desk.py", "--simulate", wrong).code == 2


MENDED = (
    STUCK
    + """
reject = graph.node(lambda state: None, name="reject")
graph.edge(review, reject)
graph.edge(reject, END)
"""
)


def test_changes_that_nothing_notices_are_asked_for(graphflow: Command, folder: Path) -> None:
    """They are told, and are no failure: there is nothing wrong with the graph."""
    (folder / "mended.py").write_text(MENDED)
    said = graphflow("test", "mended.py", "--mutate")
    assert said.code == 0
    assert "changed  newsroom: " in said.out
    assert "review -> END: score >= 7  =>  score >= 6" in said.out
    data = graphflow("test", "mended.py", "--mutate", "--json").json["graphs"][0]["mutations"]
    assert 0 <= data["score"] <= 1
    assert {"change", "place", "state"} == set(data["survivors"][0])
    (folder / "stuck.py").write_text(STUCK)
    said = graphflow("test", "stuck.py", "--mutate")
    assert said.code == 1
    assert "nothing was changed, as the graph does not hold as it is" in said.out
