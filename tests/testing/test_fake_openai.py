"""The fake server is one that the real ``openai`` client takes for real, and as strict as a ScriptedModel."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from graphflow import END, START, Agent, Graph, Usage, fields
from graphflow.errors import BadRequest, ModelError, ModelUnavailable, ScriptMismatch
from graphflow.models import Message, Request, Response, ScriptedModel, ToolSpec, handoff_call, tool_call
from graphflow.testing import FakeOpenAI, wire

TOOL: Any = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
CALLS = [tool_call("look", where="barn"), tool_call("look", where="wood")]


class Note(BaseModel):
    text: str
    score: int = 0


def asked(text: str = "Hello?", **options: Any) -> Request:
    return Request((Message("system", "Be brief."), Message("user", text)), **options)


def respond(server: FakeOpenAI, request: Request | None = None, **options: Any) -> Response:
    return asyncio.run(server.model(**options).respond(request or asked()))


def client_of(server: FakeOpenAI) -> Any:
    """The real client, which checks little of what it reads but fails if a part it needs is not there."""
    import openai

    return openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0)


def post(server: FakeOpenAI, path: str, body: Any, method: str = "POST") -> tuple[int, Any]:
    """One request by hand."""
    host = server.base_url.removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body).encode())
    response = connection.getresponse()
    data = json.loads(response.read())
    connection.close()
    return response.status, data


# --- what the real client makes of it ----------------------------------------------------------------------------


def test_the_openai_client_reads_chat_completions() -> None:
    with FakeOpenAI(["Owls.", CALLS, "Owls hunt."]) as server, client_of(server) as client:
        messages: Any = [{"role": "user", "content": "Who?"}]
        first = client.chat.completions.create(model="m", messages=messages)
        second = client.chat.completions.create(model="m", messages=messages, tools=[TOOL])
        chunks = list(
            client.chat.completions.create(
                model="m", messages=messages, stream=True, stream_options={"include_usage": True}
            )
        )
    assert (first.choices[0].message.content, first.choices[0].finish_reason, first.model) == ("Owls.", "stop", "m")
    calls: Any = second.choices[0].message.tool_calls
    assert [call.function.arguments for call in calls] == ['{"where":"barn"}', '{"where":"wood"}']
    assert second.choices[0].finish_reason == "tool_calls"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Owls hunt."
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


def test_the_openai_client_puts_streams_together() -> None:
    """Its own accumulators check every event: they raise if one is missing or out of order."""
    script = [["Two: ", *CALLS], ["Two: ", *CALLS], wire.refusal("No.")]
    with FakeOpenAI(script) as server, client_of(server) as client:
        messages: Any = [{"role": "user", "content": "Who?"}]
        with client.chat.completions.stream(model="m", messages=messages) as chat:
            completion = chat.get_final_completion()
        with client.responses.stream(model="m", input="Who?") as responses:
            kinds = [event.type for event in responses]
            response: Any = responses.get_final_response()
        with client.responses.stream(model="m", input="Who?") as responses:
            refused: Any = responses.get_final_response()
    message: Any = completion.choices[0].message
    assert (message.content, [call.function.name for call in message.tool_calls]) == ("Two: ", ["look", "look"])
    assert response.output_text == "Two: "
    assert [item.arguments for item in response.output[1:]] == ['{"where":"barn"}', '{"where":"wood"}']
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert refused.output[0].content[0].refusal == "No."


def test_the_openai_client_reads_decisions() -> None:
    questions: Any = [
        {"type": "predicate", "instructions": "Is it an owl?"},
        {"type": "choice", "instructions": "Where?", "choices": [{"value": "barn"}, {"value": True}]},
        {"type": "score", "instructions": "How loud?", "levels": [{"label": "low"}, {"label": "high"}]},
    ]
    script = [[0.75, {"barn": 0.2, True: 0.8}, "high"], wire.refusal(), [True, True, 0]]
    with FakeOpenAI(script) as server, client_of(server) as client:
        answers: Any = client.decisions.create(model="m", input="Hoo.", questions=questions).answers
        refused: Any = client.decisions.create(model="m", input="Hoo.", questions=questions).answers
        sure: Any = client.decisions.create(model="m", input="Hoo.", questions=questions).answers
    assert answers[0].probability == 0.75
    assert (answers[1].choice, answers[1].confidence) == (True, 0.8)
    assert [one.probability for one in answers[1].probabilities] == [0.2, 0.8]
    assert answers[2].probabilities[1].label == "high"
    assert answers[2].score == 0.9
    assert [one.type for one in refused] == ["refusal"] * 3
    assert (sure[0].probability, sure[1].choice, round(sure[2].score, 3)) == (0.9, True, 0.1)


# --- answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("plain", "plain"),
        (Note(text="a"), '{"text":"a","score":0}'),
        ({"a": [1]}, '{"a":[1]}'),
        (["a", "b"], '["a","b"]'),
        ([], "[]"),
        (7, "7"),
        (True, "true"),
        (Response("as it is"), "as it is"),
        ("ümläut 🦉 \u2028", "ümläut 🦉 \u2028"),
    ],
)
def test_an_answer_says(answer: Any, text: str, api: Any) -> None:
    with FakeOpenAI([answer, answer]) as server:
        assert respond(server, api=api).text == text
        shown: list[str] = []
        asyncio.run(server.model(api=api).stream(asked(), lambda piece: shown.append(piece.text)))
        assert "".join(shown) == text


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_calls_and_text_with_calls(api: Any) -> None:
    with FakeOpenAI([CALLS[0], CALLS, ["First ", *CALLS]]) as server:
        one, two, three = (respond(server, api=api) for _ in range(3))
    assert [(call.name, call.arguments, call.id) for call in one.tool_calls] == [("look", '{"where":"barn"}', "call_1")]
    assert (two.text, len(two.tool_calls)) == ("", 2)
    assert (three.text, len(three.tool_calls)) == ("First ", 2)


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_what_an_answer_costs_can_be_said(api: Any) -> None:
    usage = Usage(model_calls=1, input_tokens=100, cached_tokens=40, output_tokens=20, reasoning_tokens=5, usd=None)
    with FakeOpenAI([wire.reply("a", usage=usage), Response("a", usage=usage), "a", "a"]) as server:
        assert [respond(server, api=api).usage for _ in range(2)] == [usage, usage]
        first, second = respond(server, api=api).usage, respond(server, api=api).usage
    assert first == second  # the same request costs the same
    assert first.input_tokens > 0 < first.output_tokens


class Shared:
    """One server, loop and model of each API for many examples."""

    def __init__(self, server: FakeOpenAI, runner: asyncio.Runner) -> None:
        self.answers: list[Any] = []
        self.models = [server.model(api="chat"), server.model(api="responses")]
        self.runner = runner

    def all_forms(self) -> list[Response]:
        async def main() -> list[Response]:
            found: list[Response] = []
            for model in self.models:
                found.append(await model.respond(asked()))
                found += [await model.stream(asked(), lambda piece: None) for _ in range(2)]
            return found

        return self.runner.run(main())


@pytest.fixture
def shared() -> Iterator[Shared]:
    with FakeOpenAI(lambda request: made.answers.pop(0)) as server, asyncio.Runner() as runner:
        made = Shared(server, runner)
        yield made


@given(
    text=st.text(max_size=40),
    arguments=st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=2), max_size=3),
    size=st.integers(1, 60),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_form_says_the_same(shared: Shared, text: str, arguments: list[dict[str, str]], size: int) -> None:
    """Both APIs, in one piece, as a stream, and as a stream in whatever pieces."""
    calls = [tool_call(f"tool_{number}", given=given) for number, given in enumerate(arguments)]
    answer: Any = [text, *calls] if calls else text
    shared.answers = [answer, answer, wire.ragged_stream(size, answer)] * 2
    found = shared.all_forms()
    assert {(one.text, tuple((call.name, call.arguments) for call in one.tool_calls)) for one in found} == {
        (text, tuple((call.name, call.arguments) for call in calls))
    }


def test_headers_for_one_answer_and_for_all() -> None:
    import openai

    left = "x-ratelimit-remaining-requests"
    with FakeOpenAI(
        ["a", wire.reply("b", headers={left: "1"}), wire.status(500).with_headers({left: "0"})], headers={left: "2"}
    ) as server:
        messages: Any = [{"role": "user", "content": "Who?"}]
        with client_of(server) as client:
            create = client.chat.completions.with_raw_response.create
            seen = [create(model="m", messages=messages).headers[left] for _ in range(2)]
            with pytest.raises(openai.InternalServerError) as caught:
                create(model="m", messages=messages)
    assert [*seen, caught.value.response.headers[left]] == ["2", "1", "0"]


def test_a_graph_runs_in_sync_code_and_in_any_loop() -> None:
    note = fields(Note)
    graph = Graph("note", Note)
    node = graph.node(Agent("write", "Be brief.", prompt="{text}"), writes=note.text)
    graph.chain(START, node, END)
    with FakeOpenAI(["sync", "async"]) as server:
        model = server.model()
        assert graph.run_sync(Note(text="?"), model=model).state.text == "sync"

        async def main() -> str:
            return (await graph.run(Note(text="?"), model=model)).state.text

        assert asyncio.run(main()) == "async"


def test_closed_questions_go_to_the_decisions_api() -> None:
    """The same script serves a model that decides and one that does not: a handoff is a call of its tool."""
    note = fields(Note)
    graph = Graph("desk", Note)
    route = graph.node(Agent("route", "Choose a desk.", prompt="{text}"))
    desks = [graph.node(Agent(name, "Answer.", prompt="{text}"), writes=note.text) for name in ("bills", "bugs")]
    graph.edge(START, route)
    for desk in desks:
        graph.handoff(route, desk, f"For {desk}")
        graph.edge(desk, END)
    for decides in (True, False):
        with FakeOpenAI([handoff_call("bugs"), "Mended."]) as server:
            run = graph.run_sync(Note(text="It hums."), model=server.model(api="responses", decides=decides))
            assert run.path == ("route:1", "bugs:1")
            assert server.requests[0].api == ("decisions" if decides else "responses")


# --- requests ----------------------------------------------------------------------------------------------------


def test_one_function_serves_a_scripted_model_and_the_server() -> None:
    """A request reads the same, whichever way it came."""

    def answer(request: Any) -> Any:
        if request.tools and request.messages[-1].role == "user":
            return CALLS
        return f"{request.messages[0].role}: {request.messages[-1].text}"

    def look(where: str) -> str:
        """Look somewhere."""
        return f"nothing in the {where}"

    agent = Agent("scout", "Be brief.", prompt="{text}", tools=[look])

    async def conversation(model: Any) -> Any:
        return [(one.role, one.text) for one in (await agent.run(text="Owls?", model=model)).messages]

    expected = asyncio.run(conversation(ScriptedModel(answer)))
    for api in ("chat", "responses"):
        with FakeOpenAI(answer) as server:
            assert asyncio.run(conversation(server.model(api=api))) == expected  # type: ignore[arg-type]
            *_, last = server.requests
        assert [message.role for message in last.messages] == ["system", "user", "assistant", "tool", "tool"]
        assert [call.arguments for call in last.messages[2].tool_calls] == [call.arguments for call in CALLS]
        assert [tool.name for tool in last.tools] == ["look"]
        assert last.tools[0].parameters["type"] == "object"
    assert expected[-1] == ("assistant", "system: nothing in the wood")


def test_a_request_does_not_show_its_key() -> None:
    """G8: keys are in no text; a test that wants to know asks for it."""
    with FakeOpenAI(["a"]) as server:
        respond(server, api_key="canary0123456789")
        [request] = server.requests
    assert "canary" not in repr(request)
    assert "authorization" not in request.headers
    assert request.key == SecretStr("canary0123456789")
    assert (request.number, request.path, request.model) == (1, "/v1/chat/completions", "fake-model")
    assert request.headers["content-type"] == "application/json"


def test_what_goes_on_is_counted() -> None:
    """Connections are used again; what is under way at the same time is known."""

    async def main() -> None:
        model = server.model()
        await asyncio.gather(*(model.respond(asked()) for _ in range(8)))
        await model.respond(asked())
        assert 1 <= server.connections_open <= 8
        await model.aclose()

    together = asyncio.Barrier(8)

    async def answer(request: Any) -> str:
        if request.number <= 8:
            await together.wait()
        return "a"

    with FakeOpenAI(answer) as server:
        asyncio.run(main())
        server.wait_closed()
        assert (server.in_flight, server.connections_open, len(server.requests)) == (0, 0, 9)
        assert server.most_in_flight == 8
        assert server.connections_made == 8


def test_waiting_for_clients_that_stay_ends() -> None:
    with FakeOpenAI(["a"]) as server:
        host, port = server.base_url.removeprefix("http://").removesuffix("/v1").split(":")
        with socket.create_connection((host, int(port))) as stays:
            stays.sendall(b"POST /v1/responses HTTP/1.1\r\n")
            respond(server)
            with pytest.raises(TimeoutError, match="still open"):
                server.wait_closed(within_s=0.05)
        server.wait_closed()


# --- strictness --------------------------------------------------------------------------------------------------


def test_a_request_too_many_is_refused_and_told_at_the_end() -> None:
    with (
        pytest.raises(ScriptMismatch, match="The script has 1 answers, and this is request 2"),
        FakeOpenAI(["a"]) as server,
    ):
        respond(server)
        with pytest.raises(BadRequest) as caught:
            respond(server, asked("And who else?"))
        assert "And who else?" in caught.value.why
        assert "Add an answer" in caught.value.why


def test_an_answer_too_many_is_told_at_the_end() -> None:
    with pytest.raises(ScriptMismatch) as caught, FakeOpenAI(["a", wire.cut_stream(after=3)]) as server:
        respond(server)
    assert caught.value.what == "1 of 2 answers of the server were never asked for"
    assert caught.value.why == "The next would have been wire.cut_stream(after=3)."


def test_an_error_of_the_test_comes_first() -> None:
    with pytest.raises(ZeroDivisionError), FakeOpenAI(["never asked for"]):
        1 / 0


@pytest.mark.parametrize("script", ["text", {"a": 1}, wire.status(500), 7])
def test_no_script(script: Any) -> None:
    with pytest.raises(ScriptMismatch, match="A script is a list"):
        FakeOpenAI(script)


@pytest.mark.parametrize("answer", [ValueError("no"), ValueError, None, object(), len, [tool_call("f"), 7]])
def test_no_answer(answer: Any) -> None:
    """At once where it stands in a list, by the reply where a function gives it."""
    with pytest.raises(ScriptMismatch, match="is no answer of a server"):
        FakeOpenAI([answer])
    with (
        pytest.raises(ScriptMismatch, match="is no answer of a server"),
        FakeOpenAI(lambda request: answer) as server,
        pytest.raises(BadRequest, match="is no answer of a server"),
    ):
        respond(server)


def test_a_function_that_fails() -> None:
    async def answer(request: Any) -> str:
        raise KeyError("owl")

    with (
        pytest.raises(ScriptMismatch, match="function failed at request 1") as caught,
        FakeOpenAI(answer) as server,
        pytest.raises(BadRequest),
    ):
        respond(server)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/chat/completions", b"{", "is no JSON"),
        ("/v1/chat/completions", [1], "is no object"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "?"}]}, "names no model"),
        ("/v1/chat/completions", {"model": "m", "messages": []}, "holds no messages"),
        ("/v1/responses", {"model": "m"}, "holds no messages"),
        ("/v1/responses", {"model": "m", "input": "?", "tools": [{"name": "a b"}]}, "name that providers refuse"),
        ("/v1/responses", {"model": "m", "input": "?", "tools": [{"name": "a"}] * 2}, "Two tools are called 'a'"),
        (
            "/v1/responses",
            {"model": "m", "input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]},
            "which nobody made",
        ),
        (
            "/v1/responses",
            {"model": "m", "input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]},
            "'c' is never answered",
        ),
        (
            "/v1/chat/completions",
            {"model": "m", "messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}, {"role": "user"}]},
            "'c' is never answered",
        ),
    ],
)
def test_a_request_that_a_real_server_would_refuse(path: str, body: Any, said: str) -> None:
    with pytest.raises(ScriptMismatch, match=said), FakeOpenAI(lambda request: "never") as server:
        status, data = post(server, path, body)
        assert status == 400
        assert said in data["error"]["message"]
        assert data["error"]["code"] == "script_mismatch"


@pytest.mark.parametrize("headers", [{"x-left": 3}, {"x-left": "a\nb"}, {"x left": "3"}, {"x-left": "ü"}])
def test_no_header(headers: Any) -> None:
    for make in (lambda: wire.reply("a", headers=headers), lambda: FakeOpenAI(["a"], headers=headers)):
        with pytest.raises(ScriptMismatch, match="is no header"):
            make()


def test_it_runs_once_and_only_in_its_block() -> None:
    server = FakeOpenAI(["a"])
    with pytest.raises(ModelUnavailable, match="is not running"):
        server.model()
    with server:
        base_url = server.base_url
        with pytest.raises(ModelUnavailable, match="is running already"), server:
            pass
        respond(server)
    assert repr(server) == "FakeOpenAI('not running', 1 requests)"
    with pytest.raises(ModelUnavailable, match="is not running") as caught:
        assert server.base_url
    assert "is over" in caught.value.why
    with pytest.raises(ModelUnavailable, match="has run before"), server:
        pass
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", int(base_url.split(":")[2][:-3])), timeout=1):
        pass


def test_it_ends_though_a_client_still_waits() -> None:
    """Leaving the block closes what hangs: the client sees its connection close."""

    async def main() -> None:
        model = server.model()
        waiting = asyncio.create_task(model.respond(asked()))
        while not server.in_flight:
            await asyncio.sleep(0.001)
        await asyncio.to_thread(server.__exit__, None, None, None)
        with pytest.raises(ModelError):
            await waiting

    server = FakeOpenAI([wire.hanging()]).__enter__()
    asyncio.run(main())


# --- HTTP --------------------------------------------------------------------------------------------------------


def test_requests_behind_one_another_on_one_connection() -> None:
    body = json.dumps({"model": "m", "input": "?"}).encode()
    one = b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    with FakeOpenAI(["first", "second"]) as server:
        host, port = server.base_url.removeprefix("http://").removesuffix("/v1").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(one + one)
            read = b""
            while b"second" not in read:
                read += connection.recv(65536)
        assert read.index(b"first") < read.index(b"second")
        assert read.count(b"HTTP/1.1 200") == 2


def test_what_speaks_no_http_is_hung_up_on() -> None:
    with FakeOpenAI([]) as server:
        host, port = server.base_url.removeprefix("http://").removesuffix("/v1").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
            assert connection.recv(100) == b""
        server.wait_closed()


def test_tools_in_a_request_are_read_back() -> None:
    spec = ToolSpec("look", "Looks.", {"type": "object", "properties": {}, "additionalProperties": False})
    for api in ("chat", "responses"):
        with FakeOpenAI(["a"]) as server:
            respond(server, asked(tools=(spec,)), api=api)
            assert server.requests[0].tools == (
                ToolSpec(spec.name, spec.description, server.requests[0].tools[0].parameters),
            )
