"""What a planner, a supervisor and a judge are asked for: types that only allow what can be done next.

An answer that names a worker that is not there, or the seventh of five candidates, so goes back to the model with the
reason, before anything was built on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeGuard, cast

from graphflow.agents.agent import Agent
from graphflow.errors import shown
from graphflow.graph.context import Context
from graphflow.graph.mistakes import mistake
from graphflow.graph.options import check_count
from graphflow.graph.places import caller
from graphflow.graph.work import is_worker
from graphflow.graph.worker import WorkerFacts
from graphflow.patterns.workers import Member


class Asked:
    """An agent whose output depends on what it sees: ``output(view)`` is the type it is asked for.

    ``usual`` is the type as graphs know it. What ``output`` looks at is in the agent's own prompt.
    """

    def __init__(self, agent: Agent[Any], output: Callable[[Any], Any], *, usual: Any) -> None:
        self._agent = agent
        self._output = output
        self._facts = agent.giving(usual).facts()

    @property
    def name(self) -> str:
        """The agent's own name."""
        return self._agent.name

    def __repr__(self) -> str:
        return repr(self._agent)

    def facts(self) -> WorkerFacts:
        """Those of the agent, with the usual output."""
        return self._facts

    async def perform(self, view: Any, ctx: Context[Any]) -> Any:
        """Its output for a view. Raises ModelError."""
        return await self._agent.giving(self._output(view)).perform(view, ctx)


def is_agent(worker: object) -> TypeGuard[Agent[Any]]:
    """Whether it is an agent, which can be asked for another output."""
    return isinstance(worker, Agent)


def one_of(names: Sequence[object]) -> Any:
    """The type of a value that is one of these."""
    return Literal[tuple(names)]  # what type checkers cannot know, a model is told


def described(members: Sequence[Member]) -> str:
    """The workers as one who chooses among them is told of them, in the schema of the answer."""
    told = [(member.name, member.role.description or _purpose(member.work)) for member in members]
    return "; ".join(f"{name}: {purpose.rstrip('.')}" if purpose else name for name, purpose in told)


def refuse_conditions(members: Sequence[Member], pattern: str) -> None:
    """Whoever is named works: a condition of a Role would be passed over. Raises DeclarationError."""
    found = next((member for member in members if member.role.when is not None), None)
    if found is not None:
        raise mistake(
            "GF137",
            f"The Role of {found.name!r} has a condition, which patterns.{pattern} does not ask",
            "Who works here is said by the plan, the supervisor or the order of the workers.",
            "Leave when= out; in patterns.team a worker is offered only while its condition holds.",
        )


def refuse_tools(worker: object, option: str) -> None:
    """One that decides who works has no tools to work with (R5). Raises DeclarationError."""
    if is_agent(worker) and worker.tools.tools:
        raise mistake(
            "GF137",
            f"The {option} {worker.name!r} has tools of its own: {', '.join(worker.tools.tools)}",
            "It decides who works and merges what they found. What a worker does can be seen, limited and retried as a step.",
            "Give the tools to a worker.",
        )


def must_read(worker: object, option: str, *names: str) -> None:
    """An agent that works without what it is to work on works blindly: one of these fields is in its prompt.

    Functions may read anything. Raises DeclarationError.
    """
    reads = worker.facts().reads if is_agent(worker) else None
    if is_agent(worker) and reads is not None and not reads & set(names):
        raise mistake(
            "GF137",
            f"The {option} {worker.name!r} does not read {' or '.join(names)}",
            f"An agent sees only what its prompt names, and this one names {', '.join(sorted(reads)) or 'nothing'}. (S3.5)",
            f"Write {{{names[0]}:8000}} into its prompt.",
        )


def agent_or_function(worker: object, option: str) -> Any:
    """One that is asked for a decision: an agent, or a function that returns it. Raises DeclarationError."""
    if is_agent(worker) or (callable(worker) and not isinstance(worker, type) and not is_worker(worker)):
        return cast("Any", worker)
    raise mistake(
        "GF137",
        f"{option}={shown(worker)} cannot be asked for a decision",
        "What it answers is made to fit the workers and candidates that there are.",
        "Give an Agent, or a function that returns the decision.",
    )


def count(name: str, value: object, *, least: int) -> int:
    """A whole number of at least ``least``. Raises DeclarationError."""
    return check_count(name, value, caller(), least=least)


def _purpose(work: Any) -> str:
    """What a worker says of itself in one line."""
    if is_worker(work):
        return work.facts().purpose
    return next(iter((getattr(work, "__doc__", None) or "").strip().splitlines()), "")
