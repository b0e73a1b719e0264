"""What the tests of ``check`` share: a state, nodes to connect, and findings as the text a user reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import dedent
from typing import Annotated, Any, Literal

from pydantic import BaseModel

from graphflow.core.plan import Plan
from graphflow.core.reducers import extend, local
from graphflow.graph.check import check
from graphflow.graph.context import Context
from graphflow.graph.declaration import Declaration
from graphflow.graph.handles import NodeHandle
from graphflow.graph.worker import WorkerFacts


class Story(BaseModel):
    """A state with a field for everything the findings speak of."""

    topic: str
    kind: Literal["web", "docs"] = "web"
    score: int = 0
    draft: str = ""
    review: str | None = None
    ready: bool = False
    items: list[str] = []
    facts: Annotated[list[str], extend] = []
    scratch: Annotated[str, local] = ""


def work(state: Story) -> Any:
    """A node that is only ever drawn."""
    raise AssertionError("check runs no node")


def nodes(graph: Declaration[Story], names: str, **options: Any) -> list[NodeHandle[..., Any]]:
    return [graph.node(work, name=name, **options) for name in names.split()]


def findings(graph: Declaration[Any] | Plan) -> str:
    """All findings as shown in a terminal; each place in a test file is called ``here``, its line stays as written."""
    plan = graph if isinstance(graph, Plan) else graph.plan()
    text = re.sub(r"\S*/texts\.py:\d+   .*", "its node", str(check(plan)))
    return re.sub(r"\S*/test_\w+\.py:\d+", "here", text)


def said(text: str) -> str:
    """An expected text, written indented."""
    return dedent(text).strip()


CLEAN = "Nothing found."


@dataclass(frozen=True)
class Scribe:
    """A stand-in for an agent: reads what its prompt would name, and is never performed."""

    name: str
    reads: frozenset[str] = frozenset()

    def facts(self) -> WorkerFacts:
        return WorkerFacts(output=Any, reads=self.reads)

    async def perform(self, view: Any, ctx: Context[Any]) -> str:
        raise AssertionError("check performs nothing")


def scribe(name: str, *reads: str) -> Scribe:
    return Scribe(name, frozenset(reads))
