"""``simulate``: seeded mistakes of nodes are found on the real driver, and what is right holds, however it is struck."""

from __future__ import annotations

import asyncio
import random
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import strategies as st
from pydantic import BaseModel

import graphflow.testing as testing
from graphflow import END, START, Agent, Budget, Context, Graph, Retry, append, fields
from graphflow.errors import GraphError, NodeTimeout
from graphflow.errors.testing import OutsideReached, PropertyFailed, PropertyInvalid, TestingError
from graphflow.runtime.outbox import Outbox
from graphflow.stores import MemoryStore, SQLiteStore
from graphflow.testing import always, eventually, faults, never, says, simulate, sometimes
from graphflow.testing.simulating import simulate as simulating
from graphflow.testing.simulating.aftermath import AFTER_LAWS
from graphflow.testing.simulating.seeded import SeededLoop


class News(BaseModel):
    facts: Annotated[list[str], append] = []
    draft: str = ""
    score: int = 0
    rounds: int = 0
    paid: bool = False


class Ledger:
    """What nodes share besides the state."""

    def __init__(self) -> None:
        self.count = 0
        self.paid: list[str] = []


news = fields(News)


def chain(*nodes: Any, name: str = "small", **options: Any) -> Graph[News]:
    graph = Graph(name, News)
    graph.chain(START, *(graph.node(node, **options) for node in nodes), END)
    return graph


def fork(*nodes: Any) -> Graph[News]:
    graph = Graph("forked", News)
    plan, gather = graph.point("plan"), graph.point("gather")
    handles = [graph.node(node, writes=news.facts) for node in nodes]
    graph.edge(START, plan)
    graph.fork(plan, handles, join=gather)
    graph.edge(gather, END)
    return graph


def newsroom() -> Graph[News]:
    """Agents at once, a loop with a limit, a question, a retry, a function with a recorded effect."""
    graph = Graph("newsroom", News)
    plan = graph.point("plan")
    web, docs = (graph.node(Agent(name, "Find.", prompt="{draft}"), writes=news.facts) for name in ("web", "docs"))
    write = graph.node(Agent("write", "Write.", prompt="{facts}", retry=Retry(attempts=2)), writes=news.draft)
    review = graph.node(Agent("review", "Score it.", prompt="{draft}", output=int), writes=news.score)
    count = graph.node(lambda state: {"rounds": state.rounds + 1}, name="count")
    approve = graph.ask("approve", "May it be published?", answer=bool, writes=news.paid)

    @graph.node(name="pay")
    async def pay(state: News, ctx: Context[Ledger]) -> dict[str, Any]:
        async def now() -> bool:
            await asyncio.sleep(0.5)
            ctx.deps.paid.append(ctx.cursor)
            return True

        await ctx.once("pay", now)
        await asyncio.sleep(0.5)
        return {"paid": True}

    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=write)
    graph.chain(write, review, count)
    graph.edge(count, approve, when=news.score >= 7)
    graph.edge(count, write, at_most=2)
    graph.edge(count, approve)
    graph.chain(approve, pay, END)
    return graph


def broken(graph: Graph[Any], **options: Any) -> PropertyFailed:
    """What is found; the seed alone finds it again."""
    with pytest.raises(PropertyFailed) as caught:
        simulate(graph, **options)
    seed = int(caught.value.replay.partition("seeds=[")[2].partition("]")[0])
    with pytest.raises(PropertyFailed) as again:
        simulate(graph, **{**options, "seeds": [seed]})
    assert str(again.value) == str(caught.value)
    return caught.value


# -- what is right -----------------------------------------------------------------------------------------------------


def test_a_sound_graph_holds_however_it_is_struck() -> None:
    """S14.2, S15.4, S11.1: stopped, cancelled, killed, refused, taken over, at many places."""
    found = simulate(newsroom(), seeds=150, deps=Ledger)
    assert found.seeds == 150
    assert found.processes > found.runs > found.seeds
    assert {law.name for law in AFTER_LAWS} <= set(found.properties)
    assert str(found).startswith("newsroom: ")


