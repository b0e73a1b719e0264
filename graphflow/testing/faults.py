"""What goes wrong: ``faults.all(at_most=2)``, ``faults.raising(ConnectionError)``, ``faults.crash() + faults.timeout()``.

A walk injects at most ``at_most`` of them, anywhere, and shrinks toward none. In which order branches finish, and
whether a person answers, is no fault: every walk chooses that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from graphflow.core.plan import Node
from graphflow.core.scopes import Scope
from graphflow.errors import (
    BadResponse,
    ContentFiltered,
    HandoffInvalid,
    JoinFailed,
    ModelTimeout,
    NodeError,
    NodeTimeout,
    OutputInvalid,
    RateLimited,
    Refused,
    Truncated,
    TurnsExhausted,
    shown,
)
from graphflow.errors.testing import FaultInvalid
from graphflow.graph.context import Handoff
from graphflow.testing.playing.play import Move, Option, Play
from graphflow.testing.values.odd_answers import HUGE, INSTRUCTIONS, odd_answer
from graphflow.testing.values.sampling import NoSample

__all__ = [
    "CANCEL",
    "CRASH",
    "FIRE",
    "SILENCE",
    "Faults",
    "all",
    "cancel",
    "clock",
    "crash",
    "declared",
    "duplicate",
    "empty",
    "handoff",
    "huge",
    "injected",
    "invalid",
    "model",
    "none",
    "raising",
    "silence",
    "slow",
    "store",
    "timeout",
]


class Mark:
    """What stands in the steps of a replay for something that is no answer of a node."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"faults.{self.name}"


CRASH, CANCEL, FIRE, AGAIN, CLOCK, SILENCE = map(Mark, ("CRASH", "CANCEL", "FIRE", "AGAIN", "CLOCK", "SILENCE"))

_RESULTS = ("reply", "handoff", "fail")

At = Callable[[Play, Option], Iterable[Move]]
"""What may go wrong at an option, as moves in the place of the ordinary one."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Kinds of faults by name, and how many of them one run may meet."""

    kinds: tuple[tuple[str, At], ...] = ()
    at_most: int = 2

    def __add__(self, other: object) -> Faults:
        if not isinstance(other, Faults):
            raise FaultInvalid(
                f"{shown(other)} is no fault",
                why="Faults are put together with others.",
                fix="Write faults.crash() + faults.raising(ConnectionError).",
            )
        return Faults((*self.kinds, *other.kinds), max(self.at_most, other.at_most))

    def at(self, play: Play, option: Option) -> list[Move]:
        """All that may go wrong here."""
        return [move for _, kind in self.kinds for move in kind(play, option)]

    def __bool__(self) -> bool:
        return bool(self.kinds) and self.at_most > 0


none = Faults((), 0)
"""Nothing goes wrong."""


def all(*, at_most: int = 2) -> Faults:  # noqa: A001
    """Everything that can go wrong; ``at_most`` so many times in one run. But for ``silence``: many a run may wait."""
    kinds = (
        declared(),
        raising(RuntimeError),
        model(),
        timeout(),
        handoff(),
        invalid(),
        empty(),
        huge(),
        injected(),
        crash(),
        cancel(),
        duplicate(),
        clock(),
    )
    return replace(Faults(tuple(kind for one in kinds for kind in one.kinds)), at_most=_number(at_most))


def raising(*errors: type[Exception] | Exception, at_most: int = 2) -> Faults:
    """Any node that runs raises one of these: classes, or exceptions ready made. Retries meet the same again, or not."""
    if not errors:
        raise FaultInvalid(
            "raising() was given no error", why="It says what is raised.", fix="Write raising(ConnectionError)."
        )
    for error in errors:
        given: object = error
        if not (isinstance(given, Exception) or (isinstance(given, type) and issubclass(given, Exception))):
            raise FaultInvalid(
                f"raising({shown(error)}) is no exception",
                why="Nodes fail by raising exceptions. (S8.1)",
                fix="Give a class or an instance: raising(ConnectionError, TimeoutError('slow')).",
            )

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "node":
            for error in errors:
                yield fail(option.scope, made(error) if isinstance(error, type) else error)

    return Faults((("raising", at),), _number(at_most))


def declared(*, at_most: int = 2) -> Faults:
    """A node raises what the graph says it can: the classes of its error edges and of its retry, and of those around it."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "node":
            for kind in declared_errors(option.scope):
                yield fail(option.scope, made(kind))

    return Faults((("declared", at),), _number(at_most))


def model(*, at_most: int = 2) -> Faults:
    """An agent's model fails in every way: 429, refusal, filter, truncated, no valid output, no end of turns, late."""
    kinds = (RateLimited, Refused, ContentFiltered, Truncated, OutputInvalid, TurnsExhausted, BadResponse, ModelTimeout)

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "node" and option.node.kind == "agent":
            for kind in kinds:
                yield fail(option.scope, made(kind))

    return Faults((("model", at),), _number(at_most))


def timeout(*, at_most: int = 2) -> Faults:
    """A node with ``timeout_s`` takes longer than that."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "timer" and option.timer is not None and option.timer[0] == "timeout":
            yield Move("fire", option.cursor, option.node.name, option.timer)

    return Faults((("timeout", at),), _number(at_most))


def handoff(*, at_most: int = 2) -> Faults:
    """A node hands off to where no handoff leads (S9.2)."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "node" and option.node.handoffs:
            yield Move("handoff", option.cursor, option.node.name, Handoff("nobody of that name"))

    return Faults((("handoff", at),), _number(at_most))


