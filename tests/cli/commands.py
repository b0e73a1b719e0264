"""Words of the tests of the command line: graphs as a user has them in files, and what a command said."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


HOLDING = """
import asyncio
from pathlib import Path

from pydantic import BaseModel

from graphflow import END, START, Context, Graph, fields

HERE = Path(__file__).parent


class State(BaseModel):
    paid: int = 0
    done: str = ""


state = fields(State)
graph = Graph("holding", State)


def log(text: str) -> None:
    with (HERE / "log").open("a") as file:
        file.write(text + "\\n")


@graph.node
def begin(view: State) -> dict[str, object]:
    log("begin")
    return {}


@graph.node(writes=state.paid)
async def hold(view: State, ctx: Context) -> int:
    async def pay() -> int:
        log("paid")
        return 7

    log("hold")
    paid = await ctx.once("pay", pay)
    if not (HERE / "go").exists():
        log("at work")
        await asyncio.sleep(600)
    return paid


@graph.node(writes=state.done)
def finish(view: State) -> str:
    log("finish")
    return "all of it"


graph.chain(START, begin, hold, finish, END)
"""
"""Holds at its second node, after a call that is recorded, until there is a file ``go`` beside it."""


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


def forget(folder: Path) -> None:
    """What was imported from a folder: the next command imports it anew, as a process of its own does."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).is_relative_to(folder):
            del sys.modules[name]
