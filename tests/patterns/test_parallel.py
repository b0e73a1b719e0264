"""A3, parallel: several workers on one input at the same time, gathered whoever comes first and whoever fails."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from graphflow import Agent, Graph, JoinFailed, RunFailed, fields, patterns
from graphflow.errors import AuthError, DeclarationError
from graphflow.models import OfflineModel
from graphflow.patterns import Contribution, Failure, Parallel, Role
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import answering, instructions, load, orders, prompt

NAMES = ["ant", "bee", "cat"]
CANARY = "canary-88"


def readers(**options: Any) -> Graph[Parallel]:
    agents = [Agent(name, name, prompt="{task}\n{outputs}", retry=None) for name in NAMES]
    return patterns.parallel(workers=agents, **options)


def editor() -> Agent[str]:
    return Agent("editor", "editor", prompt="{outputs}\nMissing: {failed}")


SAID: dict[str, Any] = {name: f"{name} says" for name in NAMES} | {"editor": "one text"}


@pytest.mark.parametrize("delays_s", list(orders(*NAMES)), ids=lambda delays: "-".join(sorted(delays, key=delays.get)))
def test_outputs_stand_in_declared_order_whoever_comes_first(delays_s: dict[str, float]) -> None:
    """S6.4: merged in branch order, never in order of arrival."""
    run = run_virtual(readers().run(Parallel(task="read"), model=answering(SAID, delays_s)))
    assert run.state.outputs == [Contribution(worker=name, text=f"{name} says") for name in NAMES]
    assert run.state.failed == []


@pytest.mark.parametrize("delays_s", list(orders(*NAMES)), ids=lambda delays: "-".join(sorted(delays, key=delays.get)))
def test_all_see_the_same_input_and_none_sees_anothers_output(delays_s: dict[str, float]) -> None:
    """S6.3: a branch sees the state as it was at the fork."""
    model = answering(SAID, delays_s)
    run_virtual(readers().run(Parallel(task="read"), model=model))
    assert {prompt(request) for request in model.requests} == {"read\n"}


@pytest.mark.parametrize("failing", [c for n in range(3) for c in itertools.combinations(NAMES, n)], ids=str)
@pytest.mark.parametrize("delays_s", list(orders(*NAMES)), ids=lambda delays: "-".join(sorted(delays, key=delays.get)))
def test_k_failures_leave_the_other_outputs_and_k_errors(failing: tuple[str, ...], delays_s: dict[str, float]) -> None:
    """S6.7: a failed branch is data; its text reaches no prompt."""
    answers = SAID | {name: AuthError(f"no key {CANARY}") for name in failing}
    model = answering(answers, delays_s)
    run = run_virtual(readers(join=editor()).run(Parallel(task="read"), model=model))
    assert run.status == "done"
    assert [one.worker for one in run.state.outputs] == [name for name in NAMES if name not in failing]
    assert run.state.failed == [Failure(worker=name, error="AuthError") for name in NAMES if name in failing]
    asked = prompt(model.requests[-1])
    assert instructions(model.requests[-1]) == "editor"
    assert all(name in asked for name in failing)
    assert CANARY not in asked


def test_if_all_fail_the_run_fails_and_nothing_is_written_from_nothing() -> None:
    """S8.3: the join lacks what it needs, and its worker is not asked."""
    model = answering({name: AuthError("no key") for name in NAMES})
    with pytest.raises(RunFailed) as caught:
        run_virtual(readers(join=editor()).run(Parallel(task="read"), model=model))
    assert isinstance(caught.value.__cause__, JoinFailed)
    assert "editor" not in [instructions(request) for request in model.requests]


def test_how_many_have_to_succeed_can_be_said() -> None:
    model = answering(SAID | {"bee": AuthError("no key")})
    with pytest.raises(RunFailed) as caught:
        run_virtual(readers(at_least=3).run(Parallel(task="read"), model=model))
    assert isinstance(caught.value.__cause__, JoinFailed)
    every = answering({name: AuthError("no key") for name in NAMES})
    run = run_virtual(readers(at_least=0).run(Parallel(task="read"), model=every))
    assert [one.worker for one in run.state.failed] == NAMES


def test_one_that_hangs_is_named_and_keeps_nobody_waiting() -> None:
    async def timed() -> tuple[Any, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        model = answering(SAID, {"bee": 10_000})
        run = await readers(timeout_s=60).run(Parallel(task="read"), model=model)
        return run, loop.time() - began

    run, seconds = run_virtual(timed())
    assert [one.worker for one in run.state.outputs] == ["ant", "cat"]
    assert run.state.failed == [Failure(worker="bee", error="NodeTimeout")]
    assert seconds == pytest.approx(60, abs=0.1)


def test_nothing_hangs_by_default() -> None:
    run = run_virtual(readers().run(Parallel(task="read"), model=answering(SAID, {"bee": 10_000})))
    assert run.state.failed[0].error == "NodeTimeout"


def test_it_takes_as_long_as_the_slowest_not_as_all_together() -> None:
    async def timed() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await readers().run(Parallel(task="read"), model=answering(SAID, {"ant": 30, "bee": 50, "cat": 40}))
        return loop.time() - began

    assert run_virtual(timed()) == pytest.approx(50, abs=0.1)


def test_no_more_than_at_once_run_at_a_time() -> None:
    running, most = 0, 0

    async def work(state: Parallel) -> str:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(1)
        running -= 1
        return "done"

    def named(name: str) -> Any:
        async def one(state: Parallel) -> str:
            return await work(state)

        one.__name__ = name
        return one

    graph = patterns.parallel(workers=[named(f"w{n}") for n in range(6)], at_once=2)
    run = run_virtual(graph.run(Parallel(task="read")))
    assert (len(run.state.outputs), most) == (6, 2)


def test_two_that_write_one_field_are_found_before_anything_runs() -> None:
    """S6.5: without a reducer one of them would be lost."""
    state = fields(Parallel)
    workers = {Agent(name, name, prompt="{task}"): Role(writes=state.answer) for name in ("ant", "bee")}
    assert "GF174" in [finding.code for finding in patterns.parallel(workers=workers).check()]


def test_two_workers_of_one_name_are_refused_at_the_line() -> None:
    twice = [Agent("ant", "one", prompt="{task}"), Agent("ant", "two", prompt="{task}")]
    with pytest.raises(DeclarationError, match="Two workers of the parallel are called 'ant'"):
        patterns.parallel(workers=twice)


def test_the_ready_graph_reads_a_text_offline() -> None:
    ready = load("parallel")
    text = (Path(ready.__file__).parent / "texts" / "market.txt").read_text(encoding="utf-8")
    run = run_virtual(ready.graph.run(Parallel(task=text), model=OfflineModel()))
    assert [one.worker for one in run.state.outputs] == ["cost", "safety", "use"]
    assert "165 dollars" in run.state.outputs[0].text
    assert "165 dollars" in run.state.answer
    assert list(ready.graph.check()) == []
