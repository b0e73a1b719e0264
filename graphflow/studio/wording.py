"""What the page says of a run in a few words, in figures as everywhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphflow.core.usage import Usage
from graphflow.views.measures import dollars, has_cost, tokens

_FEW = 3


def spent(usage: Usage, *, with_steps: bool = False) -> str:
    """What model calls cost, nothing where there was none; behind the steps of a run, if they are wanted.

    >>> spent(Usage(input_tokens=4_100, usd=0.031)), spent(Usage(steps=1), with_steps=True)
    ('4.1k tokens · $0.031', '1 step')
    """
    parts = [f"{usage.steps:,} step{'s' if usage.steps != 1 else ''}"] if with_steps else []
    if usage.tokens or has_cost(usage):
        parts += [tokens(usage.tokens), dollars(usage.usd)]
    return " · ".join(parts)


def usage_of(kept: Mapping[str, Any]) -> Usage:
    """The usage that a store's row has."""
    return Usage(**{name: kept[name] for name in Usage.__dataclass_fields__ if name in kept})


def where(status: str, failing: Mapping[str, str] | None, questions: int, frontier: Sequence[str]) -> str:
    """Where a run is, or what it waits for.

    >>> where("waiting", None, 1, ["review"]), where("failed", {"node": "fetch", "error": "Busy: 429"}, 0, ["fetch"])
    ('asks at review', 'fetch: Busy: 429')
    >>> where("running", None, 0, ["a", "b", "c", "d"])
    'at a, b, c and 1 more'
    """
    at = ", ".join(frontier[:_FEW]) + (f" and {len(frontier) - _FEW} more" if len(frontier) > _FEW else "")
    if failing is not None:
        return f"{failing['node']}: {failing['error']}"
    if status == "waiting":
        return f"{'asks' if questions else 'waits'} at {at}"
    told = {"exhausted": "its budget is used up", "stopped": "nobody drives it", "running": f"at {at}" if at else ""}
    return told.get(status, "")
