"""The one small protocol by which agents talk to models, and what is reserved before a call (S13.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from graphflow.agents.messages import Piece, Request, Response
from graphflow.agents.prices import Price
from graphflow.graph.context import Reserve

_BYTES_PER_TOKEN = 4  # English text, measured over the usual vocabularies; other scripts have more bytes as well
_EXPECTED_OUTPUT = 1_000  # tokens, where the request sets no limit
_WORD = re.compile(r"\S{1,24}\s*|\s+")


@runtime_checkable
class Model(Protocol):
    """Something that answers requests. ``name`` stands in usage, journals and drawings: ``openai/gpt-5``.

    ``respond`` gives a complete answer or raises a ModelError; it never tries again by itself. A model may also have
    ``price`` (a Price, or None for unknown).
    """

    @property
    def name(self) -> str: ...

    async def respond(self, request: Request) -> Response: ...


@runtime_checkable
class StreamingModel(Model, Protocol):
    """A model that can also show an answer while it is written."""

    async def stream(self, request: Request, show: Callable[[Piece], None]) -> Response:
        """The complete answer, as ``respond`` gives it; ``show`` is called with each piece of it as it comes.

        Raises what ``respond`` raises: a stream that is cut is no answer, whatever was shown of it.
        """
        ...


def pieces_of(response: Response) -> Iterator[Piece]:
    """A complete answer in pieces, as a stream would bring it; they join to the text and to each call's arguments.

    >>> [piece.text for piece in pieces_of(Response("Owls hunt at night."))]
    ['Owls ', 'hunt ', 'at ', 'night.']
    """
    yield from (Piece(word) for word in _WORD.findall(response.text))
    for number, call in enumerate(response.tool_calls):
        yield from (Piece(part, call.name, number) for part in _WORD.findall(call.arguments))


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has, for limits and reservations.

    >>> estimated_tokens("Owls hunt at night.")
    5
    """
    return -(-len(text.encode(errors="replace")) // _BYTES_PER_TOKEN)


def input_tokens(request: Request) -> int:
    """About how many tokens a model reads for a request."""
    parts = [
        part for message in request.messages for part in (message.text, *(c.arguments for c in message.tool_calls))
    ]
    parts += [f"{tool.name} {tool.description} {tool.parameters}" for tool in request.tools]
    if request.output_schema is not None:
        parts.append(str(request.output_schema))
    return sum(map(estimated_tokens, parts))


def expected_tokens(request: Request) -> int:
    """About how many tokens a call takes, read and written."""
    return input_tokens(request) + (request.settings.max_output_tokens or _EXPECTED_OUTPUT)


def reserve_for(model: Model, request: Request) -> Reserve:
    """What a call may cost, as far as can be known before it."""
    price: Price | None = getattr(model, "price", None)
    reading = input_tokens(request)
    writing = request.settings.max_output_tokens or _EXPECTED_OUTPUT
    usd = None if price is None else price.usd(input_tokens=reading, output_tokens=writing)
    return Reserve(model_calls=1, tokens=reading + writing, usd=usd)
