"""The machine does what the rules say, on random graphs, whoever finishes first."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphflow.core import reading
from graphflow.core.journal import decode
from graphflow.core.plan import Retry
from graphflow.flow import Graph
from graphflow.graph.check import check
from graphflow.graph.ends import END, START
from tests.execution import WAITING, Call, Outcome
from tests.on_machine import Driven, on_machine, outcome_of
from tests.properties.laws import (
    CONFLUENT,
    LAWS,
    SEEDS,
    SMALL,
    assert_equal,
    begun,
    duplicate,
    shuffled,
    walked,
)
from tests.random_graphs import Move, Scenario, Style, World, scenarios
from tests.reference import interpret


@LAWS
@given(scenarios())
def test_random_graphs_are_valid(scenario: Scenario) -> None:
    """S1.2: ``check`` finds no error in what the other laws run."""
    assert [str(finding) for finding in check(scenario.plan) if finding.severity == "error"] == []


@LAWS
@given(scenarios(), SEEDS)
def test_the_machine_does_what_the_rules_say(scenario: Scenario, seed: int) -> None:
    """S2 to S12: status, state, steps, failure and open questions are those of the reference, in any order."""
    plan, order = scenario.plan, shuffled(seed)
    expected = interpret(plan, scenario.start, scenario.answers, order)
    assert_equal(on_machine(plan, scenario.start, scenario.answers, order), expected)


@LAWS
@given(scenarios(style=Style(blocks=4, is_fork=True)), SEEDS)
def test_forks_do_what_the_rules_say(scenario: Scenario, seed: int) -> None:
    """S6: the same of forks and maps, with failures, needs, loops and forks in their branches."""
    plan, order = scenario.plan, shuffled(seed)
    expected = interpret(plan, scenario.start, scenario.answers, order)
    assert_equal(on_machine(plan, scenario.start, scenario.answers, order), expected)


@LAWS
@given(scenarios(), SEEDS, st.sets(st.integers(0, 20)))
def test_unanswered_questions_leave_the_run_waiting(scenario: Scenario, seed: int, silent: set[int]) -> None:
    """S10.1, S10.2: everything else goes on; what is open is the same."""

    def answers(call: Call) -> Any:
        is_silent = call.node.kind == "ask" and zlib.crc32(call.cursor.encode()) % 21 in silent
        return WAITING if is_silent else scenario.answers(call)

    plan, order = scenario.plan, shuffled(seed)
    expected = interpret(plan, scenario.start, answers, order)
    assert_equal(on_machine(plan, scenario.start, answers, order), expected)


@LAWS
@given(scenarios(style=SMALL), SEEDS)
def test_the_frontier_is_where_the_run_stands(scenario: Scenario, seed: int) -> None:
    """S2.1, S2.2, S2.4: all live cursors, one in each scope; whatever is ready runs; at the end none is left (S6.8)."""
    order = shuffled(seed)
    driven = begun(scenario.plan, scenario)
    while calls := driven.calls():
        cursors = reading.frontier(driven.machine)
        assert sorted(cursors) == sorted(call.cursor for call in calls)
        assert len({cursor.rpartition("/")[0] for cursor in cursors}) == len(cursors)
        chosen = order(list(calls))
        driven.finish(chosen, calls[chosen])
    assert driven.machine.status == "failed" or not reading.frontier(driven.machine)


@LAWS
@given(scenarios(style=CONFLUENT), SEEDS, SEEDS)
def test_the_order_of_completion_does_not_matter(scenario: Scenario, one: int, other: int) -> None:
    """S15.4, S6.4: two runs with the same answers are equal, and so are their paths, ordered by scope."""
    first, second = begun(scenario.plan, scenario), begun(scenario.plan, scenario)
    walked(first, shuffled(one))
    walked(second, shuffled(other))
    assert_equal(outcome_of(first), outcome_of(second))
    assert reading.path(map(decode, first.journal)) == reading.path(map(decode, second.journal))


def every_run(driven: Driven) -> Iterator[Outcome]:
    """The outcome of every order in which calls can finish from here."""
    calls = driven.calls()
    if not calls:
        yield outcome_of(driven)
    for call in calls:
        other = duplicate(driven)
        scope = other.machine.find(call.cursor)
        assert scope is not None
        other.finish(call, scope)
        yield from every_run(other)


@settings(LAWS, max_examples=30)
@given(scenarios(style=Style(blocks=3, is_confluent=True, is_fork=True, has_questions=False)))
def test_every_completion_order_gives_an_equal_run(scenario: Scenario) -> None:
    """S15.4: exhaustively, for forks small enough."""
    plan = scenario.plan
    expected = interpret(plan, scenario.start, scenario.answers, shuffled(0))
    for count, outcome in enumerate(every_run(begun(plan, scenario))):
        assume(count < 500)
        assert_equal(outcome, expected)


def test_every_completion_order_of_four_branches_gives_an_equal_run() -> None:
    """S15.4: exhaustively, with a retry, a loop, a choice and a collected failure inside; and S6.4, S8.1, S4.5."""
    graph: Graph[World] = Graph("four", World)
    scenario = Scenario(graph, {"a": 3})
    moves = {"start": "look", "tries": "flaky", "loop": "count", "again": "look", "plain": "collect", "bad": "broken"}
    moves["join"] = "branches"
    scenario.scripts.update((name, (Move(move, 2),)) for name, move in moves.items())
    scenario.scripts["tries"] = (Move("flaky", 1), Move("look", 1))
    node = {name: graph.node(scenario.perform, name=name) for name in scenario.scripts if name != "tries"}
    tries = graph.node(scenario.perform, name="tries", retry=Retry(attempts=2))
    graph.edge(START, node["start"])
    branches = [tries, node["loop"], node["plain"], node["bad"]]
    graph.fork(node["start"], branches, join=node["join"], failures="collect")
    graph.edge(node["loop"], node["again"])
    graph.edge(node["again"], node["loop"], at_most=1)
    graph.edge(node["again"], node["join"])
    graph.edge(node["join"], END)
    expected = interpret(scenario.plan, scenario.start, scenario.answers, shuffled(0))
    outcomes = list(every_run(begun(scenario.plan, scenario)))
    assert len(outcomes) == 840  # 8 calls in 4 branches: 8! / (2! 4!)
    for outcome in outcomes:
        assert_equal(outcome, expected)
