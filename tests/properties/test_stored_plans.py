"""A plan kept as data folds a journal as the plan itself does (S15.2, S16)."""

from __future__ import annotations

from hypothesis import given
from pydantic_core import from_json, to_json

from graphflow.core.journal import decode
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.graph.restored import plan_of
from graphflow.graph.stored import data_of
from graphflow.views import draw
from graphflow.views.drawing import Detail
from tests.properties.laws import LAWS, SEEDS, begun, shuffled, standing, walked
from tests.random_graphs import Scenario, scenarios


def through_json(plan: Plan, like: Plan | None) -> Plan:
    return plan_of(from_json(to_json(data_of(plan))), like)


@LAWS
@given(scenarios(), SEEDS)
def test_a_stored_plan_folds_as_the_plan_does(scenario: Scenario, seed: int) -> None:
    """S15.2: where the run stood at every seq, with the types of the graph as it is now."""
    driven = begun(scenario.plan, scenario)
    seen = walked(driven, shuffled(seed))
    entries = [decode(text) for text in driven.journal]
    restored = through_json(scenario.plan, scenario.plan)
    for stood in seen:
        assert standing(replay(restored, entries, until=stood["seq"])) == stood


@LAWS
@given(scenarios(), SEEDS)
def test_without_the_graph_it_still_folds(scenario: Scenario, seed: int) -> None:
    """The state is then what JSON has of it: this one's sets are lists."""
    driven = begun(scenario.plan, scenario)
    seen = walked(driven, shuffled(seed))
    entries = [decode(text) for text in driven.journal]
    restored = through_json(scenario.plan, None)
    for stood in seen:
        machine = replay(restored, entries, until=stood["seq"])
        assert standing(machine) | {"state": None} == stood | {"state": None}


@LAWS
@given(scenarios())
def test_storing_a_restored_plan_gives_the_same_data(scenario: Scenario) -> None:
    data = data_of(scenario.plan)
    again = data_of(through_json(scenario.plan, scenario.plan))
    assert from_json(to_json(again)) == from_json(to_json(data))


@LAWS
@given(scenarios())
def test_a_stored_plan_draws_as_the_plan_does(scenario: Scenario) -> None:
    """A run whose graph cannot be imported is still shown."""
    restored = through_json(scenario.plan, None)
    details: list[Detail] = ["names", "cards", "full"]
    for detail in details:
        assert draw(restored, detail=detail, expand=9).dot == draw(scenario.plan, detail=detail, expand=9).dot
