"""Guardrails on every edge of random graphs: those that pass change nothing, those that trip leave nothing (S8.4)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given

from graphflow.core.journal import decode
from graphflow.core.plan import Plan, Rail
from graphflow.core.replay import replay
from graphflow.errors import GuardrailTripped
from graphflow.graph.nesting import with_edges
from tests.on_machine import on_machine
from tests.properties.laws import LAWS, SEEDS, assert_equal, begun, shuffled, standing, walked
from tests.random_graphs import Scenario, World, scenarios
from tests.reference import interpret

GUARDED = ("edge", "fork", "map", "handoff")


def guarded(plan: Plan, ask: Callable[[Any], object]) -> Plan:
    """The plan with a guardrail on every edge that may have one, and on every graph in it, before and after."""
    made: dict[int, Plan] = {}
    rails = tuple(Rail("g", on, ask) for on in ("input", "output"))

    def of(plan: Plan) -> Plan:
        if id(plan) not in made:
            asks = {node.index for node in plan.nodes if node.kind == "ask"}  # there the giver of an answer is told
            edges = tuple(
                replace(edge, guardrails=rails[1:]) if edge.kind in GUARDED and edge.source not in asks else edge
                for edge in plan.edges
            )
            nodes = [
                node
                if node.graph is None
                else replace(node, guardrails=rails, graph=replace(node.graph, plan=lambda g=node.graph: of(g.plan())))
                for node in plan.nodes
            ]
            made[id(plan)] = replace(plan, edges=edges, nodes=with_edges(nodes, edges, dict(plan.regions)))
        return made[id(plan)]

    return of(plan)


@LAWS
@given(scenarios(), SEEDS)
def test_those_that_pass_change_nothing(scenario: Scenario, seed: int) -> None:
    """The same steps and state as the rules give without any."""
    order = shuffled(seed)
    expected = interpret(scenario.plan, scenario.start, scenario.answers, order)
    watched = guarded(scenario.plan, lambda view: None)
    assert_equal(on_machine(watched, scenario.start, scenario.answers, order), expected)


@LAWS
@given(scenarios(), SEEDS)
def test_those_that_trip_leave_nothing_and_replay(scenario: Scenario, seed: int) -> None:
    """S3.2, S15.2: no state that was refused is ever seen, and the journal says so without asking again."""
    refused: list[str] = []

    def shown(view: World) -> str:
        return repr(sorted((name, str(getattr(view, name))) for name in World.model_fields))

    def ask(view: World) -> str | None:
        if zlib.crc32(f"{seed} {shown(view)}".encode()) % 5:
            return None
        refused.append(shown(view))
        return "No."

    plan = guarded(scenario.plan, ask)
    driven = begun(plan, scenario)
    seen = walked(driven, shuffled(seed))
    machine = driven.machine
    if machine.status == "failed" and isinstance(machine.error, GuardrailTripped):
        assert refused
    entries = [decode(text) for text in driven.journal]
    asked = len(refused)
    for stood in seen:
        assert standing(replay(plan, entries, until=stood["seq"])) == stood
    assert len(refused) == asked
