"""One walk: a run in which everything is chosen, who is next, what it says, what goes wrong, as Hypothesis has it.

Choices are few and small, and the simplest is 0: the first option, the first answer, no fault. So walks are quick, and
what is found shrinks to a run that reads well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphflow.core.journal import Entry, decode
from graphflow.core.plan import Plan
from graphflow.core.scopes import Scope
from graphflow.core.usage import Budget
from graphflow.errors import AnswerInvalid, RunError
from graphflow.testing.faults import Faults
from graphflow.testing.playing.play import Move, Option, Play
from graphflow.testing.playing.striking import declared_errors
from graphflow.testing.values.answers import Cast
from graphflow.testing.values.choices import Choices
from graphflow.testing.values.chosen import Values

MOST_MOVES = 250
"""A walk that is longer is left: what it might come to is for the explorer."""

STUBBORN, REORDERED, SCRUTINISED = 1, 2, 4
"""How a walk is made, one bit each: every node repeats itself; it is made again in another order; every state is looked
at closely (its way through JSON, conditions asked twice, a replay)."""

_STYLES = tuple(habit | look for look in (0, 0, 0, 0, 0, 0, REORDERED, SCRUTINISED) for habit in (0, STUBBORN))
"""The second looks cost as much as the walk, and what they find shows in few walks as well as in many."""


Ask = Callable[["Walk"], "Breach | None"]


@dataclass(slots=True)
class Took:
    """A move that was made: in what it found, ``first`` and ``last`` are the entries of the journal it led to."""

    move: Move
    scope: Scope | None
    first: int
    last: int = 0
    altered: tuple[str, ...] = ()
    is_fault: bool = False
    declared: tuple[type[Exception], ...] = ()  # of a fault: the error classes that somebody has said something about
    is_called: bool = False  # a function, called for real
    failed: tuple[Entry, ...] = ()  # the failures that it led to, but for those that are tried again


@dataclass(frozen=True, slots=True)
class Setting:
    """What all walks of one test share."""

    plan: Plan
    cast: Cast
    start: Values
    faults: Faults
    budget: Budget | None = None
    deps: Callable[[], Any] | None = None
    laws: tuple[Any, ...] = ()
    most_moves: int = MOST_MOVES
    told: Mapping[int, Sequence[Move]] = field(default_factory=dict[int, "Sequence[Move]"])  # see ``shortening``
    asked: dict[tuple[str, int, bool, bool], list[tuple[str, Ask]]] = field(default_factory=dict[Any, Any])

    @property
    def has_unbounded(self) -> bool:
        """Only an edge that says so may be taken without an end: ``check`` has seen to it (S4.5)."""
        return any(edge.unbounded for plan in self.cast.plans for edge in plan.edges)

    def questions(self, moment: str, style: int, has_failed: bool, is_fault: bool) -> list[tuple[str, Ask]]:
        """What is asked at a moment of a walk of that style: most laws have nothing to say to most moves."""
        key = (moment, style, has_failed, is_fault)
        found = self.asked.get(key)
        if found is None:
            found = self.asked[key] = [
                (law.name, ask)
                for law in self.laws
                if (ask := getattr(law, moment)) is not None
                and (not getattr(law, "style", 0) or law.style & style)
                and (moment == "end" or has_failed or not getattr(law, "is_about_failures", False))
                and (moment == "end" or is_fault or not getattr(law, "is_about_faults", False))
                and (self.has_unbounded or not getattr(law, "is_about_rounds", False))
            ]
        return found


class Broken(Exception):
    """A law does not hold: raised out of a walk, with the walk. One class per law, so that shrinking keeps to one."""

    def __init__(self, walk: Walk, name: str, breach: Breach) -> None:
        super().__init__(name)
        self.walk = walk
        self.name = name
        self.breach = breach


@dataclass(frozen=True, slots=True)
class Breach:
    """How a law is broken: lines below the run, and how to mend it. ``repeating``: the last so many steps can repeat."""

    lines: tuple[str, ...]
    fix: str = ""
    repeating: int = 0


_broken: dict[str, type[Broken]] = {}


def broken(walk: Walk, name: str, breach: Breach) -> Broken:
    """The exception for a broken law."""
    kind = _broken.get(name)
    if kind is None:
        kind = _broken[name] = type(f"Broken[{name}]", (Broken,), {})
    return kind(walk, name, breach)


@dataclass(slots=True, eq=False)
class Walk:
    """A run as it is walked: ``took`` so far, ``said`` by cursor and attempt, questions nobody will answer."""

    setting: Setting
    play: Play
    start: Any
    style: int = 0
    took: list[Took] = field(default_factory=list[Took])
    said: dict[tuple[str, int], Move] = field(default_factory=dict[tuple[str, int], Move])
    refused: set[str] = field(default_factory=set[str])
    habits: dict[int, Move] = field(default_factory=dict[int, Move])  # of stubborn nodes
    lasting: dict[str, Exception] = field(default_factory=dict[str, Exception])  # cursors that go on failing
    faults_left: int = 0
    is_cut: bool = False
    was_concurrent: bool = False
    notes: dict[Any, Any] = field(default_factory=dict[Any, Any])  # what laws remember of this walk

    @property
    def plan(self) -> Plan:
        return self.setting.plan

    @property
    def has_faults(self) -> bool:
        """Whether anything has gone wrong on purpose."""
        return any(took.is_fault for took in self.took)

    @property
    def struck(self) -> int:
        """How often something went wrong on purpose, or was answered oddly."""
        return self.setting.faults.at_most - self.faults_left

    def check(self, moment: str) -> None:
        """Ask the laws. Raises Broken."""
        last = self.took[-1] if self.took else None
        has_failed, is_fault = last is not None and bool(last.failed), last is not None and last.is_fault
        for name, ask in self.setting.questions(moment, self.style, has_failed, is_fault):
            breach = ask(self)
            if breach is not None:
                raise broken(self, name, breach)


def walk(setting: Setting, data: Choices) -> Walk:
    """Walk to the end of a run, or until it has become too long. Raises Broken, OutsideReached, NothingGenerated."""
    style = _STYLES[data.draw_integer(0, len(_STYLES) - 1)]
    start = setting.start.draw(data)
    walk = Walk(setting, begin(setting, start), start, style, faults_left=setting.faults.at_most)
    walk.check("step")
    while options := options_of(walk):
        if len(walk.took) >= setting.most_moves:
            walk.is_cut = True
            break
        option = options[data.draw_integer(0, len(options) - 1)] if len(options) > 1 else options[0]
        _go_on(walk, option, data)
    walk.check("end")
    return walk


def begin(setting: Setting, start: Any) -> Play:
    """A run of the setting at its start. Raises InputInvalid."""
    deps = None if setting.deps is None else setting.deps()
    return Play(setting.plan, start, budget=setting.budget, deps=deps)


def options_of(walk: Walk) -> list[Option]:
    """What may be next without anything going wrong: a node's timeout is a fault, and some questions stay open."""
    found: list[Option] = []
    nodes = 0
    for option in walk.play.open():
        if option.kind == "node":
            nodes += 1
        elif option.kind == "question":
            if option.cursor in walk.refused:
                continue
        elif option.timer is not None and option.timer[0] == "timeout":
            continue
        found.append(option)
    if nodes > 1:
        walk.was_concurrent = True
    return found


