"""Bugs put into the driver, the outbox, the timers and the machine, each of which ``simulate`` finds with few seeds."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Context, Graph, Retry, append, best_effort, fields
from graphflow.errors.testing import PropertyFailed
from graphflow.testing import always, faults, simulate
from tests.properties.seeded_graph import Bank as PaidTo
from tests.properties.seeded_graph import payments
from tests.properties.seeding import BUGS
from tests.testing.altering import alter

SEEDS = 120


class Order(BaseModel):
    facts: Annotated[list[str], append] = []
    rounds: int = 0
    title: str = ""
    paid: int = 0
    is_sorry: bool = False


class Bank:
    """What is paid, outside."""

    def __init__(self) -> None:
        self.transfers: list[str] = []


order = fields(Order)
PROPERTIES = [always(order.rounds <= 2)]
FAULTS = faults.crash() + faults.cancel() + faults.store() + faults.declared() + faults.slow()


async def look(state: Order) -> dict[str, Any]:
    await asyncio.sleep(0.01)
    return {"facts": "found"}


async def check(state: Order) -> None:
    """A branch sees what it has written, and nothing of its siblings (S6.3)."""
    if len(state.facts) != 1 + 2 * state.rounds:
        raise LookupError(f"{len(state.facts)} facts in a branch")


async def pay(state: Order, ctx: Context[Bank]) -> dict[str, int]:
    async def transfer() -> int:
        await asyncio.sleep(0.01)
        ctx.deps.transfers.append(ctx.idempotency_key)
        return 5

    paid = await ctx.once("transfer", transfer)
    await asyncio.sleep(0.01)
    return {"paid": paid}


def orders() -> Graph[Order]:
    """Two branches of two steps each, a loop with a limit, a race between a fact and a timeout, a payment."""
    graph: Graph[Order] = Graph("orders", Order)
    plan, gather = graph.point("plan"), graph.point("gather")
    count = graph.node(lambda state: {"rounds": state.rounds + 1}, name="count")
    branches = []
    for name in ("web", "docs"):
        first, second = graph.node(look, name=name, timeout_s=5), graph.node(check, name=f"check_{name}")
        graph.edge(first, second)
        graph.edge(second, gather)
        branches.append(first)
    race, won = graph.point("race"), graph.point("won")
    retry = Retry(attempts=2, on=ConnectionError)
    quick = graph.node(Agent("quick", "Find.", prompt="{rounds}", retry=retry), writes=order.facts)
    steady = graph.node(Agent("steady", "Find.", prompt="{rounds}", retry=None), writes=order.facts, timeout_s=5)
    sorry = graph.node(lambda state: {"is_sorry": True}, name="sorry")
    title = graph.node(Agent("title", "Find one.", prompt="{rounds}", retry=retry), writes=order.title)
    graph.chain(START, title, graph.node(pay), plan)
    graph.edge(title, sorry, on_error=ConnectionError)
    graph.fork(plan, branches, join=gather)
    graph.edge(gather, count)
    graph.edge(gather, sorry, on_error=Exception)
    graph.edge(count, plan, at_most=1)
    graph.edge(count, race)
    graph.fork(race, [quick, steady], join=won, need="first")
    graph.edge(won, sorry, on_error=Exception)
    graph.edge(won, END)
    graph.edge(sorry, END)
    return graph


def test_a_sound_driver_holds() -> None:
    found = simulate(orders(), seeds=300, properties=PROPERTIES, faults=FAULTS, deps=Bank)
    assert found.processes > 400


def killed() -> PropertyFailed:
    with pytest.raises(PropertyFailed) as caught:
        simulate(orders(), seeds=SEEDS, properties=PROPERTIES, faults=FAULTS, deps=Bank)
    assert caught.value.replay.startswith("simulate(orders, seeds=[")
    return caught.value


RUNTIME = "graphflow.runtime."

BROKEN = (
    (
        "a commit is lost",
        RUNTIME + "outbox",
        "self.store.append(self._machine.run_id, entries, standing, taken)",
        "self.store.append(self._machine.run_id, entries[-1:], standing, taken)",
        "nothing breaks the driver, replay equals run",
    ),
    (
        "a commit counts as safe before it is",
        RUNTIME + "outbox",
        "                if ticket is not None:\n                    await ticket\n                del self._unsafe",
        "                del self._unsafe",
        "effects happen once, what is committed stays, nothing is left running",
    ),
    (
        "what is cut off is not cancelled",
        RUNTIME + "stopping",
        "    for scope in driver.machine.stops:\n        stop_worker(performer(scope))\n",
        "",
        "nothing is left running",
    ),
    (
        "what takes too long is not cancelled",
        RUNTIME + "timers",
        "            stop_worker(worker)\n",
        "",
        "nothing is left running",
    ),
    (
        "the alarm outlives its driver",
        RUNTIME + "timers",
        "        if self._alarm is not None:\n            self._alarm.cancel()\n\n    def _set_alarm",
        "\n    def _set_alarm",
        "nothing is left running",
    ),
    (
        "the beat outlives its driver",
        RUNTIME + "outbox",
        "            self._beat.cancel()\n",
        "            pass\n",
        "nothing is left running",
    ),
    (
        "the lease is kept",
        RUNTIME + "outbox",
        "            self.store.release(self._machine.run_id)",
        "            pass",
        "nothing is left running",
    ),
    (
        "a stale copy is believed (S18)",
        RUNTIME + "outbox",
        "        if seq != self._base:",
        "        if seq < 0:",
        "what is committed stays",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("module", "old", "new", "laws"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
def test_a_broken_driver_is_found(module: str, old: str, new: str, laws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alter(monkeypatch, module, old, new)
    assert killed().name in laws.split(", ")


CORE = {
    "a branch writes what its siblings see (S6.3)": "replay equals run",
    "a join fires twice (S6.8)": "replay equals run",
    "a retry too many (S8.1)": "budgets are kept",
    "an edge is taken once more than at_most (S4.5)": "always(rounds <= 2)",
    "a replay folds twice (S15.2)": "replay equals run",
}


@pytest.mark.parametrize("name", CORE)
def test_a_broken_machine_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(monkeypatch, name)
    assert killed().name == CORE[name]


def put_in(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """One of the bugs that the laws of the core are held against."""
    (bug,) = (one for one in BUGS if one.name.startswith(name))
    for module, old, new in bug.changes:
        alter(monkeypatch, module, old, new)


def effects_broken() -> PropertyFailed:
    """Of a graph in which timing cannot matter, so that what is resumed is compared with what was not (S15.4)."""
    with pytest.raises(PropertyFailed) as caught:
        simulate(payments(), seeds=SEEDS, deps=PaidTo)
    return caught.value


def test_a_sound_effect_holds() -> None:
    """S11.1"""
    assert simulate(payments(), seeds=SEEDS, deps=PaidTo).seeds == SEEDS


def test_an_effect_that_a_resume_forgets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """S11.1"""
    put_in(monkeypatch, "an effect is forgotten")
    assert effects_broken().name == "effects happen once"


def test_an_effect_that_is_not_recorded_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """S11.1"""
    old = "        if not self.machine.record(scope, turn, key, effect):\n            return False\n"
    alter(monkeypatch, "graphflow.runtime.driver", old, "")
    assert effects_broken().name == "effects happen once"


def nested() -> Graph[Order]:
    """A branch that writes, forks, and looks at what it wrote."""
    graph: Graph[Order] = Graph("nested", Order)
    plan, gather, inner = graph.point("plan"), graph.point("gather"), graph.point("inner")
    write = graph.node(look, name="write")
    checks = [graph.node(check, name=name) for name in ("left", "right")]
    other = graph.node(look, name="other")
    graph.edge(START, plan)
    graph.fork(plan, [write, other], join=gather)
    graph.fork(write, checks, join=inner)
    graph.edge(inner, gather)
    graph.edge(gather, END)
    return graph


def test_a_stale_snapshot_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """S6.3: what a fork inside a branch starts from."""
    assert simulate(nested(), seeds=30, start=Order()).seeds == 30
    put_in(monkeypatch, "a fork inside a branch sees a stale snapshot")
    with pytest.raises(PropertyFailed, match="0 facts in a branch") as caught:
        simulate(nested(), seeds=30, start=Order())
    assert caught.value.name == "no crash"


def test_a_join_that_is_lost_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """S6.8: the machine finds nothing owed, and the run stands still."""
    put_in(monkeypatch, "a join is lost")
    graph: Graph[Order] = Graph("orders", Order)
    plan, gather = graph.point("plan"), graph.point("gather")
    agents = [
        graph.node(Agent(name, "Find.", prompt="{rounds}", retry=None), writes=order.facts) for name in ("a", "b", "c")
    ]
    graph.edge(START, plan)
    graph.fork(plan, agents, join=gather, need=best_effort(at_least=1))
    graph.chain(gather, END)
    with pytest.raises(PropertyFailed) as caught:
        simulate(graph, seeds=SEEDS, faults=faults.raising(ConnectionError))
    assert caught.value.name == "nothing breaks the driver"
    assert "stands still with nothing owed" in str(caught.value)
