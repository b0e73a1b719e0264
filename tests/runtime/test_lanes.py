"""Lanes: branches of a map that only compute begin and end in one go. Nobody can tell, but by the time it takes."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from graphflow import (
    END,
    START,
    Budget,
    Context,
    Graph,
    Handoff,
    Limits,
    Replace,
    Retry,
    RunFailed,
    append,
    best_effort,
    fields,
    local,
    merge,
    quorum,
)
from graphflow.core.lanes import Lane
from graphflow.runtime.driver import Driver
from graphflow.runtime.live import Live
from graphflow.runtime.run import Run
from graphflow.runtime.worker import Worker
from graphflow.testing.virtual import run_virtual


class State(BaseModel):
    items: list[int] = []
    log: Annotated[list[str], append] = []
    small: int = Field(default=0, lt=1_000)
    note: Annotated[str, local] = ""
    names: Annotated[dict[str, int], merge] = {}
    seen: list[str] = []


state = fields(State)
Work = Callable[..., Any]


def mapping(
    work: Work, items: int = 12, limits: Limits | None = None, node: dict[str, Any] | None = None, **edge: Any
) -> Graph[State]:
    """START, a map of ``work`` over so many items, and a join that tells of its branches."""
    graph = Graph("map", State, limits=limits or Limits())

    @graph.node(writes=state.items)
    def plan(view: State) -> list[int]:
        return list(range(items))

    worker = graph.node(work, name="work", **(node or {}))

    @graph.node(writes=state.seen)
    async def gather(view: State, ctx: Context) -> list[str]:
        rows = [(b.index, b.item, b.status, b.attempts, repr(b.error), b.state.log) for b in ctx.branches]
        return [str(row) for row in rows]

    graph.edge(START, plan)
    graph.map(plan, worker, over=state.items, join=gather, **edge)
    graph.edge(gather, END)
    return graph


async def computes(view: State, item: int) -> dict[str, Any]:
    return {"log": f"{len(view.log)} {2 * item}", "note": "left behind"}


def plainly(view: State, item: int) -> dict[str, Any] | None:
    return {"names": {str(item): item}} if item % 2 else None


async def nothing(view: State) -> None: ...


async def waits_now_and_then(view: State, item: int) -> dict[str, Any]:
    if item % 3 == 1:
        await asyncio.sleep(item / 10)
        await asyncio.sleep(0)
    return {"log": str(item)}


async def always_waits(view: State, item: int) -> dict[str, Any]:
    await asyncio.sleep(1 / (item + 1))
    return {"log": str(item)}


def fails_at(bad: int, waits: bool = False) -> Work:
    async def fails(view: State, item: int) -> dict[str, Any]:
        if waits:
            await asyncio.sleep(0.1)
        if item == bad:
            raise ConnectionError(f"item {item}")
        return {"log": str(item)}

    return fails


def stops_iteration(view: State, item: int) -> dict[str, Any]:
    return {"log": next(iter(["x"][item:]))}


async def writes_too_much(view: State, item: int) -> dict[str, Any]:
    return {"small": 999 + item} if item == 3 else {"log": "ok"}


async def conflicts(view: State, item: int) -> dict[str, Any]:
    return {"seen": ["plain"]} if item > 7 else {"log": "ok"}


async def replaces(view: State, item: int) -> dict[str, Any]:
    return {"log": Replace(["anew"])} if item == 5 else {"log": str(item)}


async def hands_off(view: State, item: int) -> Any:
    return Handoff("gather", {}) if item == 4 else {"log": str(item)}


async def gives_lists(view: State, item: int) -> dict[str, Any]:
    view.items.append(item)
    return {"names": {f"{item} {n}": n for n in range(len(view.items) % 3)}}


def of_coroutine(view: State, item: int) -> Awaitable[dict[str, Any]]:
    return computes(view, item)


def nested() -> Graph[State]:
    """One outer branch at a time; it rests while its first inner branch sleeps between attempts, so the next begins."""
    graph = Graph("nested", State)

    @graph.node
    async def split(view: State) -> None: ...

    @graph.node(writes=state.log, retry=Retry(attempts=9, first_s=5, jitter=0))
    async def work(view: State, item: int) -> str:
        if item == 7 and asyncio.get_running_loop().time() < 4:
            raise ConnectionError("not yet")
        return str(item)

    inner, outer = graph.point("inner"), graph.point("outer")
    graph.map(START, split, over=lambda state: [1, 2], join=outer, at_once=1)  # pyright: ignore[reportUnknownLambdaType]
    graph.map(split, work, over=lambda state: [7, 8], join=inner)  # pyright: ignore[reportUnknownLambdaType]
    graph.edge(inner, outer)
    graph.edge(outer, END)
    return graph


WORKS: dict[str, Graph[State]] = {
    "nested": nested(),
    "computes": mapping(computes),
    "no items": mapping(computes, 0),
    "one item": mapping(computes, 1),
    "plainly": mapping(plainly),
    "nothing": mapping(nothing),
    "waits now and then": mapping(waits_now_and_then),
    "waits now and then, two at once": mapping(waits_now_and_then, at_once=2),
    "always waits": mapping(always_waits, at_once=5),
    "fails": mapping(fails_at(6)),
    "fails at once": mapping(fails_at(0)),
    "fails while others wait": mapping(fails_at(6, waits=True)),
    "collects": mapping(fails_at(6), failures="collect"),
    "collects the last": mapping(fails_at(11), failures="collect"),
    "collects while others wait": mapping(fails_at(6, waits=True), failures="collect", at_once=3),
    "retries": mapping(fails_at(6), node={"retry": Retry(attempts=3)}, failures="collect"),
    "stops an iteration": mapping(stops_iteration, 3, failures="collect"),
    "does not validate": mapping(writes_too_much, failures="collect"),
    "conflicts": mapping(conflicts),
    "replaces": mapping(replaces),
    "hands off": mapping(hands_off, failures="collect"),
    "gives lists": mapping(gives_lists),
    "gives a coroutine": mapping(of_coroutine),
    "quorum": mapping(waits_now_and_then, need=quorum(4)),
    "best effort": mapping(always_waits, need=best_effort(at_least=3, within_s=0.5)),
    "shared": mapping(computes, state="shared"),
    "one at a time": mapping(waits_now_and_then, node={"at_once": 1}),
    "has time": mapping(waits_now_and_then, node={"timeout_s": 0.35}, failures="collect"),
    "steps end": mapping(computes, limits=Limits(steps=7)),
}
IN_LANES = {"computes", "one item", "plainly", "nothing", "waits now and then", "fails", "collects", "conflicts"}


def driven(graph: Graph[State], **options: Any) -> Run[State]:
    run: Run[State]
    try:
        run = run_virtual(graph.run(State(), run_id="r", **options))
    except RunFailed as failure:
        run = failure.run
    return run


def told(run: Run[State]) -> list[dict[str, Any]]:
    """The journal without its times."""
    entries = [json.loads(line) for line in run.raw_journal]
    for entry in entries:
        del entry["t"]
    return entries


def without_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_lane(driver: Driver, worker: Worker, until: float) -> None:
        return None

    monkeypatch.setattr("graphflow.runtime.driver.drive_lane", no_lane)


def count_ends(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    ended: list[Any] = []
    end = Lane.end

    def counted(lane: Lane, result: Any) -> bool:
        ended.append(result)
        return end(lane, result)

    monkeypatch.setattr(Lane, "end", counted)
    return ended


@pytest.mark.filterwarnings("ignore::graphflow.errors.LostChange")  # as some of these nodes do on purpose
@pytest.mark.parametrize("name", WORKS)
def test_a_lane_writes_the_journal_that_the_general_way_writes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """S15.2, S15.4: entry for entry, apart from times; and status, state and what the join sees are the same."""
    graph = WORKS[name]
    ended = count_ends(monkeypatch)
    quick = driven(graph)
    assert bool(ended) or name not in IN_LANES
    without_lanes(monkeypatch)
    general = driven(graph)
    assert told(quick) == told(general)
    assert (quick.status, quick.state, quick.usage.steps) == (general.status, general.state, general.usage.steps)
    assert (quick.frontier, repr(quick.error)) == (general.frontier, repr(general.error))


@pytest.mark.filterwarnings("ignore::graphflow.errors.LostChange")  # as some of these nodes do on purpose
@pytest.mark.parametrize("name", WORKS)
def test_every_moment_of_it_can_be_gone_back_to(name: str) -> None:
    """S15.2, S15.3: the fold up to any entry stands, and a new run from there comes to the same end."""
    run = driven(WORKS[name])
    last = run.at(run.seq)
    assert (last.status, last.state, last.frontier) == (run.status, run.state, run.frontier)
    if run.status != "done":
        return
    for seq in range(1, run.seq):
        again = run_virtual(WORKS[name].rerun(run, at=seq))
        if name not in ("quorum", "best effort"):  # where time decides (S15.4)
            assert (again.status, again.state) == (run.status, run.state), seq


def test_a_budget_and_observers_count_every_branch() -> None:
    """S13.1: steps are counted as anywhere; who observes hears of every branch."""
    heard: list[Any] = []
    run = driven(WORKS["computes"], budget=Budget(steps=5), observers=[heard.append])
    assert (run.status, run.usage.steps) == ("exhausted", 5)
    assert sum(type(event).__name__ == "NodeStarted" for event in heard) == 5
    more = run_virtual(WORKS["computes"].resume(run, budget=Budget(steps=100)))
    assert (more.status, more.usage.steps) == ("done", 14)


def test_the_step_limit_ends_a_lane_and_a_resume_goes_on_in_it() -> None:
    """S4.5: the limit is met in the middle of the map; nothing is done twice when the run goes on."""
    run = driven(WORKS["steps end"])
    assert (run.status, run.usage.steps, len(run.frontier)) == ("exhausted", 7, 6)
    more = run_virtual(WORKS["steps end"].resume(run, budget=Budget(steps=100)))
    assert (more.status, len(more.state.log)) == ("done", 12)


def live_run(work: Work, **edge: Any) -> tuple[Run[State], list[Any]]:
    """Run a map whose branches hold the live run itself; ``work(live, item, heard)``."""
    heard: list[Any] = []
    lives: list[Live[State]] = []

    async def node(view: State, item: int) -> dict[str, Any]:
        await_ = work(lives[0], item, heard)
        if await_ is not None:
            await await_
        return {"log": str(item)}

    async def main() -> Run[State]:
        async with mapping(node, **edge).start(State(), run_id="r") as live:
            lives.append(live)
            return await live.result()

    run: Run[State] = run_virtual(main())
    return run, heard


def looks(live: Live[State], item: int, heard: list[Any]) -> None:
    run = live.run
    heard.append((run.frontier, run.usage.steps, len(run.raw_journal)))


def cancels(live: Live[State], item: int, heard: list[Any]) -> None:
    heard.append(item)
    if item == 5:
        assert live.cancel()
        assert not live.cancel()


def cancels_itself(live: Live[State], item: int, heard: list[Any]) -> None:
    heard.append(item)
    if item == 5:
        live.cancel(f"plan:1[{item}]")


def cancels_another(live: Live[State], item: int, heard: list[Any]) -> Any:
    heard.append(item)
    if item == 5:
        live.cancel("plan:1[2]")
    return asyncio.sleep(1) if item == 2 else None


def cancels_and_waits(live: Live[State], item: int, heard: list[Any]) -> Any:
    heard.append(item)
    if item == 5:
        live.cancel()
        return asyncio.sleep(1)
    return None


def listens(live: Live[State], item: int, heard: list[Any]) -> None:
    if item == 5:
        live._driver.observers.append(heard.append)  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("work", [looks, cancels, cancels_itself, cancels_another, cancels_and_waits, listens])
@pytest.mark.parametrize("at_once", [3, 1_000])
def test_a_node_that_meets_its_own_run_meets_it_as_ever(
    work: Work, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S14.2, S15.5: looked at, cancelled or listened to from within a branch, the run is the same as without lanes."""
    quick, heard = live_run(work, at_once=at_once)
    without_lanes(monkeypatch)
    general, heard_then = live_run(work, at_once=at_once)
    assert told(quick) == told(general)
    assert (quick.status, quick.state) == (general.status, general.state)
    shown, shown_then = ([_timeless(one) for one in each] for each in (heard, heard_then))
    assert shown == shown_then