def test_a_sound_graph_holds_on_a_real_file() -> None:
    assert simulate(newsroom(), seeds=14, deps=Ledger, store="sqlite").processes > 14


def test_a_store_of_ones_own(tmp_path: Path) -> None:
    assert simulate(newsroom(), seeds=7, deps=Ledger, store=lambda: SQLiteStore(tmp_path / "own.db")).seeds == 7
    own = MemoryStore()
    assert simulate(newsroom(), seeds=7, deps=Ledger, store=lambda: own).seeds == 7
    assert own.ids() == []


def test_nodes_that_fail_on_purpose() -> None:
    found = simulate(newsroom(), seeds=60, deps=Ledger, faults=faults.all() + faults.slow() + faults.silence())
    assert found.runs > 60


@pytest.mark.parametrize("kind", ["crash", "cancel", "store"])
def test_each_kind_of_blow_strikes(kind: str) -> None:
    blows = 4 if kind == "store" else 2
    found = simulate(newsroom(), seeds=30, deps=Ledger, faults=getattr(faults, kind)())
    assert found.runs == 30 + 30 * blows // (1 + blows)  # the other seeds are left undisturbed


def test_undisturbed_there_is_one_run_a_seed() -> None:
    found = simulate(chain(Agent("a", "Do.", prompt="{draft}"), writes=news.draft), seeds=20, faults=faults.none)
    assert (found.runs, found.processes) == (20, 20)


# -- seeded mistakes ---------------------------------------------------------------------------------------------------


def test_a_task_that_a_node_leaves_running() -> None:
    """S14.2: nothing is left running."""

    async def leak(state: News) -> dict[str, Any]:
        asyncio.create_task(asyncio.sleep(5))  # noqa: RUF006
        return {"draft": "done"}

    found = broken(chain(leak))
    assert str(found) == (
        "[GF610] 'nothing is left running' does not hold in graph 'small'\n"
        "      1. leak  draft='done'\n"
        "  the run has come to rest, and something has not (S14.2):\n"
        "     the task sleep(), started by 'leak:1', is still running\n"
        "  fix     await what a node starts before it returns, or use asyncio.TaskGroup\n"
        "  replay  simulate(small, seeds=[0])"
    )


def test_a_timer_that_a_node_leaves_set() -> None:
    async def leak(state: News) -> None:
        asyncio.get_running_loop().call_later(60, print, "late")

    assert "a timer is still set" in str(broken(chain(leak)))


def test_a_thread_that_a_node_leaves_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphflow.testing.simulating.seeded._THREAD_S", 0.01)
    over = threading.Event()

    def leak(state: News) -> None:
        threading.Thread(target=over.wait, name="watcher", daemon=True).start()

    try:
        with pytest.raises(PropertyFailed, match="the thread 'watcher' is still running"):
            simulate(chain(leak))
    finally:
        over.set()


def test_a_node_that_swallows_its_cancel() -> None:
    """S14.2: what is cancelled ends."""

    async def stubborn(state: News) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3)

    found = broken(chain(stubborn))
    assert found.name == "cancels are passed on"
    assert "stubborn  is cancelled, and goes on to its end" in str(found)


def test_a_node_that_never_ends() -> None:
    async def waits(state: News) -> None:
        await asyncio.Event().wait()

    found = broken(chain(waits))
    assert found.name == "comes to rest"
    assert "'waits' does not end" in str(found)


def test_a_node_that_only_passes_time_for_ever() -> None:
    async def polls(state: News) -> None:
        while True:
            await asyncio.sleep(1)

    assert broken(chain(polls), seeds=1).name == "comes to rest"


async def add_one(state: News, ctx: Context[Ledger]) -> str:
    count = ctx.deps.count
    await asyncio.sleep(0.01)
    ctx.deps.count = count + 1
    return "one"


