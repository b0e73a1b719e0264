"""The model that is none: it works on the text it is given, by counting words, and says so (``offline:extractive``)."""

from __future__ import annotations

import re
from collections.abc import Callable

from pydantic_core import to_json

from graphflow.agents.messages import Piece, Request, Response, ToolCall
from graphflow.agents.model import pieces_of
from graphflow.agents.offline.filling import fill
from graphflow.agents.offline.material import Material, material_of
from graphflow.agents.offline.picking import CannotFill
from graphflow.agents.offline.routing import route
from graphflow.agents.offline.writing import compose
from graphflow.agents.prices import FREE, Price
from graphflow.core.usage import Usage
from graphflow.errors import Refused

_BEYOND = (
    (
        "write code",
        r"\b(?:write|implement|generate|create|fix|refactor|debug)\b[^.\n]{0,60}"
        r"\b(?:code|functions?|scripts?|programs?|class|classes|sql|regex|unit tests?|html|css|javascript|python)\b",
    ),
    ("translate", r"\btranslate\b"),
    (
        "invent a text",
        r"\b(?:write|compose|tell|invent)\b[^.\n]{0,30}\b(?:poem|haiku|joke|story|song|lyrics|limerick)s?\b",
    ),
    ("do sums", r"\b(?:calculate|compute|solve)\b"),
)


class OfflineModel:
    """No language model: deterministic extraction, for running a graph without key, network or cost.

    It ranks sentences, pulls names, key terms, numbers, dates and links, and fills an output type from the text in the
    prompt; it chooses the handoff whose description shares most words with it. Every sentence it gives stands in the
    prompt. It never calls function tools: it could not tell when to, and their effects may be real.

    Raises Refused for what it cannot do: write code, know the world, work without a text, or fill a field for which
    the text has nothing. Its calls cost nothing and count no tokens.
    """

    name = "offline:extractive"
    price: Price | None = FREE

    def __repr__(self) -> str:
        return "OfflineModel()"

    async def respond(self, request: Request) -> Response:
        """Text, JSON or a handoff, taken from the words of the request."""
        instructions = "\n".join(one.text for one in request.messages if one.role == "system")
        prompt = next((one.text for one in request.messages if one.role == "user"), "")
        material = material_of(instructions, prompt)
        handoffs = [tool for tool in request.tools if tool.is_handoff]
        is_second = any(one.role == "assistant" for one in request.messages)
        chosen = route(material, handoffs, must_choose=is_second) if handoffs else None
        if is_second and (chosen is None or request.messages[-1].role == "tool"):
            raise _refused("give another answer", f"It works by rule, and was told: {request.messages[-1].text[:300]}")
        if chosen is not None:
            properties = chosen.parameters.get("properties")
            data: object = _filled(chosen.parameters, material) if properties else dict[str, object]()
            return self._response("", (ToolCall(chosen.name, to_json(data).decode(), "call_1"),))
        _refuse_beyond(material)
        if request.output_schema is not None:
            return self._response(to_json(_filled(request.output_schema, material)).decode())
        if not material.sentences:
            raise _refused("work without a text", "The prompt holds no text that an answer could be taken from.")
        return self._response(compose(material))

    async def stream(self, request: Request, show: Callable[[Piece], None]) -> Response:
        """The same, shown word by word."""
        response = await self.respond(request)
        for piece in pieces_of(response):
            show(piece)
        return response

    def _response(self, text: str, calls: tuple[ToolCall, ...] = ()) -> Response:
        return Response(text, calls, Usage(model_calls=1, usd=0.0), self.name)


def _filled(schema: dict[str, object], material: Material) -> object:
    if not material.sentences and not material.facts:
        raise _refused("work without a text", "The prompt holds no text that an answer could be taken from.")
    try:
        return fill(schema, material)
    except CannotFill as reason:
        raise _refused("give this output", f"In the text there is {reason}.") from None


def _refuse_beyond(material: Material) -> None:
    asked = material.task + "\n" + "\n".join(f"{label}: {value}" for label, value in material.facts)
    for what, pattern in _BEYOND:
        if found := re.search(pattern, asked, re.IGNORECASE):
            raise _refused(
                what, f"It was asked to {found[0].strip()!r}; it is no language model, and works on the text given."
            )


def _refused(what: str, why: str) -> Refused:
    return Refused(
        f"The offline model cannot {what}",
        why=why,
        fix="Set OPENAI_API_KEY and name a model, for instance GRAPHFLOW_MODEL=openai/gpt-5, or ollama/llama3 for a local one.",
    )
