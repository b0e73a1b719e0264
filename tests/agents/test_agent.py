"""Agents at work: what they send, what they send back, tools, handoffs, and what is not paid twice (S3, S9, S11)."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from graphflow import Agent
from graphflow.core.plan import Retry
from graphflow.core.usage import Usage
from graphflow.core.view import view_of
from graphflow.errors import (
    AuthError,
    InputTooLong,
    ModelError,
    OutputInvalid,
    PromptInvalid,
    RateLimited,
    ServerError,
    ToolInvalid,
    TurnsExhausted,
)
from graphflow.graph.context import Context, Handoff, Offer
from graphflow.graph.worker import Worker
from graphflow.models import Price, Request, ScriptedModel, Settings, Tool, tool_call
from tests.agents.hands import FakeHands, context


class Review(BaseModel):
    score: int = Field(ge=0, le=10)
    comments: str


class Essay(BaseModel):
    topic: str = "owls"
    draft: str = "Owls."
    secret: str = "canary"


def perform(agent: Agent[Any], hands: FakeHands | None = None, **options: Any) -> Any:
    view = view_of(Essay, Essay().__dict__, agent.facts().reads)
    return asyncio.run(agent.perform(view, context(hands, **options)))


def critic(**options: Any) -> Agent[Review]:
    return Agent("review", "Score it.", prompt="On {topic}: {draft}", output=Review, **options)


GOOD = Review(score=7, comments="Shorter.")


def test_a_graph_sees_an_agent_as_a_worker() -> None:
    agent = Agent("review", "Score it.\nAnd more.", prompt="{topic}", model="openai/gpt-5", tools=[look_up])
    facts = agent.facts()
    assert isinstance(agent, Worker)
    assert facts.reads == {"topic"}
    assert facts.output is str
    assert facts.purpose == "Score it."
    assert facts.badges == ("openai/gpt-5", "look_up")
    assert facts.retry == Retry(attempts=3, on=ModelError)
    assert Agent("a", lambda view: "x", prompt="{topic}").facts().reads is None


def test_only_the_fields_that_the_prompt_names_are_sent() -> None:
    """S3.5, B1: a canary in another field appears nowhere."""
    model = ScriptedModel([GOOD])
    assert perform(critic(), model=model) == GOOD
    assert [m.text for m in model.requests[0].messages] == ["Score it.", "On owls: Owls."]
    assert "canary" not in str(model.requests)


def test_a_prompt_may_be_a_function_of_the_view_and_the_item() -> None:
    model = ScriptedModel(["yes", "no"])
    perform(Agent("a", "i", prompt=lambda view: f"<{view.topic}>"), model=model)
    perform(Agent("a", "i", prompt=lambda view, item: f"<{item}>"), model=model, item="Notion")
    assert [r.messages[1].text for r in model.requests] == ["<owls>", "<Notion>"]


@pytest.mark.parametrize("bad", ['{"score": 11, "comments": ""}', "", "seven", '{"score": 7}', "```json\n{\n```"])
def test_invalid_output_goes_back_with_the_reason_and_never_on(bad: str) -> None:
    """B1a."""
    model = ScriptedModel([bad, bad, GOOD])
    assert perform(critic(), model=model) == GOOD
    told = model.requests[1].messages[-1]
    assert told.role == "user"
    assert told.text.startswith("Your answer cannot be used:")
    assert model.requests[1].messages[-2].text == bad
    if "11" in bad:
        assert "less than or equal to 10" in told.text


def test_output_that_stays_invalid_is_an_error_that_keeps_the_payload_out() -> None:
    with pytest.raises(OutputInvalid) as caught, ScriptedModel(['{"score": "canary", "comments": ""}'] * 2) as model:
        perform(critic(max_turns=2), model=model)
    assert "score: Input should be a valid integer" in caught.value.why
    assert "canary" not in str(caught.value)
    assert caught.value.where[0].file == __file__
    assert not caught.value.retryable


def test_empty_text_is_no_answer() -> None:
    """B1a: an empty string is invalid where text is required."""
    assert perform(Agent("a", "i", prompt="{topic}"), model=ScriptedModel([" \n", "Owls hunt."])) == "Owls hunt."


def test_any_type_can_be_the_output() -> None:
    assert perform(Agent("a", "i", prompt="p", output=list[int]), model=ScriptedModel(["The numbers: [1, 2]"])) == [
        1,
        2,
    ]
    kind = Agent("a", "i", prompt="p", output=Literal["refund", "question"])
    model = ScriptedModel(["other", "refund"])
    assert perform(kind, model=model) == "refund"
    schema = model.requests[0].output_schema
    assert schema is not None
    assert schema["properties"]["value"]["enum"] == ["refund", "question"]


async def look_up(query: str, ctx: Context[Any], limit: int = 3) -> str:
    """Find facts.

    Args:
        query: What to look for,
            in a few words.
        limit: At most so many.

    Returns:
        Text.
    """
    ctx.update(found=query)
    return f"{limit} facts on {query}"


def test_a_tool_is_its_signature_and_docstring() -> None:
    """A7: the context is not in the schema."""
    spec = Tool(look_up).spec
    assert (spec.name, spec.description) == ("look_up", "Find facts.")
    assert spec.parameters["properties"] == {
        "query": {"type": "string", "title": "Query", "description": "What to look for, in a few words."},
        "limit": {"type": "integer", "title": "Limit", "description": "At most so many.", "default": 3},
    }
    assert spec.parameters["required"] == ["query"]
    assert spec.parameters["additionalProperties"] is False


def test_tools_are_called_and_answered_by_their_ids() -> None:
    """A4: one result per call, matching ids."""
    model = ScriptedModel([[tool_call("look_up", query="owls"), tool_call("look_up", query="bats", limit=1)], "Done."])
    hands = FakeHands()
    assert perform(Agent("a", "i", prompt="p", tools=[look_up]), hands, model=model) == "Done."
    asked, answered = model.requests[1].messages[-3].tool_calls, model.requests[1].messages[-2:]
    assert [m.call_id for m in answered] == [call.id for call in asked]
    assert [m.text for m in answered] == ["3 facts on owls", "1 facts on bats"]
    assert hands.updates == [{"found": "owls"}, {"found": "bats"}]
    assert hands.performed == ["model", "tool", "tool", "model"]


def test_updates_are_applied_in_call_order_whichever_call_ends_first() -> None:
    """A7, S3.7: in the order of the calls, for every interleaving."""

    async def main(order: list[str]) -> list[dict[str, Any]]:
        gates = {name: asyncio.Event() for name in "abc"}

        async def note(name: str, ctx: Context[Any]) -> None:
            ctx.update(found=name)
            await gates[name].wait()
            following = order[order.index(name) + 1 :]
            if following:
                gates[following[0]].set()

        gates[order[0]].set()
        hands = FakeHands()
        model = ScriptedModel([[tool_call("note", name=name) for name in "abc"], "Done."])
        await Agent("a", "i", prompt="p", tools=[note]).perform({}, context(hands, model=model))
        return hands.updates

    for order in (["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]):
        assert asyncio.run(main(order)) == [{"found": "a"}, {"found": "b"}, {"found": "c"}]


def test_a_tool_that_fails_changes_nothing_and_says_nothing_of_why() -> None:
    """A7: the updates are those of the successful calls; the exception's text is kept from the model."""

    def divide(by: int, ctx: Context[Any]) -> float:
        ctx.update(divided=by)
        if by == 0:
            raise ZeroDivisionError("canary")
        return 1 / by

    hands = FakeHands()
    model = ScriptedModel([[tool_call("divide", by=0), tool_call("divide", by=2)], "Done."])
    perform(Agent("a", "i", prompt="p", tools=[divide]), hands, model=model)
    assert [m.text for m in model.requests[1].messages[-2:]] == ["divide failed.", "0.5"]
    assert hands.updates == [{"divided": 2}]
    open_model = ScriptedModel([tool_call("divide", by=0), "Done."])
    perform(Agent("a", "i", prompt="p", tools=[Tool(divide, tells_errors=True)]), model=open_model)
    assert "canary" in open_model.requests[1].messages[-1].text


