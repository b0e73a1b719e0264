"""One run over the real machine, a move at a time: what is open is listed, and whoever plays chooses what happens next.

Nothing has a clock and nothing is awaited. Every chooser (Hypothesis, exhaustive search, replay) plays like this:

    play = Play(plan, News())
    while options := play.open():                      # running nodes, open questions, owed timers: a stable order
        option = options[0]                            # whichever; all of them may be next
        if option.kind == "node" and option.node.kind == "function":
            move = play.perform(option)                # calls the function for real; changes nothing yet
        elif option.kind == "node":
            move = Move("reply", option.cursor, option.node.name, Review(score=3))
        elif option.kind == "question":
            move = Move("answer", option.cursor, option.node.name, True)
        else:
            move = Move("fire", option.cursor, option.node.name, option.timer)
        play.make(move)                                # one event of the machine, then drained: it is again at rest
    play.status, play.values, play.frontier, play.moves

``play.copy()`` branches: neither side sees what the other does. A timer is fired whenever the chooser likes: how long
nodes take is not known, so any that is owed may be next, and only those of one cursor keep their order. ``crash``
throws the machine away and folds a new one from the encoded journal, as a process that starts again would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from graphflow.core import reading, shortcuts, timing
from graphflow.core.copying import copy as copy_machine
from graphflow.core.journal import Brief, Entry, decode, encode, text_of
from graphflow.core.machine import Machine
from graphflow.core.plan import Node, Plan
from graphflow.core.replay import replay
from graphflow.core.scopes import RUNNING, WAITING, Recorded, Scope
from graphflow.core.usage import Budget
from graphflow.errors.testing import MoveInvalid
from graphflow.graph.context import Handoff

MoveKind = Literal["reply", "handoff", "fail", "answer", "fire", "crash", "cancel", "again", "clock", "silence"]


@dataclass(frozen=True, slots=True)
class Move:
    """What happens next. ``cursor`` says where; for a cancel it is a scope's path, or empty for the run.

    ``value``: of a reply what the node returns, of a handoff a ``Handoff``, of a fail the exception, of an answer the
    answer, of a fire the timer as the option names it, of a clock the seconds it jumps. ``pending`` are the node's
    ``ctx.update`` calls, ``effects`` what it had recorded (key and record), ``in_call`` whether it failed in one of those
    (S11.1). A crash names the node in the middle of which it struck, if its effects were recorded by then; ``again``
    delivers the last node's result, or the last timer, a second time, or the result of a node that the last move has cut
    off: that must change nothing (S15.5); ``silence`` says that a question will never be answered, which changes nothing
    either.
    """

    kind: MoveKind
    cursor: str = ""
    node: str = ""
    value: Any = None
    pending: tuple[Mapping[str, Any], ...] = ()
    effects: tuple[tuple[str, Recorded], ...] = ()
    in_call: bool = False


@dataclass(slots=True, unsafe_hash=True)  # made so often that being frozen would cost a tenth of a walk
class Option:
    """Something that may happen next: a running ``node`` may end, a ``question`` be answered, a ``timer`` fire.

    ``timer`` is (kind, visit or turn, what): ``retry``, ``edge`` (a timer edge), ``fork`` (best_effort's time), ``limit`` (a
    sub-graph's time), ``timeout`` (a node's). ``due`` is in seconds since the start.
    """

    kind: Literal["node", "question", "timer"]
    cursor: str
    node: Node
    scope: Scope = field(repr=False, compare=False)
    timer: tuple[Any, ...] | None = None
    due: float = 0.0


class Play:
    """See the module's docstring. ``start`` is an instance of the state or a mapping of its fields.

    ``deps`` is what nodes read as ``ctx.deps``; ``keeps_journal=False`` is quicker, and can neither crash nor replay.
    Raises InputInvalid.
    """

    __slots__ = (
        "_fired",
        "_frozen",
        "_last",
        "_late",
        "deps",
        "keeps_journal",
        "last",
        "machine",
        "moves",
        "plan",
        "start",
        "texts",
        "touched",
    )

    def __init__(
        self, plan: Plan, start: Any, *, budget: Budget | None = None, deps: Any = None, keeps_journal: bool = True
    ) -> None:
        self.plan = plan
        self.start = start
        self.deps = deps
        self.keeps_journal = keeps_journal
        self.machine = Machine(plan, "play", budget)
        self.moves: list[Move] = []
        self.texts: list[bytes | Brief] = []
        self.last: list[tuple[Entry | Brief, Plan]] = []  # what the last move led to, as the machine wrote it
        self.touched: dict[str, list[list[str]]] = {}  # by cursor and call: the parts of deps that a node altered
        self._frozen: dict[str, dict[str, Any]] = {}  # what a node saw at its start, where siblings write meanwhile
        self._last: tuple[Scope, int, Any] | None = None  # the node that ended last, and with what
        self._fired: tuple[Scope, tuple[Any, ...]] | None = None  # the timer that did
        self._late: tuple[Scope, int] | None = None  # a node that the last move has cut off
        self.machine.start(start)
        self._drain()

    # -- what may happen -------------------------------------------------------------------------------------------

    def open(self) -> list[Option]:
        """All that may be next, in order of scope path. Empty: the run is over, or nothing will ever happen in it."""
        machine = self.machine
        if machine.status != "running":
            return []
        return [option for scope in machine.scopes() for option in _options_of(scope)]

    def perform(self, option: Option) -> Move:
        """Call a running function node for real: what it comes to, as a move that is not yet made.

        Raises OutsideReached if it needs the network, a subprocess or a model.
        """
        from graphflow.testing.playing.performing import perform

        return perform(self, option.scope)

    def view(self, scope: Scope) -> Any:
        """A running node's view of its state, as of its start (S3.1, S6.10); a new one at each call."""
        kept = self._frozen.get(scope.path)
        if kept is None:
            return self.machine.view(scope)
        return shortcuts.shortcut_of(scope.plan, scope.node).make_view(deepcopy(kept))

    # -- what happens ----------------------------------------------------------------------------------------------

    def make(self, move: Move, at: Scope | None = None) -> None:
        """One event, then drained: the machine is again where something has to be chosen.

        ``at`` is where, if the caller knows: the option's scope.

        Raises MoveInvalid if nothing of that kind is open there, and AnswerInvalid for an answer that does not fit; then
        nothing has changed.
        """
        self.last = []
        late, self._late = self._late, None
        match move.kind:
            case "reply" | "handoff" | "fail":
                self._end_node(move, at)
            case "answer":
                self.machine.answer(self._scope(move, WAITING).path, move.value)
            case "fire":
                self._fire(move)
            case "crash":
                self._crash(move)
            case "cancel":
                self._cancel(move)
            case "again":
                self._deliver_again(move, late)
            case "clock":
                self.machine.now += move.value
            case "silence":
                self._scope(move, WAITING)
        self.moves.append(move)
        self._drain()

    def copy(self) -> Play:
        """An independent play that stands where this one does."""
        made = Play.__new__(Play)
        made.plan, made.start, made.deps, made.keeps_journal = self.plan, self.start, self.deps, self.keeps_journal
        made.machine = copy_machine(self.machine)
        made.moves = self.moves.copy()
        made.texts = self.texts.copy()
        made.last = self.last
        made.touched = {cursor: list(calls) for cursor, calls in self.touched.items()}
        made._frozen = self._frozen.copy()
        made._last = made._fired = made._late = None
        return made

    # -- how it stands ---------------------------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """As ``run.status``: also ``waiting`` if only questions and their timers are left (S10.2)."""
        machine = self.machine
        return "waiting" if machine.status == "running" and machine.is_waiting else machine.status

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen in it any more."""
        return self.machine.status != "running" or not self.open()

    @property
    def values(self) -> Mapping[str, Any]:
        """The run's state as the machine holds it: not to be altered."""
        return self.machine.root.read()

    @property
    def state(self) -> Any:
        """The run's state as an instance of its own."""
        return reading.state_of(self.machine)

    @property
    def frontier(self) -> tuple[str, ...]:
        """All live cursors (S2.1)."""
        return reading.frontier(self.machine)

    @property
    def journal(self) -> list[Entry]:
        """All entries so far, as they would be read from a store."""
        return [decode(text_of(item)) for item in self.texts]

    # -- inside ----------------------------------------------------------------------------------------------------

    def _scope(self, move: Move, status: str) -> Scope:
        for scope in self.machine.scopes():
            if scope.status == status and scope.path == move.cursor:
                return scope
        raise _not_open(self, move)

    def _end_node(self, move: Move, at: Scope | None) -> None:
        machine = self.machine
        scope = at if at is not None and at.status == RUNNING and at.path == move.cursor else self._scope(move, RUNNING)
        for key, record in move.effects:
            machine.record(scope, scope.turn, key, record)
        value: Any = move.value
        self._last = (scope, scope.turn, value)
        if move.kind == "fail":
            machine.fail(scope, scope.turn, value, move.in_call)
        elif isinstance(value, Handoff):
            machine.finish(scope, scope.turn, value.update, move.pending, target_name(value.target), value.data)
        elif move.kind == "handoff":
            machine.finish(scope, scope.turn, None, move.pending, target_name(value))
        else:
            machine.finish(scope, scope.turn, value, move.pending)

    def _fire(self, move: Move) -> None:
        for option in self.open():
            if option.cursor == move.cursor and option.timer == move.value:
                break
        else:
            raise _not_open(self, move)
        machine, scope, timer = self.machine, option.scope, option.timer
        assert timer is not None
        machine.now = max(machine.now, option.due)
        if timer[0] == "timeout":
            self._late, self._fired = (scope, scope.turn), None
            machine.fail(scope, scope.turn, timing.node_timeout(scope))
        else:
            self._fired = (scope, timer)
            machine.fire(scope, timer)

    def _cancel(self, move: Move) -> None:
        running = [(scope, scope.turn) for scope in self.machine.scopes() if scope.status == RUNNING]
        if not self.machine.cancel(move.cursor or None):
            raise _not_open(self, move)
        self._late = next((one for one in running if one[0].status != RUNNING), None)

    @property
    def is_late_open(self) -> bool:
        """Whether the last move has cut a node off, whose result may yet come."""
        return self._late is not None

    def _deliver_again(self, move: Move, late: tuple[Scope, int] | None) -> None:
        if late is not None:
            self.machine.finish(*late, None)
            return
        if self._fired is not None and self.moves[-1].kind == "fire":
            self.machine.fire(*self._fired)
            return
        if self._last is None:
            raise _not_open(self, move)
        scope, turn, value = self._last
        self.machine.finish(scope, turn, None if isinstance(value, Exception | Handoff) else value)

    def _crash(self, move: Move) -> None:
        """Everything in memory is gone; what the journal says is all there is (S15.2)."""
        if self.machine.status != "running" or not self.keeps_journal:
            raise _not_open(self, move)
        if move.cursor:
            scope = self._scope(move, RUNNING)
            for key, record in move.effects:
                self.machine.record(scope, scope.turn, key, record)
            self._drain()
        self.machine = replay(self.plan, self.journal)
        self._frozen.clear()
        self._last = self._fired = None
        self.machine.resume()

    def _drain(self) -> None:
        """Commit what happened, take up what is owed, until something has to be chosen."""
        machine = self.machine
        while True:
            if self.keeps_journal:
                self.texts += [e if type(e) is tuple else encode(e, plan) for e, plan in machine.entries]
            self.last += machine.entries
            machine.entries.clear()
            machine.stops.clear()
            machine.timers.clear()  # what is owed follows from the run
            while (scope := machine.take()) is not None:
                if scope.writes_to is not None:
                    self._frozen[scope.path] = deepcopy(dict(scope.read()))
            if machine.is_exhausted and not machine.running and machine.status == "running":
                machine.wind_up()
            if not machine.entries:
                return


