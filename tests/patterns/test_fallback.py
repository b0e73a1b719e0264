"""A8, a fallback: another worker when the first has failed with an error that was declared, and for nothing else."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import Agent, Context, Graph, RunFailed, append, fields, patterns
from graphflow.errors import (
    AuthError,
    ConnectionFailed,
    DeclarationError,
    GuardrailTripped,
    ModelError,
    NodeError,
    OutputInvalid,
    RateLimited,
    ServerError,
)
from graphflow.models import ScriptedModel
from graphflow.patterns import Answered
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import answering, in_turn, instructions, load, prompt


def desk(**options: Any) -> Graph[Answered]:
    remote, local = (Agent(name, name, prompt="{request}|{answer}", retry=None) for name in ("remote", "local"))
    return patterns.fallback(remote, otherwise=local, **options)


def ask(graph: Graph[Answered], remote: Any, local: Any = "from here") -> tuple[Any, ScriptedModel]:
    model = answering({"remote": remote, "local": local})
    return run_virtual(graph.run(Answered(request="who?"), model=model)), model


def test_without_a_failure_the_fallback_is_never_asked() -> None:
    run, model = ask(desk(), "from afar")
    assert (run.state.answer, run.state.answered_by) == ("from afar", "remote")
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    "error", [ConnectionFailed("down"), ServerError("500"), AuthError("no key"), OutputInvalid("?")]
)
def test_it_falls_back_on_what_a_model_fails_with(error: ModelError) -> None:
    run, model = ask(desk(), error)
    assert (run.status, run.state.answer, run.state.answered_by) == ("done", "from here", "local")
    assert [instructions(request) for request in model.requests] == ["remote", "local"]


def test_the_retries_come_first() -> None:
    remote = Agent("remote", "remote", prompt="{request}")
    local = Agent("local", "local", prompt="{request}")
    run, model = ask(patterns.fallback(remote, otherwise=local), in_turn(RateLimited("slow"), "at last"))
    assert (run.state.answered_by, len(model.requests)) == ("remote", 2)


def test_the_fallback_sees_the_original_input_and_none_of_what_the_first_wrote() -> None:
    """S8.2: a failed attempt leaves nothing in the state."""

    class Case(Answered):
        notes: Annotated[list[str], append] = []

    def first(state: Case, ctx: Context) -> str:
        ctx.update(notes="half an idea", answer="half an answer")
        raise ConnectionFailed("down")

    seen: list[Case] = []

    def second(state: Case) -> str:
        seen.append(Case.model_validate(state, from_attributes=True))
        return "whole"

    graph = patterns.fallback(first, otherwise=second, state=Case)
    run = run_virtual(graph.run(Case(request="who?")))
    assert seen == [Case(request="who?")]
    assert run.state == Case(request="who?", answer="whole", answered_by="second")
    _, model = ask(desk(), ServerError("500"))
    assert [prompt(request) for request in model.requests] == ["who?|", "who?|"]


def test_it_runs_at_most_once() -> None:
    calls: list[str] = []

    def answer(request: Any) -> Any:
        calls.append(instructions(request))
        return ServerError("500")

    with pytest.raises(RunFailed):
        run_virtual(desk().run(Answered(request="who?"), model=ScriptedModel(answer)))
    assert calls == ["remote", "local"]


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("second", [False, True])
def test_if_it_fails_too_both_causes_are_chained(first: bool, second: bool) -> None:
    """However they were raised, the error of the run leads to both."""

    def fail(error: Exception, is_raised_from: bool) -> None:
        if is_raised_from:
            raise error from None
        raise error

    def remote(state: Answered) -> str:
        fail(ConnectionFailed("the line is dead"), first)
        return ""

    def local(state: Answered) -> str:
        fail(ServerError("the disk is full"), second)
        return ""

    with pytest.raises(RunFailed) as caught:
        run_virtual(patterns.fallback(remote, otherwise=local).run(Answered(request="who?")))
    error = caught.value.__cause__
    assert isinstance(error, ServerError)
    shown = error.__cause__ if error.__suppress_context__ else error.__context__
    assert isinstance(shown, ConnectionFailed)
    assert [(one.node, one.error["type"]) for one in caught.value.run.failures] == [
        ("remote", "ConnectionFailed"),
        ("local", "ServerError"),
    ]


def test_a_tripped_guardrail_passes_through() -> None:
    """S8.4: asking somebody else would go around it."""

    def remote(state: Answered) -> str:
        raise GuardrailTripped("no medical advice")

    with pytest.raises(RunFailed) as caught:
        run_virtual(patterns.fallback(remote, otherwise=_never).run(Answered(request="who?")))
    assert isinstance(caught.value.__cause__, GuardrailTripped)


@pytest.mark.parametrize("error", [KeyError("bug"), ValueError("bug"), ZeroDivisionError("bug")])
def test_a_bug_passes_through_unless_its_class_is_declared(error: Exception) -> None:
    def remote(state: Answered) -> str:
        raise error

    with pytest.raises(RunFailed) as caught:
        run_virtual(patterns.fallback(remote, otherwise=_never).run(Answered(request="who?")))
    assert caught.value.__cause__ is error

    def local(state: Answered, ctx: Context) -> str:
        return f"after {type(ctx.error).__name__}"

    graph = patterns.fallback(remote, otherwise=local, on=(ModelError, type(error)))
    assert run_virtual(graph.run(Answered(request="who?"))).state.answer == f"after {type(error).__name__}"


def test_a_cancelled_run_passes_through_and_can_be_resumed() -> None:
    """S14.2, G10: stopping the driver is no failure of the primary."""
    asked: list[str] = []

    async def remote(state: Answered) -> str:
        asked.append("remote")
        await asyncio.sleep(1000 if len(asked) == 1 else 0)
        return "from afar"

    graph = patterns.fallback(remote, otherwise=_never)

    async def main() -> Any:
        live = graph.start(Answered(request="who?"))
        task = asyncio.ensure_future(live.drive())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await graph.resume(live.run)

    run = run_virtual(main())
    assert (run.state.answered_by, asked) == ("remote", ["remote", "remote"])


@pytest.mark.parametrize("on", [Exception, GuardrailTripped, (ModelError, Exception)])
def test_classes_that_take_a_guardrail_in_are_refused_at_the_line(on: Any) -> None:
    with pytest.raises(DeclarationError, match="tripped guardrail") as caught:
        desk(on=on)
    assert (caught.value.code, caught.value.where[0].file) == ("GF129", __file__)


@pytest.mark.parametrize("on", ["ModelError", None, KeyboardInterrupt, asyncio.CancelledError, ()])
def test_what_is_no_class_of_errors_is_refused_at_the_line(on: Any) -> None:
    with pytest.raises(DeclarationError):
        desk(on=on)


def test_fallbacks_nest() -> None:
    remote, local = (Agent(name, name, prompt="{request}", retry=None) for name in ("remote", "local"))
    last = patterns.fallback(local, otherwise=_promise, on=(ModelError, NodeError), name="near")
    run, _ = ask(patterns.fallback(remote, otherwise=last), ServerError("500"), ServerError("also"))
    assert (run.state.answer, run.state.answered_by) == ("We write back.", "_promise")


def test_a_state_of_the_user_says_where_the_answer_goes() -> None:
    class Desk(BaseModel):
        text: str
        reply: str = ""

    remote, local = (Agent(name, name, prompt="{text}", retry=None) for name in ("remote", "local"))
    graph = patterns.fallback(remote, otherwise=local, state=Desk, writes=fields(Desk).reply)
    model = answering({"remote": ServerError("500"), "local": "from here"})
    assert run_virtual(graph.run(Desk(text="who?"), model=model)).state.reply == "from here"
    assert list(graph.check()) == []


def _never(state: Answered) -> str:
    raise AssertionError("the fallback was asked")


def _promise(state: Answered) -> str:
    return "We write back."


def test_the_ready_graph_answers_here_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "GRAPHFLOW_MODEL", "OPENAI_DEFAULT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    ready = load("fallback")
    text = "Dams last more than 50 years. Owls hunt at night."
    run = run_virtual(ready.graph.run(ready.Question(request="How long do dams last?", text=text)))
    assert (run.state.answer, run.state.answered_by) == ("Dams last more than 50 years.", "local")
    assert list(ready.graph.check()) == []