def _go_on(walk: Walk, option: Option, data: Choices) -> None:
    if walk.faults_left and walk.setting.faults:
        moves = _faults_at(walk, option)
        chosen = data.draw_integer(0, len(moves) + 3 * max(len(moves), 4) - 1) if moves else 0
        position = chosen - 3 * max(len(moves), 4)
        if position >= 0:
            _strike(walk, option, moves[position], data)
            return
    if option.kind == "timer":
        make(walk, Move("fire", option.cursor, option.node.name, option.timer), option.scope)
    elif option.kind == "question":
        _reply(walk, option, data)
    else:
        _perform(walk, option, data)


def _faults_at(walk: Walk, option: Option) -> list[Move]:
    faults, play = walk.setting.faults, walk.play
    moves = faults.at(play, option)
    if not walk.setting.cast.is_called(option.node):
        moves = [move for move in moves if move.kind != "crash" or not move.cursor]
    if option.node.timeout_s is not None:
        timers = [one for one in play.open() if one.cursor == option.cursor and one.timer and one.timer[0] == "timeout"]
        moves += [move for one in timers for move in faults.at(play, one) if move.kind == "fire"]
    return moves


def _strike(walk: Walk, option: Option, move: Move, data: Choices) -> None:
    walk.faults_left -= 1
    classes: tuple[type[Exception], ...] = ()
    if move.kind == "fail":
        classes = tuple(declared_errors(option.scope))
        if option.node.retry is not None and data.draw_boolean(0.5):
            walk.lasting[option.cursor] = move.value
    elif move.kind == "crash" and move.cursor:
        move = replace(move, effects=walk.play.perform(option).effects)
    elif move.kind == "silence":
        walk.refused.add(option.cursor)
    is_valid = move.kind == "reply" and option.node.kind == "agent"  # an odd answer, which a graph has to bear
    if is_valid:
        walk.said[option.cursor, option.scope.attempt] = move
    make(walk, move, option.scope, is_fault=not is_valid, declared=classes)


