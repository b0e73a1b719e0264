"""An agent run without a graph: the same policies, with an ordinary sleep between attempts (S8.1, S11.1)."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic_core import to_json

from graphflow.agents.messages import Message
from graphflow.agents.turns import Outcome
from graphflow.core.plan import Retry
from graphflow.core.usage import Usage
from graphflow.graph.context import Context, Effect, Reserve

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AgentResult(Generic[T]):
    """What an agent gave by itself: its output, what all attempts cost, the conversation, and its tools' updates."""

    output: T
    usage: Usage
    messages: tuple[Message, ...]
    updates: tuple[dict[str, Any], ...] = ()


async def run_alone(
    perform: Callable[[Context[Any]], Awaitable[Outcome]], context: Context[Any], retry: Retry | None
) -> AgentResult[Any]:
    """Perform until it succeeds or the policy gives up; then the last error is raised."""
    hands = LoneHands()
    context.run_id, context.hands = secrets.token_hex(8), hands
    while True:
        try:
            outcome = await perform(context)
        except Exception as error:
            if retry is None or not is_worth_another(error, retry, context.attempt):
                raise
            hands.begin_again(keeps_records=hands.failed_in(error))
            least: float = getattr(error, "retry_after_s", None) or 0.0
            await asyncio.sleep(max(least, retry.wait_s(context.attempt, random.random())))
            context.attempt += 1
        else:
            return AgentResult(outcome.value, hands.usage, outcome.messages, tuple(hands.updates))


def is_worth_another(error: Exception, retry: Retry, failed: int) -> bool:
    """Whether another attempt follows the ``failed``-th (S8.1)."""
    return failed < retry.attempts and isinstance(error, retry.on) and getattr(error, "retryable", True)


class LoneHands:
    """The hands of an agent on its own: records live as long as the call, updates are collected."""

    def __init__(self) -> None:
        self.usage = Usage()
        self.updates: list[dict[str, Any]] = []
        self._records: dict[tuple[str, bytes, int], Effect] = {}
        self._asked: dict[tuple[str, bytes], int] = {}
        self._failure: BaseException | None = None

    def begin_again(self, *, keeps_records: bool) -> None:
        """Before another attempt. After a failed call it goes on from there, else calls are made anew (S11.1)."""
        self.updates, self._asked, self._failure = [], {}, None
        if not keeps_records:
            self._records = {key: effect for key, effect in self._records.items() if key[0] == "once"}

    def failed_in(self, error: BaseException) -> bool:
        """Whether an error came out of a recorded call."""
        return error is self._failure

    async def effect(
        self,
        kind: Literal["model", "tool", "once"],
        request: Any,
        call: Callable[[], Awaitable[Effect]],
        reserve: Reserve | None,
    ) -> Effect:
        asked = (kind, to_json(request, fallback=repr, inf_nan_mode="constants"))
        occurrence = 0 if kind == "once" else self._asked.get(asked, 0)
        self._asked[asked] = occurrence + 1
        record = self._records.get((*asked, occurrence))
        if record is not None:
            return record
        try:
            effect = await call()
        except BaseException as error:
            self._failure = error
            spent = getattr(error, "usage", None)
            self.usage += spent if isinstance(spent, Usage) else Usage()
            raise
        self.usage += effect.usage
        self._records[(*asked, occurrence)] = effect
        return effect

    def update(self, changes: dict[str, Any]) -> None:
        self.updates.append(changes)

    is_watched = False

    def emit(self, text: str, *, tool: str = "", call: int = 0) -> None:
        """Nobody watches an agent on its own."""
