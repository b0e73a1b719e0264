"""B2a, adaptive supervisor: it decides after each result, and it comes to an end that says what it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphflow import Agent, Graph, RunFailed, patterns
from graphflow.errors import AuthError, DeclarationError, OutputInvalid
from graphflow.models import Request
from graphflow.patterns import Adaptive, Decision, Move
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import answering, in_turn, instructions, prompt

READS = "{request}|{task:40000}\nSo far:\n{so_far:40000}"
SAID: dict[str, Any] = {"search": "found", "count": "42"}


def work(worker: str, task: str, answer: str = "") -> dict[str, str]:
    return {"worker": worker, "task": task, "answer": answer}


def done(answer: str) -> dict[str, str]:
    return {"worker": "done", "answer": answer}


def office(**options: Any) -> Graph[Adaptive]:
    workers = {name: Agent(name, name, prompt=READS, retry=None) for name in ("search", "count")}
    lead = Agent("lead", "lead", prompt="{request}\nSo far:\n{so_far:40000}", retry=None, max_turns=3)
    return patterns.adaptive_supervisor(
        supervisor=lead, workers={workers["search"]: "Looks up", workers["count"]: "Counts"}, **options
    )


def run_it(graph: Graph[Adaptive], *decisions: Any, **said: Any) -> tuple[Any, list[str], Any]:
    """The run, who was asked, and the model."""
    model = answering(SAID | {"lead": in_turn(*decisions)} | said)
    run = run_virtual(graph.run(Adaptive(request="how many owls?"), model=model))
    return run, [instructions(request) for request in model.requests], model


def test_it_sees_each_result_before_it_decides_again() -> None:
    run, asked, model = run_it(office(), work("search", "owls"), work("count", "them"), done("42 owls"))
    assert asked == ["lead", "search", "lead", "count", "lead"]
    first, _, second, counting, third = map(prompt, model.requests)
    assert "found" not in first
    assert "found" in second
    assert "found" in counting
    assert "42" in third
    assert (run.state.answer, run.state.outcome) == ("42 owls", "done")
    assert run.state.history == [
        Move(worker="search", task="owls", result="found"), Move(worker="count", task="them", result="42"),
    ]  # fmt: skip


def test_done_at_once_means_no_worker() -> None:
    run, asked, _ = run_it(office(), done("none"))
    assert asked == ["lead"]
    assert (run.state.answer, run.state.outcome, run.state.history) == ("none", "done", [])


@pytest.mark.parametrize("on_repeat", ["ask again", "stop", "allow"])
def test_max_steps_0_is_legal_and_runs_no_worker(on_repeat: Any) -> None:
    """G4: one decision, then an explicit end; the answer as far as it was known is kept."""
    run, asked, _ = run_it(office(max_steps=0, on_repeat=on_repeat), work("search", "owls", "some, I think"))
    assert asked == ["lead"]
    assert (run.status, run.state.outcome, run.state.answer) == ("done", "limit", "some, I think")


@pytest.mark.parametrize("max_steps", [1, 2, 5])
def test_at_the_limit_the_outcome_says_so_and_the_whole_history_and_partial_answer_are_kept(max_steps: int) -> None:
    decisions = [work("search", f"part {n}", "at least 7" if n == 0 else "") for n in range(9)]
    run, asked, _ = run_it(office(max_steps=max_steps), *decisions)
    assert asked.count("search") == max_steps
    assert run.status == "done"
    assert run.state.outcome == "limit"
    assert [move.task for move in run.state.history] == [f"part {n}" for n in range(max_steps)]
    assert run.state.answer == "at least 7"


def test_done_without_an_answer_goes_back_with_the_reason() -> None:
    run, asked, model = run_it(office(), done("  "), done("42"))
    assert asked == ["lead", "lead"]
    assert "done needs the answer" in model.requests[1].messages[-1].text
    assert run.state.answer == "42"


def test_a_worker_without_a_task_goes_back_with_the_reason() -> None:
    _, asked, model = run_it(office(), work("search", ""), done("42"))
    assert asked == ["lead", "lead"]
    assert "search needs a task" in model.requests[1].messages[-1].text


def test_a_worker_that_is_not_there_is_never_started() -> None:
    _, asked, model = run_it(office(), work("wizard", "magic"), done("42"))
    assert asked == ["lead", "lead"]
    assert "'search', 'count' or 'done'" in model.requests[1].messages[-1].text


def test_a_supervisor_that_never_decides_fails_with_a_typed_error() -> None:
    with pytest.raises(RunFailed) as caught:
        run_it(office(), "I am not sure.")
    assert isinstance(caught.value.__cause__, OutputInvalid)


def test_who_repeats_itself_is_told_twice_and_then_stopped() -> None:
    """The default policy: no worker runs twice for the same thing."""
    run, asked, model = run_it(office(), work("search", "owls", "some"))
    assert asked == ["lead", "search", "lead", "lead", "lead"]
    assert "Not done again" in prompt(model.requests[3])
    assert (run.status, run.state.outcome, run.state.answer) == ("done", "repeated", "some")
    assert len(run.state.history) == 1


def test_who_was_told_may_go_on_with_something_else() -> None:
    run, asked, model = run_it(
        office(), work("search", "owls"), work("search", " owls "), work("count", "them"), done("42")
    )
    assert asked == ["lead", "search", "lead", "lead", "count", "lead"]
    assert "Not done again" not in prompt(model.requests[-1])
    assert run.state.outcome == "done"


def test_who_repeats_itself_at_the_limit_is_not_asked_again_in_vain() -> None:
    run, asked, _ = run_it(office(max_steps=1), work("search", "owls"))
    assert asked == ["lead", "search", "lead"]
    assert run.state.outcome == "limit"


def test_the_same_task_for_another_worker_is_no_repetition() -> None:
    _, asked, _ = run_it(office(on_repeat="stop"), work("search", "owls"), work("count", "owls"), done("42"))
    assert asked == ["lead", "search", "lead", "count", "lead"]


def test_a_repetition_may_stop_it_at_once() -> None:
    run, asked, _ = run_it(office(on_repeat="stop"), work("search", "owls"))
    assert asked == ["lead", "search", "lead"]
    assert run.state.outcome == "repeated"


def test_a_repetition_may_be_allowed_within_the_limit() -> None:
    run, asked, _ = run_it(office(on_repeat="allow", max_steps=3), work("search", "owls"))
    assert asked.count("search") == 3
    assert run.state.outcome == "limit"


def test_results_are_cut_where_they_are_read_and_whole_in_the_history() -> None:
    run, _, model = run_it(office(chars=20), work("search", "owls"), done("x"), search="y" * 900)
    assert "y" * 19 + "…" in prompt(model.requests[-1])
    assert "y" * 20 not in prompt(model.requests[-1])
    assert run.state.history[0].result == "y" * 900


DECISIONS = st.lists(
    st.builds(work, st.sampled_from(["search", "count", "done", "wizard", ""]), st.sampled_from(["a", "b", ""]), st.sampled_from(["", "x"]))
    | st.text(max_size=20),
    min_size=1,
    max_size=12,
)  # fmt: skip


@settings(max_examples=40)
@given(DECISIONS, st.integers(0, 4), st.sampled_from(["ask again", "stop", "allow"]))
def test_whatever_a_model_decides_it_ends_within_its_limits(decisions: list[Any], most: int, on_repeat: Any) -> None:
    """G4: one explicit outcome, or a typed error; never more workers than max_steps; done means an answer."""
    graph = office(max_steps=most, on_repeat=on_repeat)
    model = answering(SAID | {"lead": in_turn(*decisions)})
    try:
        run = run_virtual(graph.run(Adaptive(request="how many?"), model=model))
    except RunFailed as failed:
        assert isinstance(failed.__cause__, OutputInvalid)
        run = failed.run
    else:
        assert run.state.outcome in ("done", "limit", "repeated")
        assert run.state.outcome != "done" or run.state.answer.strip()
    assert sum(instructions(request) != "lead" for request in model.requests) == len(run.state.history) <= most


def test_a_function_may_decide_and_is_held_to_the_same() -> None:
    def lead(state: Adaptive) -> Decision:
        return Decision(worker="wizard", task="magic")

    graph = patterns.adaptive_supervisor(supervisor=lead, workers=[Agent("search", "search", prompt=READS)])
    with pytest.raises(RunFailed, match="names a worker 'wizard'"):
        run_virtual(graph.run(Adaptive(request="?"), model=answering(SAID)))


def test_a_resume_repeats_neither_decision_nor_result() -> None:
    graph = office()
    answers = SAID | {"lead": in_turn(work("search", "owls"), work("count", "them")), "count": AuthError("no key")}
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(Adaptive(request="?"), model=answering(answers)))
    model = answering(SAID | {"lead": done("42")})
    run = run_virtual(graph.resume(caught.value.run, model=model))
    assert [instructions(request) for request in model.requests] == ["count", "lead"]
    assert [move.worker for move in run.state.history] == ["search", "count"]


def test_a_worker_called_done_and_an_unknown_policy_are_refused_at_the_line() -> None:
    lead = Agent("lead", "lead", prompt="{request}")
    with pytest.raises(DeclarationError, match="is called 'done'"):
        patterns.adaptive_supervisor(supervisor=lead, workers=[Agent("done", "done", prompt=READS)])
    with pytest.raises(DeclarationError, match="on_repeat='ignore' is unknown"):
        office(on_repeat="ignore")


def test_check_finds_nothing() -> None:
    assert office().check() == []


def test_the_schema_offers_the_workers_and_the_end() -> None:
    _, _, model = run_it(office(), done("42"))
    request: Request = model.requests[0]
    assert '"enum": ["search", "count", "done"]' in json.dumps(request.output_schema)
    assert request.tools == ()
