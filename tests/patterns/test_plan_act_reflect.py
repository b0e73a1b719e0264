"""Plan, act, reflect: planned, done, looked back on, planned anew where something lacks; within its limits."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from graphflow.models import Request, ScriptedModel
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import instructions, prompt
from tests.patterns.ready import TEXTS, ready

thinking = ready("plan_act_reflect")


def run_it(plans: list[list[str]], scores: list[int]) -> tuple[Any, list[str], ScriptedModel]:
    """The run, and which agents were asked; the last plan and score are repeated for ever."""
    left = (list(plans), list(scores))

    def answer(request: Request) -> Any:
        said = instructions(request)
        if said.startswith("Name"):
            return {"subjects": left[0].pop(0) if len(left[0]) > 1 else left[0][0]}
        if said.startswith("Score"):
            return {"score": left[1].pop(0) if len(left[1]) > 1 else left[1][0]}
        return "the answer" if said.startswith("Answer") else f"about {prompt(request).splitlines()[0]}"

    model = ScriptedModel(answer)
    run = run_virtual(thinking.graph.run(thinking.Work(goal="g", passages=["text"]), model=model))
    return run, [instructions(request).split()[0] for request in model.requests], model


def test_a_plan_that_covers_the_goal_is_done_once() -> None:
    run, asked, _ = run_it([["ant", "bee"]], [8])
    assert asked == ["Name", "Say", "Say", "Score", "Answer"]
    assert run.state.found == ["about Subject: ant", "about Subject: bee"]
    assert run.state.answer == "the answer"


def test_what_lacks_is_planned_and_looked_up_and_nothing_twice() -> None:
    run, asked, model = run_it([["ant", "bee"], ["bee", "cat"]], [3, 9])
    assert asked == ["Name", "Say", "Say", "Score", "Name", "Say", "Score", "Answer"]
    assert run.state.looked_up == ["ant", "bee", "cat"]
    assert "- ant\n- bee" in prompt(model.requests[4])


def test_after_two_more_plans_it_answers_all_the_same() -> None:
    """S4.5: one plan and two more, nine subjects at most."""
    run, asked, _ = run_it([[f"{plan}{n}" for n in range(3)] for plan in "abcd"], [0])
    assert (asked.count("Name"), asked.count("Say"), asked.count("Answer")) == (3, 9, 1)
    assert (run.status, run.state.score) == ("done", 0)


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3), min_size=1, max_size=4),
    st.lists(st.integers(0, 10), min_size=1, max_size=4),
)
def test_whatever_is_planned_it_ends_with_an_answer(plans: list[list[str]], scores: list[int]) -> None:
    run, asked, _ = run_it(plans, scores)
    assert run.status == "done"
    assert asked.count("Name") <= 3
    assert len(run.state.looked_up) == len(set(run.state.looked_up)) == len(run.state.found)


def test_offline_it_looks_subjects_up_in_the_texts() -> None:
    run = run_virtual(thinking.graph.run(thinking.Work(goal="bridging a week without wind", passages=TEXTS)))
    assert len(run.state.looked_up) == len(run.state.found) >= 3
    assert run.state.answer
