"""What an agent is to a graph: something with a name that can be performed at a node.

The graph layer knows agents by this protocol only, so that anything can be one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from graphflow.core.plan import Retry
from graphflow.errors import Place
from graphflow.graph.context import Context

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """A tool of a worker. ``group`` is where it comes from: those of one group do one kind of work.

    ``is_delegate``: it has another agent or graph do the work, and does none itself.
    """

    name: str
    group: str = ""
    is_delegate: bool = False


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What a graph needs to know of a worker before it runs.

    ``reads`` are the state fields it names (None: it may read any), ``output`` the annotation of its result,
    ``purpose`` one line and ``badges`` short facts for drawings (model, tools), ``role`` e.g. ``"router"``, ``slots`` what
    its prompt names, each with what stands after its dots: ``("review", "score")``. ``extends`` are fields that it adds to
    by itself, each with the type of an element: its history (S9.1).

    For ``check``: ``uncut`` are those of ``slots`` that nothing limits, ``tools`` what it works with, ``is_guarded`` whether
    its output is checked by a guardrail of its own, ``place`` where it was declared.
    """

    output: Any
    reads: frozenset[str] | None = None
    purpose: str = ""
    badges: tuple[str, ...] = ()
    role: str = ""
    retry: Retry | None = None
    slots: tuple[tuple[str, ...], ...] = ()
    extends: tuple[tuple[str, Any], ...] = ()
    uncut: tuple[tuple[str, ...], ...] = ()
    tools: tuple[ToolFacts, ...] = ()
    is_guarded: bool = False
    place: Place | None = None


@runtime_checkable
class Worker(Protocol[R_co]):
    """An agent, as ``graph.node`` accepts it."""

    @property
    def name(self) -> str: ...

    def facts(self) -> WorkerFacts: ...

    async def perform(self, view: Any, ctx: Context[Any]) -> R_co: ...
