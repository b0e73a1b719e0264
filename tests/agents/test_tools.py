"""Tools under stress: approval (S10.4), how many at once, hanging, odd results, and what the model is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from graphflow import END, START, Agent, Budget, Graph, fields
from graphflow.errors import ArgumentInvalid, GraphflowError, ToolInvalid
from graphflow.models import ScriptedModel, Tool, ToolRequest, tool_call
from graphflow.testing.virtual import run_virtual
from tests.agents.hands import FakeHands, context
from tests.graph.snapshots import shown

paid: list[int] = []


def pay(amount: int, to: str = "ann") -> str:
    """Pay."""
    paid.append(amount)
    return f"paid {amount}"


@pytest.fixture(autouse=True)
def _nothing_paid() -> None:
    paid.clear()


def perform(agent: Agent[Any], model: ScriptedModel, hands: FakeHands | None = None, approve: Any = None) -> Any:
    ctx = context(hands, model=model)
    ctx.approve = approve
    return asyncio.run(agent.perform({}, ctx))


def payer(**options: Any) -> Agent[str]:
    return Agent("payer", "i", prompt="p", tools=[Tool(pay, **{"needs_approval": True, **options})])


def told(model: ScriptedModel) -> list[str]:
    return [message.text for message in model.requests[-1].messages if message.role == "tool"]


# approval


def raising(request: ToolRequest) -> bool:
    raise RuntimeError("canary")


async def later(request: ToolRequest) -> bool:
    await asyncio.sleep(0)
    return True


async def never(request: ToolRequest) -> bool:
    raise ValueError


@pytest.mark.parametrize(
    "approve", [None, raising, never, lambda _: False, lambda _: None, lambda _: 1, lambda _: "yes"]
)
def test_a_call_that_nobody_approved_is_not_made(approve: Any) -> None:
    """S10.4: failing closed; the model is told, goes on, and it is recorded why."""
    hands, model = FakeHands(), ScriptedModel([tool_call("pay", amount=5), "Then not."])
    assert perform(payer(), model, hands, approve) == "Then not."
    assert paid == []
    assert told(model) == ["Not called: pay needs approval for this, which was not given. Do without it."]
    [decision] = [effect for (kind, _, _), effect in hands.records.items() if kind == "tool"]
    assert decision.value == {"approved": False}
    assert "tool pay was not called: " in decision.error
    assert "canary" not in decision.error


@pytest.mark.parametrize("approve", [lambda _: True, later])
def test_one_that_was_approved_is(approve: Any) -> None:
    hands = FakeHands()
    assert perform(payer(), ScriptedModel([tool_call("pay", amount=5), "Done."]), hands, approve) == "Done."
    assert paid == [5]
    assert perform(payer(), ScriptedModel([]), FakeHands(hands.records), None) == "Done."  # S11.1: not asked again
    assert paid == [5]


def test_what_is_asked_names_the_agent_the_tool_and_the_arguments() -> None:
    asked: list[ToolRequest] = []

    def approve(request: ToolRequest) -> bool:
        asked.append(request)
        request.arguments["amount"] = 1_000_000
        return True

    model = ScriptedModel([[tool_call("pay", amount=5), tool_call("pay", amount=5)], "Done."])
    perform(payer(), model, approve=approve)
    assert [(r.agent, r.tool, r.cursor, r.run_id) for r in asked] == [("payer", "pay", "write:1", "run")] * 2
    assert paid == [5, 5]
    assert "1000000" not in repr(asked)


def test_it_may_depend_on_the_arguments() -> None:
    """One question at a time, in call order; what needs none is made beside."""
    asked: list[int] = []

    def approve(request: ToolRequest) -> bool:
        asked.append(request.arguments["amount"])
        return request.arguments["amount"] < 500

    agent = payer(needs_approval=lambda amount: amount > 100)
    calls = [tool_call("pay", amount=amount) for amount in (5, 900, 200)]
    model = ScriptedModel([calls, "Done."])
    perform(agent, model, approve=approve)
    assert asked == [900, 200]
    assert sorted(paid) == [5, 200]
    assert [text.startswith("paid") for text in told(model)] == [True, False, True]


@pytest.mark.parametrize("answer", [None, 0, "", "no"])
def test_a_condition_that_answers_oddly_asks(answer: Any) -> None:
    perform(payer(needs_approval=lambda amount: answer), ScriptedModel([tool_call("pay", amount=5), "Done."]))
    assert paid == []


def test_a_condition_that_cannot_tell_asks() -> None:
    agent = payer(needs_approval=lambda amount, to: amount > 100)  # `to` was left out by the model
    perform(agent, ScriptedModel([tool_call("pay", amount=5), "Done."]))
    assert paid == []


REFUSED: list[tuple[Any, str]] = [
    (lambda amuont: True, "Did you mean 'amount'?"),
    ("yes", "is neither a bool nor a plain function"),
    (later, "is neither a bool nor a plain function"),
]


@pytest.mark.parametrize(("condition", "said"), REFUSED)
def test_a_condition_that_is_none_is_refused_at_the_line(condition: Any, said: str) -> None:
    with pytest.raises(GraphflowError, match=r"needs_approval") as caught:
        Tool(pay, needs_approval=condition)
    assert said in str(caught.value)
    assert caught.value.where[0].file == __file__


class State(BaseModel):
    text: str = ""


def graph_of(agent: Agent[str]) -> Graph[State]:
    graph = Graph("pay", State)
    graph.chain(START, graph.node(agent, writes=fields(State).text), END)
    return graph


def test_a_run_is_given_who_approves() -> None:
    graph = graph_of(payer())
    script = [tool_call("pay", amount=5), "Done."]
    assert (
        run_virtual(graph.run(State(), model=ScriptedModel(script))).status == "waiting"
    )  # tests/rules/test_approval.py
    assert paid == []
    run_virtual(graph.run(State(), model=ScriptedModel(script), approve=lambda request: request.cursor == "payer:1"))
    assert paid == [5]
    asyncio.run(payer().run(model=ScriptedModel(script), approve=lambda request: request.agent == "payer"))
    assert paid == [5, 5]


def test_who_approves_is_a_function() -> None:
    with pytest.raises(ArgumentInvalid) as caught:
        graph_of(payer()).run(State(), approve=True)  # type: ignore[arg-type]
    assert shown(caught.value) == """
