"""The state, results and node that the tests of declarations share."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from pydantic import BaseModel

from graphflow.core.reducers import append
from graphflow.graph.declaration import Declaration
from graphflow.graph.expressions import fields


class Essay(BaseModel):
    topic: str
    draft: str = ""
    score: int = 0
    kind: Literal["web", "code"] = "web"
    comments: Annotated[list[str], append] = []
    prices: dict[str, float] = {}
    tags: list[str] | None = None
    approved: bool = False


class Other(BaseModel):
    """The state of another graph."""

    subject: str
    result: str = ""
    n: list[int] = []


class Review(BaseModel):
    """A result with fields of its own, all of them the essay's too."""

    score: int
    comments: str


class Misspelt(BaseModel):
    scoer: int
    comments: str


class Foreign(BaseModel):
    abc: int


class Scores(TypedDict):
    scores: int


essay = fields(Essay)


def essay_graph() -> Declaration[Essay]:
    return Declaration("essay", Essay)


def write(state: Essay) -> None: ...
