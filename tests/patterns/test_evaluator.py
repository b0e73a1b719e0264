"""Evaluator and optimiser: written, judged, written again; at the end the best draft, not the last one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphflow import Agent, Graph, patterns
from graphflow.errors import DeclarationError
from graphflow.models import Request
from graphflow.patterns import Evaluated, Verdict
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import answering, in_turn, instructions, prompt


def workshop(**options: Any) -> Graph[Evaluated]:
    writer = Agent("writer", "writer", prompt="{task}\nLatest: {draft:40000}\nComments:\n{comments:40000}")
    critic = Agent("critic", "critic", prompt="{task}\n{draft:40000}", max_turns=2)
    return patterns.evaluator(generator=writer, judge=critic, **options)


def drafting() -> Any:
    written = 0

    def draft(request: Request) -> str:
        nonlocal written
        written += 1
        return f"draft {written}"

    return draft


def run_it(graph: Graph[Evaluated], *scores: int) -> tuple[Any, list[str], Any]:
    verdicts = [Verdict(score=score, comments=f"{score} is too little") for score in scores]
    model = answering({"writer": drafting(), "critic": in_turn(*verdicts)})
    run = run_virtual(graph.run(Evaluated(task="owls"), model=model))
    return run, [instructions(request) for request in model.requests], model


def test_good_enough_at_once_is_one_draft() -> None:
    run, asked, _ = run_it(workshop(), 7)
    assert asked == ["writer", "critic"]
    assert (run.state.answer, run.state.score) == ("draft 1", 7)


def test_the_writer_is_told_what_to_change_and_sees_the_latest_draft() -> None:
    _, asked, model = run_it(workshop(), 3, 8)
    assert asked == ["writer", "critic"] * 2
    assert prompt(model.requests[2]) == "owls\nLatest: draft 1\nComments:\n- 3 is too little"
    assert prompt(model.requests[3]) == "owls\ndraft 2"


def test_after_all_rounds_the_best_draft_is_the_answer_not_the_last() -> None:
    run, asked, _ = run_it(workshop(), 2, 6, 1)
    assert asked.count("writer") == 3
    assert (run.state.answer, run.state.score) == ("draft 2", 6)
    assert run.state.drafts == ["draft 1", "draft 2", "draft 3"]


def test_of_two_alike_the_later_one_is_the_answer() -> None:
    run, _, _ = run_it(workshop(), 5, 5, 2)
    assert run.state.answer == "draft 2"


@settings(max_examples=40)
@given(st.lists(st.integers(0, 10), min_size=6, max_size=6), st.integers(1, 5), st.integers(0, 10))
def test_it_stops_at_the_first_that_is_enough_or_after_all_rounds(scores: list[int], rounds: int, enough: int) -> None:
    """G4: rounds drafts at most; the answer's score is the best of those seen."""
    run, asked, _ = run_it(workshop(rounds=rounds, enough=enough), *scores)
    seen = scores[:rounds]
    first = next((index for index, score in enumerate(seen) if score >= enough), rounds - 1)
    assert asked == ["writer", "critic"] * (first + 1)
    assert run.state.score == max(scores[: first + 1])


def test_an_invalid_verdict_goes_back_with_the_reason() -> None:
    """B1a: a score of 99 never ends the loop."""
    model = answering({"writer": drafting(), "critic": in_turn('{"score": 99}', Verdict(score=9))})
    run = run_virtual(workshop().run(Evaluated(task="owls"), model=model))
    assert "less than or equal to 10" in model.requests[2].messages[-1].text
    assert run.state.score == 9


def test_a_function_may_judge() -> None:
    def judge(state: Evaluated) -> Verdict:
        return Verdict(score=10 if "2" in state.draft else 0, comments="another")

    graph = patterns.evaluator(generator=Agent("writer", "writer", prompt="{comments}"), judge=judge)
    run = run_virtual(graph.run(Evaluated(task="owls"), model=answering({"writer": drafting()})))
    assert run.state.answer == "draft 2"


def test_no_rounds_is_refused_at_the_line_and_check_finds_nothing() -> None:
    with pytest.raises(DeclarationError, match="rounds"):
        workshop(rounds=0)
    assert workshop().check() == []


def test_who_does_not_read_what_it_works_on_is_refused_at_the_line() -> None:
    """S3.5: an agent sees only what its prompt names."""
    writer, critic = Agent("w", "w", prompt="{task}{comments}"), Agent("c", "c", prompt="{draft}")
    with pytest.raises(DeclarationError, match="judge 'w' does not read draft or drafts"):
        patterns.evaluator(generator=writer, judge=writer)
    with pytest.raises(DeclarationError, match="generator 'c' does not read comments"):
        patterns.evaluator(generator=critic, judge=critic)
    assert patterns.evaluator(generator=critic, judge=critic, rounds=1), "one round needs no comments"