def _timeless(heard: Any) -> Any:
    fields_of = getattr(heard, "__dataclass_fields__", None)
    return (
        heard if fields_of is None else (type(heard), {n: str(getattr(heard, n)) for n in fields_of if n not in "at_s"})
    )


def test_a_branch_that_waits_can_be_cancelled_and_hears_of_it() -> None:
    """S14.2: a cancel reaches a node that has left its lane; one that swallows it and returns comes too late."""
    heard: list[str] = []

    async def node(view: State, item: int) -> dict[str, Any]:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            heard.append(f"{item} cancelled")
            await asyncio.sleep(0)
            heard.append(f"{item} goes on")
        return {"log": str(item)}

    async def main() -> Run[State]:
        async with mapping(node, 3).start(State()) as live:
            await asyncio.sleep(1)
            live.cancel("plan:1[1]")
            return await live.result()

    run = run_virtual(main())
    assert (run.status, run.state.log, heard) == ("done", ["0", "2"], ["1 cancelled", "1 goes on"])


def test_a_run_stopped_in_the_middle_of_a_lane_goes_on_where_it_was() -> None:
    """S14.2: what is committed is not done again, what waited is."""
    calls: list[int] = []

    async def node(view: State, item: int) -> dict[str, Any]:
        calls.append(item)
        if item % 4 == 2:
            await asyncio.sleep(10)
        return {"log": str(item)}

    graph = mapping(node)

    async def main() -> Run[State]:
        async with graph.start(State()) as live:
            await asyncio.sleep(1)
            await live.stop()
            return live.run

    stopped = run_virtual(main())
    assert (stopped.status, len(stopped.frontier)) == ("running", 3)
    done = run_virtual(graph.resume(stopped))
    assert done.state.log == [str(item) for item in range(12)]
    assert sorted(calls) == sorted([*range(12), 2, 6, 10])


