"""Every standing a run can come to, within bounds: breadth first over the real machine (S15.1).

A standing is kept once per key (see ``control``); of several runs that lead to it the shortest is remembered.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, cast

from graphflow.core import reading
from graphflow.core.journal import Entry
from graphflow.core.plan import Plan
from graphflow.core.scopes import Scope
from graphflow.errors import AnswerInvalid
from graphflow.errors.testing import OutsideReached
from graphflow.testing.exploring.answering import Answering
from graphflow.testing.exploring.control import Control, error_key, freeze
from graphflow.testing.exploring.ordering import Ordering
from graphflow.testing.playing.play import Move, Option, Play
from graphflow.testing.properties import Bound

EdgeKey = tuple[int, int]
"""Plan (by its place among the plans) and index of the edge."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a search stops: so many standings, so many moves from the start, so many seconds."""

    states: int
    depth: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Transition:
    """One move and where it led. ``edges`` were taken on the way."""

    source: int
    target: int
    move: Move
    edges: tuple[EdgeKey, ...]


@dataclass(slots=True)
class Standing:
    """One standing of a run. ``holds`` are the answers of properties' claims; ``came`` is the first move that led here."""

    index: int
    depth: int
    start: int
    status: str
    frontier: tuple[str, ...]
    values: dict[str, Any]
    holds: tuple[tuple[bool, bool], ...]
    error: Exception | None
    came: Transition | None
    out: list[Transition] = field(default_factory=list[Transition])
    is_expanded: bool = False
    is_reduced: bool = False


class _Again(Exception):
    """Something was left out that matters: the search starts anew."""


