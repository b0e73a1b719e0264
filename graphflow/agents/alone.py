"""An agent run without a graph: the same policies, with an ordinary sleep between attempts (S8.1, S11.1)."""

from __future__ import annotations

import asyncio
import contextvars
import random
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic_core import to_json

from graphflow.agents.clocks import date
from graphflow.agents.messages import Message
from graphflow.agents.turns import Outcome
from graphflow.core.plan import Retry
from graphflow.core.usage import Usage
from graphflow.graph.context import Caller, Context, Effect, Reserve
from graphflow.graph.holding import Held
from graphflow.graph.occurrences import Occurrences

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AgentResult(Generic[T]):
    """What an agent gave by itself: its output, what all attempts cost, the conversation, and its tools' updates."""

    output: T
    usage: Usage
    messages: tuple[Message, ...]
    updates: tuple[dict[str, Any], ...] = ()


async def run_alone(
    perform: Callable[[Context[Any]], Awaitable[Outcome]],
    context: Context[Any],
    retry: Retry | None,
    on_text: Callable[[str], None] | None = None,
) -> AgentResult[Any]:
    """Perform until it succeeds or the policy gives up; then the last error is raised, with a note of what was spent."""
    hands = LoneHands(on_text)
    context.run_id, context.hands = secrets.token_hex(8), hands
    try:
        return await _persistently(perform, context, hands, retry)
    finally:
        await hands.held.close()


async def _persistently(
    perform: Callable[[Context[Any]], Awaitable[Outcome]], context: Context[Any], hands: LoneHands, retry: Retry | None
) -> AgentResult[Any]:
    while True:
        try:
            outcome = await perform(context)
        except Exception as error:
            if retry is None or not is_worth_another(error, retry, context.attempt):
                _note_spent(error, hands.usage, context.node)
                raise
            hands.begin_again(keeps_records=hands.failed_in(error))
            least: float = getattr(error, "retry_after_s", None) or 0.0
            await asyncio.sleep(max(least, retry.wait_s(context.attempt, random.random())))
            context.attempt += 1
        else:
            return AgentResult(outcome.value, hands.usage, outcome.messages, tuple(hands.updates))


def run_now(start: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end in an event loop of its own; where one runs already (a notebook), in a thread beside it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(start())
    with ThreadPoolExecutor(1, "graphflow agent") as thread:
        return thread.submit(contextvars.copy_context().run, lambda: asyncio.run(start())).result()


def _note_spent(error: Exception, usage: Usage, agent: str) -> None:
    if usage.model_calls:
        tokens = usage.input_tokens + usage.output_tokens
        error.add_note(f"Agent {agent!r} had spent {usage.model_calls} model calls and {tokens:,} tokens before.")


def is_worth_another(error: Exception, retry: Retry, failed: int) -> bool:
    """Whether another attempt follows the ``failed``-th (S8.1)."""
    return failed < retry.attempts and isinstance(error, retry.on) and getattr(error, "retryable", True)


class LoneHands:
    """The hands of an agent on its own: records live as long as the call, updates are collected."""

    def __init__(self, on_text: Callable[[str], None] | None = None) -> None:
        self.on_text = on_text
        self.usage = Usage()
        self.updates: list[dict[str, Any]] = []
        self._records: dict[tuple[str, bytes, int], Effect] = {}
        self._asked = Occurrences()
        self.held = Held()
        self._failure: BaseException | None = None
        self.began = date()

    def begin_again(self, *, keeps_records: bool) -> None:
        """Before another attempt. After a failed call it goes on from there, else calls are made anew (S11.1)."""
        self.updates, self._asked, self._failure = [], Occurrences(), None
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
        occurrence = 0 if kind == "once" else self._asked.next(asked)
        record = self._records.get((*asked, occurrence))
        if record is not None:
            return record
        try:
            effect = await call()
        except BaseException as error:
            self._failure = error
            if kind != "once":
                self._asked.give_back(asked, occurrence)
            spent = getattr(error, "usage", None)
            self.usage += spent if isinstance(spent, Usage) else Usage()
            raise
        self.usage += effect.usage
        self._records[(*asked, occurrence)] = effect
        return effect

    def update(self, changes: dict[str, Any]) -> None:
        self.updates.append(changes)

    @property
    def is_watched(self) -> bool:
        """Whether somebody wants to see the text as it comes."""
        return self.on_text is not None

    @property
    def driver(self) -> None:
        """There is none."""

    @property
    def caller(self) -> Caller | None:
        """Its calls stand in line with those of runs, from when it began."""
        return self

    def waits(self, why: str) -> None:
        """Nobody watches."""

    def begins(self) -> None:
        """There is no budget to be used up."""

    def emit(self, text: str, *, tool: str = "", call: int = 0, under: str = "") -> None:
        """Show a piece of text. What a model writes to call a tool is no text, and what a tool's agent writes not its."""
        if self.on_text is not None and not tool and not under:
            self.on_text(text)