def test_bad_arguments_and_unknown_tools_are_told_and_nothing_is_called() -> None:
    model = ScriptedModel(
        [
            [tool_call("look_up", query=[1]), tool_call("look_up", limit=2), tool_call("look_up", query="x", more=1)],
            [tool_call("lookup", query="x"), tool_call("hand_off_to_x")],
            "Done.",
        ]
    )
    hands = FakeHands()
    perform(Agent("a", "i", prompt="p", tools=[look_up]), hands, model=model)
    first = [m.text for m in model.requests[1].messages[-3:]]
    assert "query: Input should be a valid string" in first[0]
    assert "query: Field required" in first[1]
    assert "more: Extra inputs are not permitted" in first[2]
    second = [m.text for m in model.requests[2].messages[-2:]]
    assert second[0] == "There is no tool called 'lookup'. Did you mean 'look_up'?"
    assert "hand_off_to_x" in second[1]
    assert "tool" not in hands.performed


def test_a_plain_function_runs_in_a_thread_and_gets_deps() -> None:
    seen: list[Any] = []

    def where(ctx: Context[str]) -> list[int]:
        seen.extend([threading.current_thread() is threading.main_thread(), ctx.deps, ctx.cursor])
        return [1, 2]

    model = ScriptedModel([tool_call("where"), "Done."])
    perform(Agent("a", "i", prompt="p", tools=[where]), model=model, deps="client")
    assert seen == [False, "client", "write:1/where:1"]
    assert model.requests[1].messages[-1].text == "[1,2]"


