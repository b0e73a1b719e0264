"""What single nodes ask for that they cannot have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, BeforeValidator, field_validator

from graphflow import Agent
from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from tests.graph.check.texts import CLEAN, findings, said


class Review(BaseModel):
    score: int = 0
    notes: dict[str, str] = {}


def measured(value: object) -> object:
    return len(value) if isinstance(value, str) else value


class Desk(BaseModel):
    question: str
    count: int = 0
    odd: Annotated[int, BeforeValidator(measured)] = 0
    even: int | None = None
    review: Review | None = None
    anything: Any = 0
    reviews: list[Review] = []

    @field_validator("even", mode="before")
    @classmethod
    def measure(cls, value: object) -> object:
        return measured(value)


desk = fields(Desk)


def chained(*steps: Any) -> Declaration[Desk]:
    graph = Declaration("desk", Desk)
    graph.chain(START, *(graph.node(step, **options) for step, options in steps), END)
    return graph


def answer(state: Desk) -> str:
    return "7"


def test_a_text_for_a_number_may_fail() -> None:
    """S3.3: pydantic reads "7" as a number and refuses "seven"."""
    graph = chained((answer, {"writes": desk.count}))
    assert findings(graph) == said(
        """
        1 warning

        [GF175] 'answer' returns str, and 'count' takes int
          where  here   graph.chain(START, *(graph.node(step, **options) for step, options in steps), END)
          why    A text that reads as int is taken, any other fails at the node. (S3.3)
          fix    Return int, or name a field that takes a text.
        """
    )


def test_an_answer_in_words_for_a_number() -> None:
    graph = Declaration("desk", Desk)
    graph.chain(START, graph.ask("many", "How many?", answer=str, writes=desk.count), END)
    assert [(one.code, one.fix) for one in check(graph.plan())] == [("GF175", "Ask for it: answer=int.")]


@pytest.mark.parametrize("field", [desk.odd, desk.even, desk.anything, desk.question])
def test_a_text_that_a_validator_may_take_is_fine(field: object) -> None:
    assert findings(chained((answer, {"writes": field}))) == CLEAN


def test_a_timeout_cannot_stop_a_plain_function() -> None:
    """S8.1."""
    found = check(chained((answer, {"writes": desk.question, "timeout_s": 2})).plan())
    assert [(one.code, one.severity, one.what) for one in found] == [
        ("GF176", "warning", "The timeout of 'answer' can never strike")
    ]
    assert found[0].fix == "Write async def answer, or run it in a thread: graph.node(..., blocking=True)"


def test_a_timeout_stops_what_can_be_stopped() -> None:
    async def waiting(state: Desk) -> None: ...

    graph = chained((answer, {"writes": desk.question, "timeout_s": 2, "blocking": True}), (waiting, {"timeout_s": 2}))
    assert findings(graph) == CLEAN


def read(state: Desk, item: Review) -> None: ...


def test_an_item_without_a_map() -> None:
    """S6.1: advice, as the graph may be a node under a map of another one."""
    graph = chained((read, {}))
    assert findings(graph) == said(
        """
        advice

        [GF177] 'read' takes an item, and no map leads to it
          where  here   graph.chain(START, *(graph.node(step, **options) for step, options in steps), END)
          why    Between a map and its join a node has the item of its branch; elsewhere there is none, unless this graph is itself a node under a map. (S6.1)
          fix    graph.map(..., read, over=..., join=...)
        """
    )


def test_a_map_leads_to_it_even_from_outside() -> None:
    inner = chained((read, {}))
    graph = Declaration("outer", Desk)
    first, join = graph.point("first"), graph.point("join")
    graph.edge(START, first)
    graph.map(first, graph.node(inner), over=desk.reviews, join=join, failures="stop")
    graph.edge(join, END)
    assert findings(graph) == CLEAN


def prompted(prompt: str) -> Declaration[Desk]:
    return chained((Agent("write", "Write.", prompt=prompt), {"writes": desk.question}))


@pytest.mark.parametrize(
    ("prompt", "severity", "what", "fix"),
    [
        ("{question.x}", "error", "names {question.x}, and question has no 'x'", "Name the value itself: {question}"),
        ("{review.scor}", "warning", "names {review.scor}, and review has no 'scor'", "Did you mean 'score'?"),
        ("{review.score.x}", "error", "names {review.score.x}, and review.score has no 'x'",
         "Name the value itself: {review.score}"),
    ],
)  # fmt: skip
def test_a_prompt_names_what_is_not_there(prompt: str, severity: str, what: str, fix: str) -> None:
    """S3.5."""
    found = [one for one in check(prompted(prompt).plan()) if one.code == "GF178"]
    assert [(one.severity, one.what, one.fix) for one in found] == [(severity, f"The prompt of 'write' {what}", fix)]


@pytest.mark.parametrize("prompt", ["{review.score}", "{review.notes.any}", "{anything.x}", "{question}", "{{x.y}}"])
def test_a_prompt_names_what_may_be_there(prompt: str) -> None:
    assert "GF178" not in [one.code for one in check(prompted(prompt).plan())]


def test_the_items_type_is_known() -> None:
    graph = Declaration("desk", Desk)
    first, join = graph.point("first"), graph.point("join")
    write = graph.node(Agent("write", "Write.", prompt="{item.scor}"), writes=desk.anything)
    graph.edge(START, first)
    graph.map(first, write, over=desk.reviews, join=join)
    graph.edge(join, END)
    assert "GF178" in [one.code for one in check(graph.plan())]


@pytest.mark.parametrize(("returns", "fits"), [(list[str], False), (Literal["a"], True), (bool, True)])
def test_types_that_never_fit_are_refused_at_the_line(returns: Any, fits: bool) -> None:
    """S3.1: no list is a number; a choice may be."""
    graph = Declaration("desk", Desk)
    try:
        graph.ask("ask", "?", answer=returns, writes=desk.count)
    except Exception as error:
        assert not fits
        assert "[GF131]" in str(error)
    else:
        assert fits