def _reply(walk: Walk, option: Option, data: Choices) -> None:
    """A person answers, or never will."""
    if data.draw_integer(0, 5) == 5:
        walk.refused.add(option.cursor)
        return
    move = _habit(walk, option, data, lambda: walk.setting.cast.reply(data, option.scope))
    try:
        make(walk, move, option.scope)
    except AnswerInvalid:  # what the state does not take changes nothing, and the person is told (S10.1)
        walk.refused.add(option.cursor)


def _perform(walk: Walk, option: Option, data: Choices) -> None:
    scope = option.scope
    if option.cursor in walk.lasting:
        make(walk, Move("fail", option.cursor, option.node.name, walk.lasting[option.cursor]), scope, is_fault=True)
        return
    cast = walk.setting.cast
    if cast.is_called(scope.node):
        move, altered = cast.answer(data, walk.play, scope)
        make(walk, move, scope, altered=tuple(altered), is_called=True)
        return
    try:
        move = _habit(walk, option, data, lambda: cast.answer(data, walk.play, scope)[0])
    except RunError as error:  # a handoff's condition raised when it was offered (S5.4)
        move = Move("fail", scope.path, scope.node.name, error)
    walk.said[option.cursor, scope.attempt] = move
    make(walk, move, scope)


def _habit(walk: Walk, option: Option, data: Choices, draw: Callable[[], Move]) -> Move:
    """What is said now; a stubborn node says what it said before."""
    if not walk.style & STUBBORN:
        return _once(walk, option, data, draw)
    move = walk.habits.get(id(option.node))
    if move is None or move.kind == "handoff":
        move = walk.habits[id(option.node)] = _once(walk, option, data, draw)
    return Move(move.kind, option.cursor, move.node, move.value, move.pending)


def _once(walk: Walk, option: Option, data: Choices, draw: Callable[[], Move]) -> Move:
    """What is drawn; where a failure is being made shorter, at times what was said in it."""
    told = walk.setting.told.get(id(option.node))
    if not told:
        return draw()
    chosen = data.draw_integer(0, len(told))
    if chosen == len(told):
        return draw()
    move = told[chosen]
    return Move(move.kind, option.cursor, move.node, move.value, move.pending)


def make(
    walk: Walk,
    move: Move,
    scope: Scope | None,
    *,
    altered: tuple[str, ...] = (),
    is_fault: bool = False,
    declared: tuple[type[Exception], ...] = (),
    is_called: bool = False,
) -> None:
    """Make a move and ask the laws."""
    play = walk.play
    took = Took(move, scope, len(play.texts), 0, altered, is_fault, declared, is_called)
    if move.kind == "answer":
        play.make(move)  # may be refused, and then never was
        walk.took.append(took)
    else:
        walk.took.append(took)
        play.make(move, scope)
    took.last = len(play.texts)
    took.failed = tuple(_failures_in(play, took))
    walk.check("step")


def _failures_in(play: Play, took: Took) -> Iterator[Entry]:
    for text in play.texts[took.first : took.last]:
        if type(text) is bytes and text.startswith(b'{"kind":"failed"'):
            entry = decode(text)
            if "due" not in entry:
                yield entry
