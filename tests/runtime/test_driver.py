"""The driver: real asyncio on a virtual clock. What users rely on about time, cancellation and isolation."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import (
    END,
    START,
    Context,
    Graph,
    NodeTimeout,
    Retry,
    Run,
    RunFailed,
    append,
    best_effort,
    fields,
    quorum,
)
from graphflow.errors import ConnectionFailed, NodeCancelled, QuotaExhausted, RateLimited
from graphflow.runtime.calling import BlockingNodeWarning
from graphflow.testing.virtual import run_virtual


class State(BaseModel):
    n: int = 0
    items: list[int] = []
    log: Annotated[list[str], append] = []


state = fields(State)


def mapping(**options: Any) -> tuple[Graph[State], list[int]]:
    """A map over ``items`` whose branches take as many seconds as their item says."""
    graph = Graph("map", State)
    running: list[int] = []

    @graph.node(writes=state.log)
    async def work(view: State, item: int) -> str:
        running.append(running[-1] + 1 if running else 1)
        try:
            await asyncio.sleep(item)
        finally:
            running.append(running[-1] - 1)
        return str(item)

    @graph.node
    async def gather(view: State) -> None: ...

    graph.map(START, work, over=state.items, join=gather, **options)
    graph.edge(gather, END)
    return graph, running


def test_branches_run_side_by_side_and_merge_in_branch_order() -> None:
    """S6.4: cost in time is the slowest branch, not the sum; the merge is in branch order, not of arrival."""
    graph, _ = mapping()
    run = run_virtual(graph.run(State(items=[30, 10, 20])))
    assert run.state.log == ["30", "10", "20"]
    assert run.seconds == pytest.approx(30, abs=0.01)


def test_a_fast_branch_does_not_wait_for_a_slow_sibling() -> None:
    """S2.4: no supersteps. Two steps of 10 s beside one of 15 s take 20 s, not 25."""
    graph = Graph("uneven", State)

    @graph.node
    async def fast(view: State) -> None:
        await asyncio.sleep(10)

    @graph.node
    async def then(view: State) -> None:
        await asyncio.sleep(10)

    @graph.node
    async def slow(view: State) -> None:
        await asyncio.sleep(15)

    gather = graph.point("gather")
    graph.fork(START, [fast, slow], join=gather)
    graph.edge(fast, then)
    graph.edge(then, gather)
    graph.edge(slow, gather)
    graph.edge(gather, END)
    assert run_virtual(graph.run(State())).seconds == pytest.approx(20, abs=0.01)


def test_at_once_bounds_what_runs() -> None:
    """S6.9: never more than n branches at once, and always n while there are."""
    graph, running = mapping(at_once=3)
    run = run_virtual(graph.run(State(items=[1] * 10)))
    assert max(running) == 3
    assert run.seconds == pytest.approx(4, abs=0.01)


def test_at_once_on_a_node_bounds_its_visits_over_all_branches() -> None:
    """S6.9: the same on a node, whichever branch it is visited from."""
    graph = Graph("gate", State)
    busy: list[int] = [0]

    @graph.node(at_once=2)
    async def narrow(view: State, item: int) -> None:
        busy.append(busy[-1] + 1)
        await asyncio.sleep(1)
        busy.append(busy[-1] - 1)

    gather = graph.point("gather")
    graph.map(START, narrow, over=state.items, join=gather)
    graph.edge(gather, END)
    run = run_virtual(graph.run(State(items=[0] * 6)))
    assert max(busy) == 2
    assert run.seconds == pytest.approx(3, abs=0.01)


def test_a_quorum_cancels_the_rest() -> None:
    """S6.6: at k done the join fires; those still running are cancelled and leave nothing."""
    graph, running = mapping(need=quorum(2))
    run = run_virtual(graph.run(State(items=[1, 50, 2])))
    assert run.state.log == ["1", "2"]
    assert run.seconds == pytest.approx(2, abs=0.01)
    assert running[-1] == 0


def test_best_effort_waits_no_longer_than_it_says() -> None:
    """S6.6: best_effort(within_s=t) fires when t is over, with what is done."""
    graph, _ = mapping(need=best_effort(at_least=1, within_s=5))
    run = run_virtual(graph.run(State(items=[1, 50, 2])))
    assert run.state.log == ["1", "2"]
    assert run.seconds == pytest.approx(5, abs=0.01)


def failing(error: Exception, times: int, **options: Any) -> tuple[Graph[State], list[float]]:
    graph = Graph("retry", State)
    tries: list[float] = []

    @graph.node(**options)
    async def work(view: State) -> None:
        tries.append(asyncio.get_running_loop().time())
        if len(tries) <= times:
            raise error

    graph.edge(START, work)
    graph.edge(work, END)
    return graph, tries


def test_retries_wait_exactly_as_the_policy_says() -> None:
    """S8.1: delays are timers of the run: 1 s, then 2 s."""
    graph, tries = failing(ConnectionFailed("down"), 2, retry=Retry(attempts=3, first_s=1, factor=2, jitter=0))
    run = run_virtual(graph.run(State()))
    assert [round(t - tries[0], 3) for t in tries] == [0, 1, 3]
    assert run.usage.steps == 1, "attempts of one visit are one step (S13.1)"


def test_retry_after_is_a_lower_bound() -> None:
    """S8.1: the server says 10 s, the policy 1 s: 10 s it is."""
    error = RateLimited("slow down", retry_after_s=10)
    graph, tries = failing(error, 1, retry=Retry(attempts=2, first_s=1, jitter=0))
    run_virtual(graph.run(State()))
    assert tries[1] - tries[0] == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize("error", [QuotaExhausted("no credit"), ValueError("a bug")])
def test_what_is_not_covered_is_tried_once(error: Exception) -> None:
    """S8.1: an error that says it is hopeless, or that the policy does not name, is not retried."""
    graph, tries = failing(error, 5, retry=Retry(attempts=3, on=(ConnectionFailed, QuotaExhausted)))
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    assert len(tries) == 1
    assert caught.value.__cause__ is error
    assert caught.value.run.status == "failed"


def test_the_jitter_is_the_same_in_every_run() -> None:
    """S8.1: jitter is seeded by the visit, so a run can be repeated exactly."""
    gaps = set()
    for _ in range(2):
        graph, tries = failing(ConnectionFailed("down"), 1, retry=Retry(first_s=1, jitter=0.5))
        run_virtual(graph.run(State()))
        gaps.add(round(tries[1] - tries[0], 6))
    assert len(gaps) == 1
    assert gaps != {1.0}


def timed(sleep: float, swallows: bool = False) -> Graph[State]:
    graph = Graph("timed", State)

    @graph.node(timeout_s=5, writes=state.n)
    async def slow(view: State) -> int:
        try:
            await asyncio.sleep(sleep)
        except asyncio.CancelledError:
            if not swallows:
                raise
            await asyncio.sleep(1)
        return 1

    @graph.node(writes=state.n)
    async def instead(view: State) -> int:
        await asyncio.sleep(10)  # a cancel left behind by the node before would strike here
        return 2

    graph.edge(START, slow)
    graph.edge(slow, END)
    graph.edge(slow, instead, on_error=NodeTimeout)
    graph.edge(instead, END)
    return graph


def test_a_timeout_cancels_the_attempt_and_is_an_error_of_the_node() -> None:
    """S8.1: the run goes on along the error edge at 5 s."""
    run = run_virtual(timed(60).run(State()))
    assert (run.state.n, round(run.seconds)) == (2, 15)


@pytest.mark.parametrize("swallows", [False, True])
def test_a_late_result_changes_nothing(swallows: bool) -> None:
    """S15.5: a node that swallows its cancel and answers all the same is too late; the cancel does not leak."""
    run = run_virtual(timed(60, swallows).run(State()))
    assert run.state.n == 2


def test_a_node_that_swallows_the_drivers_end_is_the_last() -> None:
    """S14.2: it is waited for, what it did counts, and nothing begins any more."""
    graph = Graph("clinging", State)

    @graph.node(writes=state.log)
    async def clings(view: State) -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(1)
        return "clings"

    @graph.node(writes=state.log)
    async def after(view: State) -> str:
        await asyncio.sleep(1)
        return "after"

    graph.chain(START, clings, after, END)

    async def main() -> Run[State]:
        async with graph.start(State()) as live:
            await asyncio.sleep(1)
            await live.stop()
            return live.run

    stopped = run_virtual(main())
    assert (stopped.status, stopped.state.log, stopped.frontier) == ("running", ["clings"], ("after:1",))
    assert run_virtual(graph.resume(stopped)).state.log == ["clings", "after"]


def test_in_time_is_in_time() -> None:
    assert run_virtual(timed(4).run(State())).state.n == 1


def test_a_cancel_that_we_did_not_send_is_a_failure_of_the_node() -> None:
    """S8.4: an inner task of the node's was cancelled; the run fails with a typed error instead of vanishing."""
    graph = Graph("cancelled", State)

    @graph.node
    async def work(view: State) -> None:
        raise asyncio.CancelledError

    graph.edge(START, work)
    graph.edge(work, END)
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    assert isinstance(caught.value.run.error, NodeCancelled)


