"""``replay``: a run made again move by move, as the last line of a failure says it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from hypothesis import strategies as st

from graphflow.core.machine import Machine
from graphflow.core.usage import Budget
from graphflow.errors import GraphflowError, shown, unknown_name
from graphflow.errors.testing import PropertyFailed, StepsInvalid
from graphflow.graph.context import Handoff
from graphflow.graph.declaration import Declaration
from graphflow.runtime.run import Run
from graphflow.testing import faults
from graphflow.testing.calling import told_at_the_call
from graphflow.testing.playing.play import Move, MoveKind, Option, Play
from graphflow.testing.playing.still import apart
from graphflow.testing.playing.striking import Mark, declared_errors
from graphflow.testing.properties import Property
from graphflow.testing.proving.prove import plan_of
from graphflow.testing.values.answers import Cast, all_plans
from graphflow.testing.values.chosen import Constant
from graphflow.testing.walking.claims import claim_laws
from graphflow.testing.walking.laws import laws
from graphflow.testing.walking.telling import story
from graphflow.testing.walking.walk import REORDERED, SCRUTINISED, Broken, Setting, Walk, begin, make, options_of

Names = str | Iterable[str]


@told_at_the_call
def replay(
    graph: Declaration[Any],
    *,
    start: Any,
    steps: Sequence[Sequence[Any]],
    properties: Iterable[Property] = (),
    without: Names = (),
    budget: Budget | None = None,
    deps: Any = None,
) -> Run[Any]:
    """Make a run again, move by move, and ask the default properties and ``properties`` of it.

    A step names a node, or a cursor where several branches are at one node: ``("plan",)`` calls its function,
    ``("web", "fact")`` lets it answer that, an exception is raised and a ``Handoff`` taken; a question is answered in the
    same way. ``("ask", faults.FIRE)`` lets its time be over or its backoff end, ``(faults.CRASH,)`` lets the process die.
    The run is given back as it stands after the last step.

    Raises PropertyFailed, StepsInvalid if a step does not fit the run, and InputInvalid for the start.

    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Agent, Graph, fields
    >>> class News(BaseModel):
    ...     fact: str = ""
    >>> newsroom = Graph("newsroom", News)
    >>> web = newsroom.node(Agent("web", "Find a fact.", prompt="{fact}"), writes=fields(News).fact)
    >>> newsroom.chain(START, web, END)
    >>> replay(newsroom, start=News(), steps=[("web", "owls hear mice")]).state
    News(fact='owls hear mice')
    """
    plan = plan_of(graph, "replay")
    asked = (*laws(_names(without)), *claim_laws(plan, properties))
    setting = Setting(plan, Cast(plan, None), Constant(start), faults.none, budget, factory_of(deps), asked)
    try:
        walk = apart(lambda: rewalk(setting, start, steps))
    except Broken as found:
        raise failed(found, plan.name, "") from None
    return run_of(walk.play)


def rewalk(setting: Setting, start: Any, steps: Sequence[Sequence[Any]]) -> Walk:
    """The walk that steps make. Raises Broken, StepsInvalid."""
    walk = Walk(setting, begin(setting, start), start, SCRUTINISED | REORDERED)
    walk.check("step")
    for number, step in enumerate(steps, 1):
        options_of(walk)  # notes whether several are under way
        _make_step(walk, number, tuple(step) if isinstance(step, list | tuple) else (step,))
    walk.is_cut = bool(options_of(walk))
    walk.check("end")
    return walk


def run_of(play: Play) -> Run[Any]:
    """A play as a run, to be looked at."""
    plan, texts = play.plan, [text if isinstance(text, bytes) else _text(text) for text in play.texts]
    machine: Machine = play.machine
    machine.status = play.status
    return Run({plan.fingerprint: plan}, machine, texts)


def _text(item: Any) -> bytes:
    from graphflow.core.journal import text_of

    return text_of(item)


def failed(found: Broken, graph: str, call: str, names: Mapping[str, Any] | None = None) -> PropertyFailed:
    """The error that tells a broken law. ``names`` are what the call uses."""
    walk = found.walk
    text = story(graph, found.name, found.breach, walk.play, walk.took, call)
    return PropertyFailed(
        f"{found.name!r} does not hold in graph {graph!r}",
        story=text,
        replay=call,
        name=found.name,
        fix=found.breach.fix,
        names=names,
    )


def factory_of(deps: Any) -> Callable[[], Any] | None:
    """``deps=`` as something that is made anew for each walk: a function or class is called, anything else is given."""
    if deps is None:
        return None
    if isinstance(deps, type) or type(deps).__name__ in ("function", "method"):
        return cast("Callable[[], Any]", deps)
    return lambda: deps


def _names(without: Names) -> set[str]:
    return {without} if isinstance(without, str) else set(without)


def _make_step(walk: Walk, number: int, step: tuple[Any, ...]) -> None:
    first: Any = step[0] if step else None
    try:
        if isinstance(first, Mark):
            _make_mark(walk, first, step)
        elif isinstance(first, str) and len(step) <= 2:
            _make_at_node(walk, number, first, step)
        else:
            raise _invalid(walk, number, step, "A step is a tuple: (node,), (node, answer) or (faults.CRASH,).", "")
    except (StepsInvalid, Broken):
        raise
    except GraphflowError as error:
        raise _invalid(walk, number, step, error.what, error.why) from error


def _make_mark(walk: Walk, mark: Mark, step: tuple[Any, ...]) -> None:
    value: Any = step[1] if len(step) > 1 else None
    if mark is faults.CRASH and value:
        option = next(
            (one for one in walk.play.open() if one.kind == "node" and value in (one.cursor, one.node.name)), None
        )
        if option is not None:
            effects = walk.play.perform(option).effects
            make(walk, Move("crash", option.cursor, option.node.name, None, (), effects), option.scope, is_fault=True)
            return
    kind: Any = mark.name.lower()
    move = Move(kind, "", "", value) if mark is faults.CLOCK else Move(kind, value or "")
    make(walk, move, None, is_fault=True)


def _make_at_node(walk: Walk, number: int, place: str, step: tuple[Any, ...]) -> None:
    fires = len(step) == 2 and step[1] is faults.FIRE
    named = [option for option in walk.play.open() if place in (option.cursor, option.node.name)]
    options = [option for option in named if (option.kind == "timer") == fires]
    if not options:
        raise _nowhere(walk, number, step, place)
    option = options[0]
    node, scope = option.node, option.scope
    if fires:
        assert option.timer is not None
        make(walk, Move("fire", option.cursor, node.name, option.timer), scope, is_fault=option.timer[0] == "timeout")
    elif len(step) == 1:
        if option.kind != "node" or node.kind != "function":
            raise _invalid(
                walk, number, step, f"{node.name!r} is no function, and the step does not say what it answers.", ""
            )
        _call(walk, option)
    else:
        _say(walk, option, step[1])


def _call(walk: Walk, option: Option) -> None:
    move, altered = walk.setting.cast.answer(_NO_CHOICES, walk.play, option.scope)
    make(walk, move, option.scope, altered=tuple(altered), is_called=True)


_NO_CHOICES: Any = st  # a function that is called for real chooses nothing


def _say(walk: Walk, option: Option, value: Any) -> None:
    node, scope = option.node, option.scope
    if value is faults.SILENCE:
        walk.refused.add(option.cursor)
        make(walk, Move("silence", option.cursor, node.name), scope, is_fault=True)
    elif option.kind == "question":
        make(walk, Move("answer", option.cursor, node.name, value), scope)
    elif isinstance(value, Exception):
        classes = tuple(declared_errors(scope))
        make(walk, Move("fail", option.cursor, node.name, value), scope, is_fault=True, declared=classes)
    else:
        kind: MoveKind = "handoff" if isinstance(value, Handoff) else "reply"
        move = Move(kind, option.cursor, node.name, value)
        walk.said[option.cursor, scope.attempt] = move
        make(walk, move, scope)


def _nowhere(walk: Walk, number: int, step: tuple[Any, ...], place: str) -> StepsInvalid:
    open_ones = list(dict.fromkeys(option.node.name for option in walk.play.open()))
    known = {node.name for plan in all_plans(walk.plan) for node in plan.nodes}
    if place not in known and "/" not in place and ":" not in place:
        return _invalid(
            walk, number, step, f"Graph {walk.plan.name!r} has no node {place!r}.", unknown_name(place, known)
        )
    where = f"it stands at {', '.join(open_ones)}" if open_ones else f"it is {walk.play.status}"
    return _invalid(walk, number, step, f"Nothing can happen at {place!r} then: {where}.", "")


def _invalid(walk: Walk, number: int, step: tuple[Any, ...], why: str, fix: str) -> StepsInvalid:
    return StepsInvalid(
        f"Step {number} of the replay, {shown(step)}, does not fit the run",
        why=why,
        fix=fix
        or "The graph may have changed since the steps were written: leave this one out, or play what it does now.",
    )
