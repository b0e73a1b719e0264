"""A graph as a tool: what a model gives is its start state, what it gets is a field of the end state, or all (S12.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from pydantic import BaseModel

from graphflow.agents.delegates import ToolOptions, delegate_tool, parameter_of
from graphflow.agents.reached import agents_in
from graphflow.agents.tools import Tool
from graphflow.core.plan import Plan
from graphflow.errors import Place, ToolInvalid
from graphflow.graph.context import Context
from graphflow.graph.drafts import Parts
from graphflow.graph.expressions import field_name
from graphflow.runtime.nested import run_inside


def graph_tool(
    name: str,
    purpose: str,
    state: type[BaseModel],
    plan: Callable[[], Plan],
    takes: object,
    gives: object,
    options: ToolOptions,
    place: Place,
) -> Tool:
    """The tool. ``plan`` gives the plan once the graph is whole: it may call itself. Raises ToolInvalid."""
    taken = _taken(name, state, takes, place)
    given = None if gives is None else field_name(gives, state, place)

    async def perform(arguments: dict[str, Any], ctx: Context[Any]) -> Any:
        current = plan()
        end = await run_inside(current, arguments, ctx, place)
        return current.schema.snapshot(end) if given is None else end[given]

    parameters = {field: parameter_of(state, field) for field in taken}
    said = purpose or f"Runs {name}."
    return delegate_tool(
        name, said, parameters, perform, options, place, prepare=plan, agents=lambda: agents_in(plan())
    )


def refuse_questions(parts: Parts, place: Place) -> None:
    """Raises ToolInvalid if the graph, or one within it, asks (S10.1).

    Of what is done under a call the run keeps the records, not the steps. So nobody could tell an open question's type and
    time without running up to it again; the approval of a call is a record, and so can be waited for (S10.4).
    """
    for inner in parts.all():
        for node in inner.nodes:
            if node.kind == "ask":
                of = "" if inner is parts else f" of its sub-graph {inner.name!r}"
                raise ToolInvalid(
                    f"Graph {parts.name!r} cannot be called as a tool: node {node.name!r}{of} asks a question",
                    why="A question may stay open for days, and of a call the run keeps the records, not where it stands. (S10.1, S12.2)",
                    fix=f"Make {parts.name!r} a node of the outer graph, or ask there, before or after the agent.",
                    where=(place,) if node.place is None else (place, node.place),
                )


def _taken(name: str, state: type[BaseModel], takes: object, place: Place) -> tuple[str, ...]:
    """The fields that the model gives."""
    required = [field for field, info in state.model_fields.items() if info.is_required()]
    if takes is None:
        if not required:
            raise ToolInvalid(
                f"It is not clear what graph {name!r} takes as a tool: every field of {state.__name__} has a default",
                why="Unless told, a tool takes the fields that a start state must have. (S12.2)",
                fix=f"Name them: as_tool(takes=({next(iter(state.model_fields), '')!r},)), or takes=() for none.",
                where=(place,),
            )
        return tuple(required)
    listed = cast("Sequence[object]", takes) if isinstance(takes, tuple | list) else (takes,)
    taken = tuple(field_name(field, state, place) for field in listed)
    missing = [field for field in required if field not in taken]
    if missing:
        raise ToolInvalid(
            f"Graph {name!r} cannot start from what it takes as a tool: {missing[0]!r} is missing",
            why=f"{state.__name__}.{missing[0]} has no default. (S12.2)",
            fix=f"Add it: as_tool(takes=({', '.join(map(repr, (*taken, *missing)))},)), or give the field a default.",
            where=(place,),
        )
    return taken
