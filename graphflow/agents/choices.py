"""Closed questions: requests that only a few answers can satisfy, so that a model may decide instead of write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from graphflow.agents.json_types import WRAPPED, JsonType
from graphflow.agents.messages import Choice, ToolSpec

_MOST = 255  # what the decisions API takes


def choices_of(output: JsonType, tools: Sequence[ToolSpec], *, must_hand_off: bool) -> tuple[Choice, ...]:
    """All answers that count, if they are few: the values of a bool, Literal or Enum of texts, or the handoffs.

    There are none where the model may also write, call a tool that is no handoff, or has data to give along.

    >>> choices_of(JsonType(bool), (), must_hand_off=False)
    (Choice(value=True, description=''), Choice(value=False, description=''))
    """
    if tools:
        is_closed = must_hand_off and all(tool.is_handoff and not tool.parameters.get("properties") for tool in tools)
        found = [Choice(tool.name, tool.description) for tool in tools] if is_closed else []
    else:
        found = [Choice(value) for value in _values(output)]
    return tuple(found) if 2 <= len(found) <= _MOST else ()


def _values(output: JsonType) -> list[str | bool]:
    if not output.is_wrapped or output.is_text:
        return []
    schema = cast("dict[str, Any]", output.schema["properties"][WRAPPED])
    if "$ref" in schema:
        schema = cast("dict[str, Any]", output.schema.get("$defs", {}).get(schema["$ref"].rpartition("/")[2], {}))
    if schema.get("type") == "boolean" and "enum" not in schema:
        return [True, False]
    values = cast("list[Any]", schema.get("enum", []))
    return values if all(isinstance(value, str | bool) for value in values) else []
