"""Closed questions as the decisions API has them: one of the choices, with the probability of each."""

from __future__ import annotations

import math
from typing import Any

from pydantic_core import to_json

from graphflow.agents import openai_responses
from graphflow.agents.json_types import WRAPPED
from graphflow.agents.messages import JsonObject, Message, Request, Response, ToolCall
from graphflow.agents.openai_errors import bad_response
from graphflow.agents.openai_fields import as_list, as_object, listed, object_in, text_in
from graphflow.errors import Refused

PATH = "/decisions"

_QUESTION = "Choose what fits the input best."


def encode(model: str, request: Request) -> JsonObject:
    """The body of a request: the instructions are the question, the rest of the conversation what it is about."""
    instructions = "\n\n".join(message.text for message in request.messages if message.role == "system")
    said = [message for message in request.messages if message.role != "system"]
    choices = [
        {"value": one.value, **({"description": one.description} if one.description else {})} for one in request.choices
    ]
    question = {"type": "choice", "instructions": instructions or _QUESTION, "choices": choices}
    given = [item for message in said or [Message("user", _QUESTION)] for item in openai_responses.items(message)]
    return {"model": model, "input": given, "questions": [question]} | request.settings.extra


def decode(data: JsonObject, request: Request, model: str) -> Response:
    """The choice: as the call of a handoff's tool, or as JSON. Raises Refused and BadResponse."""
    answer = object_in(listed(data, "answers", model), 0, "answers", model)
    usage = openai_responses.usage_in(data.get("usage"))
    if answer.get("type") == "refusal":
        raise Refused(f"{model} refused", why="It declined to choose.", usage=usage)
    chosen = answer.get("choice")
    known = next((one for one in request.choices if _is_same(one.value, chosen)), None)
    if known is None:
        raise bad_response(model, f"Its choice is none of the {len(request.choices)} it was given.")
    answered = text_in(data, "model", model)
    likely = _probabilities(answer)
    if any(tool.name == known.value for tool in request.tools):
        return Response("", (ToolCall(str(known.value), "{}", "call_1"),), usage, answered, probabilities=likely)
    return Response(to_json({WRAPPED: known.value}).decode(), (), usage, answered, probabilities=likely)


def _is_same(value: str | bool, chosen: object) -> bool:
    """A text and a boolean are never the same, whatever they look like."""
    return type(value) is type(chosen) and value == chosen


def _probabilities(answer: JsonObject) -> dict[str, float]:
    found: dict[str, float] = {}
    for given in as_list(answer.get("probabilities")) or ():
        one = as_object(given) or {}
        value: Any = one.get("value")
        likely: Any = one.get("probability")
        if isinstance(value, str | bool) and isinstance(likely, int | float) and math.isfinite(likely):
            found[value if isinstance(value, str) else str(value).lower()] = float(likely)
    return found