here: contextvars.ContextVar[str] = contextvars.ContextVar("here", default="clean")


def test_context_variables_do_not_leak_from_branch_to_branch() -> None:
    async def node(view: State, item: int) -> dict[str, Any]:
        seen = here.get()
        here.set("dirty")
        return {"log": seen}

    assert driven(mapping(node)).state.log == ["clean"] * 12


@pytest.mark.filterwarnings("ignore::graphflow.errors.LostChange")  # as some of these nodes do on purpose
def test_items_and_views_are_the_nodes_own() -> None:
    """S3.6: what a branch alters is seen by nobody else, whether it waits or not."""

    class Bag(BaseModel):
        bags: list[list[int]] = [[0], [1], [2]]
        sums: Annotated[list[int], append] = []

    graph = Graph("bags", Bag)
    bag = fields(Bag)
    items: list[Any] = []

    @graph.node
    async def gather(view: Bag, ctx: Context) -> None:
        items.extend(branch.item for branch in ctx.branches)

    @graph.node(writes=bag.sums)
    async def weigh(view: Bag, item: list[int]) -> int:
        item.append(10)
        view.bags[0].append(100)
        return sum(item) + sum(view.bags[0])

    graph.map(START, weigh, over=bag.bags, join=gather)
    graph.edge(gather, END)
    run = run_virtual(graph.run(Bag()))
    assert run.state == Bag(sums=[110, 111, 112])
    assert items == [[0], [1], [2]]


def test_the_loop_breathes_in_the_middle_of_a_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand branches that never wait do not hold up what else runs in the process."""
    monkeypatch.setattr("graphflow.runtime.driver.YIELD_AFTER_S", 0.0)
    rounds = 0

    async def main() -> int:
        nonlocal rounds
        running = asyncio.ensure_future(mapping(computes, 50).run(State()))
        while not running.done():
            rounds += 1
            await asyncio.sleep(0)
        return rounds

    assert asyncio.run(main()) > 20
