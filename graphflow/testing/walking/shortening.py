"""A failure made smaller: the fewest faults first, then the shortest run, then the simplest values.

Hypothesis shrinks toward few and simple choices, and a long run may be made of fewer than a short one: a node that repeats
itself chooses once. So walks are made anew that may do less than what was found, where nodes say again what they said in it,
until none fails any more; what is left shrinks within its length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphflow.core.plan import Node
from graphflow.errors.testing import NotDeterministic, NothingGenerated
from graphflow.testing.playing.play import Move
from graphflow.testing.values.choices import Choices
from graphflow.testing.values.chosen import Constant, OneOf
from graphflow.testing.walking.trying import attempt
from graphflow.testing.walking.walk import Broken, Setting

_MOST_ROUNDS = 20
_MOST_RUNS = 300

Test = Callable[[Setting, Choices], None]
"""One walk of a setting, and what is asked of it. Raises Broken."""


def smallest(found: Broken, setting: Setting, test: Test, runs: int) -> Broken:
    """The smallest failure of the same property that is found within so many walks a time."""
    runs = min(runs, _MOST_RUNS)
    best = found
    for _ in range(_MOST_ROUNDS):
        faults, moves = size_of(best)
        less = _within(best, setting, test, runs, (faults - 1, setting.most_moves)) if faults else None
        less = less or (_within(best, setting, test, runs, (faults, moves - 1)) if moves else None)
        if less is None:
            break
        best = less
    if best is found:
        return found
    for says_again in (False, True):  # values of its own are the simplest there are; rare ones may not be met again
        last = _within(best, setting, test, runs, size_of(best), says_again=says_again, shrinks=True)
        if last is not None:
            return last
    return best


def size_of(found: Broken) -> tuple[int, int]:
    """How many faults there are in a failure, and how many moves."""
    return found.walk.struck, len(found.walk.took)


def _within(
    best: Broken,
    setting: Setting,
    test: Test,
    runs: int,
    size: tuple[int, int],
    *,
    says_again: bool = True,
    shrinks: bool = False,
) -> Broken | None:
    """A failure with at most so many faults and moves."""
    faults, moves = size
    start = OneOf([best.walk.start], None if isinstance(setting.start, Constant) else setting.start)
    narrow = replace(
        setting,
        start=start if says_again else setting.start,
        faults=replace(setting.faults, at_most=faults),
        most_moves=moves,
        told=_told(best) if says_again else {},
    )

    def once(data: Choices) -> None:
        try:
            test(narrow, data)
        except Broken as other:
            if other.name == best.name and len(other.walk.took) <= moves:
                raise

    try:
        return attempt(once, runs, setting.plan.name, shrinks=shrinks)
    except (NotDeterministic, NothingGenerated):  # what was found is told as it is
        return None


def _told(found: Broken) -> dict[int, list[Move]]:
    """What was said in a failure, by node."""
    said: dict[int, list[Move]] = {}
    for took in found.walk.took:
        node: Node | None = (
            None
            if took.scope is None
            else next((one for one in took.scope.plan.nodes if one.name == took.move.node), None)
        )
        if node is None or took.is_called or took.is_fault or took.move.kind not in ("reply", "answer"):
            continue
        known = said.setdefault(id(node), [])
        if not any(type(one.value) is type(took.move.value) and one.value == took.move.value for one in known):
            known.append(took.move)
    return said
