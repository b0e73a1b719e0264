"""A streamed response of the responses API: its last event holds the whole, those before show it as it comes."""

from __future__ import annotations

from graphflow.agents.messages import JsonObject, Piece
from graphflow.agents.openai_errors import bad_response
from graphflow.agents.openai_fields import as_object, object_in, text_in

_LAST = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done"}
)


class ResponsesAssembly:
    """Waits for the whole response; the items are kept for servers that leave them out of it."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._calls: dict[object, tuple[int, str]] = {}
        self._items: list[JsonObject] = []
        self._whole: JsonObject | None = None

    def take(self, event: JsonObject) -> list[Piece]:
        """The pieces of one event. Raises BadResponse."""
        kind = event.get("type")
        if kind == "response.output_text.delta":
            return [Piece(text_in(event, "delta", self._model))]
        if kind == "response.function_call_arguments.delta":
            number, name = self._calls.get(event.get("output_index"), (0, ""))
            return [Piece(text_in(event, "delta", self._model), name, number)] if name else []
        if kind == "response.output_item.added":
            item = as_object(event.get("item")) or {}
            if item.get("type") == "function_call":
                self._calls[event.get("output_index")] = (len(self._calls), text_in(item, "name", self._model))
        elif kind == "response.output_item.done":
            self._items.append(object_in(event, "item", "event", self._model))
        elif kind in _LAST:
            self._whole = object_in(event, "response", "event", self._model)
        return []

    def body(self) -> JsonObject:
        """The response. Raises BadResponse if the event that ends it never came."""
        if self._whole is None:
            raise bad_response(self._model, "The stream ended before the response was complete: it was cut off.")
        return self._whole if self._whole.get("output") else {**self._whole, "output": self._items}
