"""An agent at work: it asks its model, calls tools, hears what was wrong, until it has an answer or hands off.

Every call of a model or tool is a recorded effect (S11.1): on a retry or resume the conversation runs again over the
records and goes on from the first call that is not among them. Nothing invalid leaves here: what does not validate
goes back to the model with the reason, within ``max_turns``.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphflow.agents.handoffs import HandoffTool, handoff_tools
from graphflow.agents.json_types import JsonType, ReadingFailed
from graphflow.agents.messages import Message, Request, Response, Settings, ToolCall
from graphflow.agents.model import Model, input_tokens, reserve_for
from graphflow.agents.tools import ToolBox
from graphflow.core.usage import Usage
from graphflow.errors import InputTooLong, OutputInvalid, Place, TurnsExhausted, unknown_name
from graphflow.graph.context import Context, Effect, Handoff


@dataclass(frozen=True, slots=True)
class Task:
    """What one performance of an agent is to do: its texts filled in, and the bounds it works within."""

    agent: str
    instructions: str
    prompt: str
    output: JsonType
    tools: ToolBox
    model: Model
    settings: Settings
    max_turns: int
    max_input_tokens: int | None
    place: Place


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the valid output or a Handoff, the conversation, and what the calls made now have cost."""

    value: Any
    messages: tuple[Message, ...]
    usage: Usage


async def converse(task: Task, ctx: Context[Any]) -> Outcome:
    """Work on a task. Raises ModelError: OutputInvalid and TurnsExhausted at the end of the turns, and those of calls."""
    return await _Conversation(task, ctx).outcome()


