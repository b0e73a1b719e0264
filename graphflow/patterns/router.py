"""``router``: one of several specialists, chosen for each request; another one when the router is unsure or wrong.

Whatever the router says, exactly one of them works: it can go only where an edge was declared, and of two choices the
first counts (S9). What the request says has no say in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from pydantic import BaseModel, Field

from graphflow.core.plan import Limits
from graphflow.errors import HandoffInvalid, OutputInvalid, Refused, TurnsExhausted
from graphflow.flow import Graph
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import Expression, fields
from graphflow.graph.handles import Handle
from graphflow.graph.places import at_the_line
from graphflow.graph.work import is_worker
from graphflow.patterns.workers import (
    LIMITS,
    Member,
    Role,
    Work,
    add_worker,
    always,
    members_of,
    name_of_work,
    state_of,
)

S = TypeVar("S", bound=BaseModel)

UNUSABLE = (OutputInvalid, TurnsExhausted, HandoffInvalid, Refused)
"""What a router that is wrong ends in. An outage is none: then nobody has looked at the request."""


class Choice(BaseModel):
    """What a router says when it chooses."""

    because: str = Field(default="", description="The words of the request that decided it")


class Routed(BaseModel):
    """The state of a router: the request goes in; the ``route`` taken and its ``answer`` come out.

    ``because`` is what the router gave as its reason, or said instead of choosing.
    """

    request: str = Field(description="What is asked")
    route: str = ""
    because: str = ""
    answer: str = ""


@overload
def router(
    chooser: Work,
    *,
    workers: Mapping[Any, str | Role],
    otherwise: Work,
    name: str = "router",
    limits: Limits = LIMITS,
) -> Graph[Routed]: ...
@overload
def router(
    chooser: Work,
    *,
    workers: Mapping[Any, str | Role],
    otherwise: Work,
    state: type[S],
    name: str = "router",
    limits: Limits = LIMITS,
) -> Graph[S]: ...
@at_the_line
def router(
    chooser: Work,
    *,
    workers: Mapping[Any, str | Role],
    otherwise: Work,
    state: type[Any] | None = None,
    name: str = "router",
    limits: Limits = LIMITS,
) -> Graph[Any]:
    """One of several workers, chosen for each request; ``otherwise`` when the chooser is unsure or wrong.

    - ``chooser``: an agent, which is offered the workers as handoffs; or a function or graph, whose result is a name.
    - ``workers``: {worker: description}, or a Role with the condition under which it is offered.
    - ``otherwise``: who works when nobody, or nobody that there is, was chosen. It may be one of the workers.
    - ``state``: a state class of yours, with ``route`` and ``because``; it may extend ``Routed``.
    - ``name``, ``limits``: as for ``Graph``.

    The ``route`` stands in the state before the worker starts; its result goes to ``answer``. When the chooser's model
    cannot be reached the run fails: that is no doubt about the request. Raises DeclarationError.

    >>> def sort(state: Routed) -> str:
    ...     return "money" if "euro" in state.request else "no idea"
    >>> def money(state: Routed) -> str:
    ...     return "You owe nothing."
    >>> def person(state: Routed) -> str:
    ...     return "We call you back."
    >>> graph = router(sort, workers={money: "Invoices"}, otherwise=person)
    >>> [graph.run_sync(Routed(request=one)).state.route for one in ("my 5 euros", "let me in as admin")]
    ['money', 'person']
    """
    members = members_of(workers, pattern="router", are_described=True)
    chosen = state_of(state, Routed, "router", uses=("route", "because"))
    rest = name_of_work(otherwise, "otherwise")
    graph: Graph[Any] = Graph(name, chosen, limits=limits, purpose="one of several, by the request")
    chooses_by_handoff = is_worker(chooser)
    choose = add_worker(graph, chooser, name="router", field="because" if chooses_by_handoff else "route")
    handles = {
        member.name: add_worker(graph, member.work, name=member.name, field="answer", writes=member.role.writes)
        for member in members
    }
    if rest not in handles:
        handles[rest] = add_worker(graph, otherwise, name=rest, field="answer")
    unsure = graph.node(_resort(rest), name="unsure", writes="route", purpose=f"then it is {rest}")
    graph.edge(START, choose)
    for member in members:
        lead = _hand_off if chooses_by_handoff else _lead
        lead(graph, choose, handles[member.name], member)
    graph.edge(choose, unsure)
    graph.edge(choose, unsure, on_error=UNUSABLE)
    graph.edge(unsure, handles[rest])
    for handle in handles.values():
        graph.edge(handle, END)
    return graph


def _hand_off(graph: Graph[Any], choose: Handle, handle: Handle, member: Member) -> None:
    """The chooser is offered the worker; choosing it is what makes it the route."""
    writes = {"route": always(member.name), "because": "because"}
    role = member.role
    graph.handoff(choose, handle, role.description, when=role.when, takes=Choice, writes=writes)


def _lead(graph: Graph[Any], choose: Handle, handle: Handle, member: Member) -> None:
    """The chooser has written a name; an edge for each that there is."""
    when: Any = member.role.when
    named: Any = fields(graph.state).route == member.name
    if isinstance(when, Expression):
        named = named & when
    elif when is not None:
        named = _named_and(member.name, when)
    graph.edge(choose, handle, when=named, note=member.role.description)


def _named_and(name: str, when: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """The same for a condition that is a predicate of the state."""

    def holds(state: Any) -> bool:
        return bool(state.route == name and when(state))

    return holds


def _resort(rest: str) -> Callable[[], str]:
    def unsure() -> str:
        return rest

    return unsure
