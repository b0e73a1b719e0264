"""How long an agent's input is, part by part: what ``max_input_tokens`` refuses before anything is sent (R3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphflow.agents.history import message_tokens
from graphflow.agents.messages import Message, Request
from graphflow.agents.model import estimated_tokens, input_tokens
from graphflow.errors import InputTooLong, Place


def refuse_too_long(
    request: Request,
    most: int,
    *,
    agent: str,
    past: Sequence[Message],
    longest_field: Callable[[], str],
    place: Place,
) -> None:
    """Raises InputTooLong if a request has more tokens than ``most`` (estimated), saying which part is how long."""
    length = input_tokens(request)
    if length <= most:
        return
    parts = {name: tokens for name, tokens in _parts(request, past).items() if tokens}
    listed = ", ".join(f"{name} {tokens:,}" for name, tokens in sorted(parts.items(), key=lambda part: -part[1]))
    raise InputTooLong(
        f"The input of agent {agent!r} has about {length:,} tokens",
        why=f"Its max_input_tokens is {most:,}; nothing was sent. Of these are: {listed}.",
        fix=f"{_mend(max(parts, key=lambda name: parts[name]), longest_field())}, or raise max_input_tokens.",
        where=(place,),
    )


def _parts(request: Request, past: Sequence[Message]) -> dict[str, int]:
    messages = list(request.messages)
    instructions = messages[:1] if messages and messages[0].role == "system" else []
    rest = messages[len(instructions) + len(past) :]
    return {
        "instructions": sum(map(message_tokens, instructions)),
        "history": sum(map(message_tokens, past)),
        "prompt": sum(map(message_tokens, rest[:1])),
        "this visit's tool results and answers": sum(map(message_tokens, rest[1:])),
        "tools": sum(estimated_tokens(f"{tool.name} {tool.description} {tool.parameters}") for tool in request.tools),
        "output type": 0 if request.output_schema is None else estimated_tokens(str(request.output_schema)),
    }


def _mend(part: str, longest_field: str) -> str:
    return {
        "instructions": "Say less in the instructions",
        "history": "Send less of it with max_history_tokens=",
        "prompt": f"Cut the longest field in its prompt, as in {{{longest_field or 'draft'}:2000}}",
        "tools": "Offer fewer tools, or describe them in fewer words",
        "output type": "Ask for a smaller output type",
    }.get(part, "Cut what tools return, Tool(function, max_characters=2_000)")
