"""What an agent remembers of its earlier visits: messages in a field of the state, which stays the only truth (S9.1).

The field is ``Annotated[list[Message], extend]``: each visit adds what was said in it, as part of its step. The state
keeps all of it; what is sent of it is bounded, oldest left out first, and a tool's result is never sent without its call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from graphflow.agents.messages import Message
from graphflow.agents.model import estimated_tokens
from graphflow.errors import Place, PromptInvalid, shown
from graphflow.graph.expressions import Expression, field_name


def history_field(given: object, place: Place) -> str | None:
    """The name of the field that ``history=`` means. Raises PromptInvalid, and DeclarationError for what is no field."""
    if given is None or (isinstance(given, str) and given.isidentifier()):
        return given
    if isinstance(given, Expression):
        return field_name(given, place=place)
    raise PromptInvalid(
        f"history={shown(given)} names no field",
        why="An agent's history is kept in a field of the state: talk: Annotated[list[Message], extend] = []. (S9.1)",
        fix="Write history=fields(State).talk, or its name.",
        where=(place,),
    )


def past_in(view: Any, field: str, agent: str, place: Place) -> tuple[Message, ...]:
    """The messages that a state holds. Raises PromptInvalid if they are none."""
    found: Any = (
        cast("Mapping[str, Any]", view).get(field, ()) if isinstance(view, Mapping) else getattr(view, field, ())
    )
    try:
        return tuple(_messages().validate_python(found))
    except ValidationError as error:
        raise PromptInvalid(
            f"The history of agent {agent!r} is no list of messages",
            why=f"{field}: {error.errors(include_url=False)[0]['msg']}.",
            fix="Give messages of graphflow.models.Message, as result.updates of an earlier run holds them.",
            where=(place,),
        ) from None


@lru_cache
def _messages() -> TypeAdapter[list[Message]]:
    return TypeAdapter(list[Message])


def bounded(past: Sequence[Message], *, max_messages: int, max_tokens: int) -> tuple[Message, ...]:
    """The latest messages within both bounds. An answer with tool calls and the results of these stay together.

    >>> talk = [Message("user", "Hello."), Message("assistant", "Good day.")]
    >>> [message.text for message in bounded(talk, max_messages=1, max_tokens=100)]
    ['Good day.']
    """
    kept: list[Message] = []
    tokens = 0
    for group in reversed(_groups(past)):
        tokens += sum(map(message_tokens, group))
        if len(kept) + len(group) > max_messages or tokens > max_tokens:
            break
        if _is_whole(group):
            kept[:0] = group
    return tuple(kept)


def message_tokens(message: Message) -> int:
    """About how many tokens a message has."""
    return sum(map(estimated_tokens, (message.text, *(call.arguments for call in message.tool_calls))))


def _groups(past: Sequence[Message]) -> list[list[Message]]:
    """Each message with the tools' messages that follow it."""
    groups: list[list[Message]] = []
    for message in past:
        if message.role == "tool" and groups:
            groups[-1].append(message)
        else:
            groups.append([message])
    return groups


def _is_whole(group: Sequence[Message]) -> bool:
    """Whether every call has its result and every result its call: providers refuse anything else."""
    called = [call.id for call in group[0].tool_calls]
    return group[0].role != "tool" and sorted(called) == sorted(message.call_id for message in group[1:])
