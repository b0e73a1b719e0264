"""Who may write what, as far as it is declared: the facts that the findings about fields share (S3.1, S9.1, S12.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphflow.core.plan import Edge, Node, Plan
from graphflow.graph.check.structure import Structure

_IDLE = ("start", "end", "fail", "point")


@dataclass(eq=False)
class Writers:
    """``by_field`` maps a field to the nodes that declare to write it; ``unknown`` are those that did not say."""

    structure: Structure
    by_field: dict[str, set[int]] = field(init=False)
    unknown: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.by_field = {}
        self.unknown = set()
        for node in self.structure.work:
            declared = writes_of(node)
            if declared is None:
                self.unknown.add(node.index)
            for name in declared or ():
                self.by_field.setdefault(name, set()).add(node.index)
            for edge in node.handoffs:
                for name in carried(edge):
                    self.by_field.setdefault(name, set()).add(node.index)

    def of(self, name: str) -> set[int]:
        """The nodes that may write a field: those that declare it, and those that declare nothing."""
        return self.by_field.get(name, set()) | self.unknown


def writes_of(node: Node) -> frozenset[str] | None:
    """The fields a node declares to write; None if it did not say."""
    if node.kind in _IDLE:
        return frozenset()
    if node.graph is not None and node.graph.outward is not None:
        return frozenset(outer for outer, _ in node.graph.outward)
    return node.writes.declared


def carried(edge: Edge) -> frozenset[str]:
    """The fields that the data of a handoff is written to."""
    return frozenset() if edge.takes_writes is None else edge.takes_writes.declared or frozenset()


def spread(plan: Plan, name: str) -> bool:
    """Whether a field's writes by several branches conflict: it has no reducer and is not local (S6.5)."""
    spec = plan.schema.fields.get(name)
    return spec is not None and spec.reducer is None and not spec.is_local
