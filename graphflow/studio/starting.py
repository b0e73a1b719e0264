"""What a new run begins with, as forms: a graph's first state, or the state at a step of an earlier run."""

from __future__ import annotations

from typing import Any

from graphflow.core.tokens import masked
from graphflow.errors import DrawingError, StudioRefused, TargetNotFound, unknown_name
from graphflow.flow import Graph
from graphflow.service.spots import spot_of
from graphflow.service.stored_runs import stored_run
from graphflow.service.targets import Target
from graphflow.studio.addresses import number_of
from graphflow.studio.desk import Desk
from graphflow.studio.forms import change_form, start_form
from graphflow.studio.stage import picture_of
from graphflow.views.extraction import extract


def graph_named(desk: Desk, name: str) -> Target:
    """A graph that the studio was started with. Raises TargetNotFound, also where several have the name."""
    names = [target.graph.name for target in desk.targets]
    found = [target for target in desk.targets if target.graph.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(f"{target.text} ({target.name})" for target in found)
        raise TargetNotFound(
            f"The studio was started with {len(found)} graphs named {name[:80]!r}",
            why=f"They are: {places}. Which one is meant cannot be told.",
            fix="Start it with one of them, as FILE:NAME, or give them names of their own.",
        )
    raise TargetNotFound(
        f"The studio was not started with a graph {name[:80]!r}",
        why=f"Its graphs are: {', '.join(names)}." if names else "It was started with none, to look at runs.",
        fix=unknown_name(name, names) if names else "Start it with the graph's file: graphflow studio graphs/essay.py",
    )


def start_form_of(graph: Graph[Any]) -> dict[str, Any]:
    """The form for a run of a graph, and the graph drawn, where something here draws."""
    plan = graph.plan()
    try:
        svg: str | None = picture_of(extract(plan))
    except DrawingError:
        svg = None
    return {"form": start_form(plan), "svg": svg, "purpose": plan.purpose}


def change_form_at(desk: Desk, run_id: str, seq: str) -> dict[str, Any]:
    """The state after an entry of a run, with the form that changes it, and which nodes go on from there."""
    earlier = stored_run(desk.store, run_id)
    moment = earlier.at(number_of(seq, "The step", 0))
    if moment.status in ("done", "cancelled"):
        raise StudioRefused(
            f"Run {run_id!r} had ended at entry {moment.seq}",
            code="GF548",
            status=409,
            why="There is nothing left to run from there. (S15.3)",
            fix="Choose an earlier step.",
        )
    plan = moment.plan
    hidden = {name for name, spec in plan.schema.fields.items() if spec.is_secret}
    state = masked(plan.schema.dump_state(dict(moment.state.__dict__)))
    return {
        "state": {name: value for name, value in state.items() if name not in hidden},
        "form": change_form(plan),
        "from": list(dict.fromkeys(str(spot_of(cursor)) for cursor in moment.frontier)),
    }
