"""S8.4: guardrails of agents, on the prompt, the output and the calls of tools."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import Agent, Context, Guardrail, GuardrailTripped
from graphflow.core.plan import Retry
from graphflow.errors import RateLimited
from graphflow.graph.context import Handoff, Offer
from graphflow.models import ScriptedModel, tool_call
from tests.agents.hands import FakeHands, context


class Review(BaseModel):
    score: int


def no_canary(text: str) -> str | None:
    return "It sings." if "canary" in text else None


def is_kind(review: Review) -> str | None:
    return "Too harsh." if review.score < 3 else None


def only_small(tool: str, arguments: dict[str, Any]) -> str | None:
    return "Too much." if tool == "pay" and arguments["amount"] > 100 else None


paid: list[int] = []


def pay(amount: int) -> str:
    """Pay."""
    paid.append(amount)
    return "paid"


@pytest.fixture(autouse=True)
def _nothing_paid() -> None:
    paid.clear()


def perform(agent: Agent[Any], model: ScriptedModel, hands: FakeHands | None = None, **options: Any) -> Any:
    return asyncio.run(agent.perform({"text": "canary"}, context(hands, model=model, **options)))


def test_the_prompt_is_checked_before_any_call_is_paid() -> None:
    agent = Agent("a", "i", prompt="Say {text}", guardrails=[Guardrail(no_canary, on="input")])
    with pytest.raises(GuardrailTripped, match="Guardrail 'no_canary' stopped agent 'a'"), ScriptedModel([]) as model:
        perform(agent, model)


def test_the_output_is_checked_once_it_is_valid() -> None:
    """B1a: what does not validate goes back to the model; what trips goes nowhere."""
    agent = Agent("a", "i", prompt="p", output=Review, guardrails=[is_kind])
    with ScriptedModel(["nothing", {"score": 7}]) as model:
        assert perform(agent, model) == Review(score=7)
    with pytest.raises(GuardrailTripped, match="Too harsh"), ScriptedModel(["nothing", {"score": 1}]) as model:
        perform(agent, model)


def test_no_tool_of_a_turn_runs_if_one_is_stopped() -> None:
    agent = Agent("a", "i", prompt="p", tools=[pay], guardrails=[Guardrail(only_small, on="tool")])
    hands = FakeHands()
    with pytest.raises(GuardrailTripped) as caught:
        perform(agent, ScriptedModel([[tool_call("pay", amount=5), tool_call("pay", amount=500)]]), hands)
    assert caught.value.of == "agent 'a'"
    assert paid == []
    assert hands.performed == ["model"]
    assert perform(agent, ScriptedModel([[tool_call("pay", amount=5)], "Done."])) == "Done."
    assert paid == [5]


def test_a_guardrail_cannot_change_what_the_tool_gets() -> None:
    def greedy(tool: str, arguments: dict[str, Any]) -> str | None:
        arguments["amount"] = 1_000_000
        return None

    agent = Agent("a", "i", prompt="p", tools=[pay], guardrails=[Guardrail(greedy, on="tool")])
    perform(agent, ScriptedModel([tool_call("pay", amount=5), "Done."]))
    assert paid == [5]


def test_what_is_not_called_is_not_checked_but_told() -> None:
    agent = Agent("a", "i", prompt="p", tools=[pay], guardrails=[Guardrail(only_small, on="tool")])
    model = ScriptedModel([[tool_call("pay", amount="much"), tool_call("pya", amount=500)], "Done."])
    assert perform(agent, model) == "Done."
    assert ["not valid" in m.text or "no tool" in m.text for m in model.requests[1].messages[-2:]] == [True, True]


def test_a_handoff_is_no_output() -> None:
    """S9.1: what it carries is for the guardrails of its edge."""
    agent = Agent("a", "i", prompt="p", guardrails=[no_canary])
    given = perform(agent, ScriptedModel([tool_call("hand_off_to_b")]), handoffs=(Offer("b", "B"),))
    assert isinstance(given, Handoff)


def test_an_async_guardrail_may_ask_a_model_and_what_it_asks_is_recorded() -> None:
    """S11.1: on a resume it is not paid again. It is offered no handoffs, and what its model writes is not shown."""
    judge = Agent("judge", "Is it kind?", prompt="{text}", output=bool)

    async def is_judged_kind(text: str, ctx: Context[Any]) -> str | None:
        return None if await judge.perform({"text": text}, ctx) else "The judge says no."

    agent = Agent("a", "i", prompt="p", guardrails=[is_judged_kind])
    hands = FakeHands()
    with ScriptedModel(["Owls.", True]) as model:
        assert perform(agent, model, hands, handoffs=(Offer("b", "B"),)) == "Owls."
    assert model.requests[1].tools == ()
    assert hands.shown == "Owls."
    assert perform(agent, ScriptedModel([]), FakeHands(hands.records), handoffs=(Offer("b", "B"),)) == "Owls."
    with pytest.raises(GuardrailTripped, match="The judge says no"):
        perform(agent, ScriptedModel(["Owls.", False]))


def test_alone_it_trips_too_and_is_not_retried() -> None:
    agent = Agent("a", "i", prompt="p", guardrails=[no_canary], retry=Retry(attempts=3))
    with pytest.raises(GuardrailTripped) as caught, ScriptedModel(["canary"]) as model:
        asyncio.run(agent.run(model=model))
    assert "had spent 1 model calls" in caught.value.__notes__[0]


def test_an_outage_of_the_judge_keeps_its_own_cause() -> None:
    """It is raised as it came: no error is its own cause."""

    async def is_judged(text: str, ctx: Context[Any]) -> str | None:
        await Agent("judge", "i", prompt="p", retry=None).perform({}, ctx)
        return None

    agent = Agent("a", "i", prompt="p", guardrails=[is_judged], retry=None)
    with pytest.raises(RateLimited) as caught:
        asyncio.run(agent.run(model=ScriptedModel(["Owls.", RateLimited("busy")])))
    assert caught.value.__cause__ is None
    assert "of agent 'judge'" in caught.value.why
