"""Handoffs as a model sees them: one tool for each edge that is enabled now, named after its target (S9.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphflow.agents.json_types import JsonType
from graphflow.agents.messages import ToolCall, ToolSpec, tool_call
from graphflow.agents.tools import HANDOFF_PREFIX
from graphflow.graph.context import Handoff, Offer

_LONGEST = 64  # characters in a tool's name, as providers take them
_NO_DATA: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class HandoffTool:
    """One handoff on offer: the tool that stands for it, and the type of the data it carries, if any."""

    spec: ToolSpec
    target: str
    takes: JsonType | None

    def read(self, arguments: str) -> Handoff:
        """The handoff as the model asked for it. Raises ReadingFailed if the data it is to carry are not valid."""
        if self.takes is None:
            return Handoff(self.target)
        return Handoff(self.target, data=self.takes.read_text(arguments if arguments.strip() else "{}"))


def handoff_tools(offers: Sequence[Offer]) -> dict[str, HandoffTool]:
    """The tools for the handoffs on offer, by name, in order of their names."""
    if not offers:
        return {}
    made: dict[str, HandoffTool] = {}
    for offer in offers:
        name = _name(offer.target, made)
        takes = None if offer.takes is None else _type_of(offer.takes)
        description = offer.description or f"Hand the work over to {offer.target}."
        parameters = _NO_DATA if takes is None else takes.schema
        made[name] = HandoffTool(ToolSpec(name, description, parameters, is_handoff=True), offer.target, takes)
    return {name: made[name] for name in sorted(made)}


def _type_of(takes: Any) -> JsonType:
    return _of_class(takes) if isinstance(takes, type) else JsonType(takes)


@lru_cache(maxsize=256)
def _of_class(takes: type[Any]) -> JsonType:
    return JsonType(takes)


def handoff_call(target: object, /, **data: Any) -> ToolCall:
    """The call by which a model chooses a handoff: for scripted answers.

    ``target`` is the handle or name of the node that is handed to, or END; ``data`` are the fields of what the handoff
    takes. The tool is called ``hand_off_to_`` and the node's name in small letters, with ``_`` for all but letters and
    digits. If two targets of one node come to the same name, the second ends in ``_2``: write that with ``tool_call``.

    >>> handoff_call("Tech support", note="It hums.")
    ToolCall(name='hand_off_to_tech_support', arguments='{"note":"It hums."}', id='')
    """
    name = target if isinstance(target, str) else getattr(target, "name", repr(target))
    return tool_call(_readable(name), **data)


def _readable(target: str) -> str:
    readable = re.sub(r"[^a-z0-9]+", "_", target.lower()).strip("_") or "target"
    return (HANDOFF_PREFIX + readable)[:_LONGEST]


def _name(target: str, taken: dict[str, HandoffTool]) -> str:
    base = _readable(target)
    name, number = base, 2
    while name in taken:
        ending = f"_{number}"
        name, number = base[: _LONGEST - len(ending)] + ending, number + 1
    return name
