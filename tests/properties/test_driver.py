"""The driver does what the rules say: real asyncio on a virtual clock, on random graphs."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest
from hypothesis import given

from graphflow.errors import RunFailed
from graphflow.flow import Graph
from graphflow.graph.answers import Answer
from graphflow.graph.ends import END, START
from graphflow.testing.virtual import run_virtual
from tests.execution import Call, Outcome
from tests.on_machine import steps_of
from tests.properties.laws import (
    CONFLUENT,
    LAWS,
    SEEDS,
    assert_equal,
    shown,
    shuffled,
)
from tests.random_graphs import Broken, Move, Scenario, Style, World, scenarios
from tests.reference import interpret


def driven_by_asyncio(scenario: Scenario, seed: int) -> Outcome:
    """Run the graph itself on a virtual clock, every call taking its own time, and answer what it asks."""
    scenario.pace = lambda call: zlib.crc32(f"{seed} {call.cursor} {call.attempt}".encode()) / 2**30
    graph, work = scenario.graph, scenario.graph.run(scenario.start)
    while True:
        try:
            run = run_virtual(work)
        except RunFailed as failure:
            run = failure.run
        if run.status != "waiting":
            break
        amounts = {question.id: scenario.scripts[question.node][0].amount for question in run.questions}
        work = graph.resume(run, answers=[Answer(*answer) for answer in amounts.items()])
    journal = [(text, run.plan) for text in run.raw_journal]
    return Outcome(run.status, dict(run.state), steps_of(journal), run.error, [])


@LAWS
@given(scenarios(style=CONFLUENT), SEEDS)
def test_the_driver_does_what_the_rules_say(scenario: Scenario, seed: int) -> None:
    """S2.4, S14.1, S15.4: real asyncio, on a virtual clock, with every call taking its own time."""
    expected = interpret(scenario.plan, scenario.start, scenario.answers, shuffled(seed))
    assert_equal(driven_by_asyncio(scenario, seed), expected)


class Timed:
    """An order in which every call takes as many seconds as ``pace`` says, from the moment it started."""

    def __init__(self, pace: Callable[[Call], float]) -> None:
        self.pace = pace
        self.now = 0.0
        self.due: dict[Call, float] = {}

    def __call__(self, calls: list[Call]) -> Call:
        for call in calls:
            if call not in self.due:
                self.due[call] = self.now + self.pace(call)
        chosen = min(calls, key=lambda call: self.due[call])
        self.now = self.due[chosen]
        return chosen


@LAWS
@given(scenarios(style=Style(has_questions=False, has_retries=False)), SEEDS)
def test_the_driver_does_what_the_rules_say_where_time_decides(scenario: Scenario, seed: int) -> None:
    """S6.6, S6.7, S15.4: joins fire, and forks are stopped, at the same moment as in the reference."""
    run = driven_by_asyncio(scenario, seed)
    expected = interpret(scenario.plan, scenario.start, scenario.answers, Timed(scenario.pace))
    assert (run.status, run.state, type(run.error)) == (expected.status, expected.state, type(expected.error))
    steps, others = ({(s.cursor, shown(s.update), s.edge) for s in each.steps} for each in (run, expected))
    assert others <= steps  # the run's journal also holds the steps of cancelled branches


def test_an_error_that_left_a_sub_graph_can_be_read() -> None:
    """S8.3, S14.1: the run's steps and failures show the edge taken outside it."""
    inner: Graph[World] = Graph("inner", World)
    graph: Graph[World] = Graph("outer", World)
    scenario = Scenario(graph, {})
    scenario.scripts = {"x": (Move("broken", 1),), "saved": (Move("flaky", 1),)}
    inner.chain(START, inner.node(scenario.perform, name="x"), END)
    sub, saved = graph.node(inner, name="sub"), graph.node(scenario.perform, name="saved")
    graph.edge(START, sub)
    graph.edge(sub, END)
    graph.edge(sub, saved, on_error=Broken)
    graph.edge(saved, END)
    with pytest.raises(RunFailed) as failed:
        run_virtual(graph.run({}))
    run = failed.value.run
    assert [step.to for step in run.steps if step.cursor == "sub:1/x:1"] == [("saved",)]
    assert [failure.cursor for failure in run.failures] == ["sub:1/x:1", "saved:1"]
