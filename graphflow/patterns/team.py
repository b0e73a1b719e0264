"""``team``: a coordinator hands the work to one specialist after the other until it is done.

Control always comes back to the coordinator. It chooses among those whose condition holds, and cannot choose itself,
two at once, or the end before the work is done (S9); how often it may choose at all is one count for the team.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, cast, overload

from pydantic import BaseModel, Field

from graphflow.core.plan import Limit, Limits
from graphflow.core.reducers import append
from graphflow.errors import HandoffInvalid
from graphflow.flow import Graph
from graphflow.graph.connecting import Condition
from graphflow.graph.ends import END, FAIL, START
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


UNDONE = "nobody could be chosen any more, and the work is not done"


class Closing(BaseModel):
    """What the coordinator says when the work is done."""

    answer: str = Field(default="", description="The team's answer to the task, from what the specialists contributed")


class Team(BaseModel):
    """The state of a team: the task goes in; what each specialist contributed and the ``answer`` come out."""

    task: str = Field(description="What the team is to do")
    work: Annotated[list[Contribution], append] = []
    answer: str = ""


@overload
def team(
    coordinator: Work,
    *,
    workers: Mapping[Any, str | Role],
    rounds: int = 10,
    until: Condition[Team] | None = None,
    name: str = "team",
    limits: Limits = LIMITS,
) -> Graph[Team]: ...
@overload
def team(
    coordinator: Work,
    *,
    workers: Mapping[Any, str | Role],
    state: type[S],
    rounds: int = 10,
    until: Condition[S] | None = None,
    name: str = "team",
    limits: Limits = LIMITS,
) -> Graph[S]: ...
@at_the_line
def team(
    coordinator: Work,
    *,
    workers: Mapping[Any, str | Role],
    state: type[Any] | None = None,
    rounds: int = 10,
    until: Condition[Any] | None = None,
    name: str = "team",
    limits: Limits = LIMITS,
) -> Graph[Any]:
    """A coordinator hands the work to one specialist after the other, and ends it when it is done.

    - ``coordinator``: an agent, to which the specialists are offered as handoffs; or a function that returns
      ``Handoff("writer")``, at the end ``Handoff("END")``.
    - ``workers``: {worker: description}, or a Role with the condition under which it is offered and where its result
      goes; else it is added to ``work``.
    - ``rounds``: how often the coordinator may hand over. If the work is not done then, the run fails, its state kept.
    - ``until``: a condition of the state without which the coordinator cannot end; without it, it may end at any time.
    - ``state``: a state class of yours; it may extend ``Team``. If it has an ``answer``, ending may carry it.
    - ``name``, ``limits``: as for ``Graph``.

    Raises DeclarationError.

    >>> from graphflow import Handoff
    >>> def lead(state: Team) -> Handoff:
    ...     return Handoff("END", data=Closing(answer="Owls.")) if state.work else Handoff("look")
    >>> def look(state: Team) -> str:
    ...     return "An owl."
    >>> run = team(lead, workers={look: "Looks"}).run_sync(Team(task="Who hunts at night?"))
    >>> run.path, run.state.answer
    (('lead:1', 'look:1', 'lead:2'), 'Owls.')
    """
    members = members_of(workers, pattern="team", are_described=True)
    check_count("rounds", rounds, caller(), least=0)
    chosen = state_of(state, Team, "team", uses=())
    graph: Graph[Any] = Graph(name, chosen, limits=limits, purpose="a coordinator and its specialists")
    lead = graph.node(cast("Callable[..., Any]", coordinator), name=name_of_work(coordinator, "coordinator"))
    handles = [
        add_worker(
            graph,
            member.work,
            name=member.name,
            field="work",
            kept=contributed_by(member.name),
            writes=member.role.writes,
        )
        for member in members
    ]
    graph.edge(START, lead)
    left = Limit(rounds)
    for member, handle in zip(members, handles, strict=True):
        graph.handoff(lead, handle, member.role.description, when=member.role.when, at_most=left)
        graph.edge(handle, lead)
    has_answer = "answer" in chosen.model_fields
    graph.handoff(
        lead,
        END,
        "The work is done: end it",
        when=until,
        takes=Closing if has_answer else None,
        writes={"answer": "answer"} if has_answer else None,
    )
    if until is not None:
        graph.edge(lead, FAIL(UNDONE), on_error=HandoffInvalid)
    return graph
