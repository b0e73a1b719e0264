"""Agents: instructions, a prompt that names the state's fields, tools, and a typed output. They know nothing of graphs."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, cast, overload

from pydantic import BaseModel
from typing_extensions import TypeVar

from graphflow.agents.history import bounded, history_field, past_in
from graphflow.agents.json_types import JsonType
from graphflow.agents.messages import Message, Settings
from graphflow.agents.model import Model
from graphflow.agents.texts import AgentText, Given, Text
from graphflow.agents.toolbox import ToolBox, Tools
from graphflow.agents.tools import Tool
from graphflow.core.plan import Retry
from graphflow.errors import ModelError, PromptInvalid, ToolInvalid, unknown_name
from graphflow.graph.context import Context, Handoff
from graphflow.graph.guardrails import Guardrail, Guardrails, Moment, guardrails_of
from graphflow.graph.places import at_the_line, caller
from graphflow.graph.worker import WorkerFacts

if TYPE_CHECKING:  # what performs an agent is imported when one is performed: declaring one stays quick
    from graphflow.agents.alone import AgentResult
    from graphflow.agents.approvals import Approve
    from graphflow.agents.turns import Task

T = TypeVar("T", default=str)

DEFAULT_RETRY = Retry(attempts=3, on=ModelError)
"""Three attempts at model errors that say they are worth it; the next goes on from the call that failed (S11.1)."""

_ABSENT: Any = object()


class Agent(Generic[T]):
    """A model with a job: ``Agent("review", "Score the essay.", prompt="{draft}", output=Review)`` is Agent[Review].

    ``instructions`` are the system message and ``prompt`` the user message; both name fields in braces, and only those
    fields are sent. ``output`` is ``str`` or any type pydantic knows; what does not validate is sent back with the
    reason, within ``max_turns`` calls of the model, and never passed on; text is never empty.

    - ``tools``: typed Python functions, or ``Tool(function, ...)``; other agents, and graphs, called as tools; an
      ``MCPServer``; of one turn ``tools_at_once`` run side by side.
    - ``model``: a name or a Model, else the run's; ``settings`` how it is asked.
    - ``max_input_tokens``: estimated over all that is sent; more is refused before anything is.
    - ``guardrails``: functions of the output, and ``Guardrail(check, on="input")`` of the prompt, or ``on="tool"`` of each
      tool call before any is made. What trips is never retried (S8.4).
    - ``history``: a field of the state, ``talk: Annotated[list[Message], extend] = []``: what was said in earlier visits,
      sent between instructions and prompt, the latest ``max_history_messages`` within ``max_history_tokens``. Without it
      every visit starts anew (S9.1).
    - ``retry``: what its node uses unless told otherwise, None for one attempt.

    Raises PromptInvalid, ToolInvalid and DeclarationError at the line that declares it. A node that performs it raises
    ModelError and GuardrailTripped.

    >>> writer = Agent("write", "Write a tight essay.", prompt="Topic: {topic}")
    >>> sorted(writer.facts().reads)
    ['topic']
    """

    @overload
    def __init__(
        self: Agent[str],
        name: str,
        instructions: Text,
        *,
        prompt: Text,
        tools: Tools = ...,
        tools_at_once: int = ...,
        model: Model | str | None = ...,
        settings: Settings | None = ...,
        max_turns: int = ...,
        max_input_tokens: int | None = ...,
        guardrails: Guardrails = ...,
        history: list[Message] | str | None = ...,
        max_history_messages: int = ...,
        max_history_tokens: int = ...,
        retry: Retry | None = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        name: str,
        instructions: Text,
        *,
        prompt: Text,
        output: type[T],
        tools: Tools = ...,
        tools_at_once: int = ...,
        model: Model | str | None = ...,
        settings: Settings | None = ...,
        max_turns: int = ...,
        max_input_tokens: int | None = ...,
        guardrails: Guardrails = ...,
        history: list[Message] | str | None = ...,
        max_history_messages: int = ...,
        max_history_tokens: int = ...,
        retry: Retry | None = ...,
    ) -> None: ...

    @overload
    def __init__(  # a union, a Literal, an Annotated type: what type[T] cannot say
        self: Agent[Any],
        name: str,
        instructions: Text,
        *,
        prompt: Text,
        output: object,
        tools: Tools = ...,
        tools_at_once: int = ...,
        model: Model | str | None = ...,
        settings: Settings | None = ...,
        max_turns: int = ...,
        max_input_tokens: int | None = ...,
        guardrails: Guardrails = ...,
        history: list[Message] | str | None = ...,
        max_history_messages: int = ...,
        max_history_tokens: int = ...,
        retry: Retry | None = ...,
    ) -> None: ...

    @at_the_line
    def __init__(
        self,
        name: str,
        instructions: Text,
        *,
        prompt: Text,
        output: Any = str,
        tools: Tools = (),
        tools_at_once: int = 8,
        model: Model | str | None = None,
        settings: Settings | None = None,
        max_turns: int = 10,
        max_input_tokens: int | None = None,
        guardrails: Guardrails = (),
        history: list[Message] | str | None = None,
        max_history_messages: int = 40,
        max_history_tokens: int = 8_000,
        retry: Retry | None = DEFAULT_RETRY,
    ) -> None:
        self.place = caller()
        self.name = name
        self.output = output
        self.model = model
        self.settings = settings or Settings()
        self.max_turns = _at_least_one("max_turns", max_turns)
        self.max_input_tokens = (
            None if max_input_tokens is None else _at_least_one("max_input_tokens", max_input_tokens)
        )
        self.retry = retry
        self.tools = ToolBox.of(tools, self.place)
        self.tools_at_once = _at_least_one("tools_at_once", tools_at_once)
        moments: tuple[Moment, ...] = ("input", "output", "tool") if self.tools.names else ("input", "output")
        self.guardrails = guardrails_of(guardrails, f"agent {name!r}", moments, self.place)
        self.history = history_field(history, self.place)
        self.max_history_messages = _at_least_one("max_history_messages", max_history_messages)
        self.max_history_tokens = _at_least_one("max_history_tokens", max_history_tokens)
        self._instructions = AgentText(instructions, "instructions", name, self.place)
        self._prompt = AgentText(prompt, "prompt", name, self.place)
        self._output = JsonType(output, self.place)

    def __repr__(self) -> str:
        return f"Agent({self.name!r})"

    def facts(self) -> WorkerFacts:
        """What a graph needs to know of it."""
        model = self.model if isinstance(self.model, str | None) else self.model.name
        return WorkerFacts(
            output=self.output,
            reads=self._reads(),
            purpose=self._instructions.first_line(),
            badges=(*((model,) if model else ()), *self.tools.names, *map(_badge, self.guardrails)),
            retry=self.retry,
            slots=(*self._instructions.slots, *self._prompt.slots),
            extends=() if self.history is None else ((self.history, Message),),
            uncut=() if self.max_input_tokens is not None else (*self._instructions.uncut, *self._prompt.uncut),
            tools=self.tools.facts(),
            is_guarded=any(guardrail.on == "output" for guardrail in self.guardrails),
            place=self.place,
        )

    def giving(self, output: Any) -> Agent[Any]:
        """The same agent, asked for another output: ``planner.giving(list[Step])``. Raises ToolInvalid."""
        other: Agent[Any] = copy.copy(cast("Agent[Any]", self))
        other.output = output
        other._output = JsonType(output, caller())
        return other

    def as_tool(
        self,
        name: str | None = None,
        description: str | None = None,
        *,
        takes: type[BaseModel] | None = None,
        tells_errors: bool = False,
        max_characters: int = 50_000,
        timeout_s: float | None = None,
        needs_approval: bool | Callable[..., bool] = False,
    ) -> Tool:
        """The agent as a tool of another one: ``tools=[critic.as_tool()]``, or just ``tools=[critic]``.

        Its parameters are the fields that its prompts name, as text, or those of the model ``takes``; what it returns is its
        output, as text or JSON. It sees nothing else, and no conversation goes along. Its calls belong to the run: recorded,
        counted, bounded, cancelled with it (S12.2). Without a model of its own it has the run's. ``name`` and ``description``
        are the agent's own and the first line of its instructions unless given; for the others see ``Tool``.

        Raises ToolInvalid at the line: its prompt is a function and there is no ``takes``, or it has a history, which is
        kept in the state of a graph.

        >>> critic = Agent("critic", "Names what a claim leaves out.", prompt="Claim: {claim}")
        >>> tool = critic.as_tool()
        >>> tool.name, tool.spec.description, list(tool.spec.parameters["properties"])
        ('critic', 'Names what a claim leaves out.', ['claim'])
        """
        from graphflow.agents.delegates import ToolOptions, delegate_tool, perform_inside, prompted_parameters

        place = caller()
        options = ToolOptions(name, description, tells_errors, max_characters, timeout_s, needs_approval)
        if self.history is not None:
            raise ToolInvalid(
                f"Agent {self.name!r} has a history, so it cannot be called as a tool",
                why=f"Its history is kept in the field {self.history!r} of a graph's state, and a call has no state. (S9.1)",
                fix="Leave history= out, or make it a node of a graph and call that: graph.as_tool().",
                where=(place,),
            )
        slots = (*self._instructions.slots, *self._prompt.slots)
        parameters = prompted_parameters(self._reads(), slots, takes, self.name, place)

        async def perform(given: dict[str, Any], ctx: Context[Any]) -> Any:
            fields: Any = given if takes is None else takes.model_validate(given, by_name=True)
            view = self._view(None, fields) if takes is None else fields
            return await perform_inside(lambda inside: self.perform(view, inside), ctx, self.retry)

        purpose = self._instructions.first_line()
        return delegate_tool(self.name, purpose, parameters, perform, options, place, agents=lambda: [self])

    async def perform(self, view: Any, ctx: Context[Any]) -> T | Handoff:
        """Its valid output for a state, or the handoff it chose. Raises ModelError."""
        from graphflow.agents.turns import converse

        return cast("T | Handoff", (await converse(self._task(view, ctx), ctx)).value)

    async def run(
        self,
        state: BaseModel | Mapping[str, Any] | None = None,
        /,
        *,
        model: Model | str | None = None,
        deps: Any = None,
        item: Any = _ABSENT,
        approve: Approve | None = None,
        on_text: Callable[[str], None] | None = None,
        **fields: Any,
    ) -> AgentResult[T]:
        """Run it alone: ``await writer.run(topic="owls", comments=[])``. Same policies as in a graph.

        - ``state``: a state may be given instead of, or besides, its fields.
        - ``model``, ``deps``, ``item``: as a run and a map would give them.
        - ``approve``: asked, with a ToolRequest, before a tool that needs approval is called; only True lets it pass.
        - ``on_text``: called with each piece of text as the model writes it. An answer that fails, or is not valid, was
          shown too; the next one begins anew.

        Raises ModelError and GuardrailTripped, and PromptInvalid for a field that the prompt names and nobody gave.
        """
        return await self._alone(state, fields, model, deps, item, approve, on_text)

    def run_sync(
        self,
        state: BaseModel | Mapping[str, Any] | None = None,
        /,
        *,
        model: Model | str | None = None,
        deps: Any = None,
        item: Any = _ABSENT,
        approve: Approve | None = None,
        on_text: Callable[[str], None] | None = None,
        **fields: Any,
    ) -> AgentResult[T]:
        """The same without ``await``."""
        from graphflow.agents.alone import run_now

        return run_now(lambda: self._alone(state, fields, model, deps, item, approve, on_text))

    async def _alone(
        self,
        state: BaseModel | Mapping[str, Any] | None,
        fields: dict[str, Any],
        model: Model | str | None,
        deps: Any,
        item: Any,
        approve: Approve | None,
        on_text: Callable[[str], None] | None,
    ) -> AgentResult[T]:
        from graphflow.agents.alone import run_alone
        from graphflow.agents.turns import converse

        view = self._view(state, fields)
        items = () if item is _ABSENT else (item,)
        context = Context[Any](
            run_id="", cursor=self.name, node=self.name, visit=1, attempt=1, deps=deps,
            item=items[0] if items else None, items=items, model=model, approve=approve,
        )  # fmt: skip
        result = await run_alone(lambda ctx: converse(self._task(view, ctx), ctx), context, self.retry, on_text)
        return cast("AgentResult[T]", result)

    def _task(self, view: Any, ctx: Context[Any]) -> Task:
        from graphflow.agents.choosing import choose_model
        from graphflow.agents.turns import Task

        return Task(
            agent=self.name,
            instructions=self._instructions.render(view, ctx),
            prompt=self._prompt.render(view, ctx),
            output=self._output,
            tools=self.tools,
            model=choose_model(self.model, ctx.model, os.environ),
            settings=self.settings,
            max_turns=self.max_turns,
            max_input_tokens=self.max_input_tokens,
            place=self.place,
            guardrails=self.guardrails,
            tools_at_once=self.tools_at_once,
            past=() if self.history is None else self._past(view, self.history),
            history=self.history,
            longest_field=lambda: self._prompt.longest_field(view, ctx),
        )

    def _past(self, view: Any, history: str) -> tuple[Message, ...]:
        said = past_in(vars(view) if isinstance(view, Given) else view, history, self.name, self.place)
        return bounded(said, max_messages=self.max_history_messages, max_tokens=self.max_history_tokens)

    def _reads(self) -> frozenset[str] | None:
        ours, theirs = self._instructions.names, self._prompt.names
        past = frozenset[str]() if self.history is None else {self.history}
        return None if ours is None or theirs is None else ours | theirs | past

    def _view(self, state: BaseModel | Mapping[str, Any] | None, fields: dict[str, Any]) -> Any:
        """What the prompts are filled from. A state without further fields stays what it is."""
        if isinstance(state, BaseModel) and not fields:
            return state
        given: dict[str, Any] = dict(state) if state is not None else {}
        given.update(fields)
        reads = self._reads()
        if reads is None:
            return Given(given)
        missing = sorted(reads - given.keys() - {self.history})
        unknown = sorted(fields.keys() - reads)
        if missing or unknown:
            name = (missing or unknown)[0]
            raise PromptInvalid(
                f"Agent {self.name!r} was not given {name!r}" if missing else f"Agent {self.name!r} reads no {name!r}",
                why=f"Its prompt names {', '.join(sorted(reads)) or 'no fields'}. (S3.5)",
                fix=f"Write run({name}=...)." if missing else unknown_name(name, reads),
                where=(self.place,),
            )
        return given


def _badge(guardrail: Guardrail) -> str:
    return f"guarded: {guardrail.name}"


def _at_least_one(name: str, value: int) -> int:
    if isinstance(value, bool) or value < 1:
        raise ValueError(f"Agent({name}={value!r}) must be at least 1.")
    return value
