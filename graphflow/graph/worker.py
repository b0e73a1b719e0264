"""What an agent is to a graph: something with a name that can be performed at a node.

The graph layer knows agents by this protocol only, so that anything can be one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from graphflow.core.plan import Retry
from graphflow.graph.context import Context

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What a graph needs to know of a worker before it runs.

    ``reads`` are the state fields it names (None: it may read any), ``output`` the annotation of its result,
    ``purpose`` one line and ``badges`` short facts for drawings (model, tools), ``role`` e.g. ``"router"``, ``slots`` what
    its prompt names, each with what stands after its dots: ``("review", "score")``.
    """

    output: Any
    reads: frozenset[str] | None = None
    purpose: str = ""
    badges: tuple[str, ...] = ()
    role: str = ""
    retry: Retry | None = None
    slots: tuple[tuple[str, ...], ...] = ()


@runtime_checkable
class Worker(Protocol[R_co]):
    """An agent, as ``graph.node`` accepts it."""

    @property
    def name(self) -> str: ...

    def facts(self) -> WorkerFacts: ...

    async def perform(self, view: Any, ctx: Context[Any]) -> R_co: ...
