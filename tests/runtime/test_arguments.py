"""What the verbs of a graph refuse before anything starts, and what a run carries on to its resume."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Budget, Graph, fields
from graphflow.errors import ArgumentInvalid
from graphflow.models import ScriptedModel


class Desk(BaseModel):
    reply: str = "hello"
    approved: bool = False
    thanks: str = ""


desk = fields(Desk)


def desk_graph() -> tuple[Graph[Desk], Any]:
    graph = Graph("desk", Desk)
    approve = graph.ask("approve", "Send this? {reply}", answer=bool, writes=desk.approved)
    thank = graph.node(Agent("thank", "Thank for it.", prompt="{reply}"), writes=desk.thanks)
    graph.chain(START, approve, thank, END)
    return graph, approve


@pytest.mark.parametrize(
    ("given", "says", "fix"),
    [
        ({"budget": 5}, "budget= cannot be 5", "Name it: Budget(steps=5)."),
        ({"observers": print}, "observers= cannot be <built-in function print>", "observers=[print]"),
        ({"observers": [5]}, "observers= cannot be [5]", "5 cannot be called"),
        ({"store": object()}, "store= cannot be <object object", "MemoryStore()"),
    ],
)
def test_what_a_run_is_given_is_checked_before_it_starts(given: dict[str, Any], says: str, fix: str) -> None:
    graph, _ = desk_graph()
    with pytest.raises(ArgumentInvalid) as caught:
        graph.run_sync(Desk(), **given)
    assert says in caught.value.what
    assert fix in caught.value.fix
    assert caught.value.code == "GF221"
    assert caught.value.where[0].file == __file__


def test_answers_are_a_list_of_answers() -> None:
    """S10.1: the message has the line to write."""
    graph, approve = desk_graph()
    run = graph.run_sync(Desk())
    wrong: list[Any] = [approve.answer(True), {"approve": True}, [True], "approve"]
    fixes = []
    for answers in wrong:
        with pytest.raises(ArgumentInvalid, match="answers= cannot be") as caught:
            graph.resume_sync(run, answers=answers)
        fixes.append(caught.value.fix)
    assert fixes == [
        "Put it in a list: answers=[approve.answer(True)].",
        "Write answers=[approve.answer(True)].",
        "Instead of True write approve.answer(...).",
        "Write answers=[approve.answer(True)].",
    ]
    assert run.status == "waiting"


def test_a_run_that_was_not_awaited_is_told_from_a_run() -> None:
    graph, _ = desk_graph()
    not_awaited: Any = graph.run(Desk())
    with pytest.raises(ArgumentInvalid, match="is to be awaited"):
        graph.resume_sync(not_awaited)
    for other in (None, 7):
        given: Any = other
        with pytest.raises(ArgumentInvalid, match="run= cannot be"):
            graph.resume_sync(given, model=ScriptedModel(["x"]))


def test_a_resume_and_a_rerun_go_on_with_the_model_the_run_was_given() -> None:
    """A run does not change its model behind the user's back; naming another one changes it."""
    graph, approve = desk_graph()
    model = ScriptedModel(["Thank you.", "Thanks again."])
    run = graph.run_sync(Desk(), model=model)
    assert run.status == "waiting"
    done = graph.resume_sync(run, answers=[approve.answer(True)])
    assert (done.state.thanks, done.model) == ("Thank you.", model.name)
    other = graph.resume_sync(run, answers=[approve.answer(True)], model=ScriptedModel(["Other."]))
    assert other.state.thanks == "Other."

    async def again() -> Any:
        return await graph.rerun(done, at=done.seq - 3)

    import asyncio

    assert asyncio.run(again()).state.thanks == "Thanks again."


def test_without_a_model_the_environment_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRAPHFLOW_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_DEFAULT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    graph, approve = desk_graph()
    run = graph.run_sync(Desk())
    assert (run.model, run.given_model) == ("offline:extractive", None)
    monkeypatch.setenv("GRAPHFLOW_MODEL", "ollama/llama3")
    waiting = graph.resume_sync(run)
    assert waiting.model == "ollama/llama3"
    assert approve.name == waiting.questions[0].node


class Count(BaseModel):
    n: int = 0


def test_an_exhausted_run_says_what_is_used_up() -> None:
    """S13.2: by a budget, or by the graph's own limit."""
    graph = Graph("count", Count)

    @graph.node
    def up(state: Count) -> dict[str, int]:
        return {"n": state.n + 1}

    graph.edge(START, up)
    graph.edge(up, END, when=fields(Count).n >= 5_000)
    graph.edge(up, up, at_most="unbounded")
    run = graph.run_sync(Count(), budget=Budget(steps=40))
    assert (run.status, run.reason) == (
        "exhausted",
        "the budget of 40 steps is used up: give more with Budget(steps=...)",
    )
    assert run.journal[-1]["why"] == "the budget of 40 steps is used up"
    assert run.at(run.seq).reason == run.reason  # S15.2: it is in the journal
    assert run.at(run.seq - 1).reason == ""
    over = graph.run_sync(Count(), budget=Budget(seconds=0))
    assert over.reason.startswith("the budget of 0 seconds is used up")
    limit = graph.run_sync(Count())
    assert limit.reason == "the graph's limit of 1,000 steps is reached: give more with Budget(steps=...)"
    assert graph.resume_sync(limit, budget=Budget(steps=6_000)).reason == ""
