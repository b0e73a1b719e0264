"""``explore``: every way a graph can go, within bounds, on the real machine.

Agents and people give one answer per region of the conditions that can see it, functions are called for real, branches
finish in every order that matters, timers strike, and failures happen where the graph declares to deal with them. Runs
that stand alike (``control``) are one. What is so for all standings is *proved* where nothing was left out, and else
*explored*: the result says which, and why.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from graphflow.core.machine import Machine
from graphflow.core.plan import Node, Plan
from graphflow.errors import shown
from graphflow.errors.testing import ExploringInvalid, PropertyInvalid
from graphflow.graph.declaration import Declaration
from graphflow.graph.shapes import fields_of
from graphflow.testing.calling import told_at_the_call
from graphflow.testing.exploring.answering import Answering
from graphflow.testing.exploring.control import Control, watched
from graphflow.testing.exploring.exploration import Exploration, edge_names
from graphflow.testing.exploring.given import Asked, given_answers
from graphflow.testing.exploring.looking import looks_of
from graphflow.testing.exploring.ordering import Ordering
from graphflow.testing.exploring.searching import Bounds, Search
from graphflow.testing.exploring.starting import Starts, starts_of
from graphflow.testing.exploring.surveying import Survey
from graphflow.testing.playing.still import apart
from graphflow.testing.properties import Bound, Property
from graphflow.testing.proving.prove import plan_of


@told_at_the_call
def explore(
    graph: Declaration[Any],
    *,
    start: Any = None,
    agents: Mapping[Any, Any] | None = None,
    properties: Sequence[Property] = (),
    failures: bool = True,
    deps: Any = None,
    max_states: int = 20_000,
    max_depth: int = 2_000,
    max_seconds: float = 30.0,
    every_order: bool = False,
) -> Exploration:
    """Try everything that can happen in a graph, and say what can go wrong, shortest run first.

    ``start`` is a state to start from, a list of them, or some fields of it. What is not given starts as declared, but for
    fields that have no default, or that no node writes and something looks at: these have one value per region, and a few
    where functions look. ``agents`` says what some nodes answer, as in ``verify``. ``failures=False`` leaves failures out.
    The search stops after ``max_states``, at ``max_depth`` moves from the start, or after ``max_seconds``; then nothing is
    proved. ``every_order=True`` tries every order in which branches can finish, also where it cannot matter (S15.4).

    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Graph, fields
    >>> class Count(BaseModel):
    ...     n: int = 0
    >>> count = fields(Count)
    >>> graph = Graph("count", Count)
    >>> @graph.node(writes=count.n)
    ... def up(state: Count) -> int:
    ...     return state.n + 1
    >>> graph.edge(START, up)
    >>> graph.edge(up, END, when=count.n >= 3)
    >>> graph.edge(up, up, when=count.n < 3, at_most="unbounded")
    >>> found = explore(graph)
    >>> found.is_proved, found.terminates, len(found.covering_runs())
    (True, True, 1)

    Raises GraphError for a graph with errors in names, AnswersInvalid for ``agents=`` of unknown nodes, ExploringInvalid
    for bounds that are none, NothingGenerated where no start state or answer could be made up.
    """
    plan = plan_of(graph, "explore")
    _check_bounds(max_states, max_depth, max_seconds)
    bound = [_bound(one, plan) for one in properties]
    claims = [guard for one in bound for guard in (one.claim, one.then) if guard is not None]
    plans = Machine(plan).plans()
    given = given_answers(plans, agents)
    looks = {id(node): looks_of(node.work, node.arguments) for one in plans for node in one.nodes if _can_run(node)}
    run = looks.keys() - given.keys()
    looks |= {key: looks_of(said.function, ("state",)) for key, said in given.items() if isinstance(said, Asked)}
    control = Control(
        plans,
        {key: one for key, one in looks.items() if key in run or isinstance(given.get(key), Asked)},
        watched(plan, claims),
    )
    answering = Answering(plans, given, claims, failures, control.fields, control.seen_by_functions())
    seen = control.seen_by_functions()[id(plan)] | {
        edge.over.field or "" for edge in plan.edges if edge.over is not None
    }
    starts = starts_of(plan, start, claims, control.fields[id(plan)], seen, given)
    bounds = Bounds(max_states, max_depth, max_seconds)
    ordering = Ordering(plans, not every_order)
    search = Search(plan, starts.states, answering, control, ordering, frozenset(run), bounds, bound, deps)
    began = time.monotonic()
    apart(search.run)  # functions are awaited on a loop of their own
    survey = Survey(search, edge_names(plans), search.run_for_real - search.made_up, graph)
    _note_what_was_tried(search, starts)
    return Exploration(plan, survey, tuple(bound), time.monotonic() - began, starts.words)


def _can_run(node: Node) -> bool:
    return node.kind == "function" and node.call is not None


def _bound(one: object, plan: Plan) -> Bound:
    if isinstance(one, Property):
        return one.on(plan)
    raise PropertyInvalid(
        f"properties= was given {shown(one)}, which is no property",
        why="A property is never(...), always(...), eventually(...), sometimes(...) or leads_to(...).",
        fix="Write properties=[never(fields(State).score > 10)].",
    )


def _check_bounds(states: object, depth: object, seconds: object) -> None:
    for name, value in (("max_states", states), ("max_depth", depth), ("max_seconds", seconds)):
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise ExploringInvalid(
                f"{name}= cannot be {shown(value)}",
                why="It bounds the search: a number above 0.",
                fix=f"Leave it out, or write {name}=1000.",
            )


def _note_what_was_tried(search: Search, starts: Starts) -> None:
    """A function may tell apart more values of a field than were tried, and a list may be longer."""
    control, answering = search.control, search.answering
    answering.notes |= dict.fromkeys(starts.notes)
    for one in control.plans:
        written = {
            name
            for node in one.nodes
            if node.kind in ("agent", "ask") or (node.kind == "function" and id(node) not in search.run_for_real)
            for name in (node.writes.declared or one.schema.fields)
        }
        for edge in one.edges:
            if edge.over is not None and (edge.over.field is None or edge.over.field in written):
                answering.notes[f"maps over {edge.over.label} were tried with few items only"] = None
        for node in one.nodes:
            for name in control.read_by(node):
                if name in written and not fields_of(one.state)[name].choices:
                    answering.notes[f"{node.name!r} looks at {name}, of which not every value was tried"] = None
