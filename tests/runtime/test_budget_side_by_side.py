"""S13.1 with many agents side by side: reserved before a call, settled after, exceeded by no more than is in flight."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow import END, START, Agent, Budget, Graph, Retry, Run, RunFailed, append, fields
from graphflow.core.usage import Usage
from graphflow.errors import ModelError, ServerError, Truncated
from graphflow.models import Price, Request, Response, tool_call
from graphflow.testing.virtual import run_virtual

TOKENS, USD = 100, 0.01


class State(BaseModel):
    items: list[int] = []
    said: Annotated[list[str], append] = []
    kept: str = "as it was"


state = fields(State)


class Priced:
    """Each call takes a second and has 100 tokens for a cent; by its number it may fail, paid for or not."""

    name = "priced"

    def __init__(self, price: Price | None = None, fails: dict[int, ModelError] | None = None) -> None:
        self.price = price or Price(input=100.0, output=100.0)
        self.fails = fails or {}
        self.calls = self.under_way = self.most = 0

    async def respond(self, request: Request) -> Response:
        number = self.calls
        self.calls += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(1)
        finally:
            self.under_way -= 1
        if number in self.fails:
            raise self.fails[number]
        return Response("ok", usage=Usage(model_calls=1, input_tokens=60, output_tokens=40, usd=USD))


class Unpriced(Priced):
    def __init__(self) -> None:
        super().__init__()
        self.price = None  # type: ignore[assignment]


def asking(at_once: int | None = None, *, attempts: int = 1, nested: bool = False) -> Graph[State]:
    retry = Retry(attempts=attempts, first_s=1, factor=1, jitter=0, on=ModelError)
    agent = Agent("ask", "Say ok.", prompt=lambda view, item: str(item), retry=retry)
    graph = Graph("ask", State)
    if nested:
        inner = Graph("inner", State)
        one, two = (inner.node(agent, name=name, writes=state.said) for name in ("one", "two"))
        inner.chain(START, one, two, END)
        node: Any = graph.node(inner, name="inner")
    else:
        node = graph.node(agent, writes=state.said)
    gather = graph.point("gather")
    graph.map(START, node, over=state.items, join=gather, at_once=at_once)
    graph.edge(gather, END)
    return graph


def run(graph: Graph[State], budget: Budget, model: Any, width: int = 50) -> Run[State]:
    return run_virtual(graph.run(State(items=list(range(width))), budget=budget, model=model))


@pytest.mark.parametrize("at_once", [None, 1, 7])
@pytest.mark.parametrize("calls", [1, 7, 49])
def test_calls_are_never_exceeded(at_once: int | None, calls: int) -> None:
    """S13.1: a call is counted before it starts, so there is nothing in flight to exceed it by."""
    model = Priced()
    done = run(asking(at_once), Budget(model_calls=calls), model)
    assert (done.status, done.usage.model_calls, model.calls) == ("exhausted", calls, calls)
    assert done.reason.startswith(f"the budget of {calls} model call{'s' if calls > 1 else ''} is used up")


@pytest.mark.parametrize("budget", [Budget(tokens=1_500), Budget(usd=0.15)], ids=str)
def test_what_calls_under_way_may_need_is_spoken_for(budget: Budget) -> None:
    """S13.1: each may take some 1,000 tokens, so two start; the others wait for what those did not need."""
    model = Priced()
    done = run(asking(), budget, model)
    assert (done.status, model.calls, model.most) == ("exhausted", 15, 2)


@settings(max_examples=40, deadline=None)
@given(
    at_once=st.integers(1, 20),
    tokens=st.integers(0, 2_500),
    cents=st.none() | st.integers(0, 25),
    nested=st.booleans(),
)
def test_no_budget_is_exceeded_by_more_than_was_in_flight(
    at_once: int, tokens: int, cents: int | None, nested: bool
) -> None:
    """S13.1: nested graphs count too (S12.2); what is spent is what was called, and everything reserved is given back."""
    model = Priced()
    budget = Budget(tokens=tokens, usd=None if cents is None else cents * USD)
    done = run(asking(at_once, nested=nested), budget, model, width=20)
    most = max(1, model.most)
    assert done.usage.tokens <= tokens + most * TOKENS
    assert done.usage.usd == pytest.approx(model.calls * USD)
    if cents is not None:
        assert model.calls * USD <= cents * USD + most * USD + 1e-9
    assert done.usage.model_calls == model.calls
    if done.status == "exhausted":
        is_over = done.usage.tokens >= tokens or (cents is not None and done.usage.usd >= cents * USD - 1e-9)
        assert is_over, "it is not given up while something is left"
    else:
        assert model.calls == (40 if nested else 20)
    spent = done._machine.spent
    assert (spent.reserved_calls, spent.reserved_tokens) == (0, 0)
    assert spent.reserved_usd == pytest.approx(0)


@pytest.mark.parametrize(
    "budget",
    [
        Budget(steps=0),
        Budget(model_calls=0),
        Budget(tokens=0),
        Budget(usd=0),
        Budget(seconds=0),
        Budget(steps=0, model_calls=0, tokens=0, usd=0, seconds=0),
    ],
    ids=str,
)
@pytest.mark.parametrize("model", [Priced, Unpriced])
def test_a_budget_of_nothing_is_legal_and_pays_nothing(budget: Budget, model: type[Priced]) -> None:
    """S13.2: it ends exhausted with its state and frontier kept, and goes on with a larger one."""
    made = model()

    async def main() -> tuple[Run[State], Run[State]]:
        graph = asking()
        first = await graph.run(State(items=[1, 2, 3]), budget=budget, model=made)
        assert (first.status, made.calls, first.usage.model_calls) == ("exhausted", 0, 0)
        assert (first.state.kept, first.state.items) == ("as it was", [1, 2, 3])
        assert first.frontier
        assert first.reason
        return first, await graph.resume(first, budget=Budget(model_calls=10), model=made)

    _, second = run_virtual(main())
    assert (second.status, made.calls, second.state.said) == ("done", 3, ["ok"] * 3)


def test_an_unknown_price_is_refused_in_words() -> None:
    """S13.1: a budget in usd that is not zero cannot be kept then; nothing is sent."""
    model = Unpriced()
    with pytest.raises(RunFailed, match=r"price of a model call is unknown(?s:.*)never zero") as caught:
        run(asking(), Budget(usd=1), model, width=3)
    assert "Give the model its prices" in str(caught.value)
    assert model.calls == 0


def test_calls_that_failed_after_they_were_paid_for_count() -> None:
    """S13.1: cut off, they cost their tokens; the budget ends with them."""
    cut = Truncated("cut off", usage=Usage(model_calls=1, input_tokens=60, output_tokens=40, usd=USD))
    model = Priced(fails={0: cut, 1: cut})
    graph = Graph("ask", State)
    agent = Agent("ask", "Say ok.", prompt=lambda view, item: str(item))
    node = graph.node(agent, writes=state.said)
    gather = graph.point("gather")
    graph.map(START, node, over=state.items, join=gather, at_once=1, failures="collect")
    graph.edge(gather, END)
    done = run(graph, Budget(model_calls=5), model, width=10)
    assert (done.status, model.calls, done.usage.model_calls) == ("exhausted", 5, 5)
    assert done.usage.tokens == 5 * TOKENS


def test_calls_that_failed_without_a_price_do_not_count() -> None:
    """S13.1: nothing is known to have been paid for a server that failed; its reservation is given back."""
    model = Priced(fails={0: ServerError("down"), 1: ServerError("down")})
    done = run(asking(1, attempts=3), Budget(model_calls=4), model, width=4)
    assert (done.status, model.calls, done.usage.model_calls) == ("done", 6, 4)


def test_an_agents_turns_count_one_by_one() -> None:
    """S13.1: an agent that is in the middle of its turns stops there; a resume goes on from its next call (S11.1)."""

    class Turning(Priced):
        async def respond(self, request: Request) -> Response:
            answer = await super().respond(request)
            if len(request.messages) > 4:
                return answer
            return Response("", (tool_call("look"),), answer.usage)

    def look() -> str:
        """Look."""
        return "nothing"

    graph = Graph("ask", State)
    node = graph.node(Agent("ask", "Look.", prompt="{kept}", tools=[look]), writes=state.said)
    graph.chain(START, node, END)
    model = Turning()

    async def main() -> Run[State]:
        first = await graph.run(State(), budget=Budget(model_calls=2), model=model)
        assert (first.status, first.usage.model_calls, first.frontier) == ("exhausted", 2, ("ask:1",))
        return await graph.resume(first, budget=Budget(model_calls=3), model=model)

    done = run_virtual(main())
    assert (done.status, model.calls, done.state.said) == ("done", 3, ["ok"])
