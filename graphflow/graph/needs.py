"""When a join fires, in words: ``need=quorum(3)`` (S6.6)."""

from __future__ import annotations

from graphflow.core.plan import Need
from graphflow.graph.options import check_count, check_seconds
from graphflow.graph.places import caller


def quorum(count: int) -> Need:
    """The join fires as soon as ``count`` branches are done; those still running are cancelled.

    The join fails (``JoinFailed``) once so many cannot be reached. ``need="first"`` is ``quorum(1)``.

    >>> str(quorum(3))
    'quorum(3)'
    """
    return Need("quorum", check_count("count", count, caller(), least=1, form="quorum({})"))


def best_effort(*, at_least: int, within_s: float | None = None) -> Need:
    """The join fires when all branches have settled, or ``within_s`` seconds are over, with ``at_least`` of them done.

    With fewer done it fails (``JoinFailed``). Branches still running then are cancelled.
    """
    place = caller()
    count = check_count("at_least", at_least, place, least=0, form="best_effort(at_least={})")
    within = None if within_s is None else check_seconds("within_s", within_s, place, form="best_effort(within_s={})")
    return Need("best_effort", count, within)