def invalid(*, at_most: int = 2) -> Faults:
    """A function returns what is no update (S3.3). What an agent returns is always valid."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "node" and option.node.kind == "function":
            yield Move("reply", option.cursor, option.node.name, {"no field of that name": 0})

    return Faults((("invalid", at),), _number(at_most))


def empty(*, at_most: int = 2) -> Faults:
    """An agent says nothing: an empty text, an empty list, in every field where its output type allows that.

    This and ``huge`` and ``injected`` are valid answers, so that whatever breaks on them counts as broken.
    """
    return Faults((("empty", _saying("")),), _number(at_most))


def huge(*, at_most: int = 2) -> Faults:
    """An agent says 100,000 characters, in every text of its answer."""
    return Faults((("huge", _saying(HUGE)),), _number(at_most))


def injected(*, at_most: int = 2) -> Faults:
    """An agent was talked into passing instructions on: they stand in every text of its answer."""
    return Faults((("injected", _saying(INSTRUCTIONS)),), _number(at_most))


def _saying(text: str) -> At:
    answers: dict[int, tuple[Node, list[Any]]] = {}  # by node, which is held on to

    def at(play: Play, option: Option) -> Iterator[Move]:
        node = option.node
        if option.kind != "node" or node.kind != "agent" or (node.handoffs and not node.exits):
            return
        if id(node) not in answers:
            try:
                answers[id(node)] = (node, [odd_answer(node.returns, text)])
            except NoSample:
                answers[id(node)] = (node, [])
        for value in answers[id(node)][1]:
            yield Move("reply", option.cursor, node.name, value)

    return at


def crash(*, at_most: int = 2) -> Faults:
    """The process dies and another one goes on from the journal: before a node's call, after its effects were recorded
    and before its result was, and after the commit, also while branches are under way."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        yield Move("crash")
        if option.kind == "node" and option.node.kind == "function" and "ctx" in option.node.arguments:
            yield Move("crash", option.cursor, option.node.name)  # it is called if this is chosen

    return Faults((("crash", at),), _number(at_most))


def cancel(*, at_most: int = 1) -> Faults:
    """Somebody cancels the run, or the branch in which something is under way (S14.2)."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        yield Move("cancel")
        if "/" in option.cursor:
            yield Move("cancel", option.cursor.rpartition("/")[0])

    return Faults((("cancel", at),), _number(at_most))


def duplicate(*, at_most: int = 2) -> Faults:
    """What a node returned, or a timer, is delivered a second time. It must change nothing (S15.5)."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        last = play.moves[-1] if play.moves else None
        if last is not None and (last.kind in _RESULTS or (last.kind == "fire" and last.value[0] != "timeout")):
            yield Move("again", play.moves[-1].cursor, play.moves[-1].node)

    return Faults((("duplicate", at),), _number(at_most))


def silence(*, at_most: int = 1) -> Faults:
    """Nobody ever answers a question. Then a timer has to lead on, at the question or around it (S10.3)."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "question":
            yield Move("silence", option.cursor, option.node.name)

    return Faults((("silence", at),), _number(at_most))


def slow(*, at_most: int = 2) -> Faults:
    """A node takes longer than anything around it may: twice its ``timeout_s``, or two minutes.

    For ``simulate``. A walk has no clock: it tries every order of timers and nodes anyway, and ``timeout()`` strikes there.
    """
    return Faults((("slow", _never),), _number(at_most))


def store(*, at_most: int = 1) -> Faults:
    """A commit is refused (disk full, connection lost), or another driver has taken over the run (S18).

    For ``simulate``, which has a store.
    """
    return Faults((("store", _never),), _number(at_most))


def _never(play: Play, option: Option) -> Iterable[Move]:
    """There is no such thing in a walk."""
    return ()


def clock(*, at_most: int = 2) -> Faults:
    """The clock jumps, by an hour back or a year on."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        yield Move("clock", value=-3_600.0)
        yield Move("clock", value=31_536_000.0)

    return Faults((("clock", at),), _number(at_most))


def fail(scope: Scope, error: Exception) -> Move:
    """A node that raises."""
    return Move("fail", scope.path, scope.node.name, error)


def made(kind: type[Exception]) -> Exception:
    """An instance of an error class, however it is built."""
    for arguments in (("made up by a test",), (), (0, "made up by a test")):
        try:
            return kind(*arguments)
        except Exception:  # a class of the user's with a way of its own
            continue
    error: Exception = kind.__new__(kind)
    error.args = ("made up by a test",)
    return error


def declared_errors(scope: Scope) -> list[type[Exception]]:
    """The error classes that the graph has said something about, for a node and for all that is around it (S8.3)."""
    found: dict[type[Exception], None] = {}
    at: Scope | None = scope
    while at is not None:
        for node in (at.node, *_joins_of(at)):
            found |= dict.fromkeys(_said_of(node))
        at = at.parent
    return [kind for kind in found if not issubclass(kind, JoinFailed | NodeTimeout | HandoffInvalid)]


def _joins_of(scope: Scope) -> list[Node]:
    return [scope.plan.nodes[scope.join]] if scope.join >= 0 else []


def _said_of(node: Node) -> Iterator[type[Exception]]:
    for edge in node.error_edges:
        yield from (kind for kind in edge.errors if issubclass(kind, Exception) and kind not in (Exception, NodeError))
    if node.retry is not None:
        on = node.retry.on if isinstance(node.retry.on, tuple) else (node.retry.on,)
        yield from (kind for kind in on if issubclass(kind, Exception) and kind is not Exception)


def _number(at_most: int) -> int:
    given: object = at_most
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise FaultInvalid(
            f"at_most={at_most!r} is no number of faults",
            why="It says how many one run may meet.",
            fix="Write at_most=2.",
        )
    return at_most
