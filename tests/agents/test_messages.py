"""What is said to a model survives the way through JSON: it stands in journals (S11.1)."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from graphflow.agents.messages import Choice, Message, Request, Response, Settings, ToolCall, ToolSpec, tool_call
from graphflow.agents.prices import PRICES, Price, price_of
from graphflow.core.usage import Usage

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CALLS = st.lists(st.builds(ToolCall, TEXT, TEXT, TEXT), max_size=2).map(tuple)
MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), TEXT, CALLS, TEXT), max_size=3
).map(tuple)
SPECS = st.lists(st.builds(ToolSpec, TEXT, TEXT, st.just({"type": "object"}), st.booleans()), max_size=2).map(tuple)
CHOICES = st.lists(st.builds(Choice, TEXT | st.booleans(), TEXT), max_size=2).map(tuple)


def through_json(data: Any) -> Any:
    return json.loads(json.dumps(data))


@given(
    st.builds(
        Request,
        MESSAGES,
        SPECS,
        st.none() | st.just({"type": "object"}),
        st.builds(Settings, st.none() | st.just(0.5)),
        CHOICES,
    )
)
def test_a_request_comes_back_as_it_was(request: Request) -> None:
    assert Request.from_json(through_json(request.as_json())) == request


@given(
    st.builds(
        Response,
        TEXT,
        CALLS,
        st.builds(Usage, st.integers(0, 9), usd=st.none() | st.just(0.5)),
        TEXT,
        st.just(()),
        st.just({"true": 0.5}),
    )
)
def test_a_response_comes_back_as_it_was(response: Response) -> None:
    assert Response.from_json(through_json(response.as_json())) == response


def test_a_response_says_why_it_ended() -> None:
    assert Response("done").finish == "stop"
    assert Response("", (tool_call("search", query="owls"),)).finish == "tool_calls"


def test_prices_are_the_users_and_unknown_is_unknown() -> None:
    """S13.1: an unknown price is never zero."""
    assert price_of("gpt-5") is None
    price = Price(input=2, output=8)
    assert price_of("openai/gpt-5", {"gpt-5": price}) is price
    assert price_of("any", price) is price
    assert price.usd(input_tokens=10, cached_tokens=10, output_tokens=0) == price.usd(input_tokens=10, output_tokens=0)
    assert PRICES == {}
