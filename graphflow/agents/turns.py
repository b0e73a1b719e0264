"""An agent at work: it asks its model, calls tools, hears what was wrong, until it has an answer or hands off.

Every call of a model or tool is a recorded effect (S11.1): on a retry or resume the conversation runs again over the
records and goes on from the first call that is not among them. Nothing invalid leaves here: what does not validate
goes back to the model with the reason, within ``max_turns``. Guardrails are asked before the first call, before the
tools of a turn, and about the output; what trips ends the agent's turn (S8.4).
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import itertools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphflow.agents.approvals import is_approved
from graphflow.agents.characters import whole
from graphflow.agents.choices import choices_of
from graphflow.agents.handoffs import HandoffTool, handoff_tools
from graphflow.agents.json_types import JsonType, ReadingFailed
from graphflow.agents.lengths import refuse_too_long
from graphflow.agents.messages import Message, Request, Response, Settings, ToolCall
from graphflow.agents.model import Model, StreamingModel, reserve_for
from graphflow.agents.toolbox import ToolBox
from graphflow.agents.tools import Tool
from graphflow.core.usage import Usage
from graphflow.errors import HandoffInvalid, ModelError, OutputInvalid, Place, TurnsExhausted, unknown_name
from graphflow.graph.context import Context, Effect, Handoff
from graphflow.graph.guardrails import Guardrail, Moment, ask_all
from graphflow.graph.suspending import Unanswered


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
    guardrails: tuple[Guardrail, ...] = ()
    tools_at_once: int = 1
    past: tuple[Message, ...] = ()  # what is sent of its history
    history: str | None = None  # the field that what is said now is added to
    longest_field: Callable[[], str] = str  # of the prompt, for a message that says what to cut


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the valid output or a Handoff, the conversation, and what the calls made now have cost."""

    value: Any
    messages: tuple[Message, ...]
    usage: Usage


_Told: TypeAlias = tuple[str, tuple[dict[str, Any], ...]]
"""What the model is told of a call, and the updates that its tool asked for."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A call of a tool that may be made."""

    tool: Tool
    arguments: str
    given: dict[str, Any]


async def converse(task: Task, ctx: Context[Any]) -> Outcome:
    """Work on a task. Raises ModelError: OutputInvalid and TurnsExhausted at the end of the turns, and those of calls."""
    return await _Conversation(task, ctx).outcome()


