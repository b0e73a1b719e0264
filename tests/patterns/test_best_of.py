"""Best of n: candidates side by side, and a judge that can only pick one of those that came about."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from graphflow import Agent, Graph, RunFailed, patterns
from graphflow.errors import AuthError, DeclarationError
from graphflow.models import Request, ScriptedModel
from graphflow.patterns import BestOf, Candidate, Pick
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import instructions, orders, prompt
from tests.patterns.ready import TEXTS, ready

ANGLES = ["numbers", "story", "joke"]


def contest(**options: Any) -> Graph[BestOf]:
    writer = Agent("writer", "writer", prompt="{item}", retry=None)
    judge = Agent("judge", "judge", prompt="{task}\n{candidates:40000}", max_turns=3)
    return patterns.best_of(generator=writer, judge=judge, **{"angles": ANGLES, **options})


def answering(*picks: Any, failing: tuple[str, ...] = (), delays_s: dict[str, float] | None = None) -> ScriptedModel:
    left = list(picks)

    async def answer(request: Request) -> Any:
        if instructions(request) == "judge":
            return left.pop(0)
        item = prompt(request)
        await asyncio.sleep((delays_s or {}).get(item, 0))
        if item in failing:
            raise AuthError("no key")
        return f"a {item}"

    return ScriptedModel(answer)


def judged(model: ScriptedModel) -> list[Request]:
    return [request for request in model.requests if instructions(request) == "judge"]


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("delays_s", list(orders(*ANGLES)), ids=lambda one: "-".join(sorted(one, key=one.get)))
def test_the_one_picked_is_the_answer_whoever_came_first(delays_s: dict[str, float], number: int) -> None:
    """S6.4: numbers are those of the angles, not of arrival."""
    model = answering({"number": number, "reason": "clear"}, delays_s=delays_s)
    run = run_virtual(contest().run(BestOf(task="owls"), model=model))
    assert [one.angle for one in run.state.candidates] == ANGLES
    assert (run.state.answer, run.state.reason) == (f"a {ANGLES[number - 1]}", "clear")
    assert len(judged(model)) == 1


@pytest.mark.parametrize("failing", [c for n in (1, 2) for c in itertools.combinations(ANGLES, n)], ids=str)
def test_one_that_failed_cannot_be_picked(failing: tuple[str, ...]) -> None:
    """B1a: the pick goes back with the reason; the others are picked from."""
    left = [number for number, angle in enumerate(ANGLES, 1) if angle not in failing]
    gone = next(number for number in (1, 2, 3) if number not in left)
    model = answering({"number": gone}, {"number": 7}, {"number": left[-1]}, failing=failing)
    run = run_virtual(contest().run(BestOf(task="owls"), model=model))
    assert [one.number for one in run.state.candidates] == left
    assert run.state.answer == f"a {ANGLES[left[-1] - 1]}"
    assert "Input should be" in judged(model)[1].messages[-1].text
    assert all(f"a {angle}" not in prompt(judged(model)[0]) for angle in failing)


def test_if_none_came_about_the_judge_is_not_asked() -> None:
    model = answering(failing=tuple(ANGLES))
    with pytest.raises(RunFailed, match="no candidate came about"):
        run_virtual(contest().run(BestOf(task="owls"), model=model))
    assert judged(model) == []


def test_without_angles_there_are_n_with_their_numbers() -> None:
    model = answering({"number": 2})
    run = run_virtual(contest(angles=[], n=4).run(BestOf(task="owls"), model=model))
    assert [one.text for one in run.state.candidates] == ["a 1", "a 2", "a 3", "a 4"]
    assert run.state.answer == "a 2"


def test_a_function_may_judge_and_its_pick_is_looked_at_too() -> None:
    graph = contest()

    def longest(state: BestOf) -> Pick:
        return Pick(number=max(state.candidates, key=lambda one: len(one.text)).number)

    def nobody(state: BestOf) -> Pick:
        return Pick(number=9)

    writer = Agent("writer", "writer", prompt="{item}")
    graph = patterns.best_of(generator=writer, judge=longest, angles=ANGLES)
    assert run_virtual(graph.run(BestOf(task="owls"), model=answering())).state.answer == "a numbers"
    graph = patterns.best_of(generator=writer, judge=nobody, angles=ANGLES)
    with pytest.raises(RunFailed, match="picked candidate 9"):
        run_virtual(graph.run(BestOf(task="owls"), model=answering()))


def test_n_and_angles_that_disagree_are_refused_at_the_line() -> None:
    for options in ({"n": 2}, {"angles": "story"}, {"n": 0, "angles": []}):
        with pytest.raises(DeclarationError) as caught:
            contest(**options)
        assert caught.value.where[0].file == __file__


def test_check_finds_nothing() -> None:
    assert contest().check() == []


def test_the_ready_graph_picks_what_says_most_in_numbers() -> None:
    graph = ready("best_of")
    text = next(text for text in TEXTS if "dollars" in text)
    run = run_virtual(graph.graph.run(graph.Summary(task="storing power", text=text)))
    candidates: list[Candidate] = run.state.candidates
    assert len({one.text for one in candidates}) == 3
    assert run.state.answer == max(candidates, key=graph.density).text
    assert all(sentence in text for sentence in run.state.answer.split(". ")[:1])