def _options_of(scope: Scope) -> Iterator[Option]:
    """What may happen at one scope. Its timers fire in the order in which they are due, so only the first is listed."""
    node = scope.node
    if scope.status == RUNNING:
        yield Option("node", scope.path, node, scope)
    elif scope.status == WAITING:
        yield Option("question", scope.path, node, scope)
    if scope.open is None and scope.due is None and node.timeout_s is None and not node.timer_edges:
        return  # nearly every one
    timers = [one for one in timing.owed_at(scope) if one[2][0] != "edge" or timing.may_take(scope, one[2][2])]
    if scope.status == RUNNING and node.timeout_s is not None and (node.kind == "agent" or node.mode != "sync"):
        timers.append((scope.since + node.timeout_s, scope, ("timeout", scope.turn, scope.attempt)))
    for due, _, timer in sorted(timers, key=lambda one: one[0])[:1]:
        yield Option("timer", scope.path, node, scope, timer, due)


def target_name(target: object) -> str:
    """A handoff's target as a name: a handle, an end or a text."""
    return target if isinstance(target, str) else str(getattr(target, "name", target))


def _not_open(play: Play, move: Move) -> MoveInvalid:
    options = [f"{option.kind} {option.cursor}" for option in play.open()]
    return MoveInvalid(
        f"Nothing can {move.kind} at {move.cursor!r}",
        why=f"The run is {play.status}; open are {', '.join(options) or 'no moves at all'}.",
        fix="Make a move for one of play.open().",
    )
