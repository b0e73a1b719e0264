"""R3: text of any length that a node writes and a prompt names whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, StringConstraints

from graphflow.agents.agent import Agent
from graphflow.core.reducers import extend
from graphflow.graph.check import check
from graphflow.graph.check.lengths import is_long
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from graphflow.graph.needs import best_effort
from graphflow.graph.shapes import shape_of
from tests.graph.check.texts import CLEAN, findings, said


class Note(BaseModel):
    score: int
    text: str


class Tree(BaseModel):
    children: list[Tree] = []


@dataclass
class Point:
    x: int
    y: int


Short = Annotated[str, StringConstraints(max_length=9)]


class Desk(BaseModel):
    topic: str
    draft: str = "none yet"
    label: Annotated[str, Field(max_length=80)] = "none"
    kind: Literal["web", "docs"] = "web"
    count: int = 0
    note: Note = Note(score=0, text="")
    facts: Annotated[list[str], extend] = ["none"]
    numbers: list[int] = [0]


desk = fields(Desk)


def fetch(state: Desk) -> str:
    raise AssertionError("check runs no node")


def read(prompt: str, writes: Any = desk.draft, source: Any = fetch, **options: Any) -> Declaration[Desk]:
    """Something is written by ``fetch``, and an agent reads it."""
    graph = Declaration("desk", Desk)
    critic = Agent("critic", "Say what you think.", prompt=prompt, output=int, **options)
    graph.chain(START, graph.node(source, name="fetch", writes=writes), graph.node(critic, writes=desk.count), END)
    return graph


def codes(graph: Declaration[Any]) -> list[str]:
    return [finding.code for finding in check(graph.plan())]


def test_r3_text_that_a_function_wrote_is_read_whole() -> None:
    """S3.5."""
    assert findings(read("On {topic}: {draft}")) == said(
        """
        advice

        [GF187] A prompt names text of any length: 'critic' {draft}
          where  here   critic = Agent("critic", "Say what you think.", prompt=prompt, output=int, **options)
          why    Nodes write it, draft by 'fetch', and neither its type nor the prompt says how long it may be. A prompt that has grown costs more at every call, until the model refuses it. (S3.5)
          fix    Cut it where it is read, the state keeps all of it: {draft:2000}
                 Or limit the whole: Agent(..., max_input_tokens=20_000); or the field: Field(max_length=...).
        """
    )


def test_r3_one_finding_for_all_prompts_of_a_graph() -> None:
    graph = Declaration("desk", Desk)
    writer = graph.node(Agent("write", "Write.", prompt="{facts}"), writes=desk.draft)
    critic = graph.node(Agent("judge", "Judge {topic}.", prompt="{draft} {facts}", output=list[str]), writes=desk.facts)
    graph.chain(START, writer, critic, END)
    (found,) = check(graph.plan())
    assert found.what == "2 prompts name text of any length: 'write' {facts} and 'judge' {draft} {facts}"
    assert found.fix.splitlines()[0].endswith("{facts:2000}, {draft:2000}")
    assert (found.severity, found.nodes, len(found.where)) == ("advice", ("write", "judge"), 2)


@pytest.mark.parametrize("prompt", ["{draft:2000}", "{topic}", "{count}", "{{draft}}", "nothing"])
def test_r3_what_is_cut_or_only_given_is_fine(prompt: str) -> None:
    assert findings(read(prompt)) == CLEAN


def test_r3_a_limit_of_the_agent_is_one_for_its_prompt() -> None:
    assert findings(read("{draft}", max_input_tokens=2_000)) == CLEAN


def test_r3_a_prompt_that_is_a_function_may_cut_by_itself() -> None:
    assert "GF187" not in codes(read(lambda view: view.draft[:99]))  # type: ignore[arg-type]


def some(annotation: Any) -> Any:
    def fetch(state: Desk) -> Any:
        raise AssertionError("check runs no node")

    fetch.__annotations__["return"] = annotation
    return fetch


@pytest.mark.parametrize(
    ("prompt", "writes", "gives", "is_found"),
    [
        ("{facts}", desk.facts, list[str], True),
        ("{numbers}", desk.numbers, list[int], False),
        ("{label}", desk.label, str, False),
        ("{kind}", desk.kind, Literal["web", "docs"], False),
        ("{note}", desk.note, Note, True),
        ("{note.text}", desk.note, Note, True),
        ("{note.score}", desk.note, Note, False),
        ("{draft}", desk.draft, Short, False),
        ("{draft}", desk.draft, Literal["yes", "no"], False),
        ("{draft}", desk.draft, Any, True),
    ],
)
def test_r3_types_say_how_long_a_text_may_be(prompt: str, writes: Any, gives: Any, is_found: bool) -> None:
    assert codes(read(prompt, writes, some(gives))) == ["GF187"] * is_found


def test_r3_what_a_person_answers_a_person_wrote() -> None:
    graph = Declaration("desk", Desk)
    critic = Agent("critic", "Think.", prompt="{draft}", output=int)
    ask = graph.ask("ask", "What?", answer=str, writes=desk.draft)
    graph.chain(START, ask, graph.node(critic, writes=desk.count), END)
    assert findings(graph) == CLEAN


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (str, True),
        (str | None, True),
        (Short, False),
        (list[Short], True),
        (Annotated[list[Short], Field(max_length=3)], False),
        (Annotated[list[str], Field(max_length=3)], True),
        (tuple[Short, Short], False),
        (tuple[str, int], True),
        (tuple[str, ...], True),
        (list[Literal["a", "b"]], False),
        (dict[str, int], True),
        (list[list[int]], True),
        (Tree, True),
        (list[Note], True),
        (Point, False),
        (bool | float | None, False),
        (Any, False),
        (object, False),
    ],
)
def test_r3_which_types_hold_text_of_any_length(annotation: Any, expected: bool) -> None:
    assert is_long(shape_of(annotation)) is expected


class Brief(BaseModel):
    draft: Short


class Long(BaseModel):
    draft: str


@pytest.mark.parametrize(("gives", "is_found"), [(Brief, False), (Long, True)])
def test_r3_a_model_that_is_written_field_by_field_says_how_long_each_is(gives: Any, is_found: bool) -> None:
    assert codes(read("{draft}", None, some(gives))) == ["GF187"] * is_found


class Piece(BaseModel):
    item: str = "a field of the name that prompts have for the item of a map"
    items: list[str]
    count: int = 0


def test_r3_the_item_of_a_map_is_no_field() -> None:
    """S6.1: not even where a field is called so."""
    graph = Declaration("pieces", Piece)
    start = graph.node(lambda state: "text", name="start", writes="item")
    critic = graph.node(Agent("critic", "Think.", prompt="{item}", output=int), writes={"count": len})
    graph.edge(START, start)
    graph.map(start, critic, over=fields(Piece).items, join=END, need=best_effort(at_least=1))
    assert "GF187" not in codes(graph)
