"""graphs/essay.py, a loop with a limit, and graphs/pipeline.py, three steps in a row."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from graphflow.models import Request, ScriptedModel
from graphflow.testing.virtual import run_virtual

Load = Callable[[str], ModuleType]


def review(score: int) -> dict[str, object]:
    return {"score": score, "comments": f"{score} is not enough"}


@pytest.mark.parametrize(
    ("scores", "drafts"),
    [([9], 1), ([7], 1), ([6, 7], 2), ([0, 0, 0, 0], 4)],
    ids=["at once", "just enough", "second try", "good enough after three more"],
)
def test_it_writes_again_until_it_is_good_enough(load: Load, scores: list[int], drafts: int) -> None:
    """S4.5: three more times at most, then it is good enough."""
    essay = load("essay")
    script: list[Any] = [answer for n, score in enumerate(scores) for answer in (f"draft {n}", review(score))]
    with ScriptedModel(script) as model:
        run = run_virtual(essay.graph.run(essay.Essay(topic="owls", notes="they hear well"), model=model))
    assert run.status == "done"
    assert run.state.draft == f"draft {drafts - 1}"
    assert [cursor for cursor in run.path if cursor.startswith("write")] == [f"write:{n + 1}" for n in range(drafts)]


def test_the_writer_sees_the_comments_so_far(load: Load) -> None:
    essay = load("essay")
    with ScriptedModel(["one", review(3), "two", review(8)]) as model:
        run_virtual(essay.graph.run(essay.Essay(topic="owls", notes="they hear well"), model=model))
    assert "3 is not enough" in model.requests[2].messages[-1].text


def test_an_invalid_review_goes_back_with_the_reason(load: Load) -> None:
    """B1a: downstream never sees it; the model is told why."""
    essay = load("essay")
    with ScriptedModel(["draft", '{"score": 99, "comments": "great"}', review(8)]) as model:
        run = run_virtual(essay.graph.run(essay.Essay(topic="owls", notes="they hear well"), model=model))
    assert run.state.score == 8
    assert "less than or equal to 10" in model.requests[2].messages[-1].text


def test_each_step_of_the_pipeline_sees_only_what_it_reads(load: Load) -> None:
    """B1: a canary in the raw text appears in no later prompt; calls in order, once each."""
    pipeline = load("pipeline")

    def answer(request: Request) -> Any:
        text = request.messages[-1].text
        return ["a fact"] if "Text:" in text else "said" if "Facts:" in text else "answered"

    model = ScriptedModel(answer)
    run = run_virtual(pipeline.graph.run(pipeline.Paper(question="why", text="canary-77"), model=model))
    prompts = [request.messages[-1].text for request in model.requests]
    assert ["canary-77" in prompt for prompt in prompts] == [True, False, False]
    assert ["a fact" in prompt for prompt in prompts] == [False, True, False]
    assert (run.state.answer, len(prompts)) == ("answered", 3)
