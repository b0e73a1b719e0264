"""What has been declared so far, before it is compiled: nodes as they will be, edges whose ends are still references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphflow.core.plan import Edge, Limits, Node
from graphflow.core.schema import Schema
from graphflow.errors import DeclarationError, Place
from graphflow.graph.handles import Handle, Reference


@dataclass(frozen=True, slots=True)
class EdgeDraft:
    """An edge with references in place of indexes; ``edge`` holds all the rest."""

    edge: Edge
    source: Reference
    targets: tuple[Reference, ...]
    join: Reference | None = None

    @property
    def place(self) -> Place:
        assert self.edge.place is not None  # whatever is declared has its place
        return self.edge.place


@dataclass(slots=True, eq=False)
class Parts:
    """All that one graph declares. ``nodes`` are indexed from 1, after START; ``inner`` are those that are graphs."""

    name: str
    schema: Schema
    limits: Limits
    purpose: str
    place: Place
    nodes: list[Node] = field(default_factory=list[Node])
    edges: list[EdgeDraft] = field(default_factory=list[EdgeDraft])
    inner: dict[int, Parts] = field(default_factory=dict[int, "Parts"])
    names: dict[str, Handle] = field(default_factory=dict[str, Handle])
    item_types: dict[int, Any] = field(default_factory=dict[int, Any])  # what a node's item parameter asks for
    unplaced: dict[int, DeclarationError] = field(default_factory=dict[int, DeclarationError])  # text without writes=
    on_budget: tuple[Reference, Place] | None = None
    changes: int = 0

    def add(self, *edges: EdgeDraft) -> None:
        """Edges that were declared by one line: all of them, or, if reading one raised, none."""
        self.edges.extend(edges)
        self.changes += 1

    def all(self) -> Iterator[Parts]:
        """These and all graphs in them, each once, outermost first."""
        found: dict[int, Parts] = {id(self): self}
        queue: list[Parts] = [self]
        for parts in queue:
            yield parts
            for inner in parts.inner.values():
                if id(inner) not in found:
                    found[id(inner)] = inner
                    queue.append(inner)
