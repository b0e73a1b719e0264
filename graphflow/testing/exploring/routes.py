"""A run as an explorer found it: where it starts, each move, where that led. Counterexamples are such routes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from graphflow.core.plan import Plan
from graphflow.errors import GraphflowError, shown
from graphflow.graph.context import Handoff
from graphflow.graph.declaration import Declaration
from graphflow.testing.playing.naming import start_told
from graphflow.testing.playing.play import Move, Play, target_name
from graphflow.testing.properties import Bound

_VISIT = re.compile(r":\d+(~\d+)?")


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a route. ``edges`` are those taken, as ``review -> write``; ``is_said`` if it was no function's own."""

    move: Move
    edges: tuple[str, ...] = ()
    is_said: bool = True

    def __str__(self) -> str:
        return f"{self.move.node}  {said(self)}".rstrip()


@dataclass(frozen=True, slots=True)
class Route:
    """A run from a start state, move by move. The last ``repeating`` steps can repeat for ever.

    ``play()`` makes the moves again on a new run, ``str`` reads as a run does, ``replay`` is the line that plays it again.
    """

    plan: Plan = field(repr=False)
    start: Any
    steps: tuple[Step, ...]
    repeating: int = 0
    deps: Any = field(default=None, repr=False)
    graph: Declaration[Any] | None = field(default=None, repr=False)
    claim: Bound | None = field(default=None, repr=False)  # the property that it breaks

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def moves(self) -> tuple[Move, ...]:
        """The moves alone."""
        return tuple(step.move for step in self.steps)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes at which something was done, in order."""
        return tuple(step.move.node for step in self.steps)

    def play(self) -> Play:
        """The run itself, played again on the machine."""
        play = Play(self.plan, self.start, deps=self.deps)
        for move in self.moves:
            play.make(move)
        return play

    @property
    def replay(self) -> str:
        """``replay(graph, start=..., steps=[...])`` as text. Empty where that cannot be written, or does not come to the same."""
        return self.call[0]

    @property
    def call(self) -> tuple[str, dict[str, Any]]:
        """The line that plays it again, and the names it uses."""
        try:
            from graphflow.testing.exploring.pasting import call_of
        except ImportError:  # who explores need not have Hypothesis, who replays does
            return "", {}
        return call_of(self)

    def __str__(self) -> str:
        replay = self.replay.splitlines()
        return "\n".join([self.told, *(f"  {'replay' if not n else '':<7} {line}" for n, line in enumerate(replay))])

    @property
    def told(self) -> str:
        """The run, a line per move."""
        width = max((len(step.move.node) for step in self.steps), default=0)
        start = start_told(self.plan, self.start) if self.start is not None else ""
        lines = [f"     start {start}"] if start else []
        lines += [f"{number:>3}. {step.move.node:<{width}}  {said(step)}" for number, step in enumerate(self.steps, 1)]
        if self.repeating:
            first = len(self.steps) - self.repeating + 1
            which = f"step {first}" if self.repeating == 1 else f"steps {first}-{len(self.steps)}"
            lines.append(f"     {which} can repeat for ever")
        return "\n".join(line.rstrip() for line in lines) or "     at the start"

    def as_json(self) -> dict[str, object]:
        """The same facts as plain data."""
        return {
            "start": shown(self.start),
            "steps": [
                {"node": step.move.node, "cursor": step.move.cursor, "does": said(step), "edges": list(step.edges)}
                for step in self.steps
            ],
            "repeating": self.repeating,
            "replay": self.replay,
        }


def said(step: Step) -> str:
    """What happened in a step, as a reader needs it: ``says Review(score=3) -> write``."""
    move = step.move
    value: Any = move.value
    match move.kind:
        case "reply":
            what = f"says {shown(value)}" if step.is_said else ""
        case "handoff":
            what = f"hands off to {target_name(value.target if isinstance(value, Handoff) else value)}"
        case "fail":
            text = value.what if isinstance(value, GraphflowError) else str(value)
            what = f"fails with {type(value).__name__}: {text}"
        case "answer":
            what = f"is answered {shown(value)}"
        case "fire":
            what = "is tried again" if value[0] == "retry" else "time is up"
        case _:
            what = move.kind
    targets = [edge.rpartition(" -> ")[2] for edge in step.edges]
    return " ".join(filter(None, (what, f"-> {' -> '.join(targets)}" if targets else "")))


def rebased(route: Route) -> Route:
    """The route with the cursors it comes by: standings that are one to an explorer may differ in visits' numbers."""
    play = Play(route.plan, route.start, deps=route.deps, keeps_journal=False)
    steps: list[Step] = []
    for step in route.steps:
        move = _here(play, step.move)
        steps.append(step if move is step.move else replace(step, move=move))
        play.make(move)
    return replace(route, steps=tuple(steps))


def _here(play: Play, move: Move) -> Move:
    """The same move where this run stands: paths differ in nothing but the numbers of visits."""
    options = [one for one in play.open() if one.cursor == move.cursor]
    place = _VISIT.sub("", move.cursor)
    options = options or [one for one in play.open() if _VISIT.sub("", one.cursor) == place]
    if move.kind != "fire":
        return replace(move, cursor=options[0].cursor) if options and options[0].cursor != move.cursor else move
    for one in options:
        if one.timer is not None and (one.timer[0], one.timer[2]) == (move.value[0], move.value[2]):
            return replace(move, cursor=one.cursor, value=one.timer)
    for one in options:
        if one.timer is not None and one.timer[0] == move.value[0]:
            return replace(move, cursor=one.cursor, value=one.timer)
    return move


def shortened(route: Route, is_same: Callable[[Play], bool]) -> Route:
    """The route without moves that are not needed to come to the same (other branches' moves, mostly)."""
    steps = list(route.steps)
    for index in range(len(steps) - 2, -1, -1):
        fewer = [*steps[:index], *steps[index + 1 :]]
        if _leads_there(replace(route, steps=tuple(fewer)), is_same):
            steps = fewer
    return replace(route, steps=tuple(steps))


def _leads_there(route: Route, is_same: Callable[[Play], bool]) -> bool:
    try:
        return is_same(route.play())
    except GraphflowError:
        return False
