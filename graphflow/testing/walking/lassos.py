"""Runs that can go on for ever: a walk that comes back to where it was, with nothing used up on the way (S4.5).

Where it was is: the cursors, the takings of limited edges, and the fields that conditions look at and that the functions
on the way do. What grows without being looked at, a log, does not make it another place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphflow.core.plan import Plan
from graphflow.core.scopes import Scope
from graphflow.errors import shown
from graphflow.testing.exploring.control import guards_of
from graphflow.testing.walking.walk import Breach, Took, Walk


@dataclass(slots=True)
class _Standing:
    place: object
    values: dict[str, str]


def goes_round(walk: Walk) -> Breach | None:
    """An agent can keep the run going for ever."""
    found = _lasso(walk)
    if found is None or not _agents_in(walk, found):
        return None
    nodes = list(dict.fromkeys(took.move.node for took in _loop(walk, found)))
    where = [*nodes, nodes[0]]
    return Breach(
        (f"{_steps(walk, found)} can repeat for ever while the agents keep answering so",),
        f"put an at_most on an edge of the cycle {' -> '.join(where)}, or let a condition end it that no agent can hold open",
        found,
    )


def goes_round_alone(walk: Walk) -> Breach | None:
    """The run goes round by itself, whatever anybody answers."""
    found = _lasso(walk)
    if found is None or _agents_in(walk, found):
        return None
    return Breach(
        (
            f"{_steps(walk, found)} {'repeats' if found == 1 else 'repeat'} for ever: nothing in {'it' if found == 1 else 'them'} depends on an answer",
        ),
        "let the loop change what its condition looks at, or put an at_most on it",
        found,
    )


def _lasso(walk: Walk) -> int | None:
    """How many of the last steps are a round that can be made again. Worked out once per step."""
    number = len(walk.took)
    known = walk.notes.get("lasso")
    if known is not None and known[0] == number:
        found: int | None = known[1]
        return found
    found = _looked_for(walk)
    walk.notes["lasso"] = (number, found)
    return found


def _looked_for(walk: Walk) -> int | None:
    took = walk.took[-1] if walk.took else None
    standings: dict[int, _Standing] = walk.notes.setdefault("standings", {})
    if walk.play.machine.status != "running" or (took is not None and took.scope is None):
        return None
    now = _standing(walk)
    number = len(walk.took)
    for before in sorted(standings, reverse=True):
        then = standings[before]
        if then.place == now.place and _is_same(walk, then, now, walk.took[before:]):
            return number - before
    standings[number] = now
    return None


def _standing(walk: Walk) -> _Standing:
    scopes = walk.play.machine.scopes()
    place = tuple(_place(scope) for scope in scopes)
    values = {
        f"{number}.{name}": repr(value) for number, scope in enumerate(scopes) for name, value in scope.read().items()
    }
    return _Standing(place, values)


def _place(scope: Scope) -> object:
    taken = sorted((str(key), count) for key, count in (scope.taken or {}).items())
    return (scope.plan.name, scope.node.index, scope.status, scope.index, tuple(taken), shown(scope.error))


def _is_same(walk: Walk, then: _Standing, now: _Standing, between: list[Took]) -> bool:
    """Whether everything that decides is as it was, and what happened in between can happen again."""
    seen: set[str] | None = set()
    for plan in walk.setting.cast.plans:
        for guard in guards_of(plan):
            seen = None if guard.reads is None or seen is None else seen | guard.reads
    for took in between:
        if took.move.kind not in ("reply", "handoff") or took.is_fault:
            return False
        if took.is_called:
            node = _node_of(took.scope, took.move.node)
            if node is None or "ctx" in node.arguments:
                return False  # it may count its visits
            reads = node.reads
            seen = None if reads is None or seen is None else seen | reads
    names = now.values.keys() if seen is None else [key for key in now.values if key.partition(".")[2] in seen]
    return bool(between) and all(then.values.get(key) == now.values[key] for key in names)


def _node_of(scope: Scope | None, name: str) -> Any:
    plan: Plan | None = None if scope is None else scope.plan
    return None if plan is None else next((node for node in plan.nodes if node.name == name), None)


def _loop(walk: Walk, length: int) -> list[Took]:
    return walk.took[-length:]


def _agents_in(walk: Walk, length: int) -> bool:
    return any(not took.is_called for took in _loop(walk, length))


def _steps(walk: Walk, length: int) -> str:
    last = len(walk.took)
    return f"step {last}" if length == 1 else f"steps {last - length + 1}-{last}"