async def add_two(state: News, ctx: Context[Ledger]) -> str:
    count = ctx.deps.count
    await asyncio.sleep(0.01)
    ctx.deps.count = count + 1
    return "two"


def test_an_update_lost_between_branches_that_share_deps() -> None:
    found = broken(fork(add_one, add_two), deps=Ledger, faults=faults.none)
    assert found.name == "deps do not race"
    assert "Ledger.count is 1 here, and 2 where nodes go one by one" in str(found)
    assert "add_one  begins" in str(found)
    assert found.replay.endswith("faults=faults.none, deps=Ledger)")
    without = {"deps do not race", "effects happen once"}
    assert simulate(fork(add_one, add_two), deps=Ledger, without=without, seeds=20).seeds == 20


def test_an_update_that_is_not_lost_is_no_race() -> None:
    async def at_once(state: News, ctx: Context[Ledger]) -> str:
        await asyncio.sleep(0.01)
        ctx.deps.count += 1
        ctx.deps.paid.append(ctx.node)
        return ctx.node

    async def as_well(state: News, ctx: Context[Ledger]) -> str:
        return await at_once(state, ctx)

    assert simulate(fork(at_once, as_well), deps=Ledger, seeds=30, faults=faults.none).seeds == 30


def test_branches_that_look_at_each_other() -> None:
    """S15.4: the order in which branches finish changes nothing, unless something says that it may."""

    async def first(state: News, ctx: Context[Ledger]) -> str:
        ctx.deps.count += 1
        return f"{ctx.deps.count}."

    async def second(state: News, ctx: Context[Ledger]) -> str:
        return await first(state, ctx)

    found = broken(fork(first, second), deps=Ledger)
    assert found.name == "order does not matter"


def test_an_effect_that_is_repeated_after_a_crash() -> None:
    """S11.1: what is done to deps past the context is not recorded."""

    async def pay(state: News, ctx: Context[Ledger]) -> dict[str, Any]:
        ctx.deps.paid.append("40")
        return {"paid": True}

    found = broken(chain(pay), deps=Ledger)
    assert str(found) == (
        "[GF610] 'effects happen once' does not hold in graph 'small'\n"
        "      1. pay  paid=True\n"
        "         -- the process dies before a commit is written, and another one goes on --\n"
        "      2. pay  paid=True\n"
        "  'pay' was cut off and called again, and Ledger.paid is not what it is without that:\n"
        "     ['40', '40'] here, ['40'] undisturbed\n"
        "     what a node does to ctx.deps by itself is not recorded, so it is done again (S11.1)\n"
        '  fix     record it: await ctx.once("pay", lambda: ctx.deps.pay(...))\n'
        "  replay  simulate(small, seeds=[1], deps=Ledger)"
    )


def test_a_node_that_looks_at_chance_does_not_recover() -> None:
    def rolls(state: News) -> dict[str, Any]:
        return {"score": random.randint(1, 10**9)}

    with pytest.raises(PropertyFailed) as caught:
        simulate(chain(rolls))
    assert caught.value.name in ("order does not matter", "recovers to the same run")


def test_properties_are_asked_at_every_entry() -> None:
    graph = newsroom()
    found = broken(graph, deps=Ledger, properties=[always(news.rounds < 3)])
    assert "rounds < 3 does not hold  (is rounds=3)" in str(found)
    assert found.replay.endswith("properties=[always(fields(News).rounds < 3)], deps=Ledger)")
    with pytest.raises(PropertyFailed, match="score == 7 never held"):
        simulate(graph, seeds=20, deps=Ledger, agents={"review": 3}, properties=[sometimes(news.score == 7)])
    simulate(graph, seeds=20, deps=Ledger, agents={"review": says(st.just(7))}, properties=[sometimes(news.score == 7)])


def test_a_node_that_raises_is_told() -> None:
    def fails(state: News) -> None:
        raise LookupError("nothing there")

    found = broken(chain(fails))
    assert found.name == "no crash"
    assert "fails  raises LookupError: nothing there" in str(found)


