"""S11: what is not paid twice."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Context, Graph, Retry, RunFailed, append, fields
from graphflow.errors import ConnectionFailed
from graphflow.graph.context import Effect
from graphflow.testing.virtual import run_virtual


class State(BaseModel):
    log: Annotated[list[str], append] = []


state = fields(State)


def graph_with(body: Any, **options: Any) -> Graph[State]:
    graph = Graph("effects", State)

    @graph.node(writes=state.log, **options)
    async def work(view: State, ctx: Context) -> str:
        return await body(ctx)

    graph.edge(START, work)
    graph.edge(work, END)
    return graph


async def model(ctx: Context, name: str, calls: list[str], error: Exception | None = None) -> str:
    async def perform() -> Effect:
        calls.append(name)
        if error is not None and calls.count(name) == 1:
            raise error
        return Effect(f"answer to {name}")

    return str((await ctx.hands.effect("model", {"ask": name}, perform, None)).value)


def test_a_retry_goes_on_from_the_call_that_failed() -> None:
    """S11.1: what failed was a call, so the calls before it are not made again."""
    calls: list[str] = []

    async def body(ctx: Context) -> str:
        await model(ctx, "a", calls)
        return await model(ctx, "b", calls, ConnectionFailed("down"))

    run = run_virtual(graph_with(body, retry=Retry(attempts=2)).run(State()))
    assert calls == ["a", "b", "b"]
    assert run.state.log == ["answer to b"]


def test_after_any_other_failure_calls_are_made_anew_but_once_is_kept() -> None:
    """S11.1: the node's own bug makes the attempt start over; ctx.once is kept for the visit in every case."""
    calls: list[str] = []
    attempts: list[str] = []

    async def body(ctx: Context) -> str:
        async def send() -> str:
            calls.append("sent")
            return "receipt"

        await model(ctx, "a", calls)
        attempts.append(await ctx.once("send", send))
        if len(attempts) == 1:
            raise ValueError("a bug after the calls")
        return "ok"

    run_virtual(graph_with(body, retry=Retry(attempts=2)).run(State()))
    assert calls == ["a", "sent", "a"]
    assert attempts == ["receipt", "receipt"]


def test_calls_are_matched_by_what_was_asked_and_how_often() -> None:
    """S11.1: two equal requests are two calls; both are recorded."""
    calls: list[str] = []

    async def body(ctx: Context) -> str:
        await model(ctx, "same", calls)
        await model(ctx, "same", calls)
        await model(ctx, "other", calls, ConnectionFailed("down"))
        return "ok"

    run_virtual(graph_with(body, retry=Retry(attempts=2)).run(State()))
    assert calls == ["same", "same", "other", "other"]


def test_a_resume_of_a_failed_run_reuses_what_was_paid_for() -> None:
    """S11.1, S14.3: the failed call is made again, those before it are not."""
    calls: list[str] = []

    async def body(ctx: Context) -> str:
        await model(ctx, "a", calls)
        return await model(ctx, "b", calls, ConnectionFailed("down"))

    graph = graph_with(body)
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    run = run_virtual(graph.resume(caught.value.run))
    assert (run.status, calls) == ("done", ["a", "b", "b"])


def test_the_idempotency_key_is_the_same_for_every_attempt() -> None:
    """S11.2: one key a visit, whatever the attempt."""
    keys: list[tuple[str, int]] = []

    async def body(ctx: Context) -> str:
        keys.append((ctx.idempotency_key, ctx.attempt))
        if len(keys) < 3:
            raise ValueError("again")
        return "ok"

    run_virtual(graph_with(body, retry=Retry(attempts=3)).run(State(), run_id="r-1"))
    assert keys == [("r-1/work:1", 1), ("r-1/work:1", 2), ("r-1/work:1", 3)]


def test_updates_of_the_context_come_in_call_order_and_fall_with_the_attempt() -> None:
    """S3.7, S8.2: ctx.update adds to the step; a failed attempt leaves nothing."""
    attempts: list[int] = []

    async def body(ctx: Context) -> str:
        attempts.append(1)
        ctx.update(log=f"first of {len(attempts)}")
        if len(attempts) == 1:
            raise ValueError("again")
        ctx.update(log="second")
        return "returned"

    run = run_virtual(graph_with(body, retry=Retry(attempts=2)).run(State()))
    assert run.state.log == ["first of 2", "second", "returned"]


def test_streamed_text_is_shown_but_not_kept() -> None:
    """S11.3: observers see it; the journal does not."""
    shown: list[str] = []

    async def body(ctx: Context) -> str:
        ctx.emit("tok")
        ctx.emit("en")
        return "done"

    run = run_virtual(graph_with(body).run(State(), observers=[lambda e: shown.append(getattr(e, "text", ""))]))
    assert "".join(shown) == "token"
    assert b'"tok"' not in b"".join(run.raw_journal)


def test_a_value_that_json_cannot_hold_fails_in_the_node() -> None:
    """A recorded effect must be plain data: the error is the node's, not a broken journal."""

    async def body(ctx: Context) -> str:
        async def perform() -> object:
            return object()

        await ctx.once("bad", perform)
        return "?"

    with pytest.raises(RunFailed) as caught:
        run_virtual(graph_with(body).run(State()))
    assert caught.value.run.failures[0].node == "work"
