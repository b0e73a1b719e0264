"""graphs/intel.py, the full workflow: plan, research fanned out, analysis, report."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from graphflow import RunFailed
from graphflow.agents.offline.sentences import sentences_in
from graphflow.errors import AuthError, ConnectionFailed
from graphflow.models import Request, ScriptedModel
from graphflow.testing.virtual import run_virtual

Load = Callable[[str], ModuleType]
SUBJECTS = ["ant", "bee", "cat"]
CANARY = "canary-1f7c"


def asked(request: Request) -> str:
    return request.messages[-1].text


def subject(request: Request) -> str:
    found = re.search(r"^Subject: (\w+)$", asked(request), re.MULTILINE)
    return found.group(1) if found else ""


def answering(
    failing: dict[str, list[Exception]] | None = None, subjects: list[str] = SUBJECTS
) -> Callable[[Request], Any]:
    """A model that plans ``subjects``, and fails on some of them for a while."""
    failures = failing or {}

    def answer(request: Request) -> Any:
        text = asked(request)
        if "Subject:" in text:
            name = subject(request)
            if failures.get(name):
                raise failures[name].pop(0)
            return {"subject": name, "facts": [f"{name} has {len(name)} letters"]}
        if "Passages:" in text:
            return {"subjects": subjects}
        return "the brief" if "Analysis:" in text else "the analysis"

    return answer


def test_without_failures_it_makes_one_call_a_subject_and_three(load: Load) -> None:
    """B4: 1 + N + 2 calls; findings in the planner's order."""
    intel = load("intel")
    model = ScriptedModel(answering())
    run = run_virtual(intel.graph.run(intel.Intel(topic="animals", passages=["text"]), model=model))
    assert run.status == "done"
    assert len(model.requests) == run.usage.model_calls == 1 + 3 + 2
    assert [finding.subject for finding in run.state.findings] == SUBJECTS
    assert (run.state.analysis, run.state.brief, run.state.missing) == ("the analysis", "the brief", [])


def test_research_is_tried_again_and_pays_nothing_twice(load: Load) -> None:
    """B3b: two failures that are worth another try; only the failed call is made again."""
    intel = load("intel")
    model = ScriptedModel(answering({"bee": [ConnectionFailed("down"), ConnectionFailed("down")]}))
    run = run_virtual(intel.graph.run(intel.Intel(topic="animals", passages=["text"]), model=model))
    assert [subject(request) for request in model.requests].count("bee") == 3
    assert len(model.requests) == 6 + 2
    assert len(run.state.findings) == 3


def test_what_could_not_be_researched_is_named_and_not_written_about(load: Load) -> None:
    """B3a: partial failure: the report's prompt names what is missing and holds no error payload."""
    intel = load("intel")
    model = ScriptedModel(answering({"bee": [AuthError(f"no key {CANARY}")]}))
    run = run_virtual(intel.graph.run(intel.Intel(topic="animals", passages=["text"]), model=model))
    assert run.state.missing == ["bee"]
    prompt = asked(model.requests[-1])
    assert "bee" in prompt.split("Nothing found on:")[1]
    assert "ant has 3 letters" in prompt
    assert CANARY not in prompt
    [failure] = run.failures
    assert (failure.cursor, failure.attempts, failure.outcome) == ("plan:1[1]/research:1", 1, "collected")


def test_a_report_is_never_written_from_nothing(load: Load) -> None:
    """B3a: all research failed: the run fails and says so; the analyst was never asked."""
    intel = load("intel")
    model = ScriptedModel(answering({name: [AuthError("no key")] for name in SUBJECTS}))
    with pytest.raises(RunFailed, match="no research succeeded"):
        run_virtual(intel.graph.run(intel.Intel(topic="animals", passages=["text"]), model=model))
    assert len(model.requests) == 1 + 3


def test_no_subject_is_no_report(load: Load) -> None:
    """N = 0 goes straight to the join, and from there to a way out (S6.1)."""
    intel = load("intel")
    with pytest.raises(RunFailed, match="the passages name no subject"):
        run_virtual(
            intel.graph.run(
                intel.Intel(topic="animals", passages=["text"]), model=ScriptedModel(answering(subjects=[]))
            )
        )


def test_a_resume_repeats_no_finished_research(load: Load) -> None:
    """B4: stopped by a failure of the analyst, the resumed run makes two calls more."""
    intel = load("intel")
    calls: list[str] = []

    def answer(request: Request) -> Any:
        calls.append(asked(request))
        if len(calls) == 5:
            raise AuthError("the key was withdrawn")
        return answering()(request)

    with pytest.raises(RunFailed) as caught:
        run_virtual(intel.graph.run(intel.Intel(topic="animals", passages=["text"]), model=ScriptedModel(answer)))
    done = run_virtual(intel.graph.resume(caught.value.run, model=ScriptedModel(answer)))
    assert (done.status, len(calls)) == ("done", 5 + 2)


def test_offline_the_brief_is_taken_from_the_texts(
    load: Load, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key: real, deterministic work; every sentence of facts and brief stands in the passages."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "GRAPHFLOW_MODEL", "OPENAI_DEFAULT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    intel = load("intel")
    state = intel.Intel(topic="storing power for the grid", passages=texts)
    runs = [run_virtual(intel.graph.run(state)) for _ in range(2)]
    assert runs[0].state == runs[1].state
    run = runs[0]
    assert run.model == "offline:extractive"
    assert len(run.state.subjects) >= 3
    everything = " ".join(" ".join(texts).split())
    for finding in run.state.findings:
        assert finding.facts
        for fact in finding.facts:
            assert " ".join(fact.split()) in everything, fact
    expected = {"lithium iron phosphate", "pumped hydro", "sodium-ion", "iron-air", "compressed air"}
    assert expected < set(run.state.subjects)
    for text in (run.state.analysis, run.state.brief):
        lines = [line.removeprefix("- ") for line in text.splitlines() if line and not line.startswith("#")]
        said = [sentence for line in lines for sentence in sentences_in(line)]
        assert len(said) == len(set(said)) >= 5
        assert [sentence for sentence in said if sentence not in everything] == []
    assert run.state.brief.count("\n## ") >= 6
    assert len(run.state.brief.split()) <= 350


@pytest.mark.parametrize("name", ["essay", "pipeline", "intel"])
def test_check_finds_nothing(load: Load, name: str) -> None:
    assert list(load(name).graph.check()) == []
