"""The nodes of a simulated run: functions are called for real, agents answer by seed, and all of them take their time.

A plan is staged once: the same graph, with each node's work in a wrapper that asks the ``Stage`` of the run under way what
happens there. The user's graph and plan stay as they are.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from graphflow.core.plan import Node, Plan
from graphflow.core.scopes import Scope
from graphflow.core.usage import Usage
from graphflow.errors import RunError
from graphflow.graph.context import Context, Effect, Handoff, Reserve
from graphflow.runtime.hands import DriverHands
from graphflow.testing.faults import Faults
from graphflow.testing.playing.play import Move, Option, Play
from graphflow.testing.playing.still import Unreachable
from graphflow.testing.simulating.draws import Draws, chance
from graphflow.testing.simulating.seeded import SeededLoop
from graphflow.testing.values.answers import Cast

_NAPS_S = (0.001, 0.005, 0.02, 0.1)
_SLOW_S = 60.0
_FAULT_RATE = 0.15
_SLOW_RATE = 0.1

ELSEWHERE = frozenset(("crash", "cancel", "store", "slow", "clock", "silence", "duplicate"))
"""Kinds of faults that strike no node, or not by what it comes to."""

_ONE_CALL = Usage(model_calls=1)
_MAY_CALL = Reserve(model_calls=1)

Happening = Literal[
    "begins",
    "says",
    "returns",
    "raises",
    "hands off",
    "is cancelled",
    "swallows",
    "is forgotten",
    "takes too long",
    "note",
]


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of what happened: ``life`` counts the processes that drove the run."""

    what: Happening
    cursor: str
    node: str
    attempt: int
    life: int
    value: Any = None


@dataclass(slots=True, eq=False)
class Stage:
    """What happens at the nodes of one simulated run, over all its processes.

    ``said`` is what agents answered, by cursor and attempt; ``log`` everything in order; ``open_calls`` are the hands at
    work, by cursor.
    """

    cast: Cast
    faults: Faults
    seed: int
    is_paced: bool = True
    life: int = 0
    log: list[Happened] = field(default_factory=list[Happened])
    said: dict[tuple[str, int], Move] = field(default_factory=dict[tuple[str, int], Move])
    injected: int = 0
    failing: set[str] = field(default_factory=set[str])  # cursors at which something was made to go wrong
    at_work: dict[str, DriverHands] = field(default_factory=dict[str, DriverHands])
    reached: Scope | None = None  # whose node asked for the world outside
    _struck: dict[tuple[str, int], Move | None] = field(default_factory=dict[Any, Any])
    _may_fail: bool = field(init=False)
    _may_be_slow: bool = field(init=False)

    def __post_init__(self) -> None:
        names = [name for name, _ in self.faults.kinds]
        self._may_fail = any(name not in ELSEWHERE for name in names)
        self._may_be_slow = "slow" in names

    def note(self, text: str) -> None:
        """Something that no node did: the process died, a person answered."""
        self.log.append(Happened("note", "", "", 0, self.life, text))

    def told(self, what: Happening, scope: Scope, value: Any = None) -> None:
        """A node did something."""
        self.log.append(Happened(what, scope.path, scope.node.name, scope.attempt, self.life, value))

    def answer(self, scope: Scope) -> Move:
        """What an agent, or a node that ``agents=`` speaks for, says: by seed, cursor and attempt."""
        draws = Draws(self.seed, scope.path, scope.attempt)
        move = self.cast.answer(draws.data, cast("Play", None), scope)[0]
        self.said[scope.path, scope.attempt] = move
        return move

    def fault(self, scope: Scope) -> Move | None:
        """What goes wrong with an attempt on purpose, instead of what it would come to."""
        if not self._may_fail:
            return None
        key = (scope.path, scope.attempt)
        if key not in self._struck:
            move = self._struck[key] = self._drawn_fault(scope)
            self.injected += move is not None
            if move is not None and (move.kind != "reply" or scope.node.kind != "agent"):  # else odd, but valid
                self.failing.add(scope.path)
        return self._struck[key]

    def _drawn_fault(self, scope: Scope) -> Move | None:
        last = self._struck.get((scope.path, scope.attempt - 1))
        if last is not None and last.kind == "fail" and chance(self.seed, "lasts", scope.path).random() < 0.5:
            return last  # the next attempt meets the same, which is one fault
        if self.injected >= self.faults.at_most:
            return None
        draw = chance(self.seed, "fault", scope.path, scope.attempt)
        if draw.random() > _FAULT_RATE:
            return None
        moves = self.faults.at(_NO_PLAY, Option("node", scope.path, scope.node, scope))
        moves = [move for move in moves if move.kind in ("fail", "reply", "handoff")]
        return draw.choice(moves) if moves else None

    async def take_time(self, scope: Scope) -> None:
        """Wait as long as the seed says; well within a timeout, unless a fault makes the node slow."""
        draw = cast("SeededLoop", asyncio.get_running_loop()).chance
        if self._may_be_slow and await self.is_slow(scope):
            return
        kind = draw.random() if self.is_paced else 0.0
        if kind < 0.35:
            return
        if kind < 0.7:
            for _ in range(draw.randint(1, 3)):
                await asyncio.sleep(0)
            return
        nap_s = draw.choice(_NAPS_S)
        await asyncio.sleep(nap_s if scope.node.timeout_s is None else min(nap_s, scope.node.timeout_s / 8))

    async def is_slow(self, scope: Scope, when: str = "") -> bool:
        """Whether a node was made to take far too long, which it has then done."""
        draw = cast("SeededLoop", asyncio.get_running_loop()).chance
        if not self._may_be_slow or self.injected >= self.faults.at_most or draw.random() >= _SLOW_RATE:
            return False
        self.injected += 1
        self.told("takes too long", scope, when)
        await asyncio.sleep(2 * (scope.node.timeout_s or _SLOW_S))
        return True

    def has(self, kind: str) -> bool:
        """Whether a kind of fault may strike."""
        return any(name == kind for name, _ in self.faults.kinds)