here: contextvars.ContextVar[str] = contextvars.ContextVar("here", default="clean")


def test_context_variables_do_not_leak_from_node_to_node() -> None:
    """A worker runs many nodes in one task; what one sets in its context the next must not see."""
    graph = Graph("context", State)

    @graph.node(writes=state.log)
    async def first(view: State) -> str:
        seen = here.get()
        here.set("dirty")
        return seen

    @graph.node(writes=state.log)
    def second(view: State) -> str:
        seen = here.get()
        here.set("dirtier")
        return seen

    @graph.node(writes=state.log)
    async def third(view: State) -> str:
        return here.get()

    graph.edge(START, first)
    graph.edge(first, second)
    graph.edge(second, third)
    graph.edge(third, END)
    assert run_virtual(graph.run(State())).state.log == ["clean", "clean", "clean"]


def test_a_blocking_node_runs_in_a_thread() -> None:
    graph = Graph("blocking", State)

    @graph.node(blocking=True, writes=state.log)
    def work(view: State) -> str:
        return threading.current_thread().name

    graph.edge(START, work)
    graph.edge(work, END)
    assert asyncio.run(graph.run(State())).state.log != [threading.main_thread().name]


def test_a_sync_node_that_blocks_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds every other node up: said once, with the mend."""
    ticks = iter([0.0, 3.0])
    monkeypatch.setattr("graphflow.runtime.calling.time.perf_counter", lambda: next(ticks, 3.0))
    graph = Graph("blocking", State)

    @graph.node
    def work(view: State) -> None: ...

    graph.edge(START, work)
    graph.edge(work, END)
    with pytest.warns(BlockingNodeWarning, match="blocking=True"):
        run_virtual(graph.run(State()))


def test_nothing_is_left_running_after_a_cancelled_await() -> None:
    """S14.2: a cancelled await stops the driver; the run stays as it is and goes on later, running nothing twice."""
    graph, running = mapping()
    calls: list[str] = []

    async def main() -> Any:
        async with asyncio.timeout(15):
            try:
                return await graph.run(State(items=[10, 20]), store=store, run_id="r")
            finally:
                calls.append("stopped")

    from graphflow.stores import MemoryStore

    store = MemoryStore()

    async def whole() -> Any:
        with pytest.raises(TimeoutError):
            await main()
        assert running[-1] == 0
        assert len(asyncio.all_tasks()) == 1
        return await graph.resume("r", store=store)

    run = run_virtual(whole())
    assert run.status == "done"
    assert run.state.log == ["10", "20"]
    started = [b for a, b in zip([0, *running], running, strict=False) if b > a]
    assert len(started) == 3, "the finished branch is not repeated, the other one is"


def test_live_cancel_ends_the_run() -> None:
    """S14.2: only cancel ends a run; it cannot be resumed."""
    graph, running = mapping()

    async def main() -> Any:
        async with graph.start(State(items=[100, 100])) as live:
            await asyncio.sleep(1)
            live.cancel()
        return live.run

    run = run_virtual(main())
    assert run.status == "cancelled"
    assert run.frontier == ()
    assert running[-1] == 0


def test_cancel_of_one_branch_is_no_failure() -> None:
    """S14.2, S8.4: cancel(path) ends that scope; the join goes on with the others."""
    graph, _ = mapping()

    async def main() -> Any:
        async with graph.start(State(items=[100, 5])) as live:
            await asyncio.sleep(1)
            assert live.cancel("START:1[0]")
            assert not live.cancel("START:1[0]"), "it is over (S15.5)"
        return await live.result()

    run = run_virtual(main())
    assert (run.status, run.state.log, run.failures) == ("done", ["5"], ())


def test_deps_are_given_to_the_run_and_not_journalled() -> None:
    """S3.8."""
    graph = Graph("deps", State)

    @graph.node(writes=state.log)
    async def work(view: State, ctx: Context[dict[str, str]]) -> str:
        return "got it" if ctx.deps["secret"] == "canary" else "?"

    graph.edge(START, work)
    graph.edge(work, END)
    run = run_virtual(graph.run(State(), deps={"secret": "canary"}))
    assert run.state.log == ["got it"]
    assert b"canary" not in b"".join(run.raw_journal)


def test_run_sync_works_inside_a_running_loop() -> None:
    """As in a notebook cell."""
    graph, _ = mapping()

    async def cell() -> Any:
        return graph.run_sync(State(items=[0]))

    assert asyncio.run(cell()).state.log == ["0"]


def test_ctrl_c_in_a_node_stops_the_driver_and_loses_nothing() -> None:
    """S14.2: the KeyboardInterrupt carries the run, which goes on from where it stood."""
    graph = Graph("interrupted", State)
    tries: list[int] = []

    @graph.node(writes=state.n)
    async def first(view: State) -> int:
        tries.append(1)
        return 1

    @graph.node(writes=state.log)
    async def second(view: State) -> str:
        tries.append(2)
        if tries.count(2) == 1:
            raise KeyboardInterrupt
        return "done"

    graph.edge(START, first)
    graph.edge(first, second)
    graph.edge(second, END)
    with pytest.raises(KeyboardInterrupt) as caught:
        graph.run_sync(State())
    run = caught.value.run  # type: ignore[attr-defined]
    assert (run.status, run.frontier, run.state.n) == ("running", ("second:1",), 1)
    assert graph.resume_sync(run).state.log == ["done"]
    assert tries == [1, 2, 2]


def test_ten_thousand_branches_that_never_wait_make_few_tasks() -> None:
    """Workers are lazy: a burst of cursors does not become a burst of tasks."""
    graph = Graph("wide", State)
    tasks: set[str] = set()

    @graph.node
    async def work(view: State, item: int) -> None:
        tasks.add(asyncio.current_task().get_name())  # type: ignore[union-attr]

    gather = graph.point("gather")
    graph.map(START, work, over=state.items, join=gather)
    graph.edge(gather, END)
    from graphflow import Budget

    run = run_virtual(graph.run(State(items=list(range(10_000))), budget=Budget(steps=20_000)))
    assert run.status == "done"
    assert len(tasks) < 100


def test_an_item_is_the_nodes_own() -> None:
    """S3.6, S6.1: items are fixed at the fork; a node that alters its item changes nothing, not even for its retry."""

    class Nested(BaseModel):
        items: list[dict[str, list[int]]] = [{"x": [1]}]
        seen: Annotated[list[str], append] = []

    nested = fields(Nested)
    graph = Graph("items", Nested)
    tries: list[str] = []

    @graph.node(writes=nested.seen, retry=Retry(attempts=2, first_s=1, jitter=0))
    async def work(view: Nested, item: dict[str, list[int]], ctx: Context) -> str:
        tries.append(str(item))
        item["x"].append(2)
        ctx.item["y"] = []
        if len(tries) == 1:
            raise ConnectionError("again")
        return str(view.items)

    gather = graph.point("gather")
    graph.map(START, work, over=nested.items, join=gather)
    graph.edge(gather, END)
    run = run_virtual(graph.run(Nested()))
    assert tries == ["{'x': [1]}"] * 2
    assert run.state.items == [{"x": [1]}]
    assert run.state.seen == ["[{'x': [1]}]"]


def test_a_run_that_is_cancelled_before_it_is_driven_never_runs() -> None:
    """S14.2: its journal begins with its start all the same, and no node is called."""
    graph = Graph("early", State)
    called: list[str] = []

    @graph.node
    async def work(view: State) -> None:
        called.append("work")

    graph.chain(START, work, END)

    async def main() -> Run[State]:
        live = graph.start(State())
        assert live.cancel()
        return await live.drive()

    run = run_virtual(main())
    assert (run.status, called) == ("cancelled", [])
    assert [entry["kind"] for entry in run.journal] == ["started", "finished", "cancelled", "ended"]


def test_a_run_can_be_answered_before_it_is_driven() -> None:
    """S10.1: early answers are kept."""
    graph = Graph("early", State)
    approve = graph.ask("approve", "Well?", answer=int, writes=fields(State).n)
    graph.chain(START, approve, END)

    async def main() -> Run[State]:
        live = graph.start(State())
        live.answer("approve", 7)
        return await live.drive()

    run = run_virtual(main())
    assert (run.status, run.state.n) == ("done", 7)
