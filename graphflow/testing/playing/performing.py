"""Function nodes called for real, one at a time, on a loop where nothing takes time and nothing is outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic_core import to_json

from graphflow.core import reading
from graphflow.core.annotations import own_copy
from graphflow.core.scopes import Recorded, Scope
from graphflow.core.view import altered_in
from graphflow.errors import NodeError
from graphflow.errors.testing import OutsideReached
from graphflow.graph.context import Branch, Caller, Context, Effect, Handoff, Offer, Reserve
from graphflow.graph.holding import Held
from graphflow.graph.occurrences import Occurrences
from graphflow.testing.playing.deps import changed, standing_of
from graphflow.testing.playing.play import Move, MoveKind, Play
from graphflow.testing.playing.still import StillLoop, Unreachable

if TYPE_CHECKING:
    from graphflow.core.usage import Usage

_loop = StillLoop()


class StillHands:
    """What a context can do in a play (S11): effects are performed and collected, records of earlier attempts reused."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.pending: list[dict[str, Any]] = []
        self.effects: dict[str, Recorded] = {}
        self.occurrences = Occurrences()
        self.failure: BaseException | None = None
        self.held = Held()
        self.is_watched = False
        self.driver = None
        self.caller: Caller | None = None

    def update(self, changes: dict[str, Any]) -> None:
        """Add to the pending update of the step (S3.7)."""
        self.pending.append(changes)

    def emit(self, text: str, *, tool: str = "", call: int = 0, under: str = "") -> None:
        """Nobody watches."""

    async def effect(
        self,
        kind: Literal["model", "tool", "once"],
        request: Any,
        call: Callable[[], Awaitable[Effect]],
        reserve: Reserve | None,
    ) -> Effect:
        """The record that matches, else perform and collect it (S11.1). A model is outside."""
        base = f"once {request}" if kind == "once" else f"{kind} {to_json(request, fallback=repr)!r}"
        key = base if kind == "once" else f"{base} {self.occurrences.next(base)}"
        known = (self.scope.effects or {}).get(key) or self.effects.get(key)
        if known is not None:
            return Effect(known.value, updates=tuple(dict(changes) for changes in known.updates))
        if kind == "model":
            raise Unreachable("a model")
        try:
            effect = await call()
        except BaseException as error:
            self.failure = error
            raise
        to_json(effect.value)
        self.effects[key] = Recorded(effect.value, _spent(effect.usage), effect.updates, effect.error)
        return effect

    def failed_in(self, error: BaseException) -> bool:
        """Whether an error came out of a recorded call."""
        seen: BaseException | None = error
        while seen is not None:
            if seen is self.failure:
                return True
            seen = seen.__cause__
        return False


def perform(play: Play, scope: Scope) -> Move:
    """What a running function node comes to. Raises OutsideReached; what the node raises is a move."""
    return call_with(play, scope, scope.node.call)[0]


def call_with(play: Play, scope: Scope, call: Callable[..., Any] | None) -> tuple[Move, list[str]]:
    """The move that calling comes to, and the fields whose value the call altered in its view (S3.6)."""
    node = scope.node
    assert call is not None, f"{node.name} is no function"
    hands = StillHands(scope) if "ctx" in node.arguments else None
    view = play.view(scope)
    given = [_argument(name, view, play, scope, hands) for name in node.arguments]
    before = None if hands is None or play.deps is None else standing_of(play.deps)
    try:
        result: Any = call(*given)
        if node.mode == "async":
            result = _loop.run(result)
    except Unreachable as needed:
        raise outside(scope, needed.what) from None
    except StopIteration as stop:
        error = NodeError(f"Node {node.name!r} raised StopIteration", cursor=scope.path)
        error.__cause__ = stop
        move = Move("fail", scope.path, node.name, error, (), _effects(hands))
    except Exception as error:
        is_call = hands is not None and hands.failed_in(error)
        move = Move("fail", scope.path, node.name, error, (), _effects(hands), is_call)
    else:
        kind: MoveKind = "handoff" if isinstance(result, Handoff) else "reply"
        pending = () if hands is None else tuple(hands.pending)
        move = Move(kind, scope.path, node.name, result, pending, _effects(hands))
    if before is not None:
        play.touched.setdefault(scope.path, []).append(changed(before, standing_of(play.deps)))
    return move, altered_in(view)


def _effects(hands: StillHands | None) -> tuple[tuple[str, Recorded], ...]:
    return () if hands is None else tuple(hands.effects.items())


def outside(scope: Scope, needed: str) -> OutsideReached:
    """The error for a node that needs what a test does not have."""
    name = scope.node.name
    return OutsideReached(
        f"Node {name!r} asks for {needed}",
        why="Property tests run function nodes for real, many times, in a world without network, processes and models.",
        fix=f"Say what it answers: agents={{{name!r}: says(...)}}, or give it a stand-in as deps=.",
        where=() if scope.node.place is None else (scope.node.place,),
    )


def context_of(play: Play, scope: Scope, hands: StillHands) -> Context[Any]:
    """A node's surroundings in a play."""
    node = scope.node
    return Context(
        run_id=play.machine.run_id,
        cursor=scope.path,
        node=node.name,
        visit=scope.visit,
        attempt=scope.attempt,
        deps=play.deps,
        item=own_copy(scope.items[-1]) if scope.items else None,
        items=tuple(map(own_copy, scope.items)),
        branches=_branches(scope),
        error=scope.error,
        handoffs=tuple(
            Offer(scope.plan.nodes[edge.target].name, edge.description, edge.takes) for edge in reading.offers(scope)
        )
        if node.handoffs
        else (),
        must_hand_off=bool(node.handoffs) and not node.exits,
        writes=node.writes.declared,
        max_depth=play.plan.limits.depth,
        hands=hands,
    )


def _argument(name: str, view: Any, play: Play, scope: Scope, hands: StillHands | None) -> Any:
    if name == "state":
        return view
    if name == "item":
        return own_copy(scope.items[-1]) if scope.items else None
    assert hands is not None
    return context_of(play, scope, hands)


def _branches(scope: Scope) -> tuple[Branch, ...]:
    fork = scope.branches
    if fork is None:
        return ()
    build = scope.plan.schema.snapshot
    return tuple(
        Branch(index, item, status, error, attempts, values, build)  # type: ignore[arg-type]
        for index, (item, status, error, attempts, values) in enumerate(reading.branch_values(fork))
    )


def _spent(usage: Usage) -> dict[str, Any]:
    names = usage.__dataclass_fields__
    return {name: value for name in names if (value := getattr(usage, name)) != 0}
