"""Human review with changes: nothing leaves that nobody has read, and waiting costs nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from graphflow.errors import AnswerInvalid
from graphflow.models import Request, ScriptedModel
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import prompt
from tests.patterns.ready import ready

human = ready("human_review")
LETTER = human.Letter(request="what limits pumped hydro", notes="It needs mountains.")
DAY_S = 86_400


def drafting() -> ScriptedModel:
    drafts: list[str] = []

    def answer(request: Request) -> str:
        drafts.append(f"draft {len(drafts) + 1}")
        return drafts[-1]

    return ScriptedModel(answer)


def says(verdict: str, *changes: str) -> Any:
    return human.review.answer(human.Review(verdict=verdict, changes=list(changes)))


def answered(*answers: Any) -> tuple[Any, ScriptedModel]:
    model = drafting()
    run = run_virtual(human.graph.run(LETTER, model=model))
    for answer in answers:
        run = run_virtual(human.graph.resume(run, answers=[answer]))
    return run, model


def test_it_waits_with_the_draft_in_the_question() -> None:
    """S10.2: with exit code 3 on the command line."""
    run, _ = answered()
    assert run.status == "waiting"
    [question] = run.questions
    assert (question.node, question.text) == ("review", "Send this?\n\ndraft 1")


@pytest.mark.parametrize("verdict", ["send", "drop"])
def test_a_verdict_ends_it(verdict: str) -> None:
    run, model = answered(says(verdict))
    assert (run.status, run.state.verdict, run.state.draft) == ("done", verdict, "draft 1")
    assert len(model.requests) == 1


def test_changes_go_back_to_the_writer_and_the_next_draft_is_shown() -> None:
    run, model = answered(says("change", "shorter"), says("change", "kinder", "no jokes"))
    assert (run.status, run.questions[0].text) == ("waiting", "Send this?\n\ndraft 3")
    assert "- shorter\n- kinder\n- no jokes" in prompt(model.requests[2])


def test_it_goes_back_three_times_at_most_and_is_dropped_then() -> None:
    run, model = answered(*[says("change", "again")] * 4)
    assert (run.status, run.state.verdict) == ("done", "drop")
    assert len(model.requests) == 4


def test_an_invalid_answer_changes_nothing_and_the_giver_is_told() -> None:
    """S10.1."""
    run, model = answered()
    with pytest.raises(AnswerInvalid):
        run_virtual(human.graph.resume(run, answers=[human.review.answer({"verdict": "maybe"})]))
    run = run_virtual(human.graph.resume(run, answers=[says("send")]))
    assert (run.state.verdict, len(model.requests)) == ("send", 1)


def test_nobody_answers_for_three_days() -> None:
    """S10.3: it is asked three times, reminded twice, and never sent; the writer is not asked again."""
    model = drafting()

    async def main() -> list[Any]:
        runs = [await human.graph.run(LETTER, model=model)]
        while runs[-1].status == "waiting":
            await asyncio.sleep(DAY_S + 1)  # nothing runs meanwhile; a timer that is due is taken on resume
            runs.append(await human.graph.resume(runs[-1]))
        return runs

    *waiting, run = run_virtual(main())
    assert [len(one.questions) for one in waiting] == [1, 1, 1]
    assert (run.status, run.state.verdict, run.state.reminders) == ("done", "drop", 3)
    assert len(model.requests) == 1
