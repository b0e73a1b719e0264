"""What is said, in the shapes of the three APIs; those of chat completions and responses also as events."""

from __future__ import annotations

from graphflow.agents.messages import JsonObject, Piece, Response
from graphflow.agents.model import estimated_tokens, pieces_of
from graphflow.core.usage import Usage
from graphflow.testing.fake_openai import chat_shapes, decision_shapes, response_shapes
from graphflow.testing.fake_openai.asked import WireRequest
from graphflow.testing.fake_openai.replies import DONE, Said, Sent, as_json, as_stream, event


def spoken(said: Said, request: WireRequest) -> Sent:
    """The healthy form of an answer, as the request asks for it. Raises ScriptMismatch if it answers no question."""
    usage = said.usage or estimated(said, request)
    if request.api == "decisions":
        return as_json(decision_shapes.body(said, request, usage))
    if request.api == "responses":
        body = response_shapes.body(said, request, usage)
        return (
            as_stream([event(one, one["type"]) for one in response_shapes.events(body)])
            if request.is_streamed
            else as_json(body)
        )
    body = chat_shapes.body(said, request, usage)
    if not request.is_streamed:
        return as_json(body)
    return as_stream([*(event(one) for one in chat_shapes.events(body, pieces(said), request)), DONE])


def pieces(said: Said) -> list[Piece]:
    """What is said, in the pieces of a stream."""
    return list(pieces_of(Response(said.text, said.tool_calls)))


def estimated(said: Said, request: WireRequest) -> Usage:
    """About what an answer costs, so that the same request always costs the same."""
    asked = sum(estimated_tokens(message.text) for message in request.messages)
    asked += sum(estimated_tokens(f"{tool.name} {tool.description}") for tool in request.tools)
    written = said.text + said.refusal + "".join(call.name + call.arguments for call in said.tool_calls)
    return Usage(model_calls=1, input_tokens=asked, output_tokens=estimated_tokens(written))


def as_sent(body: JsonObject, request: WireRequest) -> Sent:
    """A body that is made by hand, in one piece or as a stream of one event."""
    if not request.is_streamed or request.api == "decisions":
        return as_json(body)
    if request.api == "chat":
        return as_stream([event(body), DONE])
    return as_stream([event({"type": "response.completed", "response": body}, "response.completed")])
