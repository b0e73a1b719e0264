"""Runs whose model calls stand in line: what is seen of it, what it counts against, and that no two waits multiply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Budget, Graph, Retry, RunFailed, append, fields
from graphflow.core.usage import Usage
from graphflow.errors import ModelError, NodeTimeout, RateLimited
from graphflow.models import FREE, Limiter, Price, Request, Response
from graphflow.runtime.events import CallWaits, Event
from graphflow.testing.virtual import EPOCH_S, run_virtual


@dataclass
class Provider:
    """A model behind a limiter: each call takes a second, and ``answer`` says by its number what comes of it."""

    limiter: Limiter = field(default_factory=Limiter)
    answer: Callable[[int], ModelError | None] = lambda number: None
    starts: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    name: str = "provider"
    price: Price | None = FREE

    async def respond(self, request: Request) -> Response:
        async with self.limiter.slot(request):
            number = len(self.starts)
            self.starts.append((request.messages[-1].text, round(asyncio.get_running_loop().time(), 6)))
            await asyncio.sleep(1)
            error = self.answer(number)
            if error is not None:
                raise error
            return Response("ok", usage=Usage(model_calls=1, input_tokens=60, output_tokens=40, usd=0.0))


class State(BaseModel):
    topics: list[str] = []
    said: Annotated[list[str], append] = []


state = fields(State)


def asking(*, name: str = "ask", attempts: int = 3, timeout_s: float | None = None) -> Graph[State]:
    """An agent for each topic, side by side; a retry of its own would come after a second."""
    graph = Graph(name, State)
    retry = Retry(attempts=attempts, first_s=1, factor=1, jitter=0, on=ModelError)
    agent = Agent("ask", "Say ok.", prompt=lambda view, item: str(item), retry=retry)
    node = graph.node(agent, writes=state.said, timeout_s=timeout_s)
    gather = graph.point("gather")
    graph.map(START, node, over=state.topics, join=gather)
    graph.edge(gather, END)
    return graph


def test_a_pause_and_the_nodes_own_retry_are_one_wait() -> None:
    """S8.1: Retry-After is a lower bound for the retry and pauses the line; the two end together, in one request."""
    busy = RateLimited("busy", retry_after_s=10)
    provider = Provider(Limiter(first_at_once=4), lambda number: busy if number == 0 else None)
    run = run_virtual(asking().run(State(topics=["a", "b", "c"]), model=provider))
    assert run.status == "done"
    assert provider.starts == [("a", 0), ("b", 0), ("c", 0), ("a", 11)]
    assert run.usage.model_calls == 3


def test_a_pause_holds_those_that_had_not_asked_yet() -> None:
    """S8.1: five agents, two at once; the first is told to wait: nobody asks meanwhile, and each asks once more at most."""
    busy = RateLimited("busy", retry_after_s=10)
    provider = Provider(Limiter(first_at_once=2, most_at_once=2), lambda number: busy if number == 0 else None)
    run = run_virtual(asking().run(State(topics=list("abcde")), model=provider))
    assert run.status == "done"
    assert len(provider.starts) == 6
    assert sorted(time for _, time in provider.starts) == [0, 0, 11, 12, 12, 13]


def test_when_nobody_gets_through_each_node_asks_as_often_as_its_policy_says() -> None:
    """S8.1: three attempts are three requests, never nine; the run ends after two pauses."""
    provider = Provider(answer=lambda number: RateLimited("busy", retry_after_s=5))
    with pytest.raises(RunFailed):
        run_virtual(asking().run(State(topics=["a"]), model=provider))
    assert provider.starts == [("a", 0), ("a", 6), ("a", 12)]


def test_a_call_that_stands_in_line_is_seen() -> None:
    """S11.3: observers are told why nothing comes."""
    seen: list[Event] = []
    provider = Provider(Limiter(first_at_once=1, most_at_once=1))
    run_virtual(asking().run(State(topics=["a", "b"]), model=provider, observers=[seen.append]))
    waits = [event for event in seen if isinstance(event, CallWaits)]
    assert [(event.node, event.cursor) for event in waits] == [("ask", "START:1[1]/ask:1")]
    assert waits[0].why == "1 calls are under way, as many as the model takes at once now"
    assert waits[0].t == EPOCH_S


def test_a_nodes_timeout_counts_the_wait_and_says_so() -> None:
    """S8.1: a node has so many seconds, wherever they go; the message tells where."""
    provider = Provider(Limiter(first_at_once=1, most_at_once=1))
    with pytest.raises(RunFailed) as caught:
        run_virtual(asking(attempts=1, timeout_s=1.5).run(State(topics=["a", "b"]), model=provider))
    error = caught.value.__cause__
    assert isinstance(error, NodeTimeout)
    assert "stood in line for 1 s of it: 1 calls are under way" in str(error)
    assert len(provider.starts) == 2, "the first was done, the second was let in after a second, and cut"


def test_a_timeout_strikes_a_call_in_line() -> None:
    """S8.1: it is never sent, and leaves the line."""
    provider = Provider(answer=lambda number: RateLimited("busy", retry_after_s=60) if number == 0 else None)

    async def main() -> None:
        with pytest.raises(RunFailed):
            await asking(attempts=1).run(State(topics=["a"]), model=provider)
        with pytest.raises(RunFailed, match="stood in line for 5 s of it: the provider asked to wait 60 s more"):
            await asking(attempts=1, timeout_s=5).run(State(topics=["b"]), model=provider)
        assert (provider.limiter.under_way, provider.limiter.in_line) == (0, 0)

    run_virtual(main())
    assert provider.starts == [("a", 0)]


def test_a_timeout_of_a_call_that_was_sent_says_nothing_of_a_wait() -> None:
    """S8.1."""
    provider = Provider()
    with pytest.raises(RunFailed) as caught:
        run_virtual(asking(attempts=1, timeout_s=0.5).run(State(topics=["a"]), model=provider))
    assert "in line" not in str(caught.value.__cause__)


def test_the_budgets_seconds_count_the_wait_and_nothing_starts_after_them() -> None:
    """S13.1, S13.2: a call that stood in line beyond the budget's time is not sent; its cursor stays and can go on."""
    provider = Provider(Limiter(first_at_once=1, most_at_once=1))
    graph = asking()

    async def main() -> Any:
        run = await graph.run(State(topics=list("abcd")), model=provider, budget=Budget(seconds=1.5))
        assert (run.status, run.usage.model_calls, provider.limiter.under_way) == ("exhausted", 2, 0)
        assert "1.5 seconds is used up" in run.reason
        assert len(run.frontier) == 2
        return await graph.resume(run, model=provider, budget=Budget(seconds=100))

    run = run_virtual(main())
    assert (run.status, run.usage.model_calls) == ("done", 4)
    assert [name for name, _ in provider.starts] == ["a", "b", "c", "d"], "nothing is paid twice"


