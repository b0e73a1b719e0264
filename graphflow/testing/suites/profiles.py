"""How hard a suite tries: ``quick`` while one writes, ``ci`` before a change lands, ``nightly`` when there is time."""

from __future__ import annotations

from dataclasses import dataclass

from graphflow.errors import unknown_name
from graphflow.errors.testing import TestingError


@dataclass(frozen=True, slots=True)
class Profile:
    """``walks`` a graph, with faults or without, and up to ``states`` explored in ``seconds``."""

    name: str
    walks: int
    has_faults: bool
    states: int
    seconds: float


PROFILES = {
    "quick": Profile("quick", walks=50, has_faults=False, states=2_000, seconds=2.0),
    "ci": Profile("ci", walks=300, has_faults=True, states=20_000, seconds=15.0),
    "nightly": Profile("nightly", walks=10_000, has_faults=True, states=500_000, seconds=600.0),
}
"""By name. Walks are the same each time, unless GRAPHFLOW_SEED says otherwise."""


def profile_of(name: str) -> Profile:
    """The profile of that name. Raises TestingError with the nearest one."""
    if name not in PROFILES:
        raise TestingError(
            f"There is no profile {name!r}",
            why="A profile says how many walks are made of a graph, and whether with faults.",
            fix=unknown_name(name, PROFILES),
        )
    return PROFILES[name]
