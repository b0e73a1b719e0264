"""B2, supervisor: the whole plan first, valid before anybody works; then the workers in its order; then the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, RunFailed, patterns
from graphflow.agents.json_types import JsonType, ReadingFailed
from graphflow.errors import AuthError, DeclarationError, OutputInvalid
from graphflow.models import ScriptedModel
from graphflow.patterns import Step, Supervised
from graphflow.patterns.supervisor import _plan_type  # pyright: ignore[reportPrivateUsage]
from graphflow.patterns.workers import members_of
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import answering, in_turn, instructions, prompt

READS = "{task:40000}\nSo far:\n{so_far:40000}"


def look(city: str) -> str:
    """A tool that only workers have."""
    return city


def team(**options: Any) -> Graph[Supervised]:
    workers = {
        Agent("chemist", "chemist", prompt=READS, tools=[look], retry=None): "Materials",
        Agent("economist", "economist", prompt=READS, retry=None): "Prices",
    }
    planner = Agent("lead", "lead", prompt="{request}", retry=None, max_turns=3)
    editor = Agent("editor", "editor", prompt="{request}\nFound:\n{so_far:40000}")
    return patterns.supervisor(planner=planner, workers=workers, synthesiser=editor, **options)


def steps(*workers: str) -> list[dict[str, str]]:
    return [{"worker": worker, "task": f"task {number}"} for number, worker in enumerate(workers, 1)]


SAID: dict[str, Any] = {"chemist": "iron", "economist": "cheap", "editor": "cheap iron"}


@pytest.mark.parametrize(
    "order", [("chemist",), ("economist", "chemist"), ("chemist", "chemist", "economist", "chemist")], ids=str
)
def test_the_workers_run_in_plan_order_once_for_each_step(order: tuple[str, ...]) -> None:
    model = answering(SAID | {"lead": steps(*order)})
    run = run_virtual(team().run(Supervised(request="what of?"), model=model))
    assert [instructions(request) for request in model.requests] == ["lead", *order, "editor"]
    assert run.state.results == [SAID[name] for name in order]
    assert run.state.plan == [Step(worker=name, task=f"task {number}") for number, name in enumerate(order, 1)]
    assert run.state.answer == "cheap iron"


def test_worker_k_sees_its_task_and_the_results_before_k_and_the_synthesiser_all_of_them() -> None:
    model = answering(SAID | {"lead": steps("chemist", "economist")})
    run_virtual(team().run(Supervised(request="what of?"), model=model))
    _, first, second, last = map(prompt, model.requests)
    assert first == "task 1\nSo far:\n"
    assert "task 2" in second
    assert "iron" in second
    assert "cheap" not in second
    assert "iron" in last
    assert "cheap" in last


def test_results_are_cut_for_workers_and_for_the_synthesis_and_whole_in_the_state() -> None:
    """B1b: with 20 characters for each; the originals stay."""
    model = answering(
        {"lead": steps("chemist", "economist"), "chemist": "x" * 5_000, "economist": "short", "editor": "e"}
    )
    run = run_virtual(team(chars=20).run(Supervised(request="what of?"), model=model))
    for request in model.requests[2:]:
        assert "x" * 19 + "…" in prompt(request)
        assert "x" * 20 not in prompt(request)
    assert "short" in prompt(model.requests[-1])
    assert run.state.results == ["x" * 5_000, "short"]


def test_the_planner_has_no_worker_tools() -> None:
    """R5: it is shown no tool at all; only the worker that owns one is."""
    model = answering(SAID | {"lead": steps("chemist", "economist")})
    run_virtual(team().run(Supervised(request="what of?"), model=model))
    assert [[tool.name for tool in request.tools] for request in model.requests] == [[], ["look"], [], []]


def test_a_planner_with_tools_is_refused_at_the_line() -> None:
    worker = Agent("chemist", "chemist", prompt=READS)
    planner = Agent("lead", "lead", prompt="{request}", tools=[look])
    with pytest.raises(DeclarationError, match="has tools of its own: look") as caught:
        patterns.supervisor(planner=planner, workers=[worker], synthesiser=worker)
    assert caught.value.where[0].file == __file__


def test_the_planner_is_told_whom_it_may_name_and_what_they_are_for() -> None:
    model = answering(SAID | {"lead": steps("chemist")})
    run_virtual(team().run(Supervised(request="what of?"), model=model))
    schema = json.dumps(model.requests[0].output_schema)
    assert '"enum": ["chemist", "economist"]' in schema
    assert "chemist: Materials; economist: Prices" in schema


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (steps("chemist", "wizard"), "'chemist' or 'economist'"),
        ([{"worker": "chemist"}], "task"),
        ([{"worker": "chemist", "task": ""}], "at least 1 character"),
        ([], "at least 1 item"),
        (steps(*["chemist"] * 11), "at most 10 items"),
        ("I would ask the chemist.", "Input should be a valid list"),
        ("", "empty"),
    ],
    ids=["unknown worker last", "no task", "empty task", "empty plan", "too long", "prose", "nothing"],
)
def test_a_plan_that_is_not_valid_as_a_whole_goes_back_with_the_reason_before_anybody_works(
    bad: Any, reason: str
) -> None:
    model = answering(SAID | {"lead": in_turn(bad, steps("economist"))})
    run = run_virtual(team().run(Supervised(request="what of?"), model=model))
    assert [instructions(request) for request in model.requests] == ["lead", "lead", "economist", "editor"]
    assert reason in model.requests[1].messages[-1].text
    assert run.status == "done"


def test_a_planner_that_never_makes_a_valid_plan_costs_its_turns_and_nothing_else() -> None:
    model = answering(SAID | {"lead": steps("wizard")})
    with pytest.raises(RunFailed) as caught:
        run_virtual(team().run(Supervised(request="what of?"), model=model))
    assert isinstance(caught.value.__cause__, OutputInvalid)
    assert [instructions(request) for request in model.requests] == ["lead"] * 3


FENCED = json.dumps(steps("chemist"))
SHAPES = [
    FENCED,
    f"```json\n{FENCED}\n```",
    f"```\n{FENCED}\n```",
    f"~~~json\n{FENCED}\n~~~",
    f"Here is the plan:\n{FENCED}\nAnything else?",
    f"Sure!\n```json\n{FENCED}\n```\nShall I begin?",
    f"<think>[maybe] the economist?</think>{FENCED}",
    f'{{"value": {FENCED}}}',
    json.dumps(json.dumps(steps("chemist"))),
    str(steps("chemist")),
    FENCED.replace("}]", "},]"),
    "\ufeff" + FENCED + "\n\n",
    f"Example: [1]\n\n{FENCED}",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_plan_is_found_in_every_shape_in_which_models_write_json(shape: str) -> None:
    """B2: thirteen real shapes; a parser by hand got four of them."""
    with ScriptedModel([shape, "iron", "answer"]) as model:
        run = run_virtual(team().run(Supervised(request="what of?"), model=model))
    assert run.state.plan == [Step(worker="chemist", task="task 1")]


def plan_type() -> JsonType:
    workers = [Agent("chemist", "chemist", prompt=READS), Agent("economist", "economist", prompt=READS)]
    return JsonType(_plan_type(members_of(workers, pattern="supervisor"), 10))


PLAN = plan_type()
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.sampled_from(["worker", "task", "value", "x"]), one))  # fmt: skip
HOSTILE = st.text() | JSON.map(json.dumps) | st.sampled_from(SHAPES).flatmap(
    lambda shape: st.tuples(st.text(max_size=5), st.integers(0, len(shape)), st.text(max_size=5)).map(
        lambda parts: parts[0] + shape[: parts[1]] + parts[2]
    )
)  # fmt: skip


@given(HOSTILE)
def test_extraction_is_total_a_plan_or_a_typed_error_for_every_string(text: str) -> None:
    try:
        plan = PLAN.read_text(text)
    except ReadingFailed:
        return
    assert 1 <= len(plan) <= 10
    assert {step.worker for step in plan} <= {"chemist", "economist"}
    assert all(step.task for step in plan)


def test_a_function_may_plan_and_its_plan_is_checked_as_a_whole_too() -> None:
    def lead(state: Supervised) -> list[Step]:
        return [Step(worker="chemist", task=state.request), Step(worker="wizard", task="magic")]

    worker = Agent("chemist", "chemist", prompt=READS)
    graph = patterns.supervisor(planner=lead, workers=[worker], synthesiser=worker)
    model = answering(SAID)
    with pytest.raises(RunFailed, match="names a worker 'wizard'"):
        run_virtual(graph.run(Supervised(request="what of?"), model=model))
    assert model.requests == []


def test_max_steps_0_is_legal_and_asks_no_worker() -> None:
    model = answering(SAID | {"lead": []})
    run = run_virtual(team(max_steps=0).run(Supervised(request="what of?"), model=model))
    assert [instructions(request) for request in model.requests] == ["lead", "editor"]
    assert run.status == "done"


def test_a_resume_repeats_no_step_that_is_done() -> None:
    answers = SAID | {"lead": steps("chemist", "economist"), "economist": AuthError("no key")}
    with pytest.raises(RunFailed) as caught:
        run_virtual(team().run(Supervised(request="what of?"), model=answering(answers)))
    model = answering(answers | {"economist": "cheap"})
    run = run_virtual(team().resume(caught.value.run, model=model))
    assert [instructions(request) for request in model.requests] == ["economist", "editor"]
    assert run.state.results == ["iron", "cheap"]


def test_graphs_are_workers_too() -> None:
    """S12.1: a graph over the same state appends its result itself."""
    inner: Graph[Supervised] = Graph("chemist", Supervised)

    @inner.node(writes="results")
    def analyse(state: Supervised) -> str:
        return f"iron for {state.task}"

    inner.chain(START, analyse, END)
    editor = Agent("editor", "editor", prompt="{so_far}")
    graph = patterns.supervisor(planner=Agent("lead", "lead", prompt="{request}"), workers=[inner], synthesiser=editor)
    run = run_virtual(graph.run(Supervised(request="what of?"), model=answering(SAID | {"lead": steps("chemist")})))
    assert run.state.results == ["iron for task 1"]


def test_a_state_without_the_fields_is_refused_at_the_line() -> None:
    class Desk(BaseModel):
        request: str

    worker = Agent("chemist", "chemist", prompt="{request}")
    with pytest.raises(DeclarationError, match="Desk has no 'plan'") as caught:
        patterns.supervisor(planner=worker, workers=[worker], synthesiser=worker, state=Desk)
    assert caught.value.where[0].file == __file__


def test_the_drawing_holds_what_runs_and_check_finds_nothing() -> None:
    graph = team()
    assert graph.check() == []
    plan = graph.plan()
    assert [node.name for node in plan.nodes if node.kind in ("agent", "function")] == [
        "plan", "dispatch", "chemist", "economist", "synthesise",
    ]  # fmt: skip
    assert {node.place.file for node in plan.nodes if node.kind in ("agent", "function") and node.place} == {__file__}
