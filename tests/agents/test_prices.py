"""What tokens cost: the table is the user's, and an unknown price is unknown (S13.1)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Budget, Graph
from graphflow.agents.prices import PRICES, price_of
from graphflow.core.usage import Usage
from graphflow.models import FREE, OpenAIModel, Price, Request, Response, ScriptedModel
from tests.agents.loopback import Reply, chat, serving

CHEAP, DEAR = Price(input=1, output=2), Price(input=10, output=20)


@pytest.mark.parametrize(
    ("name", "table", "price"),
    [
        ("openai/gpt-5", {"gpt-5": CHEAP}, CHEAP),
        ("openai/gpt-5", {"openai/gpt-5": CHEAP}, CHEAP),
        ("openai/gpt-5-2026-03-01", {"gpt-5": CHEAP}, CHEAP),
        ("openai/gpt-5-2026-03-01", {"gpt-5": CHEAP, "gpt-5-2026-03-01": DEAR}, DEAR),
        ("anthropic/claude-9-20261101", {"claude-9": CHEAP}, CHEAP),
        ("openrouter/meta/llama-4", {"meta/llama-4": CHEAP}, CHEAP),
        ("openrouter/meta/llama-4", {"llama-4": CHEAP}, None),
        ("openai/gpt-5-mini", {"gpt-5": CHEAP}, None),
        ("openai/gpt-5", {"gpt-5-2026-03-01": CHEAP}, None),
        ("vllm/llama-70b-1234", {"vllm/llama-70b": CHEAP}, None),
        ("any", {}, None),
        ("any", CHEAP, CHEAP),
    ],
)
def test_the_price_of_a_name(name: str, table: Any, price: Price | None) -> None:
    assert price_of(name, table) == price


def test_the_table_of_the_program_is_consulted_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRICES, "openai/gpt-5", DEAR)
    assert OpenAIModel("gpt-5").price == DEAR
    assert OpenAIModel("gpt-5", prices={"gpt-5": CHEAP}).price == CHEAP
    assert OpenAIModel("gpt-5", prices={}).price is None


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), True])
def test_a_price_is_a_number_of_dollars(wrong: float) -> None:
    for name in ("input", "output", "cached"):
        with pytest.raises(ValueError, match="US dollars per million tokens"):
            Price(**{"input": 1.0, "output": 1.0, name: wrong})


class Essay(BaseModel):
    topic: str
    text: str = ""
    title: str = ""


def essay() -> Graph[Essay]:
    graph = Graph("essay", Essay)
    write = graph.node(Agent("write", "Write.", prompt="{topic}", retry=None), writes="text")
    name = graph.node(Agent("name", "Name it.", prompt="{text}", retry=None), writes="title")
    graph.edge(START, write)
    graph.edge(write, name)
    graph.edge(name, END)
    return graph


def test_a_budget_in_dollars_wants_a_price(monkeypatch: pytest.MonkeyPatch) -> None:
    """S13.1: it is refused in words before anything is asked."""
    model = ScriptedModel(["x"])
    model.price = None
    run = asyncio.run(_run(model, Budget(usd=1.0)))
    assert "price of a model call is unknown" in str(run)
    assert "Give the model its prices" in run.fix
    assert model.requests == []


def test_what_a_server_does_not_count_has_no_known_cost() -> None:
    """S13.1: after such a call a budget in dollars cannot be kept either."""
    reply = Reply({"choices": chat("Owls hunt.").body["choices"]})
    with serving(reply) as server:
        error = asyncio.run(_run(OpenAIModel("m", base_url=server.url, prices=CHEAP), Budget(usd=1.0)))
        assert "unknown" in str(error)
        assert len(server.seen) == 1
        run = asyncio.run(essay().run(Essay(topic="owls"), model=OpenAIModel("m", base_url=server.url)))
    assert run.usage.usd is None
    assert run.usage.tokens > 0


async def _run(model: Any, budget: Budget) -> Any:
    from graphflow import RunFailed

    with pytest.raises(RunFailed) as caught:
        await essay().run(Essay(topic="owls"), model=model, budget=budget)
    return caught.value.__cause__


def test_cached_and_reasoning_tokens_are_seen_in_the_run() -> None:
    """G5: node usages add up to the run's."""
    with serving(chat("Owls hunt.")) as server:
        model = OpenAIModel("m", base_url=server.url, prices=Price(input=10, cached=1, output=100))
        run = asyncio.run(essay().run(Essay(topic="owls"), model=model))
    one = (60 * 10 + 40 * 1 + 20 * 100) / 1_000_000
    assert run.usage == Usage(2, 2, 0, 200, 80, 40, 10, usd=pytest.approx(2 * one))


def test_a_free_model_that_counts_nothing_is_free() -> None:
    with serving(Reply({"choices": chat("Owls hunt.").body["choices"]})) as server:
        model = OpenAIModel("m", base_url=server.url, prices=FREE)
        answer: Response = asyncio.run(model.respond(Request(())))
    assert answer.usage.usd == 0.0
    assert answer.usage.output_tokens > 0
