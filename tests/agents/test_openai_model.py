"""The real client against a real server: every row of what can happen on the wire, with the number of requests."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from graphflow.core.usage import Usage
from graphflow.errors import (
    AuthError,
    BadRequest,
    BadResponse,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    QuotaExhausted,
    RateLimited,
    Refused,
    ServerError,
    Truncated,
)
from graphflow.models import Message, OpenAIModel, Price, Request, Response, Settings, ToolCall, ToolSpec
from tests.agents.loopback import Reply, Server, chat, error, responses, said, serving

KEY = "canary0123456789"
ASKED = Request((Message("system", "Be brief."), Message("user", "Hello?")))
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_DEFAULT_MODEL", "GRAPHFLOW_MODEL"):
        monkeypatch.delenv(name, raising=False)


def respond(server: Server, request: Request = ASKED, **options: Any) -> Response:
    async def main() -> Response:
        return await OpenAIModel("m", base_url=server.url, api_key=KEY, **options).respond(request)

    return asyncio.run(main())


def fails(reply: Reply, **options: Any) -> ModelError:
    """The error of one call, which made exactly one request and shows no key."""
    with serving(reply) as server:
        with pytest.raises(ModelError) as caught:
            respond(server, **options)
        assert len(server.seen) == 1
        assert KEY not in str(caught.value)
        assert KEY not in repr(caught.value.__cause__)
        return caught.value


CASES: list[tuple[Reply, type[ModelError], bool]] = [
    (error(429, "rate_limit_exceeded"), RateLimited, True),
    (error(429, "insufficient_quota"), QuotaExhausted, False),
    (error(402, "no_credit"), QuotaExhausted, False),
    (Reply(b'{"id": "1", "choices": [{"mess'), BadResponse, True),
    (Reply(b""), BadResponse, True),
    (Reply(b"<html>gateway</html>"), BadResponse, True),
    (Reply([1, 2]), BadResponse, True),
    (Reply({}), BadResponse, True),
    (error(401, "invalid_api_key", f"Incorrect key {KEY}"), AuthError, False),
    (error(403), AuthError, False),
    (error(400, "invalid_request_error", "bad temperature"), BadRequest, False),
    (error(404, "model_not_found"), BadRequest, False),
    (error(422), BadRequest, False),
    (error(400, "context_length_exceeded"), ContextTooLong, False),
    (error(400, "", "This model's maximum context length is 10 tokens"), ContextTooLong, False),
    (error(413), ContextTooLong, False),
    (error(400, "content_filter"), ContentFiltered, False),
    (error(408), ModelTimeout, True),
    (error(409), ServerError, True),
    (error(500), ServerError, True),
    (error(503), ServerError, True),
    (Reply(b"oops", 502), ServerError, True),
    (Reply({"error": "busy"}, 500), ServerError, True),
    (Reply(fault="drop"), ConnectionFailed, True),
    (Reply({"id": "1"}, fault="cut"), ConnectionFailed, True),
    (Reply({"error": {"message": "upstream", "code": 502}}), ServerError, True),
    (Reply({"error": {"message": "slow down", "code": 429}}), RateLimited, True),
    (Reply([{"error": {"message": "no credit", "code": "insufficient_quota"}}], 429), QuotaExhausted, False),
    (Reply({"error": {"message": "busy", "code": None, "type": "rate_limit_error"}}), RateLimited, True),
    (Reply({"error": {"message": "who?", "code": "invalid_api_key"}}), AuthError, False),
    (Reply({"error": "busy"}), ServerError, True),
]


@pytest.fixture(params=["httpx", "aiohttp"])
def http(request: pytest.FixtureRequest) -> str:
    if request.param == "aiohttp":
        pytest.importorskip("aiohttp")
    return str(request.param)


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize(("reply", "kind", "is_retryable"), CASES)
def test_what_fails_on_the_wire(reply: Reply, kind: type[ModelError], is_retryable: bool, api: str, http: str) -> None:
    """S8.1: one request each: the client never tries again by itself."""
    failed = fails(reply, api=api, http=http)
    assert type(failed) is kind
    assert failed.retryable is is_retryable
    assert failed.response_started is (reply.status == 200 and reply.fault is None)


CHAT_CASES: list[tuple[Reply, type[ModelError]]] = [
    (Reply({"choices": []}), BadResponse),
    (Reply({"choices": None}), BadResponse),
    (Reply({"choices": [7]}), BadResponse),
    (Reply({"choices": [{"message": None}]}), BadResponse),
    (chat(message={"content": ["parts"]}), BadResponse),
    (chat(message={"tool_calls": [{"id": 1}]}), BadResponse),
    (chat(message={"tool_calls": {"id": 1}}), BadResponse),
    (chat("partial", finish_reason="length"), Truncated),
    (chat(None, finish_reason="content_filter"), ContentFiltered),
    (chat(None, message={"refusal": "I cannot."}), Refused),
    (chat("partial", finish_reason="model_length"), Truncated),
    (chat("", finish_reason="insufficient_system_resource"), ServerError),
    (chat("", error={"code": 429, "message": "slow down"}, finish_reason="error"), RateLimited),
]


@pytest.mark.parametrize(("reply", "kind"), CHAT_CASES)
def test_what_is_wrong_inside_a_chat_completion(reply: Reply, kind: type[ModelError]) -> None:
    assert type(fails(reply, api="chat")) is kind


RESPONSES_CASES: list[tuple[Reply, type[ModelError]]] = [
    (responses(), BadResponse),
    (responses(output="text"), BadResponse),
    (responses(output=[7]), BadResponse),
    (responses({"type": "message", "content": None}), BadResponse),
    (responses({"type": "function_call", "name": 1}), BadResponse),
    (responses(said("x"), status="in_progress"), BadResponse),
    (responses(said("part"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}), Truncated),
    (responses(status="incomplete", incomplete_details={"reason": "content_filter"}), ContentFiltered),
    (responses(status="incomplete", incomplete_details=None), Truncated),
    (responses(said("", content=[{"type": "refusal", "refusal": "I cannot."}])), Refused),
    (responses(status="failed", error={"code": "server_error", "message": "x"}), ServerError),
    (responses(status="failed", error={"code": "rate_limit_exceeded", "message": "x"}), RateLimited),
    (responses(status="failed", error={"code": "invalid_prompt", "message": "x"}), BadRequest),
    (responses(status="failed", error={"code": "bio_policy", "message": "x"}), ContentFiltered),
    (responses(status="failed", error=None), ServerError),
]


@pytest.mark.parametrize(("reply", "kind"), RESPONSES_CASES)
def test_what_is_wrong_inside_a_response(reply: Reply, kind: type[ModelError]) -> None:
    assert type(fails(reply, api="responses")) is kind


def test_a_cut_off_answer_has_cost_something_all_the_same() -> None:
    """G5: every call is counted, also one whose answer is of no use."""
    failed = fails(chat("partial", finish_reason="length"), api="chat", prices=Price(input=1, output=1))
    assert failed.usage == Usage(0, 1, 0, 100, 40, 20, 5, usd=120 / 1_000_000)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry_After": "0.2"}, 0.2),
        ({"Retry_After": "300"}, 300.0),
        ({"Retry_After_Ms": "1500"}, 1.5),
        ({"Retry_After": "Wed, 04 Nov 2026 10:00:30 GMT", "Date": "Wed, 04 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"Retry_After": "Wed, 04 Nov 2026 09:00:00 GMT", "Date": "Wed, 04 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "inf"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], wait: float | None) -> None:
    assert fails(error(429, "rate_limit_exceeded", **headers)).retry_after_s == wait


def test_no_answer_in_time(http: str) -> None:
    assert type(fails(Reply(fault="silence"), timeout_s=0.2, http=http)) is ModelTimeout


def test_no_server_there(http: str) -> None:
    with serving(chat()) as server:
        pass
    with pytest.raises(ConnectionFailed, match="cannot be reached"):
        respond(server, http=http)


def test_a_text_may_come_in_parts() -> None:
    """Reasoning models of some providers put their thoughts beside the text."""
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Four"}, {"type": "text", "text": "."}]
    with serving(chat(message={"content": parts})) as server:
        assert respond(server).text == "Four."


def test_a_chat_completion() -> None:
    request = Request(
        (
            Message("user", "Hi"),
            Message("assistant", "", (ToolCall("f", "{}", "c1"),)),
            Message("tool", "4", call_id="c1"),
        ),
        (ToolSpec("f", "Adds.", SCHEMA),),
        SCHEMA,
        Settings(temperature=0.5, max_output_tokens=9, extra={"top_k": 1}),
    )
    with serving(
        chat(message={"tool_calls": [{"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}}]})
    ) as server:
        response = respond(server, request, prices={"m": Price(input=10, cached=1, output=100)})
    path, headers, body = server.seen[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body["messages"][1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    assert body["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": "4"}
    assert body["tools"][0]["function"]["strict"] is True
    assert body["response_format"]["json_schema"]["strict"] is True
    assert (body["temperature"], body["max_tokens"], body["top_k"]) == (0.5, 9, 1)
    assert response.text == "Hello."
    assert response.tool_calls == (ToolCall("f", "{}", "c2"),)
    assert response.model == "m-1"
    assert response.usage == Usage(0, 1, 0, 100, 40, 20, 5, usd=(60 * 10 + 40 * 1 + 20 * 100) / 1_000_000)


def test_a_response_goes_back_word_for_word() -> None:
    """The reasoning between tool calls is not lost."""
    reasoning = {"type": "reasoning", "id": "rs", "summary": []}
    call = {"type": "function_call", "id": "fc", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
    with serving(responses(reasoning, call), responses(said("Four."))) as server:
        request = Request((*ASKED.messages,), (ToolSpec("f", "Adds.", SCHEMA),), SCHEMA)

        async def main() -> list[Response]:
            model = OpenAIModel("m", base_url=server.url, api_key=KEY, api="responses")
            first = await model.respond(request)
            again = Request((*request.messages, first.as_message(), Message("tool", "4", call_id="c1")))
            return [first, await model.respond(again)]

        first, second = asyncio.run(main())
    (path, _, body), (_, _, later) = server.seen
    assert path == "/v1/responses"
    assert body["instructions"] == "Be brief."
    assert body["input"] == [{"role": "user", "content": "Hello?"}]
    assert body["tools"][0]["strict"] is True
    assert body["text"]["format"]["schema"]["additionalProperties"] is False
    assert first.tool_calls == (ToolCall("f", '{"a":1}', "c1"),)
    assert later["input"][1:] == [reasoning, call, {"type": "function_call_output", "call_id": "c1", "output": "4"}]
    assert (second.text, second.usage.usd) == ("Four.", None)


def test_a_schema_without_a_strict_form_is_sent_as_a_hint() -> None:
    loose = {"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}}}}
    with serving(chat("{}")) as server:
        respond(server, Request(ASKED.messages, (), loose))
    assert server.seen[0][2]["response_format"]["json_schema"] == {"name": "answer", "schema": loose, "strict": False}


def test_a_server_without_schemas_is_told_in_words() -> None:
    with serving(chat("{}")) as server:
        respond(server, Request(ASKED.messages, (), SCHEMA), constrains_output=False)
    body = server.seen[0][2]
    assert "response_format" not in body
    assert '"integer"' in body["messages"][0]["content"]


def test_one_client_per_event_loop_closed_with_it(http: Any) -> None:
    """Warnings are errors: an open connection at the end of a loop would be one."""
    with serving(chat()) as server:
        model = OpenAIModel("m", base_url=server.url, http=http)

        async def twice() -> None:
            await asyncio.gather(model.respond(ASKED), model.respond(ASKED))

        async def closed() -> None:
            await model.respond(ASKED)
            await model.aclose()
            await model.respond(ASKED)
            await model.aclose()
            await model.aclose()

        asyncio.run(twice())
        asyncio.run(twice())
        asyncio.run(closed())
        assert len(server.seen) == 6


def test_a_remote_model_needs_a_key_and_a_local_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    remote = OpenAIModel("gpt-5")
    with pytest.raises(ModelUnavailable, match="Set OPENAI_API_KEY"):
        asyncio.run(remote.respond(ASKED))
    with serving(chat()) as server:
        model = OpenAIModel("m", base_url=server.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        asyncio.run(model.respond(ASKED))
        assert KEY not in str(server.seen)  # a base URL in code is not sent the environment's key
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        asyncio.run(OpenAIModel("m").respond(ASKED))
        assert server.seen[1][1]["authorization"] == f"Bearer {KEY}"
    with pytest.raises(ModelUnavailable, match="api_key="):
        asyncio.run(OpenAIModel("m", base_url="https://example.com/v1").respond(ASKED))


def test_what_looks_like_a_key_is_kept_out_too() -> None:
    """G8: a server may name another key than the one it was given."""
    failed = fails(error(401, "invalid_api_key", "Incorrect key sk-other-0123456789, or Bearer abc"))
    assert failed.why == "Incorrect key [key], or Bearer [key]"


def test_names_and_keys() -> None:
    """G8: a key is in no text."""
    assert OpenAIModel("gpt-5").name == "openai/gpt-5"
    model = OpenAIModel("m", base_url="http://user:pass@127.0.0.1:1/v1", api_key=KEY)
    assert model.name == "127.0.0.1:1/m"
    assert KEY not in repr(model)
    with pytest.raises(ModelUnavailable, match="no API"):
        OpenAIModel("m", api="completions")  # type: ignore[arg-type]
    with pytest.raises(ModelUnavailable, match="no HTTP called 'requests'"):
        OpenAIModel("m", http="requests")  # type: ignore[arg-type]


def test_aiohttp_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself the model goes by what is installed."""
    monkeypatch.setattr("graphflow.agents.openai_client.find_spec", lambda name: None)
    with serving(chat()) as server:
        assert respond(server).text == "Hello."
        with pytest.raises(ModelUnavailable, match="aiohttp is not installed") as caught:
            respond(server, http="aiohttp")
        assert "graphflow-agents[aiohttp]" in caught.value.fix


def test_the_variable_of_a_key_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(chat()) as server:
        model = OpenAIModel("m", base_url=server.url, key_variable="MY_KEY")
        monkeypatch.setenv("MY_KEY", KEY)
        asyncio.run(model.respond(ASKED))
        assert server.seen[0][1]["authorization"] == f"Bearer {KEY}"
    remote = OpenAIModel("m", base_url="https://example.com/v1", key_variable="OTHER_KEY")
    with pytest.raises(ModelUnavailable) as caught:
        asyncio.run(remote.respond(ASKED))
    assert "Set OTHER_KEY" in caught.value.fix


def test_the_client_is_imported_when_first_used() -> None:
    code = "import sys, graphflow.models as m; m.OpenAIModel('x'); print([n for n in sys.modules if n in ('openai', 'httpx2')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
