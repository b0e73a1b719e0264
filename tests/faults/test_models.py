"""Everything that goes wrong between an agent and a provider, through the real client, on both APIs, whole and streamed.

Each fault ends as its typed error or is survived by the agent's policy, with exactly as many HTTP requests as there
were attempts: the client beneath never tries again by itself (S8.1). The server is strict, so leaving its ``with``
block finds every request too many or too few.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, Retry, Run, RunFailed, fields
from graphflow.errors import (
    AuthError,
    BadRequest,
    BadResponse,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    ModelError,
    ModelTimeout,
    OutputInvalid,
    QuotaExhausted,
    RateLimited,
    Refused,
    ServerError,
    Truncated,
)
from graphflow.models import Message, Piece, Request, Response, tool_call
from graphflow.runtime.events import Event
from graphflow.testing import FakeOpenAI, wire
from graphflow.testing.fake_openai.replies import Reply

KEY = "canary0123456789"
ASKED = Request((Message("system", "Be brief."), Message("user", "Where do owls live?")))
SOON = Retry(attempts=3, first_s=0.01, jitter=0, on=ModelError)
LONG_S = 30.0


@dataclass(frozen=True)
class Fault:
    """What a reply comes to. ``begins`` says whether part of an answer had come: of a body, and of a stream."""

    reply: Reply
    kind: type[ModelError]
    begins: tuple[bool, bool]

    @property
    def name(self) -> str:
        return f"{self.reply.name}-{self.kind.__name__}"

    def timeout_s(self, at_least: float) -> float:
        """Short where the fault is that nothing comes: it is waited for in real time."""
        is_waited_for = self.reply.name.startswith(("hanging", "slow"))
        return at_least if is_waited_for else LONG_S


NEVER, WHOLE, STREAMED, ALWAYS = (False, False), (True, False), (False, True), (True, True)
QUOTA_IN_BODY = wire.error_object_with_200("insufficient_quota")

FAULTS = [
    Fault(wire.rate_limited(), RateLimited, NEVER),
    Fault(wire.rate_limited(0.02), RateLimited, NEVER),
    Fault(wire.quota_exhausted(), QuotaExhausted, NEVER),
    Fault(wire.status(402), QuotaExhausted, NEVER),
    Fault(wire.unauthorized(), AuthError, NEVER),
    Fault(wire.status(403), AuthError, NEVER),
    Fault(wire.bad_request(), BadRequest, NEVER),
    Fault(wire.status(404, error_code="model_not_found"), BadRequest, NEVER),
    Fault(wire.status(422), BadRequest, NEVER),
    Fault(wire.context_too_long(), ContextTooLong, NEVER),
    Fault(wire.status(413), ContextTooLong, NEVER),
    Fault(wire.status(400, error_code="content_filter"), ContentFiltered, NEVER),
    Fault(wire.status(408), ModelTimeout, NEVER),
    Fault(wire.status(409), ServerError, NEVER),
    Fault(wire.status(500), ServerError, NEVER),
    Fault(wire.status(503), ServerError, NEVER),
    Fault(wire.not_json(502), ServerError, NEVER),
    Fault(wire.error_object_with_200(), ServerError, ALWAYS),
    Fault(wire.error_object_with_200("rate_limit_exceeded"), RateLimited, ALWAYS),
    Fault(QUOTA_IN_BODY, QuotaExhausted, ALWAYS),
    Fault(wire.empty_body(), BadResponse, WHOLE),
    Fault(wire.truncated_body(), BadResponse, ALWAYS),
    Fault(wire.not_json(), BadResponse, ALWAYS),
    Fault(wire.not_gzip(), BadResponse, NEVER),
    Fault(wire.no_choices(), BadResponse, ALWAYS),
    Fault(wire.wrong_types(), BadResponse, ALWAYS),
    Fault(wire.failed(), ServerError, ALWAYS),
    Fault(wire.failed("rate_limit_exceeded"), RateLimited, ALWAYS),
    Fault(wire.cut_stream(), BadResponse, ALWAYS),
    Fault(wire.cut_stream(0), BadResponse, WHOLE),
    Fault(wire.cut_stream(5), BadResponse, ALWAYS),
    Fault(wire.error_event(), ServerError, ALWAYS),
    Fault(wire.error_event(0), ServerError, ALWAYS),
    Fault(wire.error_event(code="rate_limit_exceeded"), RateLimited, ALWAYS),
    Fault(wire.malformed_event(), BadResponse, ALWAYS),
    Fault(wire.dropped(), ConnectionFailed, NEVER),
    Fault(wire.dropped(is_reset=True), ConnectionFailed, NEVER),
    Fault(wire.dropped(after=2), ConnectionFailed, STREAMED),
    Fault(wire.dropped(after=2, is_reset=True), ConnectionFailed, STREAMED),
    Fault(wire.not_http(), ConnectionFailed, NEVER),
    Fault(wire.hanging(), ModelTimeout, NEVER),
    Fault(wire.hanging(after=2), ModelTimeout, STREAMED),
    Fault(wire.slow(9), ModelTimeout, NEVER),
    Fault(wire.length(), Truncated, ALWAYS),
    Fault(wire.content_filter(), ContentFiltered, ALWAYS),
    Fault(wire.refusal(), Refused, ALWAYS),
]

ODDITIES = [
    wire.reply("Owls hunt at night."),
    wire.no_usage(),
    wire.no_done(),
    wire.json_instead_of_stream(),
    wire.ragged_stream(1),
    wire.ragged_stream(7),
    wire.slow(0.01),
    wire.slow(0, pause_s=0.002),
]
"""What is not as it should be, and still an answer."""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_DEFAULT_MODEL", "GRAPHFLOW_MODEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["httpx", "aiohttp"])
def http(request: pytest.FixtureRequest) -> str:
    if request.param == "aiohttp":
        pytest.importorskip("aiohttp")
    return str(request.param)


def asked(server: FakeOpenAI, *, is_streamed: bool, **options: Any) -> tuple[Response, str]:
    """One call of the model: the answer, and what was shown of it."""
    model = server.model(api_key=KEY, **options)
    shown: list[Piece] = []

    async def main() -> Response:
        return await (model.stream(ASKED, shown.append) if is_streamed else model.respond(ASKED))

    response = asyncio.run(main())
    server.wait_closed()
    return response, "".join(piece.text for piece in shown)


def behind(error: BaseException) -> list[BaseException]:
    """Every error that led to one, also those that a traceback does not print: a log may."""
    before = [found for found in (error.__cause__, error.__context__) if found is not None]
    return [one for found in before for one in (found, *behind(found))]


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_its_typed_error_after_one_request(fault: Fault, api: Any, is_streamed: bool, http: Any) -> None:
    """S8.1: nobody tries again but the node. G8: no key in any text, whatever the server repeats of it."""
    with FakeOpenAI([fault.reply]) as server:
        with pytest.raises(ModelError) as caught:
            asked(server, is_streamed=is_streamed, api=api, http=http, timeout_s=fault.timeout_s(0.15))
        server.wait_closed()
        assert type(caught.value) is fault.kind
        assert caught.value.retryable is fault.kind.retryable
        assert caught.value.response_started is fault.begins[is_streamed]
        assert [request.is_streamed for request in server.requests] == [is_streamed]
        assert KEY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value.as_json())
        assert KEY not in "".join(map(repr, behind(caught.value)))


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("reply", ODDITIES, ids=lambda reply: reply.name)
def test_an_odd_answer_is_an_answer(reply: Reply, api: Any, is_streamed: bool, http: Any) -> None:
    with FakeOpenAI([reply]) as server:
        response, shown = asked(server, is_streamed=is_streamed, api=api, http=http)
    assert response.text == "Owls hunt at night."
    assert shown == ("Owls hunt at night." if is_streamed else "")
    assert response.usage.tokens > 0


class Page(BaseModel):
    topic: str = "owls"
    text: str = ""


page = fields(Page)


def writer(**options: Any) -> Agent[str]:
    return Agent("write", "Be brief.", prompt="{topic}", retry=SOON, **options)


def written(server: FakeOpenAI, agent: Agent[Any], is_watched: bool = False, **options: Any) -> Run[Page]:
    """The agent as the one node of a graph; watched, its answers come as streams."""
    graph = Graph("page", Page)
    node = graph.node(agent, writes=page.text)
    graph.chain(START, node, END)
    shown: list[Event] = []
    model = server.model(api_key=KEY, **options)
    return graph.run_sync(Page(), model=model, observers=[shown.append] if is_watched else [])


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_an_agent_alone_survives_what_can_be_survived(fault: Fault, api: Any) -> None:
    """S8.1: a retryable fault costs one request more, any other ends it at once."""
    is_survived = fault.kind.retryable
    with FakeOpenAI([fault.reply, "In woods."] if is_survived else [fault.reply]) as server:
        model = server.model(api_key=KEY, api=api, timeout_s=fault.timeout_s(0.3))
        if is_survived:
            result = asyncio.run(writer().run(topic="owls", model=model))
            assert result.output == "In woods."
        else:
            with pytest.raises(fault.kind) as caught:
                asyncio.run(writer().run(topic="owls", model=model))
            assert type(caught.value) is fault.kind
        server.wait_closed()


@pytest.mark.parametrize("is_watched", [False, True], ids=["alone", "watched"])
@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_node_survives_what_can_be_survived(fault: Fault, api: Any, is_watched: bool) -> None:
    """S8.1: the same in a graph; the run fails with the typed error, and nothing it keeps or says holds the key."""
    is_survived = fault.kind.retryable
    with FakeOpenAI([fault.reply, "In woods."] if is_survived else [fault.reply]) as server:
        if is_survived:
            run = written(server, writer(), is_watched, api=api, timeout_s=fault.timeout_s(0.3))
            assert (run.status, run.state.text) == ("done", "In woods.")
        else:
            with pytest.raises(RunFailed) as caught:
                written(server, writer(), is_watched, api=api, timeout_s=fault.timeout_s(0.3))
            assert type(caught.value.__cause__) is fault.kind
            run = caught.value.run
            assert KEY not in "".join(traceback.format_exception(caught.value))
        server.wait_closed()
        assert {request.is_streamed for request in server.requests} == {is_watched}
        assert KEY not in repr(run.failures) + b"".join(run.raw_journal).decode()


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.kind.retryable], ids=lambda fault: fault.name)
def test_after_the_last_attempt_the_error_is_the_nodes(fault: Fault) -> None:
    """S8.1: three attempts are three requests, never more."""
    with FakeOpenAI([fault.reply] * 3) as server:
        with pytest.raises(RunFailed) as caught:
            written(server, writer(), timeout_s=fault.timeout_s(0.1))
        assert type(caught.value.__cause__) is fault.kind
        server.wait_closed()


@pytest.mark.parametrize(
    "fault", [one for one in FAULTS if one.kind not in (Truncated, ContentFiltered)], ids=lambda fault: fault.name
)
def test_a_closed_question_fails_and_survives_the_same_way(fault: Fault) -> None:
    """S8.1: decisions have no answers that are cut off or filtered; all else is as with any call."""
    agent = Agent("sort", "What is it?", prompt="{topic}", output=Literal["bird", "fish"], retry=SOON)
    is_survived = fault.kind.retryable
    with FakeOpenAI([fault.reply, "fish"] if is_survived else [fault.reply]) as server:
        model = server.model(api_key=KEY, decides=True, timeout_s=fault.timeout_s(0.3))
        if is_survived:
            assert asyncio.run(agent.run(topic="cod", model=model)).output == "fish"
        else:
            with pytest.raises(fault.kind) as caught:
                asyncio.run(agent.run(topic="cod", model=model))
            assert type(caught.value) is fault.kind
        server.wait_closed()
        assert {request.api for request in server.requests} == {"decisions"}


def test_retry_after_is_a_lower_bound() -> None:
    """S8.1: the next request comes no earlier than the provider said, whatever the policy's own wait."""
    arrived: list[float] = []

    def answer(request: Any) -> Any:
        arrived.append(time.monotonic())
        return wire.rate_limited(0.3) if len(arrived) == 1 else "In woods."

    with FakeOpenAI(answer) as server:
        assert written(server, writer()).state.text == "In woods."
    assert arrived[1] - arrived[0] >= 0.29


