"""Plans made by hand, a few lines each: views are tested on plans, whoever compiled them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from graphflow.core.plan import Ask, Edge, EdgeKind, Guard, Need, Node, NodeKind, Over, Plan, SubGraph
from graphflow.core.schema import Schema


class State(BaseModel):
    """Nothing is run here: any state does."""


def guard(label: str) -> Guard:
    return Guard(test=lambda values, items: True, label=label, reads=None)


def over(label: str) -> Over:
    return Over(items=lambda values, items: (), item_type=str, label=label)


@dataclass
class Sketch:
    """A graph being put together, by names; START is there, END and failure ends appear when led to."""

    name: str
    nodes: list[Node] = field(default_factory=lambda: [Node(0, "START", "start")])
    edges: list[Edge] = field(default_factory=list[Edge])
    regions: dict[int, frozenset[int]] = field(default_factory=dict[int, frozenset[int]])

    def node(self, name: str, kind: NodeKind = "function", **facts: Any) -> str:
        self.nodes.append(Node(len(self.nodes), name, kind, **facts))
        return name

    def ask(self, name: str, text: str, **facts: Any) -> str:
        return self.node(name, "ask", ask=Ask(lambda view, items: text, bool, text), **facts)

    def subgraph(self, name: str, plan: Callable[[], Plan], **facts: Any) -> str:
        return self.node(name, "graph", graph=SubGraph(plan, name), **facts)

    def at(self, name: str) -> int:
        for node in self.nodes:
            if node.name == name:
                return node.index
        if name == "END":
            self.node("END", "end")
        elif name.startswith("FAIL"):
            self.node(name, "fail", reason=name.removeprefix("FAIL").removeprefix(": "))
        else:
            raise KeyError(name)
        return len(self.nodes) - 1

    def edge(self, source: str, target: str, when: str | None = None, kind: EdgeKind = "edge", **facts: Any) -> None:
        made = guard(when) if when is not None else None
        self.edges.append(Edge(len(self.edges), kind, self.at(source), (self.at(target),), made, **facts))

    def fork(self, source: str, targets: list[str], join: str, region: str = "", **facts: Any) -> None:
        """``region`` names the nodes between, besides the targets."""
        kind: EdgeKind = "map" if "over" in facts else "fork"
        ends = tuple(self.at(target) for target in targets)
        index = len(self.edges)
        self.edges.append(Edge(index, kind, self.at(source), ends, join=self.at(join), **facts))
        self.regions[index] = frozenset(ends) | {self.at(name) for name in region.split()}
        for inside in self.regions[index]:
            self.nodes[inside] = replace(self.nodes[inside], region=index)

    def plan(self, **facts: Any) -> Plan:
        def of(node: Node, *kinds: str) -> tuple[Edge, ...]:
            return tuple(edge for edge in self.edges if edge.source == node.index and edge.kind in kinds)

        nodes = tuple(
            replace(
                node,
                exits=of(node, "edge", "fork", "map"),
                handoffs=of(node, "handoff"),
                error_edges=of(node, "error"),
                timer_edges=of(node, "timer"),
            )
            for node in self.nodes
        )
        return Plan(self.name, State, Schema(State), nodes, tuple(self.edges), regions=self.regions, **facts)


def quorum(count: int) -> Need:
    return Need("quorum", count)
