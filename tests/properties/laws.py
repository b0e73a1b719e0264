"""What the laws over random graphs share: how they are run, what equal means, a machine walked to its end."""

from __future__ import annotations

import zlib
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from graphflow.core import reading
from graphflow.core.copying import copy
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.scopes import ENDED
from tests.execution import Call, Order, Outcome, Update
from tests.on_machine import Driven
from tests.random_graphs import Scenario, Style

SMALL = Style(blocks=4)
CONFLUENT = Style(blocks=4, is_confluent=True)
QUICK = tuple(phase for phase in Phase if phase is not Phase.explain)  # it takes minutes here, and says little
LAWS = settings(
    deadline=None,
    max_examples=60,
    phases=QUICK,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SEEDS = st.integers(0, 1000)


def shuffled(seed: int) -> Order:
    """An order that depends on nothing but the calls that are running."""

    def order(calls: list[Call]) -> Call:
        return min(calls, key=lambda call: (zlib.crc32(f"{seed} {call.cursor} {call.attempt}".encode()), call.cursor))

    return order


def shown(update: Update | None) -> str:
    """An update as text that is the same for equal ones."""
    if update is None:
        return "an error"
    return repr(
        [(name, sorted(change) if isinstance(change, set) else change) for name, change in sorted(update.items())]
    )


def assert_equal(run: Outcome, expected: Outcome) -> None:
    """Two runs are equal: same status, state, and set of steps (S15.4)."""
    assert (run.status, type(run.error)) == (expected.status, type(expected.error))
    assert run.state == expected.state
    assert sorted(run.questions) == sorted(expected.questions)
    steps, others = ({(s.cursor, shown(s.update), s.edge) for s in each.steps} for each in (run, expected))
    assert (steps - others, others - steps) == (set(), set())
    assert len(run.steps) == len(expected.steps)


def begun(plan: Plan, scenario: Scenario) -> Driven:
    driven = Driven(Machine(plan), scenario.answers)
    driven.machine.start(scenario.start)
    driven.drain()
    return driven


def standing(machine: Machine) -> dict[str, Any]:
    """Where a run stands: all that replay promises (S15.2)."""
    return {
        "state": dict(reading.state_of(machine)),
        "frontier": reading.frontier(machine),
        "status": machine.status,
        "seq": machine.seq,
    }


def walked(driven: Driven, order: Order) -> list[dict[str, Any]]:
    """Drive to the end; where the run stood after each commit, by seq."""
    seen = [standing(driven.machine)]
    while calls := driven.calls():
        chosen = order(list(calls))
        driven.finish(chosen, calls[chosen])
        seen.append(standing(driven.machine))
    return seen


def duplicate(driven: Driven) -> Driven:
    """An independent copy of a machine and of what is being done for it."""
    made = Driven(copy(driven.machine), driven.answers)
    made.journal, made.plans = list(driven.journal), list(driven.plans)
    made.scopes = {scope: None for scope in driven.scopes if scope.status in ENDED}
    made.scopes |= dict.fromkeys(made.machine.scopes())
    for scope, call in driven.running.items():
        found = made.machine.find(scope.path)
        assert found is not None
        made.running[found] = call
    return made