[GF221] approve= cannot be True
  where  here   graph_of(payer()).run(State(), approve=True)  # type: ignore[arg-type]
  why    It is asked before a tool that needs approval is called, with a ToolRequest; only True lets the call pass. (S10.4)
  fix    Write approve=lambda request: input(f'{request.tool} {request.arguments}? ') == 'yes'.
""".strip("\n")  # fmt: skip


# how many at once


@pytest.mark.parametrize("at_once", [1, 3, 8])
def test_so_many_run_at_once_and_results_stay_in_order(at_once: int) -> None:
    running, most = 0, 0

    async def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(10 - number)
        running -= 1
        return number

    agent = Agent("a", "i", prompt="p", tools=[work], tools_at_once=at_once)
    model = ScriptedModel([[tool_call("work", number=n) for n in range(10)], "Done."])
    run_virtual(agent.run(model=model))
    assert most == at_once
    assert told(model) == [str(n) for n in range(10)]


def test_by_default_it_is_bounded() -> None:
    assert Agent("a", "i", prompt="p").tools_at_once == 8
    with pytest.raises(ValueError, match="at least 1"):
        Agent("a", "i", prompt="p", tools_at_once=0)


# what goes wrong inside


def test_a_plain_tool_that_hangs_is_told_and_does_not_hold_up_the_program() -> None:
    """S14.2: nobody waits for its thread, neither now nor at the end."""
    go_on = threading.Event()

    def hang() -> None:
        go_on.wait(20)  # if it were waited for, this fails, late, and does not hang

    agent = Agent("a", "i", prompt="p", tools=[Tool(hang, timeout_s=0.01)])
    model = ScriptedModel([tool_call("hang"), "Done."])
    try:
        assert asyncio.run(agent.run(model=model)).output == "Done."  # also waits for the loop's own threads
        assert told(model) == ["hang took too long."]
        thread = next(thread for thread in threading.enumerate() if thread.name == "graphflow tool")
        assert thread.daemon
    finally:
        go_on.set()
    thread.join()


def odd(value: Any) -> Callable[[], Any]:
    def give() -> Any:
        if isinstance(value, BaseException):
            raise value
        return value

    return give


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "give failed."),
        ({"a": object()}, "give failed."),
        (lambda: 1, "give failed."),
        (ValueError("canary"), "give failed."),
        (StopIteration(), "give failed."),
        (TimeoutError("canary"), "give took too long."),
        (None, "null"),
        ("", ""),
        ("\ud800", "\ufffd"),
        (float("nan"), '"NaN"'),
        ("x" * 60_000, "x" * 49_999 + "…"),
    ],
)
@pytest.mark.parametrize("timeout_s", [None, 5])
def test_odd_results_are_told_and_change_nothing(value: Any, said: str, timeout_s: float | None) -> None:
    model = ScriptedModel([tool_call("give"), "Done."])
    agent = Agent("a", "i", prompt="p", tools=[Tool(odd(value), timeout_s=timeout_s)])
    assert asyncio.run(agent.run(model=model)).output == "Done."
    assert told(model) == [said]


def test_a_budget_of_nothing_starts_no_call() -> None:
    """S13.2."""
    run = run_virtual(graph_of(payer()).run(State(), model=ScriptedModel([]), budget=Budget(model_calls=0)))
    assert run.status == "exhausted"


@pytest.mark.parametrize(
    "given", [SecretStr("canary-6"), {"a": [SecretStr("canary-6")]}, SecretBytes(b"canary-6")], ids=repr
)
def test_a_tool_that_returns_a_secret(given: Any) -> None:
    """S11.1: not sent as asterisks without a word; asterisks that are text are nobody's secret."""

    def login() -> Any:
        """Log in."""
        return given

    def stars() -> Any:
        """Rate it."""
        return {"rating": "*****"}

    agent = Agent("clerk", "You log in.", prompt="Go.", tools=[stars, login])
    with pytest.raises(ToolInvalid, match=r"'login' gave a .* with a secret") as caught:
        perform(agent, ScriptedModel([tool_call("stars"), tool_call("login"), "done"]))
    assert "canary-6" not in str(caught.value)
    assert "ctx.update" in caught.value.fix
