"""Watching a run: the stream of events, folded, is the run (G12)."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, Retry, RunFailed, append, fields
from graphflow.models import ScriptedModel, tool_call
from graphflow.runtime import events
from graphflow.runtime.events import EffectRecorded, Event
from graphflow.testing.virtual import run_virtual


class State(BaseModel):
    items: list[int] = [1, 2]
    log: Annotated[list[str], append] = []


state = fields(State)


def graph() -> Graph[State]:
    made = Graph("watched", State)
    failed: list[int] = []

    @made.node(writes=state.log, retry=Retry(attempts=2, first_s=1, jitter=0))
    async def work(view: State, item: int) -> str:
        if item == 2 and not failed:
            failed.append(1)
            raise ConnectionError("once")
        return str(item)

    @made.node
    async def gather(view: State) -> None: ...

    made.map(START, work, over=state.items, join=gather)
    made.edge(gather, END)
    return made


def test_events_tell_the_whole_run_in_order() -> None:
    async def main() -> tuple[list[events.Event], Any]:
        async with graph().start(State()) as live:
            seen = [event async for event in live.events()]
        return seen, live.run

    seen, run = run_virtual(main())
    committed = [event for event in seen if event.seq]
    assert [event.seq for event in committed] == sorted(event.seq for event in committed)
    [failure] = [event for event in seen if isinstance(event, events.NodeFailed)]
    assert (failure.cursor, failure.attempt, failure.error["type"]) == ("START:1[1]/work:1", 1, "ConnectionError")
    assert failure.due == pytest.approx(failure.t + 1)
    folded = [
        change["log"]
        for event in sorted((e for e in seen if isinstance(e, events.NodeFinished)), key=lambda e: e.cursor)
        for change in event.updates
        if "log" in change
    ]
    assert folded == run.state.log == ["1", "2"]
    assert isinstance(seen[-1], events.RunEnded)
    assert seen[-1].status == "done"


def test_an_observer_that_raises_does_not_harm_the_run() -> None:
    def broken(event: events.Event) -> None:
        raise RuntimeError("observer")

    with pytest.warns(UserWarning, match="observer"):
        run = run_virtual(graph().run(State(), observers=[broken]))
    assert run.status == "done"


def test_leaving_the_block_by_an_error_stops_the_driver() -> None:
    """S14.2: the run stays as it is; nothing is left running."""

    async def main() -> Any:
        with pytest.raises(ZeroDivisionError):
            async with graph().start(State()) as live:
                await asyncio.sleep(0.5)
                1 / 0
        assert len(asyncio.all_tasks()) == 1
        return live.run

    run = run_virtual(main())
    assert run.status == "running"
    assert run.frontier == ("START:1[1]/work:1",)


def test_result_raises_what_run_raises() -> None:
    made = Graph("failing", State)

    @made.node
    async def work(view: State) -> None:
        raise ValueError("no")

    made.edge(START, work)
    made.edge(work, END)

    async def main() -> None:
        async with made.start(State()) as live:
            with pytest.raises(RunFailed, match="no"):
                await live.result()

    run_virtual(main())


def test_story_tells_what_led_to_a_node() -> None:
    run = run_virtual(graph().run(State()))
    assert [step.cursor for step in run.story("gather")] == [
        "START:1[0]/work:1",
        "START:1[1]/work:1",
        "START:1",
        "gather:1",
    ]
    with pytest.raises(Exception, match="Did you mean 'gather'"):
        run.story("gathr")


def test_a_tool_that_fails_is_told_to_observers_and_the_journal_but_not_to_the_model() -> None:
    """S11.1: the record says how it failed; what the model reads is general."""

    class Shop(BaseModel):
        text: str = ""

    def price(name: str) -> int:
        "The price."
        return {"pot": 3}[name]

    model = ScriptedModel([tool_call("price", name="cup"), "Nobody knows."])
    graph = Graph("shop", Shop)
    graph.chain(START, graph.node(Agent("sell", "Sell.", prompt="A cup?", tools=[price]), writes="text"), END)
    seen: list[Event] = []
    run = graph.run_sync(Shop(), model=model, observers=[seen.append])
    effects = [event for event in seen if isinstance(event, EffectRecorded)]
    assert [event.error for event in effects] == ["", "tool price failed: KeyError: 'cup'", ""]
    journalled = [entry.get("error", "") for entry in run.journal if entry["kind"] == "effect"]
    assert journalled == [event.error for event in effects]
    assert "cup'" not in model.requests[-1].messages[-1].text
