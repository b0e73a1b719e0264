"""S13: what a run may spend; nothing new starts after that, and nothing is lost."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Budget, Context, Graph, Limits, Usage, append, fields
from graphflow.graph.context import Effect, Reserve
from graphflow.testing.virtual import run_virtual


class State(BaseModel):
    n: int = 0
    items: list[int] = []
    log: Annotated[list[str], append] = []


state = fields(State)


def counting(**options: Any) -> Graph[State]:
    graph = Graph("count", State, **options)

    @graph.node(writes=state.n)
    async def up(view: State) -> int:
        return view.n + 1

    graph.edge(START, up)
    graph.edge(up, up, when=state.n < 20, at_most="unbounded")
    graph.edge(up, END)
    return graph


def test_a_used_up_budget_ends_the_run_exhausted_and_resumable() -> None:
    """S13.2: its frontier is kept; a larger budget goes on from there."""
    graph = counting()
    run = run_virtual(graph.run(State(), budget=Budget(steps=5)))
    assert (run.status, run.state.n, run.frontier) == ("exhausted", 5, ("up:6",))
    run = run_virtual(graph.resume(run, budget=Budget(steps=100)))
    assert (run.status, run.state.n, run.usage.steps) == ("done", 20, 20)


def test_a_budget_of_nothing_is_legal() -> None:
    """S13: zero steps start nothing and end with a status."""
    run = run_virtual(counting().run(State(), budget=Budget(steps=0)))
    assert (run.status, run.state.n) == ("exhausted", 0)


def test_the_step_limit_is_the_last_resort() -> None:
    """S4.5, S17: a finite default, one parameter away."""
    run = run_virtual(counting(limits=Limits(steps=7)).run(State()))
    assert (run.status, run.usage.steps) == ("exhausted", 7)


def test_seconds_are_those_that_a_driver_spends() -> None:
    """S13.1."""
    import asyncio

    graph = Graph("slow", State)

    @graph.node(writes=state.n)
    async def up(view: State) -> int:
        await asyncio.sleep(10)
        return view.n + 1

    graph.edge(START, up)
    graph.edge(up, up, when=state.n < 20, at_most="unbounded")
    graph.edge(up, END)
    run = run_virtual(graph.run(State(), budget=Budget(seconds=25)))
    assert (run.status, run.state.n) == ("exhausted", 3), "what runs finishes"


def test_on_budget_one_cursor_wraps_up_with_a_reserve() -> None:
    """S13.2: open forks close as best_effort would."""
    graph = Graph("wrap", State)

    @graph.node(writes=state.log)
    async def work(view: State, item: int) -> str:
        return str(item)

    @graph.node(writes=state.log)
    async def wrap_up(view: State) -> str:
        return f"{len(view.log)} of {len(view.items)}"

    gather = graph.point("gather")
    graph.map(START, work, over=state.items, join=gather, at_once=1)
    graph.edge(gather, END)
    graph.edge(wrap_up, END)
    graph.on_budget(wrap_up)
    run = run_virtual(graph.run(State(items=[1, 2, 3, 4]), budget=Budget(steps=2)))
    assert (run.status, run.state.log) == ("done", ["1", "2", "2 of 4"])


def spending(usage: Usage, reserve: Reserve) -> Graph[State]:
    graph = Graph("spend", State)

    @graph.node(writes=state.n)
    async def call(view: State, ctx: Context) -> int:
        async def perform() -> Effect:
            return Effect(view.n + 1, usage)

        effect = await ctx.hands.effect("model", {"n": view.n}, perform, reserve)
        return int(effect.value)

    graph.edge(START, call)
    graph.edge(call, call, when=state.n < 5, at_most=10)
    graph.edge(call, END)
    return graph


@pytest.mark.parametrize(
    ("budget", "calls"),
    [
        (Budget(model_calls=2), 2),
        (Budget(tokens=250), 3),
        (Budget(usd=0.02), 2),
        (Budget(model_calls=0), 0),
        (Budget(model_calls=50), 5),
    ],
)
def test_calls_are_reserved_before_they_start(budget: Budget, calls: int) -> None:
    """S13.1: exceeded by no more than what was in flight; node usages add up to the run's."""
    usage = Usage(model_calls=1, input_tokens=80, output_tokens=20, usd=0.01)
    run = run_virtual(spending(usage, Reserve(1, 100, 0.01)).run(State(), budget=budget))
    assert run.usage.model_calls == calls
    assert run.status == ("done" if calls == 5 else "exhausted")
    total = Usage(steps=run.usage.steps)
    for used in run.usage_by_node.values():
        total = total + used
    assert total == run.usage


def test_an_unknown_price_is_unknown_never_zero() -> None:
    """S13.1: a budget in usd cannot be kept then, and is refused instead of ignored."""
    from graphflow import RunFailed

    graph = spending(Usage(model_calls=1, usd=None), Reserve(1, 100, None))
    run = run_virtual(graph.run(State()))
    assert run.usage.usd is None
    with pytest.raises(RunFailed, match="price of a model call is unknown"):
        run_virtual(graph.run(State(), budget=Budget(usd=1)))


@pytest.mark.parametrize("name", ["steps", "tokens", "usd", "seconds", "model_calls"])
def test_a_negative_budget_is_refused_at_the_line(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Budget(**{name: -1})


def test_a_call_that_fails_after_it_was_paid_for_is_counted() -> None:
    """S13.1, G5: a truncated answer costs its tokens, also after a replay."""
    from graphflow import RunFailed
    from graphflow.core.journal import decode
    from graphflow.core.replay import replay
    from graphflow.errors import Truncated

    graph = Graph("truncated", State)

    @graph.node
    async def call(view: State, ctx: Context) -> None:
        async def perform() -> Effect:
            raise Truncated("cut off", usage=Usage(model_calls=1, input_tokens=7))

        await ctx.hands.effect("model", {}, perform, None)

    graph.edge(START, call)
    graph.edge(call, END)
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    run = caught.value.run
    assert run.usage_by_node == {"call": Usage(model_calls=1, input_tokens=7)}
    folded = replay(graph.plan(), map(decode, run.raw_journal))
    assert folded.usage_by_node == run.usage_by_node


def test_a_resumed_run_goes_on_under_the_budget_it_was_given() -> None:
    """S13.1: a budget is the run's; a larger one is given in so many words."""

    class Count(BaseModel):
        n: int = 0
        ok: bool = False

    count = fields(Count)
    graph = Graph("count", Count)
    ask = graph.ask("ask", "Go on?", answer=bool, writes=count.ok)

    @graph.node(writes=count.n)
    def up(state: Count) -> int:
        return state.n + 1

    graph.chain(START, ask, up)
    graph.edge(up, up, when=count.n < 10, at_most=20)
    graph.edge(up, END)
    run = graph.run_sync(Count(), budget=Budget(steps=4))
    assert run.status == "waiting"
    run = graph.resume_sync(run, answers=[ask.answer(True)])
    assert (run.status, run.usage.steps) == ("exhausted", 4)
    assert graph.resume_sync(run).status == "exhausted"
    assert graph.resume_sync(run, budget=Budget(steps=40)).status == "done"
