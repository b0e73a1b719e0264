"""A2, stages: one worker after the other, in an order that the state holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphflow import Agent, Graph, Run, RunFailed, patterns
from graphflow.errors import AuthError, DeclarationError, InputInvalid
from graphflow.models import OfflineModel, ScriptedModel
from graphflow.patterns import Stages
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import answering, in_turn, instructions, load

NAMES = ["wash", "dry", "iron", "fold"]


def laundry() -> Graph[Stages]:
    return patterns.stages(workers=[Agent(name, name, prompt="{task}\n{work:40000}", retry=None) for name in NAMES])


def said() -> ScriptedModel:
    return answering({name: f"{name} done" for name in NAMES})


def visited(run: Run[Stages]) -> list[str]:
    """The stages in the order in which they worked."""
    names = [cursor.partition(":")[0] for cursor in run.path]
    return [name for name in names if name != "next stage"]


def launder(order: list[str], **state: Any) -> tuple[Run[Stages], ScriptedModel]:
    model = said()
    return run_virtual(laundry().run(Stages(task="shirts", stages=order, **state), model=model)), model


@given(st.permutations(NAMES), st.integers(0, len(NAMES)))
def test_the_stages_of_the_list_work_in_its_order_each_once(names: list[str], count: int) -> None:
    """Permuting the list permutes the visits; nothing hands to itself."""
    order = names[:count]
    run, model = launder(order)
    assert visited(run) == order == [instructions(request) for request in model.requests]
    assert [one.worker for one in run.state.work] == order
    assert (run.status, run.state.current_stage, run.state.stage) == ("done", len(order), "")


def test_an_empty_list_ends_at_once() -> None:
    run, model = launder([])
    assert (run.status, model.requests, run.path) == ("done", [], ("next stage:1",))


def test_a_stage_that_stands_there_twice_works_twice() -> None:
    run, _ = launder(["wash", "dry", "wash"])
    assert visited(run) == ["wash", "dry", "wash"]


def test_each_stage_sees_what_those_before_it_said() -> None:
    _, model = launder(["iron", "wash"])
    assert "iron done" not in model.requests[0].messages[-1].text
    assert "iron done" in model.requests[1].messages[-1].text


@given(st.permutations(NAMES), st.integers(0, len(NAMES)), st.text(max_size=6).filter(lambda name: name not in NAMES))
def test_an_unknown_stage_is_a_typed_error_before_any_call(names: list[str], place: int, unknown: str) -> None:
    """The whole order is looked at first, so nothing is spent on its beginning."""
    model = said()
    with pytest.raises(RunFailed) as caught:
        order = [*names[:place], unknown, *names[place:]]
        run_virtual(laundry().run(Stages(task="shirts", stages=order), model=model))
    error = caught.value.__cause__
    assert isinstance(error, InputInvalid)
    assert f"stages[{place}]" in error.why
    assert model.requests == []


def test_the_error_of_an_unknown_stage_names_the_nearest_one() -> None:
    with pytest.raises(RunFailed, match="Did you mean 'wash'"):
        launder(["wahs"])


@pytest.mark.parametrize("failing", NAMES)
def test_a_resume_at_a_stage_runs_only_the_rest(failing: str) -> None:
    """S14.3: what is done is not done again."""
    answers: dict[str, Any] = {name: f"{name} done" for name in NAMES}
    model = answering(answers | {failing: in_turn(AuthError("no key"), f"{failing} done")})
    with pytest.raises(RunFailed) as caught:
        run_virtual(laundry().run(Stages(task="shirts", stages=NAMES), model=model))
    place = NAMES.index(failing)
    assert caught.value.run.state.current_stage == place
    model.requests.clear()
    run = run_virtual(laundry().resume(caught.value.run, model=model))
    assert [instructions(request) for request in model.requests] == NAMES[place:]
    assert [one.text for one in run.state.work] == [f"{name} done" for name in NAMES]


@given(st.integers(0, len(NAMES)))
def test_a_run_may_begin_at_any_stage(current: int) -> None:
    run, _ = launder(NAMES, current_stage=current)
    assert visited(run) == NAMES[current:]


def test_a_stage_number_beyond_the_list_is_an_error_and_no_early_end() -> None:
    with pytest.raises(RunFailed, match="There is no stage number 3"):
        launder(["wash", "dry"], current_stage=3)


def test_choosing_an_edge_changes_nothing() -> None:
    """S5.1: counting is a step of its own; the stages themselves leave the count alone."""
    run, _ = launder(NAMES)
    counts = [run.at(entry["seq"]).state.current_stage for entry in run.journal if entry.get("at") == "wash:1"]
    assert set(counts) == {0}


def test_a_state_of_the_user_says_where_results_go() -> None:
    class Letter(Stages):
        subject: str = ""

    def name_it(state: Letter) -> str:
        return state.task.upper()

    graph = patterns.stages(workers={name_it: patterns.Role(writes="subject")}, state=Letter)
    run = run_virtual(graph.run(Letter(task="hello", stages=["name_it"])))
    assert (run.state.subject, run.state.work) == ("HELLO", [])


def test_check_finds_nothing_and_workers_must_be_some() -> None:
    assert list(laundry().check()) == []
    with pytest.raises(DeclarationError, match="workers= is empty"):
        patterns.stages(workers=[])


def test_the_ready_graph_takes_its_order_from_the_input() -> None:
    ready = load("stages")
    text = "Owls hunt at night. An owl weighs 2 kilograms. It hears mice under 30 centimetres of snow."
    for order in (["figures", "headline"], ["headline", "facts", "figures"]):
        run = run_virtual(ready.graph.run(Stages(task=text, stages=order), model=OfflineModel()))
        assert [one.worker for one in run.state.work] == order
        assert all(one.text for one in run.state.work)
    assert list(ready.graph.check()) == []
