"""A route as the line that plays it again, seen to come to the same before it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphflow.errors import GraphflowError
from graphflow.testing import faults
from graphflow.testing.exploring.routes import Route
from graphflow.testing.playing.naming import plan_and_name
from graphflow.testing.playing.play import Move, Play
from graphflow.testing.playing.replaying import factory_of, replay, rewalk
from graphflow.testing.playing.snippets import Step, Unwritable, snippet, step_of
from graphflow.testing.values.answers import Cast
from graphflow.testing.values.chosen import Constant
from graphflow.testing.walking.walk import Setting


def call_of(route: Route) -> tuple[str, dict[str, Any]]:
    """``replay(...)`` as text and the names it uses; empty where it cannot be written, or comes to something else."""
    if route.graph is None or route.start is None:
        return "", {}
    plan, name = plan_and_name(route.graph)
    deps = "" if route.deps is None else getattr(route.deps, "__qualname__", "deps")
    claims = (route.claim, None) if route.claim is not None else (None,)
    for claim in claims:  # a property that is a plain predicate cannot be written: then the run alone
        try:
            text, names = snippet(plan, name, route.start, _steps_of(route), claim, None, deps)
            break
        except (Unwritable, GraphflowError):
            continue
    else:
        return "", {}
    names |= {name: route.graph, **({deps: route.deps} if deps else {})}
    if not _comes_to_the_same(route, text, names):
        return "", {}
    return text, {**names, "replay": replay}


def _steps_of(route: Route) -> list[Step]:
    play = Play(route.plan, route.start, deps=route.deps, keeps_journal=False)
    steps: list[Step] = []
    for step in route.steps:
        options = play.open()
        steps.append(step_of(step.move, options, not step.is_said and not _is_made_up(play, step.move)))
        play.make(step.move)
    return steps


def _is_made_up(play: Play, move: Move) -> bool:
    """Whether a function failed because the explorer said so, and not by itself."""
    if move.kind != "fail":
        return False
    option = next((one for one in play.open() if one.kind == "node" and one.cursor == move.cursor), None)
    return option is None or type(play.perform(option).value) is not type(move.value)


def _comes_to_the_same(route: Route, text: str, names: dict[str, Any]) -> bool:
    seen: list[Play] = []

    def again(graph: Any, *, start: Any, steps: Sequence[Any], properties: Any = (), deps: Any = None) -> None:
        plan = route.plan
        setting = Setting(plan, Cast(plan, None), Constant(start), faults.none, None, factory_of(deps))
        seen.append(rewalk(setting, start, steps).play)

    try:
        eval(text, {**names, "replay": again})
        wanted = route.play()
    except Exception:  # a value whose repr is no expression, deps that are used up: then there is no line
        return False
    return (seen[0].status, dict(seen[0].values)) == (wanted.status, dict(wanted.values))