@dataclass(slots=True, eq=False)
class _Conversation:
    task: Task
    ctx: Context[Any]
    messages: list[Message] = field(init=False)
    begun: int = field(init=False)  # how many messages stood there before: instructions and history
    handoffs: dict[str, HandoffTool] = field(init=False)
    usage: Usage = field(default_factory=Usage)
    calls_of: dict[str, int] = field(default_factory=dict[str, int])
    calls: int = 0  # of the model
    rejected: list[Message] = field(default_factory=list[Message])  # answers that were sent back, and with what

    def __post_init__(self) -> None:
        system, prompt = Message("system", whole(self.task.instructions)), Message("user", whole(self.task.prompt))
        before = [*([system] if system.text.strip() else []), *self.task.past]
        self.begun = len(before)
        self.messages = [*before, *([prompt] if prompt.text.strip() else [])]
        self.handoffs = handoff_tools(self.ctx.handoffs)

    async def outcome(self) -> Outcome:
        if self.ctx.must_hand_off and not self.handoffs:
            raise self._nowhere()
        if self.task.guardrails:
            await self._guard("input", self.task.prompt)
        if self.task.tools.sources:
            self.task = dataclasses.replace(self.task, tools=await self.task.tools.filled(self.ctx))
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
                value = self._read(response.text)
            except ReadingFailed as failed:
                invalid = failed
                self.messages.append(Message("user", self._complaint(failed)))
                self.rejected += self.messages[-2:]
                continue
            if self.task.guardrails:
                await self._guard("output", value)
            return self._ended(value)
        raise self._exhausted(invalid)

    async def _guard(self, on: Moment, *given: Any) -> None:
        """Ask the guardrails of a moment. Raises GuardrailTripped."""
        task = self.task
        await ask_all(task.guardrails, on, given, self.ctx, f"agent {task.agent!r}", task.place)

    def _ended(self, value: Any) -> Outcome:
        if self.task.history is not None:
            rejected = {id(message) for message in self.rejected}
            said = [message for message in self.messages[self.begun :] if id(message) not in rejected]
            self.ctx.hands.update({self.task.history: said})
        return Outcome(value, tuple(self.messages), self.usage)

    async def _asked(self) -> Response:
        """The model's next answer, recorded (S11.1)."""
        task = self.task
        tools = (*task.tools.specs, *(tool.spec for tool in self.handoffs.values()))
        request = Request(
            tuple(self.messages),
            tools,
            None if task.output.is_text or self._must_choose else task.output.schema,
            task.settings,
            choices_of(task.output, tools, must_hand_off=self._must_choose),
            self.ctx.hands.caller,
        )
        if task.max_input_tokens is not None:
            refuse_too_long(
                request,
                task.max_input_tokens,
                agent=task.agent,
                past=task.past,
                longest_field=task.longest_field,
                place=task.place,
            )
        self.calls += 1

        async def call() -> Effect:
            try:
                response = whole(await self._response(request))
            except ModelError as error:
                self._locate(error)
                raise
            return Effect(response.as_json(with_usage=False), response.usage)

        asked = {"model": task.model.name, **request.as_json()}
        effect = await self.ctx.hands.effect("model", asked, call, reserve_for(task.model, request))
        self.usage += effect.usage
        response = Response.from_json(effect.value)
        return response if all(call.id for call in response.tool_calls) else self._with_ids(response)

    def _with_ids(self, response: Response) -> Response:
        """Calls that a provider gave no id get one that no other call of the conversation has."""
        taken = {call.id for message in self.messages for call in message.tool_calls}
        free = (name for number in itertools.count(1) if (name := f"call_{len(self.messages)}_{number}") not in taken)
        named = tuple(dataclasses.replace(call, id=call.id or next(free)) for call in response.tool_calls)
        return dataclasses.replace(response, tool_calls=named)

    async def _response(self, request: Request) -> Response:
        """The model's answer; shown as it comes if anybody watches. What is recorded is the same either way (S11.3)."""
        model, hands = self.task.model, self.ctx.hands
        if hands.is_watched and isinstance(model, StreamingModel):
            return await model.stream(request, lambda piece: hands.emit(piece.text, tool=piece.tool, call=piece.call))
        return await model.respond(request)

    def _locate(self, error: ModelError) -> None:
        """A model knows nothing of agents: its error is told whose call it was."""
        task = self.task
        whose = f"It was call {self.calls} of agent {task.agent!r} to {task.model.name}, at {self.ctx.cursor}."
        if whose not in error.why:
            error.why = f"{error.why}\n{whose}".strip()
        error.where = error.where or (task.place,)

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

    def _nowhere(self) -> HandoffInvalid:
        """It would have to choose, and there is nothing to choose from: its model is not asked (S9.3)."""
        return HandoffInvalid(
            f"Agent {self.task.agent!r} has no handoff to choose: none is enabled now",
            cursor=self.ctx.cursor,
            why="It has handoff edges only, and of each the condition does not hold or the limit is used up. (S9.3)",
            fix=f"Give it an edge for then: graph.edge({self.ctx.node}, ...), or on_error=HandoffInvalid.",
            where=(self.task.place,),
        )

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
        wanted = [self._considered(call, call is first, failed) for call in calls]
        await self._guard_tools(wanted)
        wanted = await self._all_approved(wanted)
        slots = asyncio.Semaphore(self.task.tools_at_once)
        told = await _side_by_side([_said(one) if isinstance(one, str) else self._called(one, slots) for one in wanted])
        for call, (text, updates) in zip(calls, told, strict=True):
            self.messages.append(Message("tool", text, call_id=call.id))
            for update in updates:
                self.ctx.hands.update(dict(update))
        return handoff

    def _considered(self, call: ToolCall, is_first_handoff: bool, failed: ReadingFailed | None) -> _Wanted | str:
        """A call of a tool that is there, with arguments that are valid; of any other what the model is told."""
        if call.name in self.handoffs:
            if not is_first_handoff:
                return "Not done: only the first handoff of a turn counts."
            return "Done." if failed is None else f"Not done, the arguments are not valid:\n{failed.told}"
        tool = self.task.tools.tools.get(call.name)
        if tool is None:
            known = (*self.task.tools.tools, *self.handoffs)
            return f"There is no tool called {call.name!r}. {unknown_name(call.name, known)}"
        try:
            return _Wanted(tool, call.arguments, tool.read(call.arguments))
        except ReadingFailed as error:
            return f"Not called, the arguments are not valid:\n{error.told}"

    async def _guard_tools(self, wanted: Sequence[_Wanted | str]) -> None:
        """No tool of a turn runs before the guardrails have passed all of them (S8.4)."""
        if any(guardrail.on == "tool" for guardrail in self.task.guardrails):
            for one in wanted:
                if not isinstance(one, str):
                    await self._guard("tool", one.tool.name, copy.deepcopy(one.given))

    async def _all_approved(self, wanted: Sequence[_Wanted | str]) -> list[_Wanted | str]:
        """The calls that may be made, asked about one at a time. Those that wait for an answer do so together (S10.4)."""
        found: list[_Wanted | str] = []
        waits: Unanswered | None = None
        for one in wanted:
            try:
                found.append(await self._approved(one))
            except Unanswered as unanswered:
                waits = unanswered
        if waits is not None:
            raise waits
        return found

    async def _approved(self, one: _Wanted | str) -> _Wanted | str:
        """The call if it may be made, else what the model is told (S10.4)."""
        if isinstance(one, str) or not one.tool.must_be_approved(one.given):
            return one
        if await is_approved(self.task.agent, one.tool.name, one.arguments, one.given, self.ctx):
            return one
        return f"Not called: {one.tool.name} needs approval for this, which was not given. Do without it."

    async def _called(self, one: _Wanted, slots: asyncio.Semaphore) -> _Told:
        """Call a tool, recorded (S11.1): what the model is told, and the updates that the tool asked for."""
        tool = one.tool
        async with slots:
            number = self.calls_of[tool.name] = self.calls_of.get(tool.name, 0) + 1
            inside = dataclasses.replace(self.ctx, cursor=f"{self.ctx.cursor}/{tool.name}:{number}")
            request = {"tool": tool.name, "arguments": one.arguments}
            effect = await self.ctx.hands.effect("tool", request, lambda: tool.call(one.given, inside), None)
            self.usage += effect.usage
            return effect.value["text"], effect.updates


async def _said(text: str) -> _Told:
    return text, ()


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
