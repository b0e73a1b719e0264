"""Why this edge: every condition with the values it saw and the winner, as the machine decided (S4.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from graphflow import END, START, Graph
from graphflow.core import deciding
from graphflow.core.journal import decode
from graphflow.core.machine import Machine
from graphflow.core.plan import Edge, Guard, Plan
from graphflow.core.reasons import Reason, reasons
from graphflow.errors import RunError
from tests.on_machine import Driven
from tests.properties.laws import LAWS, SEEDS, shuffled, walked
from tests.random_graphs import Scenario, scenarios
from tests.views.runs import Trip, asking, looping, no_work, run_of, trip


@LAWS
@given(scenarios(), SEEDS)
def test_what_is_told_is_what_the_machine_asked(scenario: Scenario, seed: int) -> None:
    """S4.2, S5.1: asked again, each condition answers what it answered when the machine chose, for every step."""
    plan, asked = scenario.plan, _Listening()
    driven = Driven(Machine(plan), scenario.answers)
    with asked:
        driven.machine.start(scenario.start)
        driven.drain()
        walked(driven, shuffled(seed))
    journal = [decode(text) for text in driven.journal]
    chosen = [entry for entry in journal if "edge" in entry and entry["kind"] in ("finished", "answered", "left")]
    found = reasons({plan.fingerprint: plan}, journal, {entry["seq"] for entry in chosen})
    told: dict[tuple[str, int], set[tuple[bool, str]]] = {}
    for entry in chosen:
        for one in found[entry["seq"]]:
            if one.outcome in ("its condition did not hold", "its limit was used up") and one.condition:
                holds = one.outcome == "its limit was used up"
                told.setdefault((one.condition, one.edge), set()).add((holds, one.values))
    for key, answers in told.items():
        assert answers <= asked.heard[key]
    for entry in chosen:
        _assert_in_order(found[entry["seq"]], entry["edge"])


def _assert_in_order(considered: tuple[Reason, ...], taken: int) -> None:
    """What was passed over comes first, then the winner, then what was not tried."""
    place = [one.edge for one in considered].index(taken)
    assert considered[place].outcome == "taken"
    assert all(one.outcome in ("its condition did not hold", "its limit was used up") for one in considered[:place])
    assert {one.outcome for one in considered[place + 1 :]} <= {"was not tried"}


class _Listening:
    """Hears every condition that the machine asks, what it saw and what it answered."""

    def __init__(self) -> None:
        self.heard: dict[tuple[str, int], set[tuple[bool, str]]] = {}
        self.holds = deciding.holds

    def __enter__(self) -> None:
        deciding.holds = self._hear

    def __exit__(self, *raised: object) -> None:
        deciding.holds = self.holds

    def _hear(self, guard: Guard, scope: Any, edge: Edge) -> bool:
        answer = self.holds(guard, scope, edge)
        self.heard.setdefault((guard.label, edge.index), set()).add((answer, deciding.seen(guard, scope)))
        return answer


def told(graph: Graph[Trip], seq: int, **values: Any) -> list[str]:
    run = run_of(graph, **values)
    return list(map(str, reasons(run.plans, run.journal, {seq})[seq]))


def test_a_condition_a_limit_and_what_comes_behind() -> None:
    """S4.2, S4.5."""
    assert told(looping(), 3) == [
        "-> END  needs score >= 3  (is score=1)  its condition did not hold",
        "-> count  taken",
        "-> FAIL: too often  was not tried",
    ]
    graph = looping()
    assert told(graph, 8, score=-9)[:2] == [
        "-> END  needs score >= 3  (is score=-3)  its condition did not hold",
        "-> count  its limit was used up",
    ]


def test_a_run_that_is_not_wanted_costs_nothing_and_entries_without_edge_are_left_out() -> None:
    run = run_of(asking())
    assert reasons(run.plans, run.journal, ()) == {}
    assert reasons(run.plans, run.journal, {1, 999}) == {}


def test_a_plan_out_of_a_store_tells_what_it_can() -> None:
    """S4.2, S15.2: a condition is gone with the code, but one that held would have been taken while it had room."""
    graph = Graph("opaque", Trip)
    node = graph.node(no_work, name="node")
    graph.edge(START, node)
    graph.edge(node, END, when=lambda view: view.score > 3)
    graph.edge(node, END)
    run = run_of(graph)
    plan = run.plan
    forgotten = _without_functions(plan)
    found = reasons({plan.fingerprint: forgotten}, run.journal, {3})[3]
    assert [one.outcome for one in found] == ["its condition did not hold", "taken"]
    assert "score=0" in found[0].values


def test_a_plan_out_of_a_store_knows_which_limits_were_used_up() -> None:
    """S4.5: whatever the condition would say."""
    graph = Graph("limited", Trip)
    node = graph.node(no_work, name="node")
    graph.edge(START, node)
    graph.edge(node, node, when=lambda view: True, at_most=2)
    graph.edge(node, END)
    run = run_of(graph)
    found = reasons({run.plan.fingerprint: _without_functions(run.plan)}, run.journal, {4, 5})
    assert [one.outcome for one in found[4]] == ["taken", "was not tried"]
    assert [one.outcome for one in found[5]] == ["its limit was used up", "taken"]


def _without_functions(plan: Plan) -> Plan:
    def gone(*given: object) -> bool:
        raise LookupError("no functions in a store")

    def bare(edge: Edge) -> Edge:
        return edge if edge.guard is None else replace(edge, guard=replace(edge.guard, test=gone))

    nodes = tuple(replace(node, exits=tuple(map(bare, node.exits))) for node in plan.nodes)
    return replace(plan, nodes=nodes, edges=tuple(map(bare, plan.edges)))


def test_the_values_are_those_of_the_step_not_of_the_end() -> None:
    graph = looping()
    run = run_of(graph)
    seen = [reasons(run.plans, run.journal, {seq})[seq][0].values for seq in (3, 4, 5)]
    assert seen == ["score=1", "score=2", "score=3"]
    assert trip.score is not None


def test_a_run_says_why_it_went_on_as_it_did() -> None:
    """S4.2: the edges considered at an entry, in a line each; an entry that took none has nothing to tell."""
    run = run_of(looping())
    choices = {step.seq: [str(reason) for reason in run.why(step.seq)] for step in run.steps if step.node == "count"}
    assert list(choices.values())[-1] == [
        "-> END  needs score >= 3  (is score=3)  taken",
        "-> count  was not tried",
        "-> FAIL: too often  was not tried",
    ]
    assert all(reasons[1].endswith("taken") for reasons in list(choices.values())[:-1])
    assert run.why(1) == ()
    for wrong in (0, run.seq + 1):
        with pytest.raises(RunError, match="has no entry"):
            run.why(wrong)
