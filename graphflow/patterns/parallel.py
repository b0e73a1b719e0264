"""``parallel``: several workers on the same input at the same time; what each found is gathered.

Outputs stand in the order in which the workers are declared, whoever came first (S6.4). A worker that fails, or takes too
long, is named in ``failed`` and takes nobody with it. It takes as long as the slowest, not as all together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, overload

from pydantic import BaseModel, Field

from graphflow.core.plan import Limits
from graphflow.core.reducers import append
from graphflow.flow import Graph
from graphflow.graph.context import Context
from graphflow.graph.ends import END, START
from graphflow.graph.needs import best_effort
from graphflow.graph.options import check_count
from graphflow.graph.places import at_the_line, caller
from graphflow.patterns.workers import (
    LIMITS,
    Contribution,
    Role,
    Work,
    add_worker,
    contributed_by,
    members_of,
    name_of_work,
    state_of,
)

S = TypeVar("S", bound=BaseModel)

TIMEOUT_S = 600.0
"""Seconds after which a worker that still runs has failed, unless told otherwise: nothing hangs."""


class Failure(BaseModel):
    """A worker that gave nothing. ``error`` is the name of the error's class: its text may hold what prompts must not."""

    worker: str
    error: str
    attempts: int = 1


class Parallel(BaseModel):
    """The state of parallel work: the task goes in, ``outputs`` come out in the order of the workers.

    ``failed`` names those that gave nothing, ``answer`` is what the join made of the outputs, if there is one.
    """

    task: str = Field(description="What all of them work on")
    outputs: Annotated[list[Contribution], append] = []
    failed: list[Failure] = []
    answer: str = ""


@overload
def parallel(
    *,
    workers: Sequence[Work] | Mapping[Any, str | Role],
    join: Work | None = None,
    at_least: int = 1,
    timeout_s: float = TIMEOUT_S,
    at_once: int | None = None,
    name: str = "parallel",
    limits: Limits = LIMITS,
) -> Graph[Parallel]: ...
@overload
def parallel(
    *,
    workers: Sequence[Work] | Mapping[Any, str | Role],
    state: type[S],
    join: Work | None = None,
    at_least: int = 1,
    timeout_s: float = TIMEOUT_S,
    at_once: int | None = None,
    name: str = "parallel",
    limits: Limits = LIMITS,
) -> Graph[S]: ...
@at_the_line
def parallel(
    *,
    workers: Sequence[Work] | Mapping[Any, str | Role],
    state: type[Any] | None = None,
    join: Work | None = None,
    at_least: int = 1,
    timeout_s: float = TIMEOUT_S,
    at_once: int | None = None,
    name: str = "parallel",
    limits: Limits = LIMITS,
) -> Graph[Any]:
    """Several workers on the same input at the same time; their outputs are gathered, and perhaps joined into one.

    - ``workers``: what works side by side. All see the same input and none sees another's output. With a Role one may
      say where its result goes; else it is added to ``outputs``.
    - ``join``: what makes one ``answer`` of the outputs; it may read ``failed``, too.
    - ``at_least``: how many have to succeed, else the run fails with JoinFailed and the join is not asked. 0 is legal.
    - ``timeout_s``: seconds after which a worker has failed.
    - ``at_once``: how many run at a time.
    - ``state``: a state class of yours, with ``failed``; it may extend ``Parallel``.
    - ``name``, ``limits``: as for ``Graph``.

    Raises DeclarationError.

    >>> def count(state: Parallel) -> str:
    ...     return f"{len(state.task)} letters"
    >>> def shout(state: Parallel) -> str:
    ...     raise ConnectionError("no voice")
    >>> run = parallel(workers=[count, shout]).run_sync(Parallel(task="owls"))
    >>> run.state.outputs, run.state.failed
    ([Contribution(worker='count', text='4 letters')], [Failure(worker='shout', error='ConnectionError', attempts=1)])
    """
    members = members_of(workers, pattern="parallel")
    check_count("at_least", at_least, caller(), least=0)
    chosen = state_of(state, Parallel, "parallel", uses=("failed",))
    graph: Graph[Any] = Graph(name, chosen, limits=limits, purpose="side by side on the same input")
    handles = [
        add_worker(
            graph,
            member.work,
            name=member.name,
            field="outputs",
            kept=contributed_by(member.name),
            writes=member.role.writes,
            timeout_s=timeout_s,
        )
        for member in members
    ]
    gather = graph.node(
        _gatherer([member.name for member in members]),
        name="gather",
        writes="failed",
        purpose="names those that failed",
    )
    graph.fork(START, handles, join=gather, need=best_effort(at_least=min(at_least, len(handles))), at_once=at_once)
    if join is None:
        graph.edge(gather, END)
    else:
        graph.chain(gather, add_worker(graph, join, name=name_of_work(join, "join"), field="answer"), END)
    return graph


def _gatherer(names: Sequence[str]) -> Callable[..., list[Failure]]:
    def gather(ctx: Context) -> list[Failure]:
        return [
            Failure(worker=names[branch.index], error=_kind_of(branch.error, branch.status), attempts=branch.attempts)
            for branch in ctx.branches
            if branch.status != "done"
        ]

    return gather


def _kind_of(error: Exception | None, status: str) -> str:
    return status if error is None else str(getattr(error, "type", type(error).__name__))