def test_the_line_that_plays_a_seed_again_can_be_pasted() -> None:
    """What it uses is named, and it fails in the same way."""
    graph = newsroom()
    claims = [always(news.rounds < 3), never((news.score == 5) & news.paid)]
    with pytest.raises(PropertyFailed) as caught:
        simulate(
            graph,
            properties=claims,
            agents={"review": 3},
            faults=faults.crash() + faults.raising(LookupError, at_most=3),
            start={"rounds": 1},
            without="no crash",
            budget=Budget(steps=40),
            deps=Ledger,
        )
    line = caught.value.replay
    assert line.startswith("simulate(newsroom, seeds=[")
    assert line.endswith(
        "properties=[always(fields(News).rounds < 3), never((fields(News).score == 5) & fields(News).paid)], "
        "agents=agents, faults=faults.crash(at_most=3) + faults.raising(LookupError, at_most=3), start={'rounds': 1}, "
        "without='no crash', budget=Budget(steps=40, reserve_steps=5), deps=Ledger)"
    )
    with pytest.raises(PropertyFailed) as again:
        eval(line, dict(caught.value.names))
    assert str(again.value) == str(caught.value)


def test_what_has_no_text_stands_by_its_name() -> None:
    async def fails(state: News) -> None:
        raise LookupError("nothing there")

    class Odd(Exception):
        """Of nobody else."""

    given = faults.raising(Odd)
    with pytest.raises(PropertyFailed) as caught:
        simulate(chain(fails), faults=given, properties=[never(lambda state: False)])
    assert caught.value.replay.endswith("properties=properties, faults=given_faults)")
    assert caught.value.names["given_faults"] is given


def test_what_no_seed_decides_is_told() -> None:
    """A run that comes out otherwise when it is played again is no run that could be looked at."""
    calls: list[int] = []

    def fails_once(state: News) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise LookupError("nothing there")

    with pytest.raises(PropertyFailed) as caught:
        simulate(chain(fails_once))
    assert caught.value.replay == ""
    assert "  replay  seed 0 does not fail like that again" in str(caught.value)


def test_the_points_at_which_runs_are_struck_lie_over_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled at each await: as many seeds of a kind as a run has turns leave few out, and none is beyond the end."""
    struck: set[int] = set()
    told: list[int] = []
    real = simulating._tried

    def noted(question: Any, simulation: Any, script: Any) -> Any:
        trial = real(question, simulation, script)
        if script.disturbance == "nothing":
            told.append(trial.turns)
        else:
            assert trial.is_struck
            struck.add(script.point)
        return trial

    monkeypatch.setattr(simulating, "_tried", noted)

    def nothing(state: News) -> None:
        """There is little to do."""

    simulate(chain(nothing), seeds=90, faults=faults.cancel())
    turns = max(told)
    assert struck <= set(range(1, turns + 1))
    assert len(struck) > 0.75 * turns


def test_a_node_that_is_slow_is_timed_out() -> None:
    """S8.2: before its work, or behind it."""

    async def work(state: News) -> dict[str, Any]:
        return {"draft": "done"}

    graph = chain(work, timeout_s=5)
    graph.edge("work", END, on_error=NodeTimeout)
    found = simulate(graph, seeds=200, faults=faults.slow(), properties=[sometimes(news.draft == "")])
    assert found.seeds == 200
    with pytest.raises(PropertyFailed, match="work  takes too long") as caught:
        simulate(graph, seeds=200, faults=faults.slow(), properties=[eventually(news.draft == "done")])
    assert "work  is cancelled" in str(caught.value)


def test_a_bug_of_ours_is_told_as_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the driver raises comes with the run that led there, and its seed."""

    def breaks(self: Outbox) -> bool:
        raise AssertionError("no such thing")

    monkeypatch.setattr(Outbox, "_is_due", breaks)
    found = broken(newsroom(), deps=Ledger)
    assert found.name == "nothing breaks the driver"
    assert "the driver broke: AssertionError: no such thing" in str(found)


