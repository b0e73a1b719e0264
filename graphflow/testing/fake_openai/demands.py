"""What a real server refuses: requests that our own code must never make, whatever the script says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from graphflow.agents.messages import Message
from graphflow.errors import shown
from graphflow.testing.fake_openai.asked import WireRequest

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def refused_because(request: WireRequest) -> str:
    """Why a real server would answer 400, an empty text if it would not."""
    if not request.model:
        return "It names no model."
    messages = request.messages
    if not messages:
        return "It holds no messages."
    names = [tool.name for tool in request.tools]
    unfit = next((name for name in names if not _TOOL_NAME.fullmatch(name)), None)
    if unfit is not None:
        return f"The tool {shown(unfit)} has a name that providers refuse."
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        return f"Two tools are called {twice!r}."
    return _unanswered(messages)


def _unanswered(messages: Sequence[Message]) -> str:
    """Every call of a tool is answered before the conversation goes on, and nothing is answered that was not called."""
    called: set[str] = set()
    for message in messages:
        if message.role == "tool":
            if message.call_id not in called:
                return f"A tool's message answers the call {message.call_id!r}, which nobody made."
            called.discard(message.call_id)
        elif called:
            return f"The call {min(called)!r} is never answered."
        else:
            called = {call.id for call in message.tool_calls}
    return f"The call {min(called)!r} is never answered." if called else ""
