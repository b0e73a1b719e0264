"""What goes wrong: ``faults.all(at_most=2)``, ``faults.raising(ConnectionError)``, ``faults.crash() + faults.timeout()``.

A walk injects at most ``at_most`` of them, anywhere, and shrinks toward none. In which order branches finish, and
whether a person answers, is no fault: every walk chooses that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from graphflow.core.plan import Node
from graphflow.errors import (
    BadResponse,
    ContentFiltered,
    ModelTimeout,
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
from graphflow.testing.playing.striking import At, Faults, Mark, declared_errors, fail, made, number_of
from graphflow.testing.values.odd_answers import BROKEN_OFF, HUGE, INSTRUCTIONS, REFUSAL, odd_answer
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
    "late",
    "model",
    "none",
    "raising",
    "refusal",
    "silence",
    "slow",
    "store",
    "timeout",
    "truncated",
]


CRASH, CANCEL, FIRE, AGAIN, CLOCK, SILENCE = map(Mark, ("CRASH", "CANCEL", "FIRE", "AGAIN", "CLOCK", "SILENCE"))

_RESULTS = ("reply", "handoff", "fail")

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
        refusal(),
        truncated(),
        crash(),
        cancel(),
        duplicate(),
        late(),
        clock(),
    )
    return replace(Faults(tuple(kind for one in kinds for kind in one.kinds)), at_most=number_of(at_most))


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

    texts = [error.__name__ if isinstance(error, type) else repr(error) for error in errors]
    return Faults(((f"raising({', '.join(texts)})", at),), number_of(at_most))


def declared(*, at_most: int = 2) -> Faults:
    """A node raises what the graph says it can: the classes of its error edges and of its retry, and of those around it."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "node":
            for kind in declared_errors(option.scope):
                yield fail(option.scope, made(kind))

    return Faults((("declared", at),), number_of(at_most))


def model(*, at_most: int = 2) -> Faults:
    """An agent's model fails in every way: 429, refusal, filter, truncated, no valid output, no end of turns, late."""
    kinds = (RateLimited, Refused, ContentFiltered, Truncated, OutputInvalid, TurnsExhausted, BadResponse, ModelTimeout)

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "node" and option.node.kind == "agent":
            for kind in kinds:
                yield fail(option.scope, made(kind))

    return Faults((("model", at),), number_of(at_most))


def timeout(*, at_most: int = 2) -> Faults:
    """A node with ``timeout_s`` takes longer than that."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "timer" and option.timer is not None and option.timer[0] == "timeout":
            yield Move("fire", option.cursor, option.node.name, option.timer)

    return Faults((("timeout", at),), number_of(at_most))


def handoff(*, at_most: int = 2) -> Faults:
    """A node hands off to where no handoff leads (S9.2)."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "node" and option.node.handoffs:
            yield Move("handoff", option.cursor, option.node.name, Handoff("nobody of that name"))

    return Faults((("handoff", at),), number_of(at_most))


def invalid(*, at_most: int = 2) -> Faults:
    """A function returns what is no update (S3.3). What an agent returns is always valid."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "node" and option.node.kind == "function":
            yield Move("reply", option.cursor, option.node.name, {"no field of that name": 0})

    return Faults((("invalid", at),), number_of(at_most))


def empty(*, at_most: int = 2) -> Faults:
    """An agent says nothing: an empty text, an empty list, in every field where its output type allows that.

    This and ``huge``, ``injected``, ``refusal`` and ``truncated`` are valid answers, so that whatever breaks on them counts
    as broken. (A model that says so itself raises ``Refused`` or ``Truncated``: see ``model``.)
    """
    return Faults((("empty", _saying("")),), number_of(at_most))


def huge(*, at_most: int = 2) -> Faults:
    """An agent says 100,000 characters, in every text of its answer."""
    return Faults((("huge", _saying(HUGE)),), number_of(at_most))


def injected(*, at_most: int = 2) -> Faults:
    """An agent was talked into passing instructions on: they stand in every text of its answer."""
    return Faults((("injected", _saying(INSTRUCTIONS)),), number_of(at_most))


def refusal(*, at_most: int = 2) -> Faults:
    """An agent will not do it, and says so in every text of its answer, which nothing tells from any other."""
    return Faults((("refusal", _saying(REFUSAL)),), number_of(at_most))


def truncated(*, at_most: int = 2) -> Faults:
    """An agent's answer breaks off: every text of it ends in the middle of a word, of a JSON, of a block of code."""
    return Faults((("truncated", _saying(BROKEN_OFF)),), number_of(at_most))


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

    return Faults((("crash", at),), number_of(at_most))


def cancel(*, at_most: int = 1) -> Faults:
    """Somebody cancels the run, or the branch in which something is under way (S14.2)."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        yield Move("cancel")
        if "/" in option.cursor:
            yield Move("cancel", option.cursor.rpartition("/")[0])

    return Faults((("cancel", at),), number_of(at_most))


def duplicate(*, at_most: int = 2) -> Faults:
    """What a node returned, or a timer, is delivered a second time. It must change nothing (S15.5)."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        last = play.moves[-1] if play.moves else None
        if last is not None and (last.kind in _RESULTS or (last.kind == "fire" and last.value[0] != "timeout")):
            yield Move("again", play.moves[-1].cursor, play.moves[-1].node)

    return Faults((("duplicate", at),), number_of(at_most))


def late(*, at_most: int = 2) -> Faults:
    """What a node returns comes after its time was over, or its branch was cancelled. It must change nothing (S15.5).

    Nothing else can happen to a result on its way: within one process it is neither lost nor overtaken by another of the
    same node, and which node is done first is no fault; every walk chooses that.
    """

    def at(play: Play, option: Option) -> Iterator[Move]:
        last = play.moves[-1] if play.moves else None
        if last is not None and play.is_late_open:
            yield Move("again", last.cursor, last.node)

    return Faults((("late", at),), number_of(at_most))


def silence(*, at_most: int = 1) -> Faults:
    """Nobody ever answers a question. Then a timer has to lead on, at the question or around it (S10.3)."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        if option.kind == "question":
            yield Move("silence", option.cursor, option.node.name)

    return Faults((("silence", at),), number_of(at_most))


def slow(*, at_most: int = 2) -> Faults:
    """A node takes longer than anything around it may, before its work or behind it: twice its ``timeout_s``, or two minutes.

    For ``simulate``. A walk has no clock: it tries every order of timers and nodes anyway, and ``timeout()`` strikes there.
    """
    return Faults((("slow", _never),), number_of(at_most))


def store(*, at_most: int = 1) -> Faults:
    """What a store may do to a driver (S18): it refuses a commit (disk full, connection lost); it writes one, and its
    answer is lost; another driver has taken over; the next process reads a copy that lags behind.

    For ``simulate``, which has a store. A journal that is torn, or lacks what was said to be safe, is none of this: the
    stores write a commit whole or not at all, which ``store_contract`` asks of any.
    """
    return Faults((("store", _never),), number_of(at_most))


def _never(play: Play, option: Option) -> Iterable[Move]:
    """There is no such thing in a walk."""
    return ()


def clock(*, at_most: int = 2) -> Faults:
    """The clock jumps, by an hour back or a year on."""

    def at(play: Play, option: Option) -> Iterator[Move]:
        yield Move("clock", value=-3_600.0)
        yield Move("clock", value=31_536_000.0)

    return Faults((("clock", at),), number_of(at_most))
