"""What is said to a model and what it answers: plain data that stands in a journal as JSON and comes back (S11.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal, cast

from pydantic import Field, GetPydanticSchema, TypeAdapter
from pydantic_core import core_schema, to_json

from graphflow.core.usage import Usage
from graphflow.graph.context import Caller

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "tool_calls"]
JsonObject = dict[str, Any]


def _unchecked(kind: Any, handler: Any) -> core_schema.CoreSchema:
    return core_schema.any_schema()


_Unrecorded = Annotated[Caller | None, Field(exclude=True), GetPydanticSchema(_unchecked)]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants called. ``arguments`` is the JSON text as the model wrote it, perhaps invalid."""

    name: str
    arguments: str = "{}"
    id: str = ""


def tool_call(name: str, /, **arguments: Any) -> ToolCall:
    """A ToolCall with its arguments as JSON: for scripted answers.

    A handoff is a tool too, called ``hand_off_to_<node>``; ``handoff_call(node)`` makes the call of one.

    >>> tool_call("search", query="owls").arguments
    '{"query":"owls"}'
    """
    return ToolCall(name, to_json(arguments).decode())


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation. ``call_id`` says which call a tool's message answers.

    ``carried`` is what the provider wants back with the next request, word for word (reasoning items).
    """

    role: Role
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    carried: tuple[JsonObject, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model is shown it. ``parameters`` is a JSON schema, ``is_handoff`` marks a way on in the graph."""

    name: str
    description: str
    parameters: JsonObject
    is_handoff: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is asked to answer; None leaves the choice to the provider.

    ``extra`` is added to the request's body as it is, for what only one provider knows.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    reasoning_effort: str | None = None
    seed: int | None = None
    extra: JsonObject = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that a closed question has: a value of the output, or the name of a handoff's tool."""

    value: str | bool
    description: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a model. ``output_schema`` is the JSON schema the answer must match, None for text.

    ``choices`` are there if no other answers count: a model that decides by probabilities may use them, any other
    goes by ``output_schema`` and ``tools``, which say the same.

    ``caller`` is who asks, for the limiter; it is no part of what is asked: neither compared nor in the JSON.
    """

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    output_schema: JsonObject | None = None
    settings: Settings = Settings()
    choices: tuple[Choice, ...] = ()
    caller: _Unrecorded = field(default=None, compare=False, repr=False)

    def as_json(self) -> JsonObject:
        """The same as plain data; what is as it usually is, is left out."""
        return cast("JsonObject", _adapter(Request).dump_python(self, mode="json", exclude_defaults=True))

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Request:
        """The request again. Raises pydantic's ValidationError if the data are none."""
        return cast("Request", _adapter(Request).validate_python(data))


_ONE_CALL = Usage(model_calls=1, usd=None)


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer of a model. One that was cut off, filtered or refused is a ModelError instead.

    ``probabilities`` says how likely each of the request's choices is, where a model decides by them: by value, and
    ``"true"`` and ``"false"``.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = _ONE_CALL
    model: str = ""
    carried: tuple[JsonObject, ...] = ()
    probabilities: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def finish(self) -> Finish:
        """Why the model stopped: it was done, or it wants tools called."""
        return "tool_calls" if self.tool_calls else "stop"

    def as_json(self, *, with_usage: bool = True) -> JsonObject:
        """The same as plain data; what is as it usually is, is left out, and its usage unless it is wanted."""
        left_out = None if with_usage else {"usage"}
        return cast(
            "JsonObject", _adapter(Response).dump_python(self, mode="json", exclude_defaults=True, exclude=left_out)
        )

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Response:
        """The response again. Raises pydantic's ValidationError if the data are none."""
        return cast("Response", _adapter(Response).validate_python(data))

    def as_message(self) -> Message:
        """The answer as a message of the conversation that goes on."""
        return Message("assistant", self.text, self.tool_calls, carried=self.carried)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer while the model writes it: of its text, or of a tool call's arguments.

    ``tool`` is the tool's name and ``call`` says which of the answer's calls it is, from 0.
    """

    text: str
    tool: str = ""
    call: int = 0


@lru_cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
