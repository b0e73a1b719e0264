"""What ``verify`` was asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphflow.core.plan import Plan
from graphflow.core.usage import Budget
from graphflow.graph.declaration import Declaration
from graphflow.testing.faults import Faults
from graphflow.testing.properties import Property
from graphflow.testing.values.answers import Agents


@dataclass(frozen=True, slots=True)
class Question:
    """What ``verify`` was asked, for its layers."""

    graph: Declaration[Any]
    plan: Plan
    properties: tuple[Property, ...]
    agents: Agents | None
    faults: Faults
    start: Any
    without: frozenset[str]
    runs: int
    budget: Budget | None
    deps: Any


@dataclass(frozen=True, slots=True)
class Verified:
    """What holds: the names of the properties, how many walks were made to find that out, and where these started."""

    graph: str
    properties: tuple[str, ...]
    walks: int
    start: str = ""

    def __str__(self) -> str:
        what = f"{self.graph}: {len(self.properties)} properties hold in {self.walks:,} walks"
        return f"{what}\n  start  {self.start}" if self.start else what


@dataclass(frozen=True, slots=True)
class Holding:
    """The properties that a layer found to hold, and where its runs started."""

    names: list[str]
    start: str = ""
