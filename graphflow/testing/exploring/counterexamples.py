"""What the explorer finds, told as walks tell it: its shortest run is made again under the same laws."""

from __future__ import annotations

from collections.abc import Sequence

from graphflow.core.scopes import Scope
from graphflow.errors import GraphflowError
from graphflow.testing.exploring.routes import Route
from graphflow.testing.exploring.surveying import Discovery
from graphflow.testing.playing.play import Move, Play
from graphflow.testing.playing.striking import declared_errors
from graphflow.testing.walking.walk import (
    REORDERED,
    SCRUTINISED,
    Breach,
    Broken,
    Setting,
    Walk,
    begin,
    broken,
    make,
    options_of,
)

_ROUNDS = 4
"""A loop is made so often before the law about it must have noticed."""

_LAW_OF = {"stuck": "no stuck state", "livelock": "no livelock", "loop": "terminates"}


def counterexample(setting: Setting, found: Discovery) -> Broken | None:
    """The broken law that a discovery shows, with the walk; None if no law that is asked for says so."""
    route = found.route
    if route.start is None:  # no run shows it
        return None
    if not setting.faults and any(_is_fault(move) for move in route.moves):
        return None
    walk = Walk(setting, begin(setting, route.start), route.start, SCRUTINISED | REORDERED)
    try:
        walk.check("step")
        _make_all(walk, route)
        walk.is_cut = bool(options_of(walk))
        walk.check("end")
    except Broken as shown:
        return shown
    except GraphflowError:  # a move that is no longer possible: nothing is shown
        return None
    name = _LAW_OF.get(found.kind)
    if found.severity != "error" or name is None or all(law.name != name for law in setting.laws):
        return None
    return broken(walk, name, Breach((found.what, *(f"   {line}" for line in found.why.splitlines()))))


def _is_fault(move: Move) -> bool:
    """Whether a move is one that walks make only if faults are asked for."""
    return move.kind in ("crash", "cancel") or (move.kind == "fire" and move.value[0] == "timeout")


def _make_all(walk: Walk, route: Route) -> None:
    """The moves of a route, and those that can repeat a few times more."""
    moves = list(route.moves)
    if not route.repeating:
        _make(walk, moves)
        return
    _make(walk, moves[: -route.repeating])
    for _ in range(_ROUNDS):
        _make(walk, [_moved(walk.play, move) for move in moves[-route.repeating :]], is_again=True)


def _make(walk: Walk, moves: Sequence[Move], *, is_again: bool = False) -> None:
    for given in moves:
        options_of(walk)  # notes whether several are under way
        move = _moved(walk.play, given) if is_again else given
        scope = _scope_of(walk.play, move)
        is_called = scope is not None and move.kind != "answer" and walk.setting.cast.is_called(scope.node)
        is_fault = move.kind in ("crash", "cancel") or (move.kind == "fail" and not is_called)
        classes = tuple(declared_errors(scope)) if is_fault and scope is not None else ()
        if is_called and scope is not None and move.kind in ("reply", "handoff", "fail"):
            option = next(one for one in walk.play.open() if one.kind == "node" and one.cursor == move.cursor)
            made = walk.play.perform(option)
            is_fault = is_fault or (move.kind == "fail" and made.kind != "fail")
            move, is_called = (move, False) if is_fault else (made, True)
        elif scope is not None and move.kind in ("reply", "handoff"):
            walk.said[move.cursor, scope.attempt] = move
        make(walk, move, scope, is_fault=is_fault, declared=classes, is_called=is_called)


def _moved(play: Play, move: Move) -> Move:
    """A move of an earlier round, at the same node's cursor of now."""
    if any(option.cursor == move.cursor for option in play.open()):
        return move
    same = [option for option in play.open() if option.node.name == move.node]
    if not same:
        return move
    return Move(move.kind, same[0].cursor, move.node, move.value, move.pending)


def _scope_of(play: Play, move: Move) -> Scope | None:
    return next((option.scope for option in play.open() if option.cursor == move.cursor), None)
