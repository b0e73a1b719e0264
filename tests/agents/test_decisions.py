"""Closed questions go to the decisions API of models that have it; all others answer as they would."""

from __future__ import annotations

import asyncio
import enum
import json
import re
from typing import Any, Literal

import pytest

from graphflow import Agent
from graphflow.agents.choices import choices_of
from graphflow.agents.json_types import JsonType
from graphflow.core.usage import Usage
from graphflow.errors import AuthError, BadRequest, BadResponse, ModelError, Refused
from graphflow.graph.context import Offer
from graphflow.models import Choice, Message, OpenAIModel, Piece, Price, Request, Response, ToolSpec, handoff_call
from tests.agents.hands import FakeHands, context
from tests.agents.loopback import Reply, Server, chat, error, serving


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


PLAIN = ToolSpec("hand_off_to_billing", "Invoices.", {"type": "object", "properties": {}}, is_handoff=True)
OTHER = ToolSpec("hand_off_to_technical", "Crashes.", {"type": "object", "properties": {}}, is_handoff=True)
CARRIES = ToolSpec("hand_off_to_x", "", {"type": "object", "properties": {"a": {"type": "string"}}}, is_handoff=True)
SEARCH = ToolSpec("search", "", {"type": "object", "properties": {}})


@pytest.mark.parametrize(
    ("output", "values"),
    [
        (bool, [True, False]),
        (Literal["a", "b"], ["a", "b"]),
        (Mood, ["good", "bad"]),
        (Literal["a", True], ["a", True]),
        (Literal["a"], []),
        (Literal[1, 2], []),
        (Size, []),
        (Literal["a", None], []),
        (bool | None, []),
        (str, []),
        (int, []),
        (list[bool], []),
        (Literal[tuple(str(number) for number in range(256))], []),
    ],
)
def test_which_outputs_are_closed(output: Any, values: list[Any]) -> None:
    assert [one.value for one in choices_of(JsonType(output), (), must_hand_off=False)] == values
    assert choices_of(JsonType(output), (SEARCH,), must_hand_off=False) == ()


@pytest.mark.parametrize(
    ("tools", "must", "is_closed"),
    [
        ((PLAIN, OTHER), True, True),
        ((PLAIN, OTHER), False, False),
        ((PLAIN,), True, False),
        ((PLAIN, CARRIES), True, False),
        ((PLAIN, OTHER, SEARCH), True, False),
    ],
)
def test_which_routes_are_closed(tools: tuple[ToolSpec, ...], must: bool, is_closed: bool) -> None:
    """S9.3: only where a handoff without data is the one way on."""
    found = choices_of(JsonType(bool), tools, must_hand_off=must)
    expected = [Choice("hand_off_to_billing", "Invoices."), Choice("hand_off_to_technical", "Crashes.")]
    assert list(found) == (expected if is_closed else [])


def decision(choice: Any, *likely: tuple[Any, float], **changes: Any) -> Reply:
    probabilities = [{"value": value, "probability": one} for value, one in likely]
    answer = {"type": "choice", "choice": choice, "confidence": 0.9, "probabilities": probabilities, **changes}
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 0},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 120,
    }
    return Reply({"answers": [answer], "model": "m-1", "usage": usage})


SAID = (Message("system", "Is it spam?"), Message("user", "Buy now!"))
YES_OR_NO = Request(SAID, (), JsonType(bool).schema, choices=(Choice(True), Choice(False)))
ROUTES = Request(SAID, (PLAIN, OTHER), None, choices=(Choice(PLAIN.name, "Invoices."), Choice(OTHER.name, "Crashes.")))


def asked(server: Server, request: Request, **options: Any) -> Response:
    return asyncio.run(OpenAIModel("m", base_url=server.url, **options).respond(request))


def test_a_question_and_its_answer() -> None:
    with serving(decision(True, (True, 0.875), (False, 0.125))) as server:
        answer = asked(server, YES_OR_NO, decides=True, prices=Price(input=1, output=1))
    path, _, body = server.seen[0]
    assert path == "/v1/decisions"
    assert body == {
        "model": "m",
        "input": [{"role": "user", "content": "Buy now!"}],
        "questions": [
            {"type": "choice", "instructions": "Is it spam?", "choices": [{"value": True}, {"value": False}]}
        ],
    }
    assert JsonType(bool).read_text(answer.text) is True
    assert answer.probabilities == {"true": 0.875, "false": 0.125}
    assert answer.usage == Usage(0, 1, 0, 100, 40, 20, 5, usd=120 / 1_000_000)
    assert Response.from_json(json.loads(json.dumps(answer.as_json()))) == answer


