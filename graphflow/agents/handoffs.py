"""Handoffs as a model sees them: one tool for each edge that is enabled now, named after its target (S9.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphflow.agents.json_types import JsonType
from graphflow.agents.messages import ToolSpec
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
        return Handoff(self.target, data=self.takes.read_text(arguments))


def handoff_tools(offers: Sequence[Offer]) -> dict[str, HandoffTool]:
    """The tools for the handoffs on offer, by name, in order of their names."""
    made: dict[str, HandoffTool] = {}
    for offer in offers:
        name = _name(offer.target, made)
        takes = None if offer.takes is None else JsonType(offer.takes)
        description = offer.description or f"Hand the work over to {offer.target}."
        parameters = _NO_DATA if takes is None else takes.schema
        made[name] = HandoffTool(ToolSpec(name, description, parameters, is_handoff=True), offer.target, takes)
    return {name: made[name] for name in sorted(made)}


def _name(target: str, taken: dict[str, HandoffTool]) -> str:
    readable = re.sub(r"[^a-z0-9]+", "_", target.lower()).strip("_") or "target"
    base = (HANDOFF_PREFIX + readable)[:_LONGEST]
    name, number = base, 2
    while name in taken:
        ending = f"_{number}"
        name, number = base[: _LONGEST - len(ending)] + ending, number + 1
    return name