@dataclass(slots=True, eq=False)
class _Conversation:
    task: Task
    ctx: Context[Any]
    messages: list[Message] = field(init=False)
    handoffs: dict[str, HandoffTool] = field(init=False)
    usage: Usage = field(default_factory=Usage)
    calls_of: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        said = (Message("system", self.task.instructions), Message("user", self.task.prompt))
        self.messages = [message for message in said if message.text.strip()]
        self.handoffs = handoff_tools(self.ctx.handoffs)

    async def outcome(self) -> Outcome:
        invalid: ReadingFailed | None = None
        for turn in range(1, self.task.max_turns + 1):
            response = await self._asked()
            self.messages.append(response.as_message())
            if response.tool_calls:
                invalid = None
                handoff = await self._answered(response.tool_calls, is_last=turn == self.task.max_turns)
                if handoff is not None:
                    return self._ended(handoff)
                continue
            try:
                return self._ended(self._read(response.text))
            except ReadingFailed as failed:
                invalid = failed
                self.messages.append(Message("user", self._complaint(failed)))
        raise self._exhausted(invalid)

    def _ended(self, value: Any) -> Outcome:
        return Outcome(value, tuple(self.messages), self.usage)

    async def _asked(self) -> Response:
        """The model's next answer, recorded (S11.1)."""
        task = self.task
        request = Request(
            tuple(self.messages),
            (*task.tools.specs, *(tool.spec for tool in self.handoffs.values())),
            None if task.output.is_text or self._must_choose else task.output.schema,
            task.settings,
        )
        self._check_length(request)

        async def call() -> Effect:
            response = await task.model.respond(request)
            return Effect(dataclasses.replace(response, usage=_NO_USAGE).as_json(), response.usage)

        asked = {"model": task.model.name, **request.as_json()}
        effect = await self.ctx.hands.effect("model", asked, call, reserve_for(task.model, request))
        self.usage += effect.usage
        response = Response.from_json(effect.value)
        if all(call.id for call in response.tool_calls):
            return response
        named = tuple(
            dataclasses.replace(call, id=call.id or f"call_{len(self.messages)}_{number}")
            for number, call in enumerate(response.tool_calls, 1)
        )
        return dataclasses.replace(response, tool_calls=named)

    def _check_length(self, request: Request) -> None:
        most = self.task.max_input_tokens
        if most is not None and (length := input_tokens(request)) > most:
            raise InputTooLong(
                f"The input of agent {self.task.agent!r} has about {length:,} tokens",
                why=f"Its max_input_tokens is {most:,}; nothing was sent.",
                fix="Cut the fields in its prompt, as in {draft:2000}, or raise max_input_tokens.",
                where=(self.task.place,),
            )

    @property
    def _must_choose(self) -> bool:
        """Whether no answer counts but a handoff (S9.3)."""
        return self.ctx.must_hand_off and bool(self.handoffs)

    def _read(self, text: str) -> Any:
        if self._must_choose:
            raise ReadingFailed(
                f"You have to hand the work over by calling a tool: choose one of {', '.join(self.handoffs)}.",
                "It has to choose a handoff, and chose none. (S9.3)",
            )
        return self.task.output.read_text(text)

    def _complaint(self, failed: ReadingFailed) -> str:
        if self._must_choose:
            return failed.told
        again = (
            "Answer again." if self.task.output.is_text else "Answer again, with JSON alone that matches the schema."
        )
        return f"Your answer cannot be used:\n{failed.told}\n{again}"

    def _exhausted(self, invalid: ReadingFailed | None) -> OutputInvalid | TurnsExhausted:
        task = self.task
        turns = f"{task.max_turns} turn{'' if task.max_turns == 1 else 's'}"
        if invalid is not None:
            return OutputInvalid(
                f"The output of agent {task.agent!r} is not valid after {turns}",
                why=f"The last answer: {invalid.kept}",
                fix="Say in the instructions and in the handoffs' descriptions when to choose which, or raise max_turns."
                if self._must_choose
                else "Say in the instructions what is wanted, loosen the output's type, or raise max_turns.",
                where=(task.place,),
            )
        return TurnsExhausted(
            f"Agent {task.agent!r} used {turns} without a final answer",
            why="It went on calling tools.",
            fix="Raise max_turns, or say in the instructions when to stop.",
            where=(task.place,),
        )

    async def _answered(self, calls: Sequence[ToolCall], *, is_last: bool) -> Handoff | None:
        """Answer the calls of one turn, in their order; the handoff among them, of two the first (S9.3)."""
        first = next((call for call in calls if call.name in self.handoffs), None)
        handoff: Handoff | None = None
        failed: ReadingFailed | None = None
        if first is not None:
            try:
                handoff = self.handoffs[first.name].read(first.arguments)
            except ReadingFailed as error:
                failed = error
        if is_last and handoff is None:
            return None  # nobody would read what the tools return
        texts = await _side_by_side([self._told(call, call is first, failed) for call in calls])
        for call, (text, updates) in zip(calls, texts, strict=True):
            self.messages.append(Message("tool", text, call_id=call.id))
            for update in updates:
                self.ctx.hands.update(dict(update))
        return handoff

    async def _told(
        self, call: ToolCall, is_first_handoff: bool, failed: ReadingFailed | None
    ) -> tuple[str, tuple[dict[str, Any], ...]]:
        """What the model is told of one call, and the updates that its tool asked for."""
        if call.name in self.handoffs:
            if not is_first_handoff:
                return "Not done: only the first handoff of a turn counts.", ()
            return ("Done." if failed is None else f"Not done, the arguments are not valid:\n{failed.told}"), ()
        tool = self.task.tools.tools.get(call.name)
        if tool is None:
            known = (*self.task.tools.tools, *self.handoffs)
            return f"There is no tool called {call.name!r}. {unknown_name(call.name, known)}", ()
        try:
            given = tool.read(call.arguments)
        except ReadingFailed as error:
            return f"Not called, the arguments are not valid:\n{error.told}", ()
        self.calls_of[tool.name] += 1
        inside = dataclasses.replace(self.ctx, cursor=f"{self.ctx.cursor}/{tool.name}:{self.calls_of[tool.name]}")
        request = {"tool": tool.name, "arguments": call.arguments}
        effect = await self.ctx.hands.effect("tool", request, lambda: tool.call(given, inside), None)
        self.usage += effect.usage
        return effect.value["text"], effect.updates


_NO_USAGE = Response().usage


async def _side_by_side(calls: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """The results in order. What runs finishes even if one cannot go on (S13.2); cancelled from outside, all stop."""
    if len(calls) == 1:
        return [await calls[0]]
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        await asyncio.wait(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]
