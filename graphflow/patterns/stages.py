"""``stages``: one worker after the other, in an order that the state holds.

The order is a list of names in the state, so each run may have another. It is checked as a whole before the first worker
starts: a name that is no stage costs nothing. One node, ``next stage``, counts and says which one it is; the edges only
read what it said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, overload

from pydantic import BaseModel, Field

from graphflow.core.plan import Limits
from graphflow.core.reducers import append
from graphflow.errors import InputInvalid, Place, unknown_name
from graphflow.flow import Graph
from graphflow.graph.context import Context
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from graphflow.graph.places import at_the_line, caller
from graphflow.patterns.workers import (
    LIMITS,
    Contribution,
    Role,
    Work,
    add_worker,
    contributed_by,
    members_of,
    state_of,
)

S = TypeVar("S", bound=BaseModel)


class Stages(BaseModel):
    """The state of stages: the task and the order go in, the ``work`` of each comes out.

    ``current_stage`` is the index in ``stages`` of the one at work, ``stage`` its name; after the last they are
    ``len(stages)`` and "". A run that is given another ``current_stage`` than 0 begins there.
    """

    task: str = Field(description="What the stages work on")
    stages: list[str] = Field(description="The names of the stages, in order")
    current_stage: int = Field(default=0, ge=0)
    stage: str = ""
    work: Annotated[list[Contribution], append] = []


@overload
def stages(
    *, workers: Sequence[Work] | Mapping[Any, str | Role], name: str = "stages", limits: Limits = LIMITS
) -> Graph[Stages]: ...
@overload
def stages(
    *,
    workers: Sequence[Work] | Mapping[Any, str | Role],
    state: type[S],
    name: str = "stages",
    limits: Limits = LIMITS,
) -> Graph[S]: ...
@at_the_line
def stages(
    *,
    workers: Sequence[Work] | Mapping[Any, str | Role],
    state: type[Any] | None = None,
    name: str = "stages",
    limits: Limits = LIMITS,
) -> Graph[Any]:
    """One worker after the other, in the order that ``stages`` in the state names them.

    - ``workers``: what the stages may be, each known by its name. With a Role it may say where its result goes;
      else it is added to ``work``.
    - ``state``: a state class of yours, with ``stages``, ``current_stage`` and ``stage``; it may extend ``Stages``.
    - ``name``, ``limits``: as for ``Graph``.

    An empty order ends at once. A name that is no worker fails the run with InputInvalid before any worker has started.
    Raises DeclarationError.

    >>> def wash(state: Stages) -> str:
    ...     return "clean"
    >>> def dry(state: Stages) -> str:
    ...     return "dry"
    >>> graph = stages(workers=[wash, dry])
    >>> run = graph.run_sync(Stages(task="a plate", stages=["wash", "dry"]))
    >>> [(one.worker, one.text) for one in run.state.work]
    [('wash', 'clean'), ('dry', 'dry')]
    """
    members = members_of(workers, pattern="stages")
    chosen = state_of(state, Stages, "stages", uses=("stages", "current_stage", "stage"))
    graph: Graph[Any] = Graph(name, chosen, limits=limits, purpose="one after the other, in the order of the state")
    choose = graph.node(
        _chooser([member.name for member in members], caller()),
        name="next stage",
        reads=("stages", "current_stage"),
        writes=("current_stage", "stage"),
        purpose="which one is it?",
    )
    handles = {
        member.name: add_worker(
            graph,
            member.work,
            name=member.name,
            field="work",
            kept=contributed_by(member.name),
            writes=member.role.writes,
        )
        for member in members
    }
    graph.edge(START, choose)
    graph.switch(choose, fields(chosen).stage, handles, otherwise=END)
    for handle in handles.values():
        graph.edge(handle, choose, at_most="unbounded")  # as often as the list is long
    return graph


def _chooser(names: Sequence[str], place: Place) -> Callable[..., tuple[int, str]]:
    """What ``next stage`` does. Counting is its own step, so choosing an edge changes nothing (S5.1)."""

    def choose(state: Any, ctx: Context) -> tuple[int, str]:
        order: list[str] = state.stages
        for index, one in enumerate(order):
            if one not in names:
                raise InputInvalid(
                    f"There is no stage {one!r}",
                    why=f"stages[{index}] names it, and the workers are {', '.join(names)}. It is looked at before any of them starts.",
                    fix=unknown_name(one, names),
                    where=(place,),
                )
        current: int = state.current_stage
        if ctx.visit > 1:  # it comes from the stage that was at work
            current += 1
        if not 0 <= current <= len(order):
            raise InputInvalid(
                f"There is no stage number {current}",
                why=f"current_stage is an index of stages, which holds {len(order)}.",
                fix=f"Give one from 0 to {len(order)}.",
                where=(place,),
            )
        return current, order[current] if current < len(order) else ""

    return choose
