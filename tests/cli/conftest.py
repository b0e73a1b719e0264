"""The command line as a user has it: graphs in files, a folder to stand in, and what was said, by stream."""

from __future__ import annotations

import json
import linecache
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from graphflow.cli.main import main

ESSAY = """
from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel

from graphflow import END, START, Graph, append, fields


class Essay(BaseModel):
    topic: str
    words: int = 200
    tags: list[str] = []
    draft: str = ""
    score: int = 0
    comments: Annotated[list[str], append] = []


essay = fields(Essay)
graph = Graph("essay", Essay)


@graph.node(writes=essay.draft)
async def write(state: Essay) -> str:
    print("printed by a node")
    return f"All about {state.topic}.\\nIn {state.words} words."


@graph.node(writes=(essay.score, essay.comments))
async def review(state: Essay) -> tuple[int, str]:
    return state.score + 4, "more of it"


graph.edge(START, write)
graph.edge(write, review)
graph.edge(review, END, when=essay.score >= 7)
graph.edge(review, write, at_most=3)
graph.edge(review, END)

if __name__ == "__main__":
    raise SystemExit("A target is imported, not run.")
"""

DESK = """
from pydantic import BaseModel

from graphflow import END, START, Graph, fields


class Desk(BaseModel):
    reply: str = "No."
    is_sent: bool = False


desk = fields(Desk)
graph = Graph("desk", Desk)
approve = graph.ask("approve", "Send this?\\n\\n{reply}", answer=bool, writes=desk.is_sent)


@graph.node(writes=desk.reply)
def rewrite(state: Desk) -> str:
    return "Yes."


graph.edge(START, approve)
graph.edge(approve, END, when=desk.is_sent)
graph.edge(approve, rewrite, at_most=1)
graph.edge(approve, END)
graph.edge(rewrite, approve)
"""

BROKEN = """
from pydantic import BaseModel

from graphflow import END, START, Graph


class State(BaseModel):
    n: int = 0


graph = Graph("broken", State)


@graph.node
def divide(state: State) -> dict[str, object]:
    return {"n": 1 // state.n}


graph.edge(START, divide)
graph.edge(divide, END)
"""


@dataclass(frozen=True)
class Said:
    """What a command ended with, and what it said on which stream."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder a user stands in, with graphs in files; what was imported from it is forgotten afterwards."""
    for name, text in (("essay", ESSAY), ("desk", DESK), ("broken", BROKEN)):
        (tmp_path / f"{name}.py").write_text(text.lstrip())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("COLUMNS", "80")
    linecache.clearcache()  # files are named as seen from here, and there are others of the same name
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.fixture
def graphflow(folder: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line, in this process."""

    def command(*arguments: str) -> Said:
        code = main(arguments)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return command
