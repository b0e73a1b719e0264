"""B1a, validate and retry: what cannot be used goes back with the reason, a few times, and then to a way out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphflow import RunFailed
from graphflow.errors import AuthError
from graphflow.models import Request, ScriptedModel
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import prompt
from tests.patterns.ready import TEXTS, ready

validate = ready("validate")
TEXT = "Owls hear a mouse under the snow. Owls fly without a sound. Owls sleep by day."
GOOD = {"answer": "Owls hear well and fly without a sound.", "quotes": TEXT.split(". ")[:2]}
BAD: list[Any] = [
    "", "   ", "I think owls hear well.", "{}", '{"answer": "Owls hear well', GOOD | {"answer": ""}, GOOD | {"answer": "Yes."},
    GOOD | {"quotes": []}, GOOD | {"quotes": ["one"]}, GOOD | {"quotes": None}, {"answer": GOOD["answer"]},
]  # fmt: skip


def run_it(*answers: Any) -> tuple[Any, ScriptedModel]:
    model = ScriptedModel(list(answers))
    return run_virtual(validate.graph.run(validate.Claim(question="what can owls do", text=TEXT), model=model)), model


def lied(count: int) -> list[Any]:
    return [GOOD | {"quotes": ["Owls can swim.", f"Lie number {n}."]} for n in range(count)]


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_an_invalid_answer_goes_back_with_the_reason_and_never_on(bad: Any) -> None:
    run, model = run_it(bad, GOOD)
    assert run.path == ("quote:1", "verify:1"), "what checks never saw the invalid one"
    complaint = model.requests[1].messages[-1].text
    assert complaint.startswith("Your answer cannot be used:\n")
    assert len(complaint.splitlines()) >= 3, "with a reason"
    assert run.state.answer == GOOD["answer"]


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_after_three_turns_the_way_out_is_taken(bad: Any) -> None:
    with pytest.raises(RunFailed, match="no valid answer") as caught:
        run_it(bad, bad, bad)
    assert caught.value.run.state.answer == ""
    assert caught.value.run.state.quotes == []


def test_quotes_that_the_text_does_not_hold_go_back_by_name() -> None:
    run, model = run_it(*lied(1), GOOD)
    assert run.path == ("quote:1", "verify:1", "quote:2", "verify:2")
    assert "The text does not say: Owls can swim." in prompt(model.requests[1])
    assert run.state.problems == []


def test_it_goes_back_twice_at_most_and_then_fails_and_says_why() -> None:
    """S4.5: three answers, and no more."""
    with pytest.raises(RunFailed, match="the quotes are not in the text"):
        run_it(*lied(3))


def test_an_outage_takes_the_way_out_too() -> None:
    with pytest.raises(RunFailed, match="no valid answer"):
        run_it(AuthError("no key"))


@settings(max_examples=60)
@given(st.lists(st.text() | st.dictionaries(st.sampled_from(["answer", "quotes"]), st.text() | st.lists(st.text())), min_size=9, max_size=9))  # fmt: skip
def test_whatever_a_model_says_only_what_is_valid_and_true_comes_out(answers: list[Any]) -> None:
    """G9: for every nine strings, a checked answer or a typed error."""
    left = list(answers)

    def answer(request: Request) -> Any:
        one = left.pop(0)
        return one if isinstance(one, str) else json.dumps(one)

    state = validate.Claim(question="what can owls do", text=TEXT)
    try:
        run = run_virtual(validate.graph.run(state, model=ScriptedModel(answer)))
    except RunFailed as failed:
        assert failed.run.status == "failed"
        return
    assert len(run.state.answer) >= 20
    assert all(quote in TEXT for quote in run.state.quotes)


def test_offline_every_quote_stands_in_the_text() -> None:
    state = validate.Claim(question="What is sodium-ion good for?", text=TEXTS[0])
    run = run_virtual(validate.graph.run(state))
    assert run.status == "done"
    assert 2 <= len(run.state.quotes) <= 4
    assert all(quote in TEXTS[0] for quote in run.state.quotes)
