"""The pytest plugin, in processes of its own: items without a line of test, coverage, known failures first."""

from __future__ import annotations

import json
import os
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

_IS_INSTALLED = any(one.value == "graphflow.testing.pytest_plugin" for one in entry_points(group="pytest11"))
_PLUGIN = () if _IS_INSTALLED else ("-p", "graphflow.testing.pytest_plugin")
_ROOT = Path(__file__).parents[2]

NEWS = """
from pydantic import BaseModel
from graphflow import END, START, Agent, Graph, fields
class News(BaseModel):
    score: int = 0
news, graph = fields(News), Graph("newsroom", News)
review = graph.node(Agent("review", "Score it.", prompt="{score}", output=int), writes=news.score)
graph.edge(START, review)
graph.edge(review, END, when=news.score >= 7)
"""
WELL = NEWS + "graph.edge(review, END)\n"
CRASHES = """
from pydantic import BaseModel
from graphflow import END, START, Agent, Graph, fields
class News(BaseModel):
    score: int = 0
news, graph = fields(News), Graph("newsroom", News)
review = graph.node(Agent("review", "Score it.", prompt="{score}", output=int), writes=news.score)
@graph.node(writes=news.score)
def publish(state: News) -> int:
    return 10 // (state.score - 3)
graph.chain(START, review, publish, END)
"""
TEST = """
from graphs.news import News, graph
from graphflow.models import ScriptedModel
def test_it():
    assert graph.run_sync(News(), model=ScriptedModel(["8"])).status == "done"
"""


def run(pytester: pytest.Pytester, *arguments: str, is_plain: bool = False) -> pytest.RunResult:
    plugin = () if is_plain else _PLUGIN
    options = ("-p", "no:cacheprovider", "--import-mode=importlib", "-W", "error", "-o", f"pythonpath={_ROOT} .")
    return pytester.runpytest_subprocess(*plugin, *options, *arguments)


def graph_file(pytester: pytest.Pytester, text: str) -> Path:
    folder = pytester.mkdir("graphs")
    (folder / "notes.py").write_text("raise RuntimeError('nothing to do with us')\n")
    file = folder / "news.py"
    file.write_text(text)
    return file


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(_ROOT)]))
    for name in ("GRAPHFLOW_RUNS", "GRAPHFLOW_SEED", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        monkeypatch.delenv(name, raising=False)


def test_each_property_of_each_graph_is_an_item(pytester: pytest.Pytester) -> None:
    """What fails reads like a run, is kept, and comes first the next time; what is mended is forgotten."""
    file = graph_file(pytester, CRASHES)
    first = run(pytester, "graphs", "--graphflow", "-v")
    assert first.ret == pytest.ExitCode.TESTS_FAILED
    first.stdout.fnmatch_lines(
        [
            "graphs/news.py::graph::structure PASSED*",
            "graphs/news.py::graph::no crash FAILED*",
            "graphs/news.py::graph::terminates PASSED*",
            "*1. review*says 3*",
            "*replay  from graphflow.testing import replay",
            "*from graphs.news import News, graph",
            "*replay(graph, start=News(), steps=[[]('review', 3)*",
        ]
    )
    first.stdout.no_fnmatch_line("*verifying.py*")
    kept = json.loads((pytester.path / ".graphflow" / "failures.json").read_text())["failures"]
    assert kept["graphs/news.py::graph"]["no crash"].startswith("replay(graph")

    again = run(pytester, "graphs", "--graphflow", "-x")
    again.assert_outcomes(failed=1)  # and nothing before it

    file.write_text(WELL)
    mended = run(pytester, "graphs", "--graphflow")
    assert mended.ret == pytest.ExitCode.OK
    assert json.loads((pytester.path / ".graphflow" / "failures.json").read_text())["failures"] == {}


def test_without_its_options_it_does_nothing_and_imports_nothing(pytester: pytest.Pytester) -> None:
    graph_file(pytester, NEWS)
    pytester.makepyfile(
        test_none="import sys\n"
        "def test_nothing_of_ours_is_there():\n"
        "    assert not {'networkx', 'openai', 'graphflow.flow', 'graphflow.core', 'pydantic'} & sys.modules.keys()\n"
    )
    found = run(pytester, "-v", "-p", "no:hypothesispytest")
    found.assert_outcomes(passed=1)
    assert "graphflow coverage" not in found.stdout.str()
    assert not (pytester.path / ".graphflow").exists()


def test_coverage_of_the_tests_that_there_are(pytester: pytest.Pytester) -> None:
    """Also without --graphflow; it is drawn, and may fail a session in which no test did."""
    graph_file(pytester, WELL)
    pytester.makepyfile(test_news=TEST)
    found = run(pytester, "--graphflow-cov-fail-under", "100", "--graphflow-cov-svg", "pictures")
    found.assert_outcomes(passed=1)
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    found.stdout.fnmatch_lines(
        [
            "*graphflow coverage*",
            "newsroom  *%  edges 2/3, nodes 2/2*",
            "  uncovered   edge *review -> END [[]else[]]*",
            "*% of 1 graph",
            "drawn in *pictures",
            "FAIL  less than 100% of the graphs was covered",
        ]
    )
    assert (pytester.path / "pictures" / "newsroom.svg").read_text(encoding="utf-8").startswith("<svg")


def test_what_cannot_be_asked_is_told(pytester: pytest.Pytester) -> None:
    graph_file(pytester, WELL.replace("graph.edge(review, END)\n", "graph.edge(review, 'EN')\n"))
    broken = run(pytester, "graphs", "--graphflow")
    outcomes = broken.parseoutcomes()
    assert outcomes["failed"] == 1, "structure; nothing else was run"
    assert outcomes["skipped"] > 10
    broken.stdout.fnmatch_lines(["*GF120*"])
    (pytester.path / "graphs" / "wrong.py").write_text(WELL.replace("news.score", "news.scoer"))
    undeclared = run(pytester, "graphs/wrong.py", "--graphflow")
    assert undeclared.ret == pytest.ExitCode.INTERRUPTED
    undeclared.stdout.fnmatch_lines(["[[]GF1*", "*Did you mean 'score'?*"])
    undeclared.stdout.no_fnmatch_line("*Traceback*")
    wrong = run(pytester, "graphs", "--graphflow", "--graphflow-profile", "nightl")
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR
    wrong.stderr.fnmatch_lines(["*There is no profile 'nightl'*", "*Did you mean 'nightly'?*"])
