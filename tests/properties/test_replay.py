"""A run is a fold of its journal: replayed, resumed, copied, read, and deaf to what comes late."""

from __future__ import annotations

from dataclasses import fields as fields_of
from dataclasses import is_dataclass, replace
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphflow.core import reading
from graphflow.core.journal import decode
from graphflow.core.plan import Guard, Plan
from graphflow.core.replay import replay
from graphflow.flow import Graph
from graphflow.graph.ends import END, START
from tests.on_machine import Driven, outcome_of
from tests.properties.laws import (
    LAWS,
    SEEDS,
    SMALL,
    begun,
    duplicate,
    shuffled,
    standing,
    walked,
)
from tests.random_graphs import Broken, Move, Scenario, Style, World, scenarios


def without_code(value: Any, memo: dict[int, Any]) -> Any:
    """A plan in which everything a user wrote raises if it is called."""

    def forbidden(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("A replay runs no user code.")

    if id(value) not in memo:
        if isinstance(value, tuple):
            memo[id(value)] = tuple(without_code(each, memo) for each in value)
        elif isinstance(value, Guard):
            memo[id(value)] = replace(value, test=forbidden)
        elif is_dataclass(value) and not isinstance(value, type) and type(value).__module__ == Plan.__module__:
            changes = {
                each.name: without_code(getattr(value, each.name), memo) for each in fields_of(value) if each.init
            }
            for name in ("call", "items", "question"):
                if changes.get(name) is not None:
                    changes[name] = forbidden
            if "inward" in changes:  # a sub-graph
                inner: Any = value.plan  # type: ignore[attr-defined]
                changes["plan"] = lambda: without_code(inner(), memo)
            memo[id(value)] = replace(value, **changes)
        else:
            memo[id(value)] = value
    return memo[id(value)]


@LAWS
@given(scenarios(), SEEDS)
def test_a_replay_stands_where_the_run_stood(scenario: Scenario, seed: int) -> None:
    """S15.2: state, path and frontier at any seq are a fold of the journal, which calls no node and no guard."""
    plan = scenario.plan
    driven = begun(plan, scenario)
    seen = walked(driven, shuffled(seed))
    entries = [decode(text) for text in driven.journal]
    silent = without_code(plan, {})
    for stood in seen:
        assert standing(replay(silent, entries, until=stood["seq"])) == stood


def plans_by_node(plan: Plan) -> dict[str, Plan]:
    """Node id -> the plan it is in; names are unique across the graphs of a scenario."""
    found = {node.id: plan for node in plan.nodes}
    for node in plan.nodes:
        if node.graph is not None:
            found = plans_by_node(node.graph.plan()) | found
    return found


@LAWS
@given(scenarios(style=SMALL), SEEDS)
def test_the_journal_reads_as_steps(scenario: Scenario, seed: int) -> None:
    """S8.3, S15.2: an error that climbed shows the edge that was taken where it was caught."""
    plan = scenario.plan
    driven = begun(plan, scenario)
    walked(driven, shuffled(seed))
    entries = [decode(text) for text in driven.journal]
    by_seq, plans = {entry["seq"]: entry for entry in entries}, plans_by_node(plan)
    for step in reading.steps(plan, entries):
        if step.kind == "failed" and step.edge is not None:
            inner = plans[by_seq[step.seq]["level"].rpartition("/")[2].rpartition(":")[0]]
            assert step.to == tuple(inner.nodes[target].name for target in inner.edges[step.edge].targets)


@settings(LAWS, max_examples=50)
@given(scenarios(style=Style(blocks=4, tells_errors_apart=False)), SEEDS)
def test_a_run_resumed_at_any_entry_ends_as_if_nothing_had_happened(scenario: Scenario, seed: int) -> None:
    """S14.2, S15.1: what is owed follows from the journal alone."""
    plan, order = scenario.plan, shuffled(seed)
    driven = begun(plan, scenario)
    walked(driven, order)
    expected = outcome_of(driven)
    assume(expected.status == "done")
    entries = [decode(text) for text in driven.journal]
    for entry in entries[:-1]:
        again = Driven(replay(plan, entries, until=entry["seq"]), scenario.answers)
        again.resume()
        walked(again, order)
        assert (again.machine.status, dict(reading.state_of(again.machine))) == ("done", expected.state)


@LAWS
@given(scenarios(style=SMALL), SEEDS, st.integers(0, 12))
def test_a_copy_is_independent(scenario: Scenario, seed: int, steps: int) -> None:
    """S15.1: what happens to one machine is not seen by its copy, and both come to the same end."""
    order = shuffled(seed)
    driven = begun(scenario.plan, scenario)
    while steps and (calls := driven.calls()):
        steps -= 1
        chosen = order(list(calls))
        driven.finish(chosen, calls[chosen])
    other = duplicate(driven)
    stood = standing(other.machine)
    assert standing(driven.machine) == stood
    walked(driven, order)
    assert standing(other.machine) == stood
    walked(other, order)
    assert standing(other.machine) == standing(driven.machine)
    assert other.journal == driven.journal


def test_a_copy_keeps_what_its_branches_see() -> None:
    """S6.3, S15.1: a branch that has written nothing yet reads its parent's values as they were, in either machine."""
    graph: Graph[World] = Graph("fork", World)
    scenario = Scenario(graph, {})
    scenario.scripts = {"b": (Move("broken", 1),), "saved": (Move("a", 7),)}
    b, saved = (graph.node(scenario.perform, name=name) for name in ("b", "saved"))
    join = graph.point("join")
    graph.fork(START, [b], join=join)
    graph.edge(join, END)
    graph.edge(join, saved, on_error=Broken)
    graph.edge(saved, END)
    driven = begun(scenario.plan, scenario)
    other = duplicate(driven)
    walked(driven, shuffled(0))
    assert reading.state_of(driven.machine).a == 7
    branch = other.machine.find("START:1[0]/b:1")
    assert branch is not None
    assert branch.read()["a"] == 0


@LAWS
@given(scenarios(style=SMALL), SEEDS)
def test_a_late_or_duplicate_result_changes_nothing(scenario: Scenario, seed: int) -> None:
    """S15.5: the machine says so, and stands where it stood."""
    order = shuffled(seed)
    driven = begun(scenario.plan, scenario)
    machine = driven.machine
    late: list[tuple[Any, int]] = []
    while calls := driven.calls():
        chosen = order(list(calls))
        late += [(scope, scope.turn) for scope in driven.running]
        driven.finish(chosen, calls[chosen])
        stood = standing(machine)
        for scope, turn in late:
            if scope.turn != turn or scope.status != "running":
                assert not machine.finish(scope, turn, {"log": "late"})
                assert not machine.fail(scope, turn, ValueError("late"))
        assert standing(machine) == stood
        assert not machine.entries
