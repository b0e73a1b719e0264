"""A streamed chat completion, put together into the body of one that was not streamed."""

from __future__ import annotations

from typing import Any

from graphflow.agents.messages import JsonObject, Piece
from graphflow.agents.openai_errors import bad_response
from graphflow.agents.openai_fields import as_list, as_object, content_in, object_in, text_in


class ChatAssembly:
    """Adds up the deltas of the first choice; usage and the model's name come with whichever event has them."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[_Call] = []
        self._finish: object = None
        self._outside: JsonObject = {}
        self._error: object = None

    def take(self, event: JsonObject) -> list[Piece]:
        """The pieces of one event. Raises BadResponse."""
        self._outside.update({name: event[name] for name in ("model", "usage") if event.get(name)})
        if event.get("choices") is None:
            return []
        choices = as_list(event["choices"])
        if choices is None:
            raise bad_response(self._model, "`choices` of an event of the stream is no list.")
        return [piece for index in range(len(choices)) for piece in self._choice(choices, index)]

    def body(self) -> JsonObject:
        """The completion. Raises BadResponse if no event said why the model stopped."""
        if self._finish is None and self._error is None:
            failed = bad_response(self._model, "The stream ended without a finish reason: it was cut off.")
            raise failed
        message: JsonObject = {"content": "".join(self._text), "refusal": "".join(self._refusal)}
        if self._calls:
            message["tool_calls"] = [call.whole() for call in self._calls]
        choice = {"finish_reason": self._finish, "message": message, "error": self._error}
        return {"choices": [choice], **self._outside}

    def _choice(self, choices: list[Any], index: int) -> list[Piece]:
        choice = object_in(choices, index, "choices", self._model)
        if choice.get("index") not in (0, None):
            return []
        self._finish = choice.get("finish_reason") or self._finish
        self._error = choice.get("error") or self._error
        if choice.get("delta") is None:
            return []
        delta = object_in(choice, "delta", "choices.0", self._model)
        text = content_in(delta, "content", self._model)
        self._text.append(text)
        self._refusal.append(text_in(delta, "refusal", self._model))
        return [Piece(text), *self._called(delta)]

    def _called(self, delta: JsonObject) -> list[Piece]:
        if delta.get("tool_calls") is None:
            return []
        calls = as_list(delta["tool_calls"])
        if calls is None:
            raise bad_response(self._model, "`tool_calls` of an event of the stream is no list.")
        pieces: list[Piece] = []
        for at in range(len(calls)):
            given = object_in(calls, at, "tool_calls", self._model)
            function = as_object(given.get("function")) or {}
            name, arguments = text_in(function, "name", self._model), text_in(function, "arguments", self._model)
            number = self._number(given.get("index"), text_in(given, "id", self._model), name)
            call = self._calls[number]
            call.arguments.append(arguments)
            pieces.append(Piece(arguments, call.name, number))
        return pieces

    def _number(self, index: object, identity: str, name: str) -> int:
        """Which call a delta belongs to: by its index, or, as not all servers count, by its id; else the last."""
        for number in range(len(self._calls) - 1, -1, -1):
            call = self._calls[number]
            if call.index == index and (not identity or not name or identity == call.identity or not call.identity):
                call.identity = call.identity or identity
                call.name = call.name or name
                return number
        self._calls.append(_Call(index, identity, name))
        return len(self._calls) - 1


class _Call:
    def __init__(self, index: object, identity: str, name: str) -> None:
        self.index, self.identity, self.name = index, identity, name
        self.arguments: list[str] = []

    def whole(self) -> JsonObject:
        function = {"name": self.name, "arguments": "".join(self.arguments)}
        return {"id": self.identity, "type": "function", "function": function}
