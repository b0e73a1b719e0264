"""B4, the full workflow: subjects are named, researched side by side, analysed, reported. And the smaller ready graphs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from graphflow import RunFailed
from graphflow.errors import AuthError
from graphflow.models import Request, ScriptedModel
from graphflow.stores import MemoryStore
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import orders, prompt
from tests.patterns.ready import TEXTS, ready

intel = ready("intel")
SUBJECTS = ["ant", "bee", "cat"]
CANARY = "canary-1f7c"


def job(request: Request) -> str:
    """What a request is for: plan, analyse, report, or the subject that is researched."""
    text = prompt(request)
    if "Subject: " in text:
        return text.partition("Subject: ")[2].partition("\n")[0]
    return "plan" if "Passages:" in text else "report" if "Analysis:" in text else "analyse"


def answering(
    subjects: list[str] = SUBJECTS, failing: tuple[str, ...] = (), delays_s: dict[str, float] | None = None
) -> ScriptedModel:
    async def answer(request: Request) -> Any:
        what = job(request)
        await asyncio.sleep((delays_s or {}).get(what, 0))
        if what in failing:
            raise AuthError(f"no key {CANARY}")
        if what in ("analyse", "report"):
            return f"the {what}"
        return {"subjects": subjects} if what == "plan" else {"subject": what, "facts": [f"{what} lives"]}

    return ScriptedModel(answer)


def start() -> Any:
    return intel.Intel(topic="animals", passages=["text"])


@pytest.mark.parametrize("count", range(1, 7))
def test_without_failures_it_makes_1_plus_n_plus_2_calls(count: int) -> None:
    model = answering([f"subject {n}" for n in range(count)])
    run = run_virtual(intel.graph.run(start(), model=model))
    assert len(model.requests) == run.usage.model_calls == 1 + count + 2


def test_a_subject_named_twice_is_researched_once() -> None:
    model = answering(["ant", "bee", "ant"])
    run = run_virtual(intel.graph.run(start(), model=model))
    assert run.state.subjects == ["ant", "bee"]
    assert [job(request) for request in model.requests].count("ant") == 1


def test_more_subjects_than_allowed_go_back_to_the_planner() -> None:
    too_many, left = [f"subject {n}" for n in range(7)], [7, 2]

    def answer(request: Request) -> Any:
        if job(request) == "plan":
            return {"subjects": too_many[: left.pop(0)]}
        return {"subject": "s", "facts": []} if "Subject:" in prompt(request) else "text"

    model = ScriptedModel(answer)
    run = run_virtual(intel.graph.run(start(), model=model))
    assert len(run.state.findings) == 2
    assert "at most 6 items" in model.requests[1].messages[-1].text


@pytest.mark.parametrize("failing", [(), ("ant",), ("ant", "cat")], ids=str)
@pytest.mark.parametrize("delays_s", list(orders(*SUBJECTS)), ids=lambda one: "-".join(sorted(one, key=one.get)))
def test_the_report_holds_the_analysis_and_every_success_and_no_error(
    failing: tuple[str, ...], delays_s: dict[str, float]
) -> None:
    model = answering(failing=failing, delays_s=delays_s)
    run = run_virtual(intel.graph.run(start(), model=model))
    report = prompt(model.requests[-1])
    assert "the analyse" in report
    for subject in SUBJECTS:
        assert (f"{subject} lives" in report) == (subject not in failing)
    assert all(f"- {subject}" in report.partition("Nothing found on:")[2] for subject in failing)
    assert CANARY not in str([request.messages for request in model.requests])
    assert [finding.subject for finding in run.state.findings] == [one for one in SUBJECTS if one not in failing]


@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("delays_s", list(orders(*SUBJECTS)), ids=lambda one: "-".join(sorted(one, key=one.get)))
def test_killed_after_k_were_researched_a_resume_asks_for_the_other_n_minus_k(
    k: int, delays_s: dict[str, float]
) -> None:
    """G3, S14.2: the driver is stopped in the middle; what is recorded is not paid again."""
    store = MemoryStore()
    again = answering()

    async def main() -> Any:
        first = asyncio.ensure_future(
            intel.graph.run(
                start(), store=store, run_id="r-1", model=answering(delays_s={**delays_s, "analyse": 1_000})
            )
        )
        await asyncio.sleep(k + 0.5)  # the n-th subject is there after n seconds
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        return await intel.graph.resume("r-1", store=store, model=again)

    run = run_virtual(main())
    assert run.status == "done"
    asked = [job(request) for request in again.requests]
    assert sorted(asked) == sorted([*sorted(delays_s, key=delays_s.__getitem__)[k:], "analyse", "report"])
    assert run.state == run_virtual(intel.graph.run(start(), model=answering())).state


@pytest.mark.parametrize("subjects", [[], SUBJECTS], ids=["none named", "all fail"])
def test_a_report_is_never_written_from_nothing(subjects: list[str]) -> None:
    model = answering(subjects, failing=tuple(SUBJECTS))
    with pytest.raises(RunFailed):
        run_virtual(intel.graph.run(start(), model=model))
    assert not {"analyse", "report"} & {job(request) for request in model.requests}


def test_offline_the_supervisor_plans_a_step_for_each_question() -> None:
    supervisor = ready("supervisor")
    state = supervisor.Desk(
        request="storing power", questions=["safety of storage", "cost of a battery"], passages=TEXTS
    )
    run = run_virtual(supervisor.graph.run(state))
    assert [step.worker for step in run.state.plan] == ["safety", "cost"]
    assert "cannot catch fire" in run.state.answer
    assert "dollars per kilowatt-hour" in run.state.answer


@pytest.mark.parametrize(
    ("request_", "outcome", "searches"),
    [("iron-air efficiency", "done", 1), ("compressed air cost", "done", 2), ("molten salt in solar towers", "limit", 4), ("x y z", "done", 3)],
)  # fmt: skip
def test_offline_the_adaptive_supervisor_searches_until_it_finds(request_: str, outcome: str, searches: int) -> None:
    adaptive = ready("adaptive")
    run = run_virtual(adaptive.graph.run(adaptive.Inquiry(request=request_, passages=TEXTS[1:2])))
    assert run.state.outcome == outcome
    assert [move.worker for move in run.state.history].count("search") == searches


def test_offline_the_synthesis_names_what_is_missing_and_writes_nothing_from_too_little() -> None:
    synthesis = ready("synthesis")
    items = ["sodium-ion", "hydrogen", "pumped hydro"]
    run = run_virtual(synthesis.graph.run(synthesis.Brief(task="storing power", items=items, passages=TEXTS)))
    assert run.state.answer.endswith("Nothing found on: hydrogen.")
    run = run_virtual(synthesis.graph.run(synthesis.Brief(task="storing power", items=items[1:2], passages=TEXTS)))
    assert run.state.answer == "Too little was found for a report on storing power: 0 of 1 items."


def test_offline_the_fan_out_tells_what_became_of_each_item() -> None:
    fan_out = ready("fan_out")
    run = run_virtual(fan_out.graph.run(fan_out.Search(task="t", items=["sodium-ion", "hydrogen"], passages=TEXTS)))
    assert [(one.status, one.error) for one in run.state.outcomes] == [("done", ""), ("failed", "LookupError")]


@pytest.mark.parametrize(
    "name",
    ["pipeline", "validate", "trim", "supervisor", "adaptive", "fan_out", "synthesis", "backoff", "intel", "essay",
     "best_of", "human_review", "plan_act_reflect", "map_reduce"],
)  # fmt: skip
def test_check_finds_nothing_in_the_ready_graphs(name: str) -> None:
    assert list(ready(name).graph.check()) == []