def test_what_a_tool_returns_is_capped() -> None:
    model = ScriptedModel([tool_call("say"), "Done."])
    perform(Agent("a", "i", prompt="p", tools=[Tool(lambda: "x" * 99, name="say", max_characters=10)]), model=model)
    assert model.requests[1].messages[-1].text == "x" * 9 + "…"


def test_a_tool_that_takes_too_long_is_told_to_the_model() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    model = ScriptedModel([tool_call("hang"), "Done."])
    perform(Agent("a", "i", prompt="p", tools=[Tool(hang, timeout_s=0.01)]), model=model)
    assert model.requests[1].messages[-1].text == "hang took too long."


def untyped(query):  # type: ignore[no-untyped-def]
    return query


def starred(*queries: str) -> str:
    return str(queries)


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ([untyped], "no annotation"),
        ([starred], "cannot give by name"),
        ([look_up, look_up], "two tools called 'look_up'"),
        ([lambda: "x"], "cannot be the name"),
        ([Review], "is no tool"),
        (["look_up"], "is no tool"),
    ],
)
def test_a_tool_that_cannot_be_offered_is_refused_where_it_is_declared(tools: list[Any], said: str) -> None:
    with pytest.raises(ToolInvalid, match=said) as caught:
        Agent("a", "i", prompt="p", tools=tools)
    assert caught.value.where[0].file == __file__


def test_a_tool_may_be_called_what_a_model_is_called_already() -> None:
    def find(schema: str, copy: int, model_config: bool) -> str:
        return f"{schema} {copy} {model_config}"

    model = ScriptedModel([tool_call("find", schema="s", copy=1, model_config=True), "Done."])
    perform(Agent("a", "i", prompt="p", tools=[find]), model=model)
    assert model.requests[1].messages[-1].text == "s 1 True"


class Ticket(BaseModel):
    note: str


OFFERS = (Offer("billing", "Invoices and payments"), Offer("Tech Support!", "", Ticket), Offer("END", "All done"))


def test_enabled_handoffs_are_tools_with_the_edges_descriptions() -> None:
    """S9.1, A1: each description reaches the model as that tool's."""
    model = ScriptedModel([tool_call("hand_off_to_billing")])
    assert perform(critic(), model=model, handoffs=OFFERS) == Handoff("billing")
    shown = {tool.name: tool for tool in model.requests[0].tools}
    assert list(shown) == ["hand_off_to_billing", "hand_off_to_end", "hand_off_to_tech_support"]
    assert shown["hand_off_to_billing"].description == "Invoices and payments"
    assert shown["hand_off_to_tech_support"].parameters["required"] == ["note"]
    assert all(tool.is_handoff for tool in shown.values())


def test_a_handoff_carries_data_and_asks_again_if_they_are_not_valid() -> None:
    """S9.1, S9.2."""
    name = "hand_off_to_tech_support"
    model = ScriptedModel([tool_call(name), tool_call(name, note="It hums.")])
    assert perform(critic(), model=model, handoffs=OFFERS) == Handoff("Tech Support!", data=Ticket(note="It hums."))
    assert "note: Field required" in model.requests[1].messages[-1].text


def test_of_two_handoffs_the_first_counts_and_tools_beside_it_are_done() -> None:
    """S9.3."""
    hands = FakeHands()
    calls = [tool_call("look_up", query="x"), tool_call("hand_off_to_billing"), tool_call("hand_off_to_end")]
    agent = Agent("a", "i", prompt="p", tools=[look_up])
    assert perform(agent, hands, model=ScriptedModel([calls]), handoffs=OFFERS) == Handoff("billing")
    assert hands.updates == [{"found": "x"}]