def test_what_was_answered_is_not_paid_twice() -> None:
    """S11.1: the attempt after a fault goes on from the call that failed; the tool does not run again."""
    looked: list[str] = []

    def look(where: str) -> str:
        """Look somewhere."""
        looked.append(where)
        return "There they are."

    calls = tool_call("look", where="barn")
    with FakeOpenAI([calls, wire.status(500), wire.cut_stream(), "In the barn."]) as server:
        run = written(server, writer(tools=[look]))
        assert run.state.text == "In the barn."
        asked = [request.messages[-1].text for request in server.requests]
    assert looked == ["barn"]
    assert asked == ["owls", *["There they are."] * 3]


def test_an_error_edge_takes_the_fault_by_its_class() -> None:
    """S8.2: a graph can go another way when nobody has paid."""
    graph = Graph("page", Page)
    node = graph.node(writer(), writes=page.text)

    @graph.node(writes=page.text)
    def excuse(state: Page) -> str:
        return "No money, no owls."

    graph.edge(START, node)
    graph.edge(node, END)
    graph.edge(node, excuse, on_error=QuotaExhausted)
    graph.edge(excuse, END)
    with FakeOpenAI([wire.quota_exhausted()]) as server:
        run = graph.run_sync(Page(), model=server.model())
    assert run.state.text == "No money, no owls."


class Score(BaseModel):
    score: int


def test_output_of_the_wrong_type_goes_back_with_the_reason() -> None:
    agent = Agent("rate", "Rate it.", prompt="{topic}", output=Score, retry=SOON, max_turns=2)
    with FakeOpenAI(['{"score": "high"}', Score(score=7)]) as server:
        result = asyncio.run(agent.run(topic="owls", model=server.model()))
        assert result.output == Score(score=7)
        assert "cannot be used" in server.requests[1].messages[-1].text
    with FakeOpenAI(["seven", "eight"]) as server, pytest.raises(OutputInvalid):
        asyncio.run(agent.run(topic="owls", model=server.model()))


def test_a_fault_leaves_no_connection_and_no_task_behind(http: Any) -> None:
    """A cancelled call closes its connection: the server sees it go."""

    async def main() -> None:
        model = server.model(http=http)
        has_begun = asyncio.Event()
        task = asyncio.create_task(model.stream(ASKED, lambda piece: has_begun.set()))
        await has_begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await model.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with FakeOpenAI([wire.hanging(after=3)]) as server:
        asyncio.run(main())
        server.wait_closed()
        assert (server.abandoned, server.in_flight) == (1, 0)
