"""B3b, retry with backoff: attempts and waits exact on a virtual clock; what cannot succeed is asked once."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, Retry, RunFailed, fields
from graphflow.errors import (
    AuthError,
    BadRequest,
    ConnectionFailed,
    ContextTooLong,
    ModelError,
    QuotaExhausted,
    RateLimited,
    Refused,
    ServerError,
)
from graphflow.models import OpenAIModel, Request, ScriptedModel
from graphflow.testing.virtual import run_virtual
from tests.agents.loopback import Reply, chat, error, serving
from tests.patterns.ready import ready


class Note(BaseModel):
    text: str = ""


note = fields(Note)


def noting(retry: Retry | None) -> Graph[Note]:
    graph = Graph("note", Note)
    writer = graph.node(Agent("write", "Write.", prompt="now", retry=retry), writes=note.text)
    graph.chain(START, writer, END)
    return graph


def times(retry: Retry | None, *errors: Exception) -> tuple[list[float], Any]:
    """When it was asked, in seconds of the virtual clock, and how the run ended."""
    asked: list[float] = []
    left = list(errors)

    def answer(request: Request) -> str:
        asked.append(round(asyncio.get_running_loop().time(), 3))
        if left:
            raise left.pop(0)
        return "done"

    try:
        run = run_virtual(noting(retry).run(Note(), model=ScriptedModel(answer)))
    except RunFailed as failed:
        run = failed.run
    return asked, run


def busy(after_s: float | None = None) -> RateLimited:
    return RateLimited("busy", retry_after_s=after_s)


EXACT = Retry(attempts=4, first_s=1, factor=2, jitter=0, on=ModelError)


def test_it_waits_longer_each_time() -> None:
    """S8.1: 1, 2 and 4 seconds."""
    asked, run = times(EXACT, busy(), busy(), busy())
    assert asked == [0, 1, 3, 7]
    assert (run.status, run.state.text) == ("done", "done")


def test_no_wait_is_longer_than_the_longest() -> None:
    asked, _ = times(Retry(attempts=5, first_s=1, factor=10, max_s=20, jitter=0), *[busy()] * 4)
    assert asked == [0, 1, 11, 31, 51]


@pytest.mark.parametrize(("after_s", "second"), [(0.5, 1), (1, 1), (1.5, 1.5), (30, 30), (120, 120)])
def test_retry_after_is_a_lower_bound(after_s: float, second: float) -> None:
    """The longer one of the two; also beyond max_s, since asking sooner is asking in vain."""
    asked, _ = times(EXACT, busy(after_s))
    assert asked == [0, second]


def test_attempts_end_and_the_last_error_is_the_runs() -> None:
    asked, run = times(EXACT, *[busy()] * 9)
    assert asked == [0, 1, 3, 7]
    assert run.status == "failed"
    assert run.failures[0].attempts == 4


@pytest.mark.parametrize("error", [AuthError, BadRequest, ContextTooLong, QuotaExhausted, Refused])
def test_what_cannot_succeed_is_asked_once(error: type[ModelError]) -> None:
    """An error that says it is not worth another try gets none, whatever the policy."""
    asked, run = times(Retry(attempts=4, first_s=1, on=Exception), error("no"))
    assert asked == [0]
    assert run.failures[0].attempts == 1


def test_a_class_that_the_policy_does_not_name_is_asked_once() -> None:
    asked, _ = times(Retry(attempts=4, first_s=1, on=RateLimited), ServerError("down"))
    assert asked == [0]


def test_without_a_policy_there_is_one_attempt() -> None:
    assert times(None, busy())[0] == [0]


@settings(max_examples=25)
@given(st.integers(1, 5), st.integers(0, 6), st.floats(0.1, 5), st.floats(1, 3))
def test_the_number_of_requests_is_the_number_of_attempts(
    attempts: int, failing: int, first_s: float, factor: float
) -> None:
    policy = Retry(attempts=attempts, first_s=first_s, factor=factor)
    asked, run = times(policy, *[busy()] * failing)
    assert len(asked) == min(attempts, failing + 1)
    assert run.status == ("done" if failing < attempts else "failed")
    for number, (before, after) in enumerate(itertools.pairwise(asked)):
        wait = min(first_s * factor**number, policy.max_s)
        assert 0.9 * wait - 0.01 <= after - before <= 1.1 * wait + 0.01, "within the jitter of a tenth"


def test_waits_are_the_same_in_every_run() -> None:
    """S8.1: the jitter is seeded by the visit, not by chance."""
    retry = Retry(attempts=4, first_s=1, jitter=0.5)
    graph = noting(retry)
    waits: list[list[float]] = []
    for _ in range(2):
        asked: list[float] = []

        def answer(request: Request, asked: list[float] = asked) -> str:
            asked.append(asyncio.get_running_loop().time())
            if len(asked) < 4:
                raise busy()
            return "done"

        run_virtual(graph.run(Note(), model=ScriptedModel(answer), run_id="r-1"))
        waits.append(asked)
    assert waits[0] == waits[1]


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("failing", [0, 1, 2, 3])
def test_on_the_wire_there_are_as_many_requests_as_attempts(
    status: int, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own retries are off: 3 attempts are 3 requests and not 9."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    graph = noting(Retry(attempts=3, first_s=0.001, on=ModelError))
    replies: list[Reply] = [*[error(status, "busy")] * failing, chat("done")]
    with serving(*replies) as server:
        model = OpenAIModel("m", base_url=server.url, api_key="k")
        if failing < 3:
            assert asyncio.run(graph.run(Note(), model=model)).state.text == "done"
        else:
            with pytest.raises(RunFailed):
                asyncio.run(graph.run(Note(), model=model))
        assert len(server.seen) == min(3, failing + 1)


def test_a_value_that_only_says_it_failed_is_no_success() -> None:
    """S3.3: a sentinel does not validate; it never reaches the state."""
    graph = Graph("note", Note)

    @graph.node(writes=note.text, retry=Retry(attempts=2, first_s=1))
    async def fetch(state: Note) -> Any:
        return {"error": "busy"}

    graph.chain(START, fetch, END)
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(Note()))
    assert caught.value.run.state.text == ""


@pytest.mark.parametrize(
    ("busy_for", "station", "expected"),
    [(0, "Huntorf", (293, 1, False)), (3, "Huntorf", (293, 4, False)), (4, "Huntorf", (290, 0, True)), (0, "Berlin", (53, 0, True))],
)  # fmt: skip
def test_the_ready_graph_falls_back_on_the_last_known_figure(
    busy_for: int, station: str, expected: tuple[int, int, bool]
) -> None:
    backoff = ready("backoff")
    run = run_virtual(backoff.graph.run(backoff.Reading(station=station, busy=busy_for)))
    assert (run.state.megawatts, run.state.attempts, run.state.is_old) == expected


def test_the_ready_graph_waits_as_long_as_the_service_asks() -> None:
    """0.2 s would be the first wait; the service says 0.3; then 0.4 and 0.8 are more than it asks."""
    backoff = ready("backoff")

    async def main() -> float:
        await backoff.graph.run(backoff.Reading(station="Huntorf", busy=3))
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(0.3 + 0.4 + 0.8)


def test_connections_that_drop_are_tried_again() -> None:
    assert times(EXACT, ConnectionFailed("gone"))[0] == [0, 1]