def test_names_that_look_the_same_stay_apart() -> None:
    offers = (Offer("a b", "one"), Offer("a-b", "two"), Offer("猫", "three"), Offer("x" * 99, "four"))
    model = ScriptedModel([tool_call("hand_off_to_a_b_2")])
    assert perform(critic(), model=model, handoffs=offers) == Handoff("a-b")
    names = [tool.name for tool in model.requests[0].tools]
    assert len(set(names)) == 4
    assert max(map(len, names)) == 64


def test_a_node_that_must_hand_off_is_asked_again() -> None:
    """S9.3: a node with handoff edges only must choose."""
    model = ScriptedModel([GOOD, tool_call("hand_off_to_end")])
    assert perform(critic(), model=model, handoffs=OFFERS, must_hand_off=True) == Handoff("END")
    assert "hand_off_to_billing" in model.requests[1].messages[-1].text


def test_turns_are_bounded_and_nothing_is_called_in_the_last() -> None:
    hands = FakeHands()
    with pytest.raises(TurnsExhausted, match="2 turns"):
        perform(Agent("a", "i", prompt="p", tools=[look_up], max_turns=2), hands,
                model=ScriptedModel([tool_call("look_up", query="x")] * 2))  # fmt: skip
    assert hands.performed == ["model", "tool", "model"]


def test_the_prefix_stays_the_same_from_turn_to_turn() -> None:
    """Instructions, tools in sorted order, then what was said: providers cache the beginning."""

    def before() -> str:
        return ""

    model = ScriptedModel([tool_call("before"), "", "Done."])
    perform(Agent("a", "i", prompt="p", tools=[look_up, before]), model=model)
    first, second, third = model.requests
    assert [tool.name for tool in first.tools] == ["before", "look_up"]
    assert first.tools == second.tools == third.tools
    assert second.messages[: len(first.messages)] == first.messages
    assert third.messages[: len(second.messages)] == second.messages


def test_too_long_an_input_is_refused_before_anything_is_sent() -> None:
    """R3."""
    with pytest.raises(InputTooLong, match="nothing was sent"), ScriptedModel([]) as model:
        perform(Agent("a", "i", prompt="x" * 4_000, max_input_tokens=999), model=model)


def test_a_resume_asks_for_nothing_that_is_recorded() -> None:
    """S11.1: kill after any call; the same result, and only the rest is paid for."""
    agent = Agent("a", "i", prompt="p", tools=[look_up])
    script = [tool_call("look_up", query="owls"), "", "Done."]
    whole = FakeHands()
    perform(agent, whole, model=ScriptedModel(script))
    assert whole.performed == ["model", "tool", "model", "model"]
    for kept in range(len(whole.records) + 1):
        hands = FakeHands(dict(list(whole.records.items())[:kept]))
        calls_left = whole.performed[kept:].count("model")
        with ScriptedModel(script[len(script) - calls_left :]) as model:
            assert perform(agent, hands, model=model) == "Done."
        assert hands.performed == whole.performed[kept:]
        assert hands.updates == whole.updates


def test_a_call_reserves_what_it_may_cost() -> None:
    """S13.1: an unknown price is unknown."""
    model = ScriptedModel(["Done."])
    model.price = Price(input=1_000_000, output=1_000_000)
    hands = FakeHands()
    perform(Agent("a", "i" * 4, prompt="p" * 4, settings=Settings(max_output_tokens=5)), hands, model=model)
    reserve = hands.reserves[0]
    assert reserve is not None
    assert (reserve.model_calls, reserve.tokens, reserve.usd) == (1, 7, 7.0)


