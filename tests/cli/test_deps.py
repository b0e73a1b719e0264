"""``--deps``: what nodes read as ``ctx.deps`` is made by a function that the command line names (S3.8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Command

STORE = ("--store", "runs.db")

GREETING = """
from pydantic import BaseModel

from graphflow import END, START, Context, Graph, fields


class State(BaseModel):
    is_good: bool = False
    said: str = ""


state = fields(State)
graph = Graph("greeting", State)
ask = graph.ask("ask", "Go on?", answer=bool, writes=state.is_good)


@graph.node(writes=state.said)
def greet(view: State, ctx: Context) -> str:
    return ctx.deps["greeting"]


graph.chain(START, ask, greet, END)
"""

CLIENTS = """
calls = []

def make():
    calls.append(1)
    return {"greeting": f"hello {len(calls)}"}

async def later():
    return {}

def breaks():
    raise OSError("no network")

number = 7
"""


@pytest.fixture
def greeting(folder: Path) -> Path:
    (folder / "greeting.py").write_text(GREETING)
    (folder / "clients.py").write_text(CLIENTS)
    return folder


def test_a_run_and_whoever_goes_on_with_it_are_given_them(graphflow: Command, greeting: Path) -> None:
    deps = ("--deps", "clients.py:make")
    said = graphflow("run", "greeting.py", "--answer", "ask=yes", "--json", *deps)
    assert said.json["state"]["said"] == "hello 1"
    assert graphflow("run", "greeting.py", "--run-id", "r", *STORE).code == 3
    said = graphflow("runs", "resume", "r", "--answer", "ask=yes", "--json", *deps, *STORE)
    assert said.json["state"]["said"] == "hello 2"
    said = graphflow(
        "runs", "rerun", "r", "--at", "3", "--answer", "ask=yes", "--json", "--deps", "clients:make", *STORE
    )
    assert said.json["state"]["said"].startswith("hello"), said.err


def test_a_worker_makes_them_once_for_all_its_runs(graphflow: Command, greeting: Path) -> None:
    for name in ("a", "b"):
        graphflow("run", "greeting.py", "--run-id", name, *STORE)
        graphflow("runs", "answer", name, "ask", "yes", *STORE)
    assert graphflow("worker", "--once", "--deps", "clients.py:make", *STORE).code == 0
    said = [graphflow("runs", "show", name, "--json", *STORE).json["state"]["said"] for name in ("a", "b")]
    assert said == ["hello 1", "hello 1"]


def test_a_worker_without_them_leaves_the_run_failed(graphflow: Command, greeting: Path) -> None:
    graphflow("run", "greeting.py", "--run-id", "r", *STORE)
    graphflow("runs", "answer", "r", "ask", "yes", *STORE)
    said = graphflow("worker", "--once", *STORE)
    assert "failed" in said.err


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ("clients.py", 2, "names no function"),
        ("clients.py:mak", 5, "Did you mean --deps clients.py:make?"),
        ("clients.py:number", 5, "has no function 'number'"),
        ("client.py:make", 5, "Did you mean 'clients.py'?"),
        ("clients.py:later", 2, "is asynchronous"),
        ("clients.py:breaks", 1, "raised OSError: no network"),
    ],
)
def test_what_cannot_be_given_is_said_before_anything_runs(
    graphflow: Command, greeting: Path, given: str, code: int, told: str
) -> None:
    graphflow("run", "greeting.py", "--run-id", "r", *STORE)
    for command in (["run", "greeting.py"], ["runs", "resume", "r"], ["worker", "--once"]):
        said = graphflow(*command, "--deps", given, *STORE)
        assert said.code == code, said.err
        assert told in said.err
    assert len(graphflow("runs", "list", "--json", *STORE).json["runs"]) == 1