def test_a_route_is_the_call_of_a_handoff() -> None:
    with serving(decision(OTHER.name, (PLAIN.name, 0.25), (OTHER.name, 0.75))) as server:
        answer = asked(server, ROUTES, decides=True)
    assert [call.name for call in answer.tool_calls] == [OTHER.name]
    assert answer.tool_calls[0].arguments == "{}"
    assert answer.probabilities[OTHER.name] == 0.75
    assert server.seen[0][2]["questions"][0]["choices"][0] == {"value": PLAIN.name, "description": "Invoices."}


FAULTS: list[tuple[Reply, type[ModelError]]] = [
    (decision("true"), BadResponse),  # a text is no boolean
    (decision("elsewhere"), BadResponse),
    (decision(None), BadResponse),
    (decision(None, type="refusal"), Refused),
    (Reply({"answers": []}), BadResponse),
    (Reply({}), BadResponse),
    (error(400, "invalid_request_error"), BadRequest),
    (error(401), AuthError),
]


@pytest.mark.parametrize(("reply", "kind"), FAULTS)
def test_what_goes_wrong(reply: Reply, kind: type[ModelError]) -> None:
    """A6: nothing but a declared choice is ever taken."""
    with serving(reply) as server:
        with pytest.raises(ModelError) as caught:
            asked(server, YES_OR_NO, decides=True)
        assert type(caught.value) is kind
        assert len(server.seen) == 1


def test_only_models_that_have_it_are_asked_so() -> None:
    assert OpenAIModel("gpt-6-luna").decides
    assert OpenAIModel("gpt-6-luna-2026-10-01").decides
    assert not OpenAIModel("gpt-6").decides
    assert not OpenAIModel("gpt-6-luna", base_url="http://localhost:1/v1").decides
    assert not OpenAIModel("gpt-6-luna", decides=False).decides
    with serving(chat('{"value": true}')) as server:
        answer = asked(server, YES_OR_NO)
        assert server.seen[0][0] == "/v1/chat/completions"
        assert server.seen[0][2]["response_format"]["type"] == "json_schema"
    assert (answer.text, answer.probabilities) == ('{"value": true}', {})
    with serving(chat()) as server:
        asked(server, Request(SAID), decides=True)  # not closed: it is to write
        assert server.seen[0][0] == "/v1/chat/completions"


def test_a_model_that_was_thought_to_have_it_answers_as_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(error(404, "model_not_found"), chat('{"value": false}')) as server:
        model = OpenAIModel("m", base_url=server.url)
        monkeypatch.setattr("graphflow.agents.openai_model._DECIDING", re.compile("m"))
        monkeypatch.setattr(model, "_host", lambda: "openai")
        monkeypatch.setattr(model, "_speaks_responses", lambda: False)

        async def main() -> None:
            for _ in range(2):
                assert (await model.respond(YES_OR_NO)).text == '{"value": false}'

        asyncio.run(main())
        paths = [path for path, _, _ in server.seen]
    assert paths == ["/v1/decisions", "/v1/chat/completions", "/v1/chat/completions"]


def test_a_decision_is_shown_in_a_stream_too() -> None:
    shown: list[Piece] = []
    with serving(decision(False)) as server:
        model = OpenAIModel("m", base_url=server.url, decides=True)
        answer = asyncio.run(model.stream(YES_OR_NO, shown.append))
    assert [piece.text for piece in shown] == [answer.text] == ['{"value":false}']


def test_an_agent_asks_a_closed_question() -> None:
    """S11.1: the probabilities stand in the record of the call."""
    judge = Agent("judge", "Is it spam?", prompt="{text}", output=Literal["spam", "ham"])
    hands = FakeHands()
    with serving(decision("spam", ("spam", 0.75), ("ham", 0.25))) as server:
        model = OpenAIModel("m", base_url=server.url, decides=True)
        assert asyncio.run(judge.perform({"text": "Buy now!"}, context(hands, model=model))) == "spam"
    [record] = hands.records.values()
    assert record.value["probabilities"] == {"spam": 0.75, "ham": 0.25}


def test_a_router_asks_a_closed_question() -> None:
    router = Agent("router", "Who should answer?", prompt="{text}")
    offers = (Offer("billing", "Invoices."), Offer("technical", "Crashes."))
    with serving(decision("hand_off_to_technical")) as server:
        model = OpenAIModel("m", base_url=server.url, decides=True)
        chosen: Any = asyncio.run(
            router.perform({"text": "It crashed."}, context(model=model, handoffs=offers, must_hand_off=True))
        )
    assert chosen.target == "technical"
    assert handoff_call("technical").name == "hand_off_to_technical"
