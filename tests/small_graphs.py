"""Words to say a small graph and its answers in few lines: used by the tests of single rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, Field

from graphflow.core.reducers import add, append, extend, keep_last, local, merge, union
from graphflow.graph.declaration import Declaration
from graphflow.graph.handles import Handle
from tests.execution import Answers, Call, Outcome, Raise


class State(BaseModel):
    """A field of every kind."""

    n: int = 0
    m: int = 0
    small: int = Field(default=0, le=9)
    word: str | None = None
    items: list[int] = []
    log: Annotated[list[str], append] = []
    seen: Annotated[list[int], extend] = []
    total: Annotated[int, add, Field(le=100)] = 0
    tags: Annotated[set[str], union] = set()
    marks: Annotated[dict[str, int], merge] = {}
    last: Annotated[str, keep_last] = ""
    best: Annotated[int, max] = 0
    note: Annotated[str, local] = ""


class Flaky(Exception):
    """An error that is worth another try."""


class Broken(Exception):
    """An error that is not."""


def work(state: State) -> dict[str, object]:
    """A node whose answers come from an oracle, and that nobody may therefore call."""
    raise AssertionError("The oracle answers for nodes.")


def nodes(graph: Declaration[State], names: str, **options: Any) -> list[Handle]:
    return [graph.node(work, name=name, **options) for name in names.split()]


def says(**replies: Any) -> Answers:
    """Answers by node name: one for every call, a list by visit, or a function of the call; no change if not named."""

    def answer(call: Call) -> Any:
        reply = replies.get(call.node.name, {})
        if isinstance(reply, list):
            reply = reply[min(call.visit, len(reply)) - 1]
        return reply(call) if callable(reply) else reply

    return answer


def by_attempt(*replies: Any) -> Callable[[Call], Any]:
    """Another reply for each attempt at a node."""

    def answer(call: Call) -> Any:
        reply = replies[call.attempt - 1]
        return reply(call) if callable(reply) else reply

    return answer


def by_branch(**replies: Any) -> Callable[[Call], Any]:
    """Another reply for each branch: ``by_branch(b0={...}, b1={...})``; no change where none is named."""
    return lambda call: replies.get(f"b{call.cursor.rpartition(']')[0].rpartition('[')[2]}", {})


def fails(error: type[Exception] = Broken) -> Raise:
    return Raise(error("as the test asks"))


def first(calls: list[Call]) -> Call:
    return calls[0]


def last(calls: list[Call]) -> Call:
    return calls[-1]


def path(outcome: Outcome) -> list[str]:
    """The cursors whose node is done, as they came; without the start's."""
    return [s.cursor for s in outcome.steps if s.update is not None and "START" not in s.cursor.rpartition("/")[2]]


def caught(outcome: Outcome) -> list[str]:
    """Where an error edge was taken: the cursor of the node, or, for a join, of its fork."""
    return [step.cursor for step in outcome.steps if step.update is None]
