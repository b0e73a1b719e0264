"""A4, a supervisor with delegates: it calls agents as tools, and hears of whatever goes wrong with them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from graphflow import Budget, Run, RunFailed
from graphflow.core.usage import Usage
from graphflow.errors import AuthError, TurnsExhausted
from graphflow.models import OfflineModel, Request, Response, ScriptedModel, ToolCall, tool_call
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import instructions, load, orders, prompt

READY: Any = load("delegate")
STATE: Any = READY.Question(question="What does it cost?", text="It costs 5 euros.")
ANALYST = {"question": "cost?", "passage": "It costs 5 euros."}
CRITIC = {"claim": "It is cheap.", "passage": "It costs 5 euros."}


def who(request: Request) -> str:
    """The agent that was asked, by what its instructions begin with."""
    starts = {"Answer the question in two sentences, from": "analyst", "Name in two": "critic", "Answer": "supervisor"}
    return next(name for start, name in starts.items() if instructions(request).startswith(start))


def supervised(*says: Any, workers: Any = None, delays_s: dict[str, float] | None = None) -> ScriptedModel:
    """A model whose supervisor says one thing after the other; its workers say who they are."""
    left = list(says)

    async def answer(request: Request) -> Any:
        name = who(request)
        if name == "supervisor":
            return left.pop(0) if len(left) > 1 else left[0]
        await asyncio.sleep((delays_s or {}).get(name, 0))
        found = (workers or {}).get(name, f"{name} says so")
        return (
            found if isinstance(found, BaseException) else Response(found, usage=Usage(model_calls=1, input_tokens=7))
        )

    return ScriptedModel(answer)


def ask(model: ScriptedModel, **options: Any) -> Run[Any]:
    return run_virtual(READY.graph.run(STATE, model=model, **options))


def told(model: ScriptedModel) -> list[tuple[str, str]]:
    """The tool messages in the last request of the supervisor: (id of the call, text)."""
    last = [request for request in model.requests if who(request) == "supervisor"][-1]
    return [(message.call_id, message.text) for message in last.messages if message.role == "tool"]


def test_what_a_worker_gives_comes_back_as_the_message_of_its_call() -> None:
    model = supervised(tool_call("ask_analyst", **ANALYST), "5 euros.")
    run = ask(model)
    assert run.state.answer == "5 euros."
    assert [who(request) for request in model.requests] == ["supervisor", "analyst", "supervisor"]
    assert prompt(model.requests[1]) == "Question: cost?\n\nPassage:\nIt costs 5 euros."
    assert [text for _, text in told(model)] == ["analyst says so"]


@pytest.mark.parametrize("delays_s", list(orders("analyst", "critic")), ids=["analyst first", "critic first"])
def test_there_is_one_result_for_each_call_with_its_id_whoever_is_first(delays_s: dict[str, float]) -> None:
    calls = (
        ToolCall("ask_critic", tool_call("ask_critic", **CRITIC).arguments, "x"),
        ToolCall("ask_analyst", tool_call("ask_analyst", **ANALYST).arguments, "y"),
        ToolCall("ask_nobody", "{}", "z"),
    )
    model = supervised(Response("", calls), "5 euros.", delays_s=delays_s)
    ask(model)
    (first, second, third) = told(model)
    assert (first, second) == (("x", "critic says so"), ("y", "analyst says so"))
    assert third[0] == "z"
    assert "no tool called 'ask_nobody'" in third[1]


def test_an_unknown_worker_is_told_to_the_model_and_the_loop_goes_on() -> None:
    model = supervised(tool_call("ask_analist", **ANALYST), tool_call("ask_analyst", **ANALYST), "5 euros.")
    run = ask(model)
    assert (run.status, run.state.answer) == ("done", "5 euros.")
    assert "Did you mean 'ask_analyst'?" in told(model)[0][1]


def test_arguments_that_do_not_fit_are_told_and_no_worker_is_asked() -> None:
    model = supervised(tool_call("ask_analyst", question="cost?"), "I cannot say.")
    ask(model)
    assert [who(request) for request in model.requests] == ["supervisor", "supervisor"]
    assert "passage" in told(model)[0][1]


def test_a_worker_that_fails_is_told_in_general_terms_and_the_loop_goes_on() -> None:
    model = supervised(tool_call("ask_critic", **CRITIC), "5 euros.", workers={"critic": AuthError("no key canary-5")})
    run = ask(model)
    assert run.status == "done"
    assert told(model) == [(told(model)[0][0], "ask_critic failed.")]


def test_the_usage_of_the_run_includes_that_of_the_workers() -> None:
    """G5: every call is counted once, also those below a tool."""
    both = Response("", (tool_call("ask_analyst", **ANALYST), tool_call("ask_critic", **CRITIC)))
    run = ask(supervised(both, "5 euros."))
    assert (run.usage.model_calls, run.usage.tool_calls, run.usage.input_tokens >= 14) == (4, 2, True)


def test_a_budget_bounds_the_workers_too() -> None:
    """S13.1: reserved before a call starts, also below a tool."""
    model = supervised(tool_call("ask_analyst", **ANALYST), "5 euros.")
    run = ask(model, budget=Budget(model_calls=1))
    assert (run.status, len(model.requests)) == ("exhausted", 1)


def test_a_supervisor_that_only_delegates_ends_within_its_turns() -> None:
    model = supervised(tool_call("ask_analyst", **ANALYST))
    with pytest.raises(RunFailed) as caught:
        ask(model)
    assert isinstance(caught.value.__cause__, TurnsExhausted)
    assert [who(request) for request in model.requests].count("supervisor") == 6


def test_stopping_the_run_stops_its_workers_and_a_resume_pays_nothing_twice() -> None:
    """G10, S11.1."""
    model = supervised(tool_call("ask_analyst", **ANALYST), "5 euros.", delays_s={"analyst": 100})

    async def main() -> Run[Any]:
        live = READY.graph.start(STATE, model=model)
        task = asyncio.ensure_future(live.drive())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [one for one in asyncio.all_tasks() if one is not asyncio.current_task()] == []
        done: Run[Any] = await READY.graph.resume(live.run, model=model)
        return done

    run = run_virtual(main())
    assert run.state.answer == "5 euros."
    assert [who(request) for request in model.requests] == ["supervisor", "analyst", "analyst", "supervisor"]


def test_offline_the_supervisor_answers_alone() -> None:
    text = "A battery costs 165 dollars. Owls hunt at night. The price of a battery fell by 40 percent."
    run = run_virtual(
        READY.graph.run(READY.Question(question="What does a battery cost?", text=text), model=OfflineModel())
    )
    assert "165 dollars" in run.state.answer
    assert run.usage.tool_calls == 0
    assert list(READY.graph.check()) == []