def test_cancelled_from_outside_it_leaves_nothing_behind() -> None:
    """G10."""
    ended: list[str] = []

    async def hang(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async def main() -> None:
        agent = Agent("a", "i", prompt="p", tools=[hang])
        model = ScriptedModel([[tool_call("hang", name="a"), tool_call("hang", name="b")]])
        task = asyncio.ensure_future(agent.perform({}, context(model=model)))
        while len(asyncio.all_tasks()) < 4:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert sorted(ended) == ["a", "b"]


class Stop(BaseException):
    """As a driver's sign that the budget is used up."""


def test_a_drivers_own_sign_passes_and_what_runs_finishes() -> None:
    """S13.2."""
    done: list[str] = []

    class Hands(FakeHands):
        async def effect(self, kind: Any, request: Any, call: Any, reserve: Any) -> Any:
            if kind == "tool" and "stop" in request["arguments"]:
                raise Stop
            return await super().effect(kind, request, call, reserve)

    async def slow(name: str) -> None:
        await asyncio.sleep(0)
        done.append(name)

    model = ScriptedModel([[tool_call("slow", name="stop"), tool_call("slow", name="go")]])
    with pytest.raises(Stop):
        perform(Agent("a", "i", prompt="p", tools=[slow]), Hands(), model=model)
    assert done == ["go"]


# alone


def test_an_agent_runs_alone() -> None:
    agent = Agent("write", "Write.", prompt="{topic} {comments} {item}", tools=[look_up])
    model = ScriptedModel([tool_call("look_up", query="owls"), "An essay."])
    result = asyncio.run(agent.run(topic="owls", comments=[], item="x", model=model, deps=None))
    assert result.output == "An essay."
    assert result.usage.model_calls == 2
    assert result.usage.tool_calls == 1
    assert result.updates == ({"found": "owls"},)
    assert [m.role for m in result.messages] == ["system", "user", "assistant", "tool", "assistant"]


def test_alone_it_takes_a_state_and_refuses_what_it_does_not_read() -> None:
    agent = Agent("write", "Write.", prompt="{topic}")
    assert asyncio.run(agent.run(Essay(), model=ScriptedModel(["a"]))).output == "a"
    assert asyncio.run(agent.run({"topic": "x"}, model=ScriptedModel(["a"]))).output == "a"
    with pytest.raises(PromptInvalid, match="not given 'topic'"):
        asyncio.run(agent.run())
    with pytest.raises(PromptInvalid, match="Did you mean 'topic'"):
        asyncio.run(agent.run(topic="x", topik="y"))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("graphflow.agents.alone.asyncio.sleep", sleep)
    return waited


POLICY = Retry(attempts=3, first_s=1, factor=2, jitter=0, on=ModelError)


def test_alone_it_tries_again_from_the_call_that_failed(waits: list[float]) -> None:
    """S8.1, S11.1: Retry-After is a lower bound, and nothing paid for is asked again."""
    agent = Agent("a", "i", prompt="p", tools=[look_up], retry=POLICY)
    script = [tool_call("look_up", query="x"), RateLimited("busy", retry_after_s=9), ServerError("down"), "Done."]
    with ScriptedModel(script) as model:
        result = asyncio.run(agent.run(model=model))
    assert result.output == "Done."
    assert waits == [9, 2]
    assert result.updates == ({"found": "x"},)
    assert result.usage.tool_calls == 1


@pytest.mark.parametrize(
    ("error", "retry", "calls"),
    [
        (AuthError("no"), POLICY, 1),
        (ServerError("no"), POLICY, 3),
        (ServerError("no"), None, 1),
        (KeyError("x"), POLICY, 1),
    ],
)
def test_only_what_may_help_is_tried_again(
    error: Exception, retry: Retry | None, calls: int, waits: list[float]
) -> None:
    """B3b: a bad key is one attempt; attempts are what the policy says."""
    with pytest.raises(type(error)), ScriptedModel([error] * calls) as model:
        asyncio.run(Agent("a", "i", prompt="p", retry=retry).run(model=model))
    assert len(model.requests) == calls
    assert len(waits) == calls - 1


def test_a_failed_call_that_cost_something_is_counted(waits: list[float]) -> None:
    """G5."""
    failed = ServerError("no", usage=Usage(model_calls=1, output_tokens=50))
    result = asyncio.run(Agent("a", "i", prompt="p", retry=POLICY).run(model=ScriptedModel([failed, "Done."])))
    assert result.usage.model_calls == 2
    assert result.usage.output_tokens >= 50


def test_the_agents_own_model_comes_first() -> None:
    mine = ScriptedModel(["mine"])
    asyncio.run(Agent("a", "i", prompt="p", model=mine).run(model=ScriptedModel([])))
    assert isinstance(mine.requests[0], Request)


@pytest.mark.parametrize("wrong", [0, -1, True])
def test_bounds_are_at_least_one(wrong: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Agent("a", "i", prompt="p", max_turns=wrong)
    with pytest.raises(ValueError, match="at least 1"):
        Agent("a", "i", prompt="p", max_input_tokens=wrong)


def test_texts_that_are_none_are_refused() -> None:
    with pytest.raises(PromptInvalid):
        Agent("a", "i", prompt=7)  # type: ignore[call-overload]
    with pytest.raises(PromptInvalid, match="gave 7"):
        perform(Agent("a", "i", prompt=lambda view: 7), model=ScriptedModel([]))  # type: ignore[arg-type,return-value]
