"""B1, pipeline: steps in a row, each reading only what its prompt names."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field

from graphflow import Agent, patterns
from graphflow.errors import AuthError, DeclarationError, RunFailed
from graphflow.models import ScriptedModel
from graphflow.patterns import Pipeline, Role
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import answering, instructions, prompt

CANARY = "canary-77"
NAMES = ["research", "analyse", "write"]


class Paper(BaseModel):
    text: str
    facts: list[str] = []
    answer: str = ""


def steps() -> list[Agent[str]]:
    first = Agent("research", "research", prompt="{task}\n{text}")
    return [first, *(Agent(name, name, prompt="{task}\n{result}") for name in NAMES[1:])]


def test_each_step_is_asked_once_in_order_and_sees_what_the_one_before_has_made() -> None:
    graph = patterns.pipeline(workers=steps())
    with ScriptedModel(["the facts", "the meaning", "the answer"]) as model:
        run = run_virtual(graph.run(Pipeline(task="why", text=CANARY), model=model))
    assert [instructions(request) for request in model.requests] == NAMES
    assert [prompt(request) for request in model.requests] == [f"why\n{CANARY}", "why\nthe facts", "why\nthe meaning"]
    assert (run.status, run.state.result) == ("done", "the answer")


def test_the_raw_text_stays_with_the_step_that_reads_it() -> None:
    """B1: a canary in the raw text appears in no later prompt, nor does any earlier conversation (S9.1)."""
    graph = patterns.pipeline(workers=steps())
    with ScriptedModel(["one", "two", "three"]) as model:
        run_virtual(graph.run(Pipeline(task="why", text=CANARY), model=model))
    assert [CANARY in str(request.messages) for request in model.requests] == [True, False, False]


def test_with_a_state_of_ones_own_a_role_says_where_a_result_goes() -> None:
    researcher = Agent("research", "research", prompt="{text}", output=list[str])
    writer = Agent("write", "write", prompt="{facts:40000}")
    graph = patterns.pipeline(workers={researcher: Role(writes="facts"), writer: Role(writes="answer")}, state=Paper)
    with ScriptedModel([["owls fly"], "Owls fly."]) as model:
        run = run_virtual(graph.run(Paper(text=CANARY), model=model))
    assert (run.state.facts, run.state.answer) == (["owls fly"], "Owls fly.")
    assert run.state.text == CANARY
    assert graph.check() == []


class Claim(BaseModel):
    text: str
    answer: str = ""
    facts: str = ""


class Sure(BaseModel):
    answer: str = Field(min_length=3)


@pytest.mark.parametrize("bad", ["", "   ", "{}", '{"answer": ""}', '{"answer": 7', "I cannot say."])
def test_nothing_goes_on_from_an_output_that_does_not_validate(bad: str) -> None:
    """B1a: the reason reaches the model; the next step sees the valid answer only."""
    first = Agent("first", "first", prompt="{text}", output=Sure)
    last = Agent("last", "last", prompt="{answer}")
    graph = patterns.pipeline(workers={first: Role(), last: Role(writes="facts")}, state=Claim)
    with ScriptedModel([bad, Sure(answer="owls"), "fine"]) as model:
        run = run_virtual(graph.run(Claim(text="x"), model=model))
    assert "cannot be used" in model.requests[1].messages[-1].text
    assert prompt(model.requests[2]) == "owls"
    assert run.state.facts == "fine"


def test_a_step_that_fails_ends_it_there_and_a_resume_goes_on_there() -> None:
    answers: dict[str, Any] = {"research": "facts", "analyse": AuthError("no key"), "write": "text"}
    graph = patterns.pipeline(workers=steps())
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(Pipeline(task="why", text="x"), model=answering(answers)))
    model = answering(answers | {"analyse": "meaning"})
    run = run_virtual(graph.resume(caught.value.run, model=model))
    assert [instructions(request) for request in model.requests] == ["analyse", "write"]
    assert run.state.result == "text"


def test_it_is_the_graph_that_one_would_write() -> None:
    plan = patterns.pipeline(workers=steps()).plan()
    assert [node.name for node in plan.nodes if node.kind == "agent"] == NAMES
    assert {node.place.file for node in plan.nodes if node.kind == "agent" and node.place} == {__file__}


def test_two_steps_of_one_name_are_refused_at_the_line() -> None:
    with pytest.raises(DeclarationError, match="called 'research'") as caught:
        patterns.pipeline(workers=[steps()[0], steps()[0]])
    assert caught.value.where[0].file == __file__


def test_a_condition_of_a_role_is_refused_and_not_passed_over() -> None:
    with pytest.raises(DeclarationError, match="has a condition") as caught:
        patterns.pipeline(workers={steps()[0]: Role(when=lambda state: False)})
    assert caught.value.where[0].file == __file__