def _no_play() -> Play:
    play = Play.__new__(Play)
    play.moves = []
    return play


_NO_PLAY = _no_play()
"""Faults look at the last move of a play; here there is none."""


class Theatre:
    """A staged plan, and the stage of the run under way."""

    def __init__(self, plan: Plan, cast_of: Callable[[Plan], Cast]) -> None:
        self._staged: dict[int, Plan] = {}
        self._cast: Cast | None = None
        self.plan = self._stage_plan(plan)
        self._cast = cast_of(self.plan)
        self.stage: Stage | None = None

    @property
    def cast(self) -> Cast:
        """Who answers, by the nodes of the staged plan."""
        assert self._cast is not None
        return self._cast

    @property
    def now(self) -> Stage:
        assert self.stage is not None
        return self.stage

    def _stage_plan(self, plan: Plan) -> Plan:
        if id(plan) not in self._staged:
            nodes = tuple(map(self._stage_node, plan.nodes))
            self._staged[id(plan)] = replace(plan, nodes=nodes)
        return self._staged[id(plan)]

    def _stage_node(self, node: Node) -> Node:
        if node.graph is not None:
            inner = node.graph.plan  # staged when it is entered: a graph may contain itself (S12.2)
            return replace(node, graph=replace(node.graph, plan=lambda: self._stage_plan(inner())))
        if not node.is_performed:
            return node
        takes = ("ctx", *(name for name in node.arguments if name != "ctx"))
        if node.kind == "function" and node.mode == "blocking":
            return replace(node, call=self._blocking(node), arguments=takes)
        return replace(node, call=self._awaited(node), mode="async", arguments=takes)

    def _awaited(self, node: Node) -> Callable[..., Any]:
        async def perform(ctx: Context[Any], *given: Any) -> Any:
            stage, hands = self.now, cast("DriverHands", ctx.hands)
            scope, task = hands.scope, asyncio.current_task()
            loop = cast("SeededLoop", asyncio.get_running_loop())
            loop.idle_turns = 0
            is_called = self.cast.is_called(scope.node)
            stage.told("begins", scope)
            stage.at_work[scope.path] = hands
            assert task is not None
            cancels, attempt = task.cancelling(), scope.attempt
            loop.own(task, scope.path)
            try:
                fault = stage.fault(scope)
                if fault is None and not is_called:
                    result, what = await _said(stage, hands, scope), "says"
                else:
                    await stage.take_time(scope)
                    if fault is not None:
                        result, what = _come_to(fault), "says"
                    else:
                        result, what = await _awaited(_called(node, ctx, given)), "returns"
                    await stage.is_slow(scope, ", behind its work")
                if task.cancelling() > cancels:
                    stage.log.append(Happened("swallows", hands.path, node.name, attempt, stage.life))
                elif scope.turn != hands.turn:
                    stage.log.append(Happened("is forgotten", hands.path, node.name, attempt, stage.life))
                else:
                    stage.told("hands off" if isinstance(result, Handoff) else cast("Happening", what), scope, result)
                return result
            except asyncio.CancelledError:
                stage.log.append(Happened("is cancelled", hands.path, node.name, attempt, stage.life))
                raise
            except Exception as error:
                stage.told("raises", scope, error)
                raise
            except Unreachable:
                stage.reached = scope
                raise
            finally:
                stage.at_work.pop(hands.path, None)
                loop.own(task, "")

        return perform

    def _blocking(self, node: Node) -> Callable[..., Any]:
        def perform(ctx: Context[Any], *given: Any) -> Any:
            stage, scope = self.now, cast("DriverHands", ctx.hands).scope
            stage.told("begins", scope)
            result = _called(node, ctx, given)
            stage.told("returns", scope, result)
            return result

        return perform


async def _awaited(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


def _called(node: Node, ctx: Context[Any], given: tuple[Any, ...]) -> Any:
    assert node.call is not None
    rest = iter(given)
    return node.call(*[ctx if name == "ctx" else next(rest) for name in node.arguments])


async def _said(stage: Stage, hands: DriverHands, scope: Scope) -> Any:
    """An agent's answer: one call of a model, recorded as such, paid for out of the budget (S11.1, S13.1)."""
    try:
        move = stage.answer(scope)
    except RunError:  # a handoff's condition raised when it was offered (S5.4)
        await stage.take_time(scope)
        raise
    if scope.node.kind == "agent":

        async def call() -> Effect:
            await stage.take_time(scope)
            return Effect("answered by a simulation", _ONE_CALL)

        await hands.effect("model", {"simulated": scope.path, "attempt": scope.attempt}, call, _MAY_CALL)
    await stage.take_time(scope)
    for changes in move.pending:
        hands.update(dict(changes))
    return _come_to(move)


def _come_to(move: Move) -> Any:
    if move.kind == "fail":
        raise move.value
    is_bare = move.kind == "handoff" and not isinstance(move.value, Handoff)
    return Handoff(move.value) if is_bare else move.value
