"""A streamed answer is the same answer, and every row of what can go wrong is the same error, by both HTTP libraries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphflow.agents.model import pieces_of
from graphflow.agents.openai_events import EventLines
from graphflow.core.usage import Usage
from graphflow.errors import (
    AuthError,
    BadResponse,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    ModelError,
    ModelTimeout,
    QuotaExhausted,
    RateLimited,
    Refused,
    ServerError,
    Truncated,
)
from graphflow.models import (
    Message,
    OfflineModel,
    OpenAIModel,
    Piece,
    Price,
    Request,
    Response,
    ScriptedModel,
    StreamingModel,
    ToolSpec,
    tool_call,
)
from tests.agents.loopback import (
    DONE,
    Reply,
    Server,
    chat,
    chat_events,
    error,
    event,
    responses,
    responses_events,
    said,
    serving,
)

KEY = "canary0123456789"
ASKED = Request((Message("system", "Be brief."), Message("user", "Hello?")))
PRICE = Price(input=10, cached=1, output=100)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["httpx", "aiohttp"])
def http(request: pytest.FixtureRequest) -> str:
    if request.param == "aiohttp":
        pytest.importorskip("aiohttp")
    return str(request.param)


def streamed(server: Server, request: Request = ASKED, **options: Any) -> tuple[Response, list[Piece]]:
    shown: list[Piece] = []

    async def main() -> Response:
        return await OpenAIModel("m", base_url=server.url, api_key=KEY, **options).stream(request, shown.append)

    return asyncio.run(main()), shown


def fails(reply: Reply, **options: Any) -> ModelError:
    """The error of one streamed call, which made exactly one request and shows no key."""
    with serving(reply) as server:
        with pytest.raises(ModelError) as caught:
            streamed(server, **options)
        assert len(server.seen) == 1
        assert server.seen[0][2]["stream"] is True
        assert KEY not in f"{caught.value}{caught.value.why}{caught.value.__cause__!r}"
        return caught.value


def stream(*chunks: bytes, **changes: Any) -> Reply:
    return Reply(chunks=chunks, **changes)


CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
    {"id": "c2", "type": "function", "function": {"name": "g", "arguments": '{"b":[2]}'}},
]
FUNCTION = {"type": "function_call", "id": "fc", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
ANSWERS: list[tuple[str, Reply, Callable[[Reply], tuple[bytes, ...]]]] = [
    ("chat", chat("Owls hunt at night."), chat_events),
    ("chat", chat("Two: ", message={"tool_calls": CALLS}, finish_reason="tool_calls"), chat_events),
    ("chat", chat("line\u2028separator, ümläuts, 🦉"), chat_events),
    ("responses", responses(said("Owls hunt at night.")), responses_events),
    ("responses", responses({"type": "reasoning", "id": "rs", "summary": []}, FUNCTION), responses_events),
]


@pytest.mark.parametrize(("api", "reply", "events"), ANSWERS)
def test_a_streamed_answer_is_the_answer(
    api: Any, reply: Reply, events: Callable[[Reply], tuple[bytes, ...]], http: Any
) -> None:
    """S11.1: what is recorded of a call does not depend on whether anybody watched it."""
    with serving(reply, stream(*events(reply))) as server:
        model = OpenAIModel("m", base_url=server.url, api_key=KEY, api=api, prices=PRICE, http=http)
        shown: list[Piece] = []

        async def main() -> tuple[Response, Response]:
            return await model.respond(ASKED), await model.stream(ASKED, shown.append)

        whole, answer = asyncio.run(main())
    assert answer == whole
    assert answer.usage == Usage(0, 1, 0, 100, 40, 20, 5, usd=(60 * 10 + 40 * 1 + 20 * 100) / 1_000_000)
    assert_joined(answer, shown)
    assert len(shown) > 1


def assert_joined(answer: Response, shown: list[Piece]) -> None:
    assert "".join(piece.text for piece in shown if not piece.tool) == answer.text
    for number, call in enumerate(answer.tool_calls):
        assert "".join(one.text for one in shown if one.tool == call.name and one.call == number) == call.arguments


def chunk(**changes: Any) -> bytes:
    return event({"model": "m-1", "choices": [{"index": 0, "delta": {}, "finish_reason": None, **changes}]})


PART = chunk(delta={"content": "Owls"})
STOP = chunk(finish_reason="stop")
CREATED = event({"type": "response.created", "response": {}}, "response.created")
DELTA = event({"type": "response.output_text.delta", "delta": "Owls", "output_index": 0}, "response.output_text.delta")


def problem(code: Any, **more: Any) -> dict[str, Any]:
    return {"error": {"message": f"no, {KEY}", "code": code, **more}}


CHAT_FAULTS: list[tuple[Reply, type[ModelError]]] = [
    (stream(PART), BadResponse),  # cut off mid-way, and closed as if all were well
    (stream(PART, DONE), BadResponse),
    (stream(), BadResponse),
    (stream(b": keep-alive\n\n"), BadResponse),
    (stream(PART, b'data: {"choices": [{"del'), BadResponse),
    (stream(PART, b"data: {oops}\n\n", STOP), BadResponse),
    (stream(PART, b"data: [1]\n\n", STOP), BadResponse),
    (stream(PART, b"data: \xff\xfe\n\n", STOP), BadResponse),
    (stream(event({"choices": 7})), BadResponse),
    (stream(event({"choices": [7]})), BadResponse),
    (stream(chunk(delta=7)), BadResponse),
    (stream(chunk(delta={"content": 7})), BadResponse),
    (stream(chunk(delta={"tool_calls": 7})), BadResponse),
    (stream(chunk(delta={"tool_calls": [7]})), BadResponse),
    (stream(PART, event(problem("server_error"))), ServerError),
    (stream(PART, event(problem(502))), ServerError),
    (stream(PART, event(problem(None, type="overloaded_error"))), ServerError),
    (stream(PART, event(problem("rate_limit_exceeded"))), RateLimited),
    (stream(PART, event(problem(None, type="rate_limit_error"))), RateLimited),
    (stream(PART, event(problem("insufficient_quota"))), QuotaExhausted),
    (stream(PART, event(problem("context_length_exceeded"))), ContextTooLong),
    (stream(PART, event(problem("invalid_api_key"))), AuthError),
    (stream(PART, event(problem("timeout"))), ModelTimeout),
    (stream(PART, event(f"busy {KEY}", "error")), ServerError),
    (stream(PART, event({"message": "x", "code": "rate_limit_exceeded"}, "error")), RateLimited),
    (stream(PART, chunk(finish_reason="error", error={"code": 429, "message": "x"})), RateLimited),
    (stream(PART, chunk(finish_reason="error")), ServerError),
    (stream(PART, chunk(finish_reason="length"), DONE), Truncated),
    (stream(PART, chunk(finish_reason="content_filter"), DONE), ContentFiltered),
    (stream(chunk(delta={"refusal": "I can"}), chunk(delta={"refusal": "not."}), STOP, DONE), Refused),
    (stream(PART, fault="drop"), ConnectionFailed),
    (Reply(problem("rate_limit_exceeded")), RateLimited),
    (Reply([problem(503)]), ServerError),
    (Reply(b'{"choices": [{"mess'), BadResponse),
    (Reply([1, 2]), BadResponse),
    (Reply(b"<html>gateway</html>"), BadResponse),
]


@pytest.mark.parametrize(("reply", "kind"), CHAT_FAULTS)
def test_what_goes_wrong_in_a_streamed_chat_completion(reply: Reply, kind: type[ModelError], http: Any) -> None:
    failed = fails(reply, api="chat", http=http)
    assert type(failed) is kind
    if reply.chunks != ():
        assert failed.response_started


RESPONSES_FAULTS: list[tuple[Reply, type[ModelError]]] = [
    (stream(CREATED, DELTA), BadResponse),
    (stream(), BadResponse),
    (stream(CREATED, b"data: {oops}\n\n"), BadResponse),
    (stream(CREATED, event({"type": "response.completed", "response": None})), BadResponse),
    (stream(CREATED, event({"type": "response.output_text.delta", "delta": 7})), BadResponse),
    (stream(*responses_events(responses())), BadResponse),
    (stream(DELTA, event({"type": "error", "code": "server_error", "message": KEY}, "error")), ServerError),
    (stream(DELTA, event({"type": "error", "code": "rate_limit_exceeded", "message": "x"}, "error")), RateLimited),
    (stream(DELTA, event({"type": "error", "error": {"code": "server_error"}}, "error")), ServerError),
    (stream(*responses_events(responses(status="failed", error={"code": "server_error", "message": "x"}))), ServerError),
    (stream(*responses_events(responses(status="failed", error={"code": "bio_policy", "message": "x"}))), ContentFiltered),
    (stream(*responses_events(responses(said("part"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}))), Truncated),
    (stream(*responses_events(responses(status="incomplete", incomplete_details={"reason": "content_filter"}))), ContentFiltered),
    (stream(*responses_events(responses(said("", content=[{"type": "refusal", "refusal": "I cannot."}])))), Refused),
    (stream(DELTA, fault="drop"), ConnectionFailed),
    (Reply({"error": {"message": "x", "code": "rate_limit_exceeded"}}), RateLimited),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "kind"), RESPONSES_FAULTS)
def test_what_goes_wrong_in_a_streamed_response(reply: Reply, kind: type[ModelError], http: Any) -> None:
    assert type(fails(reply, api="responses", http=http)) is kind


BEFORE: list[tuple[Reply, type[ModelError]]] = [
    (error(429, "rate_limit_exceeded", f"slow, {KEY}", Retry_After="7"), RateLimited),
    (error(429, "insufficient_quota"), QuotaExhausted),
    (error(401, "invalid_api_key", f"Incorrect key {KEY}"), AuthError),
    (error(400, "context_length_exceeded"), ContextTooLong),
    (Reply(b"oops", 502), ServerError),
    (Reply(fault="drop"), ConnectionFailed),
]


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize(("reply", "kind"), BEFORE)
def test_what_fails_before_the_answer_begins(reply: Reply, kind: type[ModelError], api: str, http: Any) -> None:
    """S8.1: one request, and nothing of an answer is lost."""
    failed = fails(reply, api=api, http=http)
    assert type(failed) is kind
    assert not failed.response_started
    if kind is RateLimited:
        assert failed.retry_after_s == 7


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
NO_HTTP: list[tuple[bytes, type[ModelError]]] = [
    (b"this is no HTTP\r\n\r\n", ConnectionFailed),
    (HEAD + b"Content-Length: many\r\n\r\n{}", ConnectionFailed),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", ConnectionFailed),
    (HEAD + b"Content-Length: 500\r\n\r\n{", ConnectionFailed),
    (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", BadResponse),
    (HEAD + b"Content-Length: 0\r\n\r\n", BadResponse),
    (b"HTTP/1.1 204 No Content\r\n\r\n", BadResponse),
]


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(("raw", "kind"), NO_HTTP)
def test_what_is_hardly_http(raw: bytes, kind: type[ModelError], is_streamed: bool, http: Any) -> None:
    """Both HTTP libraries come to the same error, though neither to the same of its own."""
    with serving(Reply(raw=raw)) as server:
        model = OpenAIModel("m", base_url=server.url, http=http)
        call = model.stream(ASKED, lambda piece: None) if is_streamed else model.respond(ASKED)
        with pytest.raises(ModelError) as caught:
            asyncio.run(call)  # type: ignore[arg-type]
    assert type(caught.value) is kind


@pytest.mark.parametrize("http", ["auto", "httpx"])
def test_who_asks_by_an_url_is_not_said(http: Any) -> None:
    """G8."""
    model = OpenAIModel("m", base_url="http://user:canary@127.0.0.1:1/v1", http=http)
    with pytest.raises(ConnectionFailed) as caught:
        asyncio.run(model.respond(ASKED))
    assert "canary" not in f"{caught.value}{caught.value.why}{caught.value.__cause__!r}{caught.value.__context__!r}"


def test_a_stream_that_stands_still_is_too_late(http: Any) -> None:
    failed = fails(stream(PART, fault="hang"), timeout_s=0.3, http=http)
    assert type(failed) is ModelTimeout
    assert failed.response_started


def test_a_stream_that_drips_is_bounded_as_a_whole(http: Any) -> None:
    """The limit is for the call, not for each piece."""
    with (
        serving(stream(*[b": wait\n\n"] * 3, PART, fault="hang")) as server,
        pytest.raises(ModelTimeout, match="in time"),
    ):
        streamed(server, timeout_s=0.3, http=http)


def test_a_cancelled_stream_leaves_no_connection(http: Any) -> None:
    """G10: the server sees the client go at once."""
    with serving(stream(PART, fault="hang")) as server:
        model = OpenAIModel("m", base_url=server.url, api_key=KEY, http=http)

        async def main() -> None:
            begun = asyncio.Event()
            task = asyncio.ensure_future(model.stream(ASKED, lambda piece: begun.set()))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.left.wait, 10)

        asyncio.run(main())


def test_an_error_of_the_one_who_watches_is_not_the_models(http: Any) -> None:
    def show(piece: Piece) -> None:
        raise TimeoutError("mine")

    with serving(stream(PART, fault="hang")) as server:
        model = OpenAIModel("m", base_url=server.url, api_key=KEY, http=http)

        async def main() -> None:
            with pytest.raises(TimeoutError, match="mine"):
                await model.stream(ASKED, show)
            assert await asyncio.to_thread(server.left.wait, 10)

        asyncio.run(main())


def test_a_connection_is_used_again_after_a_stream(http: Any) -> None:
    with serving(stream(*chat_events(chat()))) as server:
        model = OpenAIModel("m", base_url=server.url, api_key=KEY, http=http)

        async def main() -> None:
            for _ in range(3):
                await model.stream(ASKED, lambda piece: None)

        asyncio.run(main())
        assert (len(server.seen), len(server.connections)) == (3, 1)


def test_plain_json_instead_of_a_stream_is_read() -> None:
    """A server that does not stream has answered all the same."""
    for reply, api in ((chat("Hello there."), "chat"), (responses(said("Hello there.")), "responses")):
        with serving(reply) as server:
            answer, shown = streamed(server, api=api)
        assert answer.text == "Hello there."
        assert shown == [Piece("Hello there.")]


def test_usage_is_asked_for_and_its_absence_is_no_zero() -> None:
    """S13.1: tokens nobody counted are estimated, and what they cost is unknown."""
    with serving(stream(*chat_events(chat("Owls hunt."), usage=False))) as server:
        answer, _ = streamed(server, prices=PRICE)
    assert server.seen[0][2]["stream_options"] == {"include_usage": True}
    assert answer.usage.usd is None
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    with serving(Reply({"choices": chat("Owls hunt.").body["choices"]})) as server:
        assert asyncio.run(OpenAIModel("m", base_url=server.url, prices=PRICE).respond(ASKED)).usage == answer.usage


def test_a_server_that_refuses_to_tell_usage_is_asked_without() -> None:
    refuses = error(422, "", "body.stream_options: Extra inputs are not permitted")
    with serving(refuses, stream(*chat_events(chat(), usage=False))) as server:
        model = OpenAIModel("m", base_url=server.url)

        async def main() -> list[Response]:
            return [await model.stream(ASKED, lambda piece: None) for _ in range(2)]

        assert [answer.text for answer in asyncio.run(main())] == ["Hello.", "Hello."]
        assert ["stream_options" in body for _, _, body in server.seen] == [True, False, False]


def test_a_truncated_stream_has_cost_something() -> None:
    """G5."""
    failed = fails(stream(*chat_events(chat("part", finish_reason="length"))), api="chat", prices=PRICE)
    assert isinstance(failed, Truncated)
    assert failed.usage.output_tokens == 20
    assert failed.usage.usd == pytest.approx(0.00264)


def call_piece(index: int | None, identity: str | None, name: str | None, arguments: str) -> bytes:
    function = {"name": name, "arguments": arguments}
    given = {"index": index, "id": identity, "function": function}
    return chunk(delta={"tool_calls": [{key: value for key, value in given.items() if value is not None}]})


@pytest.mark.parametrize(
    "chunks",
    [
        (call_piece(0, "a", "f", '{"x"'), call_piece(1, "b", "g", "{}"), call_piece(0, None, None, ":1}")),
        (call_piece(0, "a", "f", '{"x":1}'), call_piece(0, "b", "g", "{}")),  # a server that does not count
        (call_piece(None, "a", "f", '{"x"'), call_piece(None, None, None, ":1}"), call_piece(None, "b", "g", "{}")),
        (call_piece(0, "a", "f", '{"x"'), call_piece(0, "a", "", ":1}"), call_piece(1, "b", "g", "")),
    ],
)
def test_tool_calls_however_servers_count_them(chunks: tuple[bytes, ...]) -> None:
    with serving(stream(*chunks, chunk(finish_reason="tool_calls"), DONE)) as server:
        answer, shown = streamed(server, Request(ASKED.messages, (ToolSpec("f", "F.", {"type": "object"}),)))
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [
        ("a", "f", '{"x":1}'),
        ("b", "g", "{}"),
    ]
    assert_joined(answer, shown)


def test_items_that_the_last_event_leaves_out() -> None:
    last = {"type": "response.completed", "response": {**responses().body, "output": []}}
    chunks = responses_events(responses(said("Owls.")))[:-1]
    with serving(stream(*chunks, event(last))) as server:
        answer, shown = streamed(server, api="responses")
    assert answer.text == "Owls."
    assert_joined(answer, shown)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1), min_size=1),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.data(),
)
def test_events_are_the_same_in_whatever_pieces_they_come(texts: list[str], end: str, data: Any) -> None:
    written = "".join(
        f": comment{end}event: e{end}data: {json.dumps(text, ensure_ascii=False)}{end}{end}" for text in texts
    )
    wire = b"\xef\xbb\xbf" + written.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    lines = EventLines()
    found: list[tuple[str, bytes]] = []
    for start, stop in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        found += lines.feed(wire[start:stop])
    found += lines.finish()
    assert [(name, json.loads(line)) for name, line in found] == [("e", text) for text in texts]


def test_scripted_and_offline_models_stream_too() -> None:
    text = "Owls hunt at night. They see well. Their ears are sharp."
    request = Request((Message("user", f"Summarise: {text}"),))
    for model in (ScriptedModel([text]), ScriptedModel([tool_call("f", query="owls at night", n=2)]), OfflineModel()):
        assert isinstance(model, StreamingModel)
        shown: list[Piece] = []
        answer = asyncio.run(model.stream(request, shown.append))
        assert_joined(answer, shown)
        assert len(shown) > 1


@given(st.text(), st.text())
def test_pieces_join_to_the_answer(text: str, arguments: str) -> None:
    call = tool_call("f", a=1)
    answer = Response(text, (call, call, type(call)("g", arguments)))
    assert_joined(answer, list(pieces_of(answer)))