class Search:
    """The standings found, in the order in which they were. ``run`` are the functions that are called for real."""

    def __init__(
        self,
        plan: Plan,
        starts: Sequence[Any],
        answering: Answering,
        control: Control,
        ordering: Ordering,
        run: frozenset[int],
        bounds: Bounds,
        properties: Sequence[Bound] = (),
        deps: Any = None,
    ) -> None:
        self.plan = plan
        self.starts = starts
        self.answering = answering
        self.control = control
        self.ordering = ordering
        self.run_for_real = run
        self.bounds = bounds
        self.properties = properties
        self.deps = deps
        self.places = {id(one): number for number, one in enumerate(control.plans)}
        self.shown = tuple(sorted(control.fields[id(plan)]))
        self.standings: list[Standing] = []
        self.opening: dict[int, tuple[EdgeKey, ...]] = {}  # edges taken before the first move, by start
        self.bound = ""
        self._known: dict[object, int] = {}
        self._queue: deque[tuple[Standing, Play]] = deque()
        self._results: dict[object, Move] = {}
        self.made_up: set[int] = set()  # functions that cannot be run for real, after all

    def run(self) -> None:
        """Search until everything is found, or a bound is reached."""
        began = time.monotonic()
        while True:
            try:
                self._search(began)
            except _Again:
                continue
            return

    def _search(self, began: float) -> None:
        self.standings, self.bound = [], ""
        self._known.clear()
        self._queue.clear()
        for number, start in enumerate(self.starts):
            play = Play(self.plan, start, deps=self.deps, keeps_journal=False)
            self.opening[number] = tuple(self._edges_taken(play, play.machine.root))
            self._arrive(play, None, number)
        while self._queue:
            if len(self.standings) >= self.bounds.states:
                self.bound = f"max_states={self.bounds.states:,}"
                return
            if time.monotonic() - began > self.bounds.seconds:
                self.bound = f"max_seconds={self.bounds.seconds:g}"
                return
            standing, play = self._queue.popleft()
            if standing.depth >= self.bounds.depth:
                self.bound = f"max_depth={self.bounds.depth:,}"
                continue
            self._expand(standing, play)

    # -- one standing ----------------------------------------------------------------------------------------------

    def _arrive(self, play: Play, came: Transition | None, start: int) -> int:
        key = self.control.key(play.machine)
        known = self._known.get(key)
        if known is not None:
            return known
        index = self._known[key] = len(self.standings)
        values = play.values
        standing = Standing(
            index=index,
            depth=0 if came is None else self.standings[came.source].depth + 1,
            start=start,
            status=play.machine.status,
            frontier=play.frontier,
            values={name: values[name] for name in self.shown},
            holds=tuple([_asked(one, values) for one in self.properties]),
            error=play.machine.error,
            came=came,
        )
        self.standings.append(standing)
        if standing.status == "running":
            self._queue.append((standing, play))
        else:
            standing.is_expanded = True
        return index

    def _expand(self, standing: Standing, play: Play) -> None:
        options = play.open()
        chosen = self.ordering.chosen(options)
        standing.is_expanded = True
        if not options:
            standing.status = play.status
            return
        if len(chosen) < len(options):
            before = len(self.standings)
            for option in chosen:
                self._follow(standing, play, option, is_last=False)
            if len(self.standings) > before or not self.ordering.may_circle:
                standing.is_reduced = True
                return
            # what was put off might be put off for ever
        rest = [option for option in options if len(chosen) == len(options) or option not in chosen]
        for option in rest:
            self._follow(standing, play, option, is_last=option is rest[-1])
        if not standing.out:
            standing.status = "waiting"  # for an answer that fits, of which none is known here

    def _follow(self, standing: Standing, play: Play, option: Option, *, is_last: bool) -> None:
        moves = list(self._moves(play, option))
        for move in moves:
            is_free = is_last and move is moves[-1]  # nobody needs the play itself any more
            child = play if is_free else play.copy()
            scope = option.scope
            if move.kind == "fail":
                move = replace(move, value=_own(move.value))
            try:
                child.make(move)
            except AnswerInvalid:
                self.answering.notes[f"not every answer of {option.node.name!r} fits the state"] = None
                continue
            edges = tuple(self._edges_taken(child, scope))
            transition = Transition(standing.index, len(self.standings), move, edges)
            target = self._arrive(child, transition, standing.start)
            standing.out.append(transition if target == transition.target else replace(transition, target=target))

    def _moves(self, play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "timer":
            yield Move("fire", option.cursor, option.node.name, option.timer)
            return
        node, scope = option.node, option.scope
        is_run = option.kind == "node" and id(node) in self.run_for_real and id(node) not in self.made_up
        real = self._performed(play, option) if is_run else None
        if real is not None:
            yield real
        else:
            yield from self.answering.replies(option, lambda: scope.plan.schema.snapshot(scope.read()))
        yield from self.answering.failures(option, scope.plan)

    def _performed(self, play: Play, option: Option) -> Move | None:
        """What a function comes to, asked once for all cursors at which it sees the same; None if it cannot be run."""
        key = self.control.seen(option.scope)
        known = self._results.get(key)
        if known is None:
            try:
                known = play.perform(option)
                again = play.perform(option)
            except OutsideReached as error:
                self._make_up(option, error.what)
                return None
            if _told_apart(known) != _told_apart(again):
                self._make_up(option, f"{option.node.name!r} does not give the same for the same state")
                return None
            self._results[key] = known
        return replace(known, cursor=option.cursor)

    def _make_up(self, option: Option, why: str) -> None:
        self.made_up.add(id(option.node))
        self.answering.notes[f"{why}: its answers are made up"] = None

    # -- what was taken --------------------------------------------------------------------------------------------

    def _edges_taken(self, play: Play, scope: Scope) -> Iterator[EdgeKey]:
        for item, plan in play.last:
            if type(item) is tuple:
                yield self.places[id(plan)], item[4]
                continue
            entry = cast("Entry", item)
            if entry["kind"] == "failed" and "due" not in entry:
                level: str = entry.get("level", "")
                if self.ordering.note_failure(scope, _prefix(entry["at"]), _prefix(level)):
                    raise _Again
                plan = self._plan_of(level) if "edge" in entry else plan
            if "edge" in entry and entry["kind"] != "joined":
                yield self.places[id(plan)], entry["edge"]

    def _plan_of(self, level: str) -> Plan:
        """The plan that a scope's path leads to."""
        node = reading.node_at(self.plan, level)
        return next((plan for plan in self.control.plans if any(node is one for one in plan.nodes)), self.plan)


def _own(error: Exception) -> Exception:
    """An error of this move alone: the machine notes in it where it came from."""
    try:
        return copy(error)
    except Exception:  # one of the user's that cannot be copied
        return error


def _prefix(path: str) -> str:
    """The scope's part of a cursor's path."""
    return path.rpartition("/")[0] + "/" if "/" in path else ""


def _asked(one: Bound, values: Any) -> tuple[bool, bool]:
    return one.holds(one.claim, values), one.then is not None and one.holds(one.then, values)


def _told_apart(move: Move) -> object:
    """What tells two results of a function apart."""
    value = error_key(move.value) if move.kind == "fail" else freeze(move.value)
    return move.kind, value, tuple(map(freeze, move.pending))