# -- the driver itself -------------------------------------------------------------------------------------------------


def test_a_driver_that_forgets_a_commit_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """S14.2: a begun commit is finished, also if the driver is stopped while it closes."""

    async def hurried(commit: asyncio.Task[None]) -> None:
        await asyncio.wait([commit])

    monkeypatch.setattr("graphflow.runtime.outbox._finished", hurried)
    found = broken(chain(Agent("a", "Do.", prompt="{draft}"), writes=news.draft), faults=faults.cancel(), seeds=200)
    assert found.name == "nothing is left running"
    assert "Outbox._committing()" in str(found)


def test_a_driver_that_performs_before_it_commits_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """S11.1: with ``durability="step"`` nothing is performed on what may yet be lost."""

    async def at_once(self: Outbox) -> None:
        """Nobody waits for what was handed over."""

    monkeypatch.setattr(Outbox, "settled", at_once)

    async def pay(state: News, ctx: Context[Ledger]) -> dict[str, Any]:
        async def now() -> bool:
            ctx.deps.paid.append("40")
            return True

        await ctx.once("pay", now)
        ctx.deps.count += 1
        return {"paid": True}

    def rests(state: News) -> dict[str, Any]:
        return {"rounds": state.rounds + 1}

    found = broken(chain(pay, rests), deps=Ledger, faults=faults.crash(), seeds=300)
    assert found.name == "effects happen once"


# -- the loop ----------------------------------------------------------------------------------------------------------


def _order(seed: int) -> list[int]:
    done: list[int] = []

    async def note(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)

    async def main() -> None:
        await asyncio.gather(*map(note, range(5)))

    SeededLoop(seed).play(main(), lambda task: None)
    return done


def test_the_order_of_tasks_is_the_seeds() -> None:
    assert _order(1) == _order(1)
    assert len({tuple(_order(seed)) for seed in range(20)}) > 10


def test_time_passes_at_once_and_threads_are_calls() -> None:
    async def main() -> tuple[float, int]:
        await asyncio.sleep(86_400)
        found = await asyncio.to_thread(threading.get_ident)
        return asyncio.get_running_loop().time(), found

    time_s, thread = SeededLoop(1).play(main(), lambda task: None)
    assert time_s >= 86_400
    assert thread == threading.get_ident()


# -- what was asked ----------------------------------------------------------------------------------------------------


def test_mistakes_are_told() -> None:
    graph = newsroom()
    for seeds in ("17", [1.5], True, None):
        with pytest.raises(TestingError, match="seed"):
            simulate(graph, seeds=seeds)  # type: ignore[arg-type]
    for none in (0, -1, [], range(0), [-1]):
        with pytest.raises(TestingError, match=r"no (number of )?seeds"):
            simulate(graph, seeds=none)
    with pytest.raises(TestingError, match="store='redis' is no store"):
        simulate(graph, store="redis")  # type: ignore[arg-type]
    with pytest.raises(PropertyInvalid, match="no default property 'nothing is left runing'"):
        simulate(graph, without="nothing is left runing")
    with pytest.raises(GraphError):
        simulate(Graph("empty", News))

    async def reaches(state: News) -> None:
        await asyncio.open_connection("example.org", 80)

    with pytest.raises(OutsideReached, match="the network"):
        simulate(chain(reaches))


def test_a_budget_is_kept() -> None:
    """S13.2: a run whose budget is used up is exhausted, whoever is quicker."""
    assert simulate(newsroom(), seeds=30, deps=Ledger, budget=Budget(steps=4, model_calls=3)).seeds == 30


def test_it_works_where_a_loop_runs_already() -> None:
    async def main() -> int:
        return simulate(newsroom(), seeds=5, deps=Ledger).seeds

    assert asyncio.run(main()) == 5


def test_it_is_public() -> None:
    assert testing.simulate is simulate
