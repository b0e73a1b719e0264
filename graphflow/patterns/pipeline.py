"""B1: steps in a row, each reading what its prompt names and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field
from typing_extensions import TypeVar

from graphflow.core.plan import Limits
from graphflow.flow import Graph
from graphflow.graph.ends import END, START
from graphflow.graph.places import at_the_line
from graphflow.patterns.asking import refuse_conditions
from graphflow.patterns.workers import LIMITS, Role, Work, add_worker, as_text, members_of, state_of


class Pipeline(BaseModel):
    """The state of a pipeline: ``task`` and ``text`` go in; each step replaces ``result``, the last one leaves it."""

    task: str = Field(description="What is wanted")
    text: str = Field(description="What it is to be made of")
    result: str = Field(default="", description="What the step before has made")


S = TypeVar("S", bound=BaseModel, default=Pipeline)


@at_the_line
def pipeline(
    *,
    workers: Sequence[Work] | Mapping[Any, str | Role],
    state: type[S] | None = None,
    name: str = "pipeline",
    limits: Limits = LIMITS,
) -> Graph[S]:
    """``workers`` one after the other: research, analysis, writing.

    A step sees only the fields that its prompt names, so the raw text stays with the step that reads it. Its result goes
    into ``result``, or with a ``state`` of your own where its Role says:

        patterns.pipeline(workers=[researcher, analyst, writer])
        patterns.pipeline(workers={researcher: Role(writes=paper.facts), writer: Role(writes=paper.answer)}, state=Paper)

    An output that does not validate goes back to its agent with the reason, and never on to the next step.

    Raises DeclarationError at your line.

    >>> def shout(state: Pipeline) -> str:
    ...     return state.text.upper()
    >>> def quote(state: Pipeline) -> str:
    ...     return f"'{state.result}'"
    >>> pipeline(workers=[shout, quote]).run_sync(Pipeline(task="shout", text="owls")).state.result
    "'OWLS'"
    """
    members = members_of(workers, pattern="pipeline")
    refuse_conditions(members, "pipeline")
    graph: Graph[S] = Graph(
        name, state_of(state, Pipeline, "pipeline", uses=()), limits=limits, purpose="one step after the other"
    )
    nodes = [
        add_worker(graph, one.work, name=one.name, field="result", kept=as_text, writes=one.role.writes)
        for one in members
    ]
    graph.chain(START, *nodes, END)
    return graph
