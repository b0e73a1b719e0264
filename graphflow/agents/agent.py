"""Agents: instructions, a prompt that names the state's fields, tools, and a typed output. They know nothing of graphs."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, cast, overload

from pydantic import BaseModel
from typing_extensions import TypeVar

from graphflow.agents.alone import AgentResult, run_alone
from graphflow.agents.choosing import choose_model
from graphflow.agents.json_types import JsonType
from graphflow.agents.messages import Settings
from graphflow.agents.model import Model
from graphflow.agents.tools import Tool, ToolBox
from graphflow.agents.turns import Task, converse
from graphflow.core.plan import Retry
from graphflow.errors import ModelError, PromptInvalid, shown, unknown_name
from graphflow.graph.context import Context, Handoff
from graphflow.graph.cutting import cut
from graphflow.graph.places import caller
from graphflow.graph.prompts import Template
from graphflow.graph.worker import WorkerFacts

T = TypeVar("T", default=str)

Text = str | Callable[..., str]
"""Template text, or a function of the view; one that takes two arguments gets the map's item as the second."""

DEFAULT_RETRY = Retry(attempts=3, on=ModelError)
"""Three attempts at model errors that say they are worth it; the next goes on from the call that failed (S11.1)."""

_ABSENT: Any = object()
_LONGEST_PURPOSE = 90  # characters of a line on a drawing


class Agent(Generic[T]):
    """A model with a job: ``Agent("review", "Score the essay.", prompt="{draft}", output=Review)`` is Agent[Review].

    ``instructions`` are the system message and ``prompt`` the user message; both name fields in braces, and only those
    fields are sent. ``output`` is ``str`` or any type pydantic knows; what does not validate is sent back with the
    reason, within ``max_turns`` calls of the model, and never passed on; text is never empty. ``tools`` are typed
    Python functions. ``model`` is a name or a Model, else the run's. ``retry`` is what its node uses unless told
    otherwise, None for one attempt. ``max_input_tokens`` (estimated) is refused before anything is sent.

    Raises PromptInvalid and ToolInvalid at the line that declares it. A node that performs it raises ModelError.

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
        tools: Sequence[Callable[..., Any] | Tool] = ...,
        model: Model | str | None = ...,
        settings: Settings | None = ...,
        max_turns: int = ...,
        max_input_tokens: int | None = ...,
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
        tools: Sequence[Callable[..., Any] | Tool] = ...,
        model: Model | str | None = ...,
        settings: Settings | None = ...,
        max_turns: int = ...,
        max_input_tokens: int | None = ...,
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
        tools: Sequence[Callable[..., Any] | Tool] = ...,
        model: Model | str | None = ...,
        settings: Settings | None = ...,
        max_turns: int = ...,
        max_input_tokens: int | None = ...,
        retry: Retry | None = ...,
    ) -> None: ...

    def __init__(
        self,
        name: str,
        instructions: Text,
        *,
        prompt: Text,
        output: Any = str,
        tools: Sequence[Callable[..., Any] | Tool] = (),
        model: Model | str | None = None,
        settings: Settings | None = None,
        max_turns: int = 10,
        max_input_tokens: int | None = None,
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
        self._instructions = _Text(instructions, "instructions", name)
        self._prompt = _Text(prompt, "prompt", name)
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
            badges=(*((model,) if model else ()), *self.tools.tools),
            retry=self.retry,
            slots=(*self._instructions.slots(), *self._prompt.slots()),
        )

    async def perform(self, view: Any, ctx: Context[Any]) -> T | Handoff:
        """Its valid output for a state, or the handoff it chose. Raises ModelError."""
        return cast("T | Handoff", (await converse(self._task(view, ctx), ctx)).value)

    async def run(
        self,
        state: BaseModel | Mapping[str, Any] | None = None,
        /,
        *,
        model: Model | str | None = None,
        deps: Any = None,
        item: Any = _ABSENT,
        **fields: Any,
    ) -> AgentResult[T]:
        """Run it alone: ``await writer.run(topic="owls", comments=[])``. Same policies as in a graph.

        A state may be given instead of, or besides, its fields. Raises ModelError, and PromptInvalid for a field that
        the prompt names and nobody gave.
        """
        view = self._view(state, fields)
        items = () if item is _ABSENT else (item,)
        context = Context[Any](
            run_id="", cursor=self.name, node=self.name, visit=1, attempt=1, deps=deps,
            item=items[0] if items else None, items=items, model=model,
        )  # fmt: skip
        result = await run_alone(lambda ctx: converse(self._task(view, ctx), ctx), context, self.retry)
        return cast("AgentResult[T]", result)

    def _task(self, view: Any, ctx: Context[Any]) -> Task:
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
        )

    def _reads(self) -> frozenset[str] | None:
        ours, theirs = self._instructions.names(), self._prompt.names()
        return None if ours is None or theirs is None else ours | theirs

    def _view(self, state: BaseModel | Mapping[str, Any] | None, fields: dict[str, Any]) -> Any:
        """What the prompts are filled from. A state without further fields stays what it is."""
        if isinstance(state, BaseModel) and not fields:
            return state
        given: dict[str, Any] = dict(state) if state is not None else {}
        given.update(fields)
        reads = self._reads()
        if reads is None:
            return _Given(given)
        missing = sorted(reads - given.keys())
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


class _Given:
    """The fields given to a run alone, as a function of the view reads them: ``view.topic``."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)


class _Text:
    """Instructions or a prompt: a template, or a function of the view."""

    def __init__(self, given: object, what: str, agent: str) -> None:
        self._template: Template | None = None
        self._function: Callable[..., str] | None = None
        self._takes_item = False
        self._what = f"The {what} of agent {agent!r}"
        if isinstance(given, str):
            self._template = Template(given)
        elif callable(given):
            self._function = cast("Callable[..., str]", given)
            self._takes_item = len(inspect.signature(given).parameters) > 1
        else:
            raise PromptInvalid(
                f"{self._what} is {shown(given)}",
                why="It is text with {fields} in braces, or a function of the view.",
                fix=f'Write {what}="Topic: {{topic}}".',
                where=(caller(),),
            )

    def names(self) -> frozenset[str] | None:
        return None if self._template is None else self._template.names

    def slots(self) -> tuple[tuple[str, ...], ...]:
        return () if self._template is None else tuple(slot.path for slot in self._template.slots)

    def first_line(self) -> str:
        lines = self._template.text.strip().splitlines() if self._template is not None else []
        return cut(lines[0], _LONGEST_PURPOSE) if lines else ""

    def render(self, view: Any, ctx: Context[Any]) -> str:
        items = ctx.items or (() if ctx.item is None else (ctx.item,))
        if self._template is not None:
            text: object = self._template.render(view.__dict__ if isinstance(view, _Given) else view, items)
        else:
            function = cast("Callable[..., str]", self._function)
            text = function(view, items[-1] if items else None) if self._takes_item else function(view)
        if not isinstance(text, str):
            raise PromptInvalid(f"{self._what} gave {shown(text)}", why="A function of the view returns text.")
        return text


def _at_least_one(name: str, value: int) -> int:
    if isinstance(value, bool) or value < 1:
        raise ValueError(f"Agent({name}={value!r}) must be at least 1.")
    return value