def test_a_call_in_line_holds_its_reservation() -> None:
    """S13.1: four agents, two calls allowed, one at a time: the third is refused while the second still waits."""
    provider = Provider(Limiter(first_at_once=1, most_at_once=1))
    run = run_virtual(asking().run(State(topics=list("abcd")), model=provider, budget=Budget(model_calls=2)))
    assert (run.status, run.usage.model_calls) == ("exhausted", 2)
    assert provider.starts == [("a", 0), ("b", 1)]


def test_older_runs_finish_first() -> None:
    """Two runs share a line: the calls of the one that began first go first, though they come later."""
    provider = Provider(Limiter(first_at_once=1, most_at_once=1))
    graph = Graph("two", State)
    agent = Agent("ask", "Say ok.", prompt=lambda view: view.topics[0])
    first, second = (graph.node(agent, name=name, writes=state.said) for name in ("first", "second"))
    graph.chain(START, first, second, END)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for topics in (["old"], ["young"], ["youngest"]):
                group.create_task(graph.run(State(topics=topics), model=provider))
                await asyncio.sleep(0.1)

    run_virtual(main())
    names = [name for name, _ in provider.starts]
    assert names == ["old", "young", "old", "young", "youngest", "youngest"], (
        "the youngest came before the others' second"
    )


def test_cancelling_a_run_in_line_leaves_the_line_to_others() -> None:
    """S14.2: nothing is left running, and no slot is lost."""
    provider = Provider(Limiter(first_at_once=1, most_at_once=1))

    async def main() -> None:
        async with asking().start(State(topics=list("abcd")), model=provider) as live:
            await asyncio.sleep(0.5)
            assert (provider.limiter.under_way, provider.limiter.in_line) == (1, 3)
            live.cancel()
        assert (provider.limiter.under_way, provider.limiter.in_line) == (0, 0)
        run = await asking().run(State(topics=["e"]), model=provider)
        assert run.status == "done"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())
    assert provider.starts == [("a", 0), ("e", 0.5)]
