"""S15.2: a snapshot at any entry, folded on, is the run as its whole journal tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from pydantic import BaseModel

from graphflow import (
    END,
    START,
    Budget,
    Context,
    Graph,
    Limit,
    Retry,
    add,
    append,
    best_effort,
    fields,
    local,
    merge,
    size,
    union,
)
from graphflow.core import snapshots
from graphflow.core.answering import open_questions
from graphflow.core.journal import Entry, decode, encode
from graphflow.core.kept import LEFT_OUT, OWN, plain_slots, slots_of
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.core.scopes import Fork, Scope
from graphflow.core.suspending import WantedCall
from graphflow.errors import HistoryPruned, Internal, JournalInvalid
from graphflow.graph.answers import Answer
from graphflow.runtime.run import Run
from graphflow.stores import MemoryStore
from graphflow.testing.virtual import run_virtual
from tests.properties.laws import LAWS, SEEDS, begun, shuffled, walked
from tests.random_graphs import Scenario, Style, scenarios
from tests.recovery import ended, later
from tests.snapshot_law import assert_law


@settings(LAWS, max_examples=60)
@given(scenarios(style=Style(blocks=5)), SEEDS)
def test_a_snapshot_stands_for_what_was_before(scenario: Scenario, seed: int) -> None:
    driven = begun(scenario.plan, scenario)
    walked(driven, shuffled(seed))
    assert_law({scenario.plan.fingerprint: scenario.plan}, [decode(text) for text in driven.journal])


# -- what random graphs do not have ------------------------------------------------------------------------------------


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    name: str
    cost: Decimal = Decimal("0.1")


class Wide(BaseModel):
    part: Part = Part(name="a")
    parts: Annotated[list[Part], append] = []
    marks: Annotated[dict[Color, int], merge] = {}
    days: Annotated[set[date], union] = set()
    total: Annotated[Decimal, add] = Decimal(0)
    best: Annotated[int, max] = 0
    loops: int = 0
    near: Annotated[int, local] = 0
    text: str = ""
    color: Color | None = None


class Inner(BaseModel):
    part: Part
    found: Annotated[list[str], append] = []
    last: str = ""


wide, inner_state = fields(Wide), fields(Inner)


def inner_graph() -> Graph[Inner]:
    graph = Graph("inner", Inner)

    @graph.node(retry=Retry(attempts=3, first_s=5, jitter=0))
    async def find(state: Inner, ctx: Context[Any]) -> dict[str, str]:
        got = await ctx.once("look", lambda: asyncio.sleep(1, ctx.attempt))
        if ctx.attempt < 3:
            raise ConnectionError("not yet")
        return {"found": f"{state.part.name} {got}", "last": state.part.name}

    graph.edge(START, find)
    graph.edge(find, find, when=size(inner_state.found) < 2, at_most=1)
    graph.edge(find, END)
    return graph


def three_parts(state: Wide) -> list[Part]:
    return [Part(name=name) for name in "abc"]


def colors(state: Wide) -> list[Color]:
    return list(Color)


def wide_graph(*, has_more: bool = False) -> Graph[Wide]:
    """Maps in maps, shared states, limits, slots, timers, questions: every slot that a run can fill."""
    graph = Graph("wide", Wide)
    again = Limit(2, "again")

    @graph.node
    async def begin(state: Wide) -> dict[str, Any]:
        return {"loops": state.loops + 1, "text": "\ud83d", "days": {date(2026, 1, state.loops + 1)}}

    @graph.node(at_once=1, timeout_s=300, retry=Retry(attempts=2, first_s=7, jitter=0))
    async def work(state: Wide, item: Part, ctx: Context[Any]) -> dict[str, Any]:
        await asyncio.sleep(10 if item.name == "a" else 3)
        if item.name == "c" or (item.name == "b" and ctx.attempt == 1):
            raise LookupError(item.name)
        return {"parts": item, "total": item.cost, "near": state.near + 1}

    @graph.node(at_once=2)
    async def more(state: Wide) -> dict[str, Any]:
        await asyncio.sleep(2)
        return {"total": Decimal("0.5"), "near": state.near + 1}

    @graph.node
    async def gather(state: Wide, ctx: Context[Any]) -> dict[str, Any]:
        await asyncio.sleep(1)
        return {"best": sum(branch.status == "done" for branch in ctx.branches)}

    @graph.node
    async def paint(state: Wide, item: Color) -> dict[str, Any]:
        await asyncio.sleep(1)
        return {"marks": {item: state.loops}, "near": 5}

    @graph.node
    async def mix(state: Wide, item: Color) -> dict[str, Any]:
        await asyncio.sleep(3)
        return {"total": len(state.marks)}

    @graph.node
    async def late(state: Wide) -> dict[str, Any]:
        return {"text": "late"}

    part = graph.node(inner_graph(), name="part", at_once=1, reads={"part": wide.part}, writes={"text": "last"})
    ask = graph.ask("ask", "Which color?", answer=Color, writes=wide.color)
    painted, joined = graph.point("painted"), graph.point("joined")
    graph.edge(START, begin)
    need = best_effort(at_least=1, within_s=100)
    graph.map(begin, work, over=three_parts, join=gather, need=need, at_once=2)
    graph.edge(work, more)
    graph.edge(more, more, when=wide.near < 3, at_most=again)
    graph.edge(more, gather)
    graph.edge(gather, begin, when=wide.loops < 2, at_most=again)
    graph.map(gather, paint, over=colors, join=painted, state="shared", failures="stop")
    graph.edge(paint, mix)
    graph.edge(mix, painted)
    graph.fork(painted, [ask, part], join=joined)
    graph.edge(ask, late, after_s=50)
    graph.edge(late, joined)
    graph.edge(ask, joined)
    graph.edge(part, joined)
    if has_more:
        graph.edge(joined, after := graph.point("after"))
        graph.edge(after, END)
        return graph
    graph.edge(joined, END)
    return graph


def wide_runs() -> list[Run[Any]]:
    """A run that was asked, answered early, stopped, changed under, cancelled, used up and wrapped up: in all its parts."""
    graph, changed = wide_graph(), wide_graph(has_more=True)
    early = run_virtual(ended(graph.run(Wide())))
    assert early.status == "waiting"
    answered = later(graph, early, answers=[Answer("ask", Color.RED)])
    assert answered.status == "done"
    timed = later(graph, early)
    again = later(graph, early.at(12), answers=[Answer("ask", Color.BLUE)], budget=Budget(steps=16, usd=1.5))
    assert again.status == "exhausted"
    moved = later(changed, again, budget=Budget(steps=99))
    assert moved.status == "done"
    assert len(moved.plans) == 2
    store = MemoryStore()
    rerun = run_virtual(ended(graph.rerun(early, at=9, state={"total": "2.5"}, store=store)))
    return [early, answered, timed, again, moved, rerun, cancelled_run(), wrapped_run()]


def cancelled_run() -> Run[Any]:
    async def main() -> Run[Any]:
        async with wide_graph().start(Wide()) as live:
            await asyncio.sleep(15)
            live.cancel(live.run.frontier[0])
            await asyncio.sleep(5)
            live.cancel()
        return live.run

    return run_virtual(main())


def wrapped_run() -> Run[Any]:
    graph = wide_graph()

    @graph.node
    async def wrap(state: Wide) -> dict[str, Any]:
        return {"text": "wrapped up"}

    graph.edge(wrap, END)
    graph.on_budget(wrap)
    return run_virtual(ended(graph.run(Wide(), budget=Budget(steps=11))))


def approved() -> tuple[dict[str, Plan], Sequence[Entry]]:
    """A node that has two calls approved, one after the other (S10.4)."""
    graph = wide_graph()
    machine = Machine(graph.plan(), "approved")
    machine.start(Wide())
    journal: list[bytes] = []
    for is_good in (True, False):
        scope = machine.take()
        assert scope is not None
        call = WantedCall("agent", "mail", scope.path, {"to": "\ud83d"}, "Send it?")
        assert machine.suspend(scope, scope.turn, [("tool mail", call)], 1.5)
        (question,) = open_questions(machine)
        machine.answer(question.id, is_good)
        journal += [encode(entry, plan) for entry, plan in machine.entries]
        machine.entries.clear()
    return {machine.plan.fingerprint: machine.plan}, [decode(text) for text in journal]


def test_a_snapshot_keeps_all_that_a_run_can_hold() -> None:
    """Shared states, limits, slots, retries, records, early answers, budgets, typed values, changed graphs, cancels."""
    unlike: dict[type, set[str]] = {Machine: set(), Scope: set(), Fork: set()}
    for plans, journal in [*((run.plans, run.journal) for run in wide_runs()), approved()]:
        assert_law(plans, journal)
        for entry in journal:
            note_slots(replay(plans, journal, until=entry["seq"]), unlike)
    never: dict[type, set[str]] = {kind: set(plain_slots(kind)) - names for kind, names in unlike.items()}
    of_live_runs = {"is_exhausted", "weight"}
    of_failed_runs = {"error_at", "held", "call_failed", "is_lost", "folded"}  # of which there are many above
    assert set[str]().union(*never.values()) <= of_live_runs | of_failed_runs, "a slot that no run here fills"


def note_slots(machine: Machine, unlike: dict[type, set[str]]) -> None:
    """Which slots have another value than they are born with."""
    blank = snapshots.blank_fork(machine.root)
    things: list[tuple[type, Any, Any]] = [(Machine, machine, Machine(machine.plan))]
    for scope in machine.scopes():
        things.append((Scope, scope, Scope(scope.plan, scope.node, {})))
        things += [(Fork, fork, blank) for fork in (scope.open, scope.branches) if fork is not None]
    for kind, thing, other in things:
        names = plain_slots(kind)
        unlike[kind] |= {name for name in names if getattr(thing, name) != getattr(other, name)}


def test_each_slot_is_kept_or_said_not_to_be() -> None:
    """A slot that is added is kept as it is; one that is gone may not stand in a list."""
    for kind in (Machine, Scope, Fork):
        assert OWN[kind] | LEFT_OUT[kind].keys() <= set(slots_of(kind))


def test_a_snapshot_is_small() -> None:
    """What a thousand branches share with their map is told once."""
    graph = wide_graph()
    run = run_virtual(ended(graph.run({"text": "t" * 100_000})))
    texts = [
        encode(snapshots.take(past), past.plan) for past in (replay(run.plans, run.journal, s) for s in (5, 9, 20))
    ]
    assert max(map(len, texts)) < 110_000


def test_what_was_pruned_is_said_to_be() -> None:
    run = cancelled_run()
    snapshot = decode(encode(snapshots.take(replay(run.plans, run.journal, until=7)), run.plan))
    with pytest.raises(HistoryPruned, match="GF308"):
        replay(run.plans, [snapshot, *run.journal[7:]], until=6)
    assert replay(run.plans, [snapshot, *run.journal[7:]], until=7).seq == 7


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"format": 2}, "format 2"), ({"root": {}}, "cannot be read"), ({"root": {"node": "gone"}}, "cannot be read")],
)
def test_a_snapshot_that_cannot_be_read_is_refused(changes: dict[str, Any], said: str) -> None:
    run = cancelled_run()
    snapshot = snapshots.take(replay(run.plans, run.journal, until=7))
    with pytest.raises(JournalInvalid, match=said):
        replay(run.plans, [snapshot | changes])


def test_a_run_at_work_has_no_snapshot() -> None:
    machine = Machine(wide_graph().plan())
    machine.start(Wide())
    with pytest.raises(Internal):
        snapshots.take(machine)
