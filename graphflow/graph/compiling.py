"""A declaration becomes a plan (S1.3): references become indexes, what is implied is written out, regions are found.

Graphs inside are compiled together with it, so that a plan stays what it is even if one of them is changed later, and
a graph may contain itself. Names that lead nowhere are all found at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from graphflow.core.plan import START_INDEX, Edge, Node, Plan
from graphflow.errors import Finding, Place, nearest, unknown_name
from graphflow.graph.drafts import EdgeDraft, Parts
from graphflow.graph.ends import END, End, Fail, Start
from graphflow.graph.fingerprints import fingerprint_of
from graphflow.graph.handles import Handle, Reference
from graphflow.graph.maps import items_fit
from graphflow.graph.nesting import implicit_edges, innermost, regions, with_edges
from graphflow.graph.shapes import annotation_text


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan with what was found on the way.

    A misspelt name is taken for the nearest one, so that ``check`` can go on; ``is_whole`` is False if an edge had to
    be left out because nothing was near.
    """

    plan: Plan
    findings: tuple[Finding, ...]
    is_whole: bool


def compiled(root: Parts) -> Compiled:
    """Compiles a graph and all graphs in it."""
    plans: dict[int, Plan] = {}
    compilers = [_Compiler(parts) for parts in root.all()]
    drafts = {id(one.parts): one.plan(plans) for one in compilers}
    writes = _writes_of_graphs(list(root.all()), drafts)
    for parts in root.all():
        drafts[id(parts)] = _with_writes(parts, drafts[id(parts)], writes)
    for parts in root.all():
        fingerprint = fingerprint_of(drafts[id(inner)] for inner in parts.all())
        plans[id(parts)] = replace(drafts[id(parts)], fingerprint=fingerprint)
    findings = tuple(finding for one in compilers for finding in one.findings)
    return Compiled(plans[id(root)], findings, all(one.is_whole for one in compilers))


def _placed(edge: Edge, changes: dict[str, Any]) -> Edge:
    """An edge with its place in the plan: what ``replace`` does, in a third of its time, which was most of compiling."""
    placed = object.__new__(Edge)
    for name in Edge.__dataclass_fields__:
        object.__setattr__(placed, name, changes[name] if name in changes else getattr(edge, name))
    return placed


class _Compiler:
    """Compiles one graph; the graphs in it are looked up in ``plans`` when they are entered."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.findings: list[Finding] = []
        self.is_whole = True
        self.nodes: list[Node] = [Node(START_INDEX, "START", "start"), *parts.nodes]
        self.index_of: dict[str, int] = {node.name: node.index for node in parts.nodes}

    def plan(self, plans: dict[int, Plan]) -> Plan:
        parts = self.parts
        for index, inner in parts.inner.items():
            self._connect(index, inner, plans)
        edges: list[Edge] = []
        for draft in parts.edges:
            edge = self._edge(draft, len(edges))
            if edge is not None:
                edges.append(edge)
        on_budget = None if parts.on_budget is None else self._index(*parts.on_budget)
        edges += implicit_edges(self.nodes, edges)
        inside = regions(self.nodes, edges)
        self._check_items(edges, inside)
        self._check_results(edges)
        return Plan(
            name=parts.name,
            state=parts.schema.state,
            schema=parts.schema,
            nodes=with_edges(self.nodes, edges, inside),
            edges=tuple(edges),
            limits=parts.limits,
            on_budget=on_budget,
            purpose=parts.purpose,
            regions=inside,
            place=parts.place,
        )

    def _connect(self, index: int, inner: Parts, plans: dict[int, Plan]) -> None:
        graph = self.nodes[index].graph
        assert graph is not None
        self.nodes[index] = replace(self.nodes[index], graph=replace(graph, plan=lambda: plans[id(inner)]))

    def _edge(self, draft: EdgeDraft, index: int) -> Edge | None:
        source = self._index(draft.source, draft.place)
        targets = [self._index(target, draft.place) for target in draft.targets]
        join = None if draft.join is None else self._index(draft.join, draft.place)
        known = tuple(target for target in targets if target is not None)
        if source is None or len(known) < len(targets) or (join is None and draft.join is not None):
            self.is_whole = False
            return None
        self._check_handoff(draft, self.nodes[source])
        return _placed(draft.edge, {"index": index, "source": source, "targets": known, "join": join})

    def _index(self, reference: Reference, place: Place) -> int | None:
        match reference:
            case Start():
                return START_INDEX
            case End():
                return self._end("END", END)
            case Fail():
                return self._end(reference.name, reference)
            case Handle():
                return self.index_of[reference.name]
            case _:
                return self._named(reference, place)

    def _end(self, name: str, reference: End | Fail) -> int:
        """An end is a node of the plan once something leads to it."""
        if name not in self.index_of:
            self.index_of[name] = len(self.nodes)
            is_fail = isinstance(reference, Fail)
            reason = reference.reason if isinstance(reference, Fail) else ""
            self.nodes.append(Node(len(self.nodes), name, "fail" if is_fail else "end", reason=reason))
        return self.index_of[name]

    def _named(self, name: str, place: Place) -> int | None:
        if name in self.parts.names:
            return self.index_of[name]
        known = list(self.parts.names)
        self._find(
            "GF120",
            f"There is no node {name!r}",
            f"The nodes of graph {self.parts.name!r} are {', '.join(map(repr, known)) or 'none'}. (S1.1)",
            unknown_name(name, known),
            place,
        )
        close = nearest(name, known)
        return None if close is None else self.index_of[close]

    def _find(
        self, code: str, what: str, why: str, fix: str, *where: Place | None, nodes: tuple[str, ...] = ()
    ) -> None:
        places = tuple(dict.fromkeys(place for place in where if place is not None))
        self.findings.append(Finding(code, "error", self.parts.name, what, why, fix, places, nodes))

    def _check_handoff(self, draft: EdgeDraft, source: Node) -> None:
        """A handoff is chosen by what its node does; one named before it was declared is seen only now (S9.1)."""
        if draft.edge.kind == "handoff" and not can_choose(source):
            what, why, fix = no_chooser(source)
            self._find("GF130", what, why, fix, draft.place, source.place, nodes=(source.name,))

    def _check_results(self, edges: list[Edge]) -> None:
        """An agent's text needs a field, unless all its ways on are handoffs: then it must choose one (S9.3)."""
        kinds: dict[int, set[str]] = {}
        for edge in edges:
            kinds.setdefault(edge.source, set()).add(edge.kind)
        for index, error in self.parts.unplaced.items():
            own = kinds.get(index, set[str]())
            if "handoff" in own and own.isdisjoint(("edge", "fork", "map")):
                continue
            why = f"{error.why}\nOnly an agent that has handoffs and no other way on needs no field: it has to choose one. (S9.3)"
            self._find(error.code, error.what, why, error.fix, *error.where, nodes=(self.nodes[index].name,))

    def _check_items(self, edges: list[Edge], inside: dict[int, frozenset[int]]) -> None:
        """The item a node asks for must be of the type that the map around it has (S6.1)."""
        maps = {index: members for index, members in inside.items() if edges[index].over is not None}
        around = innermost(self.nodes, maps)
        for index, wanted in self.parts.item_types.items():
            region = around[index]
            over = None if region is None else edges[region].over
            if region is None or over is None or items_fit(wanted, over.item_type):
                continue
            node = self.nodes[index]
            self._find(
                "GF132",
                f"Node {node.name!r} takes an item of type {annotation_text(wanted)}, but the map gives {annotation_text(over.item_type)}",
                f"The map goes over {over.label}, and a branch is given one of its items. (S6.1)",
                f"Annotate it as item: {annotation_text(over.item_type)}, or map over another field.",
                node.place,
                edges[region].place,
                nodes=(node.name,),
            )


def can_choose(node: Node) -> bool:
    """Whether a node can hand off: it must be an agent or a function (S9.1)."""
    return node.kind in ("agent", "function")


def no_chooser(node: Node) -> tuple[str, str, str]:
    """What, why and fix for a handoff from a node that cannot choose."""
    kinds = {"start": "START", "ask": "a question", "point": "a point", "graph": "a graph"}
    name = "START" if node.kind == "start" else repr(node.name)
    return (
        f"{name} cannot hand off",
        f"A handoff is chosen by the node itself, an agent or a function; {name} is {kinds.get(node.kind, 'neither')}. (S9.1)",
        f"Use an edge with a condition: graph.edge({name}, ..., when=...).",
    )


def _writes_of_graphs(every: list[Parts], drafts: dict[int, Plan]) -> dict[int, frozenset[str] | None]:
    """For every graph the fields its nodes may write; None if one of them did not say. Least fixpoint, for recursion."""
    found: dict[int, frozenset[str] | None] = {id(parts): frozenset() for parts in every}
    is_settled = False
    while not is_settled:
        is_settled = True
        for parts in every:
            now = _writes_of_graph(parts, drafts[id(parts)], found)
            if now != found[id(parts)]:
                found[id(parts)] = now
                is_settled = False
    return found


def _writes_of_graph(parts: Parts, plan: Plan, known: dict[int, frozenset[str] | None]) -> frozenset[str] | None:
    fields: set[str] = set()
    for node in plan.nodes[1:]:
        if node.kind in ("end", "fail", "point"):
            continue
        is_same = node.graph is not None and node.graph.outward is None
        declared = known[id(parts.inner[node.index])] if is_same else node.writes.declared
        if declared is None:
            return None
        fields |= declared
    for edge in plan.edges:
        carried = frozenset[str]() if edge.takes_writes is None else edge.takes_writes.declared
        if carried is None:
            return None
        fields |= carried
    return frozenset(name for name in fields if not plan.schema.fields[name].is_local)  # those stay inside (S6.5)


def _with_writes(parts: Parts, plan: Plan, writes: dict[int, frozenset[str] | None]) -> Plan:
    """A graph that shares the outer state writes what its nodes write (S12.1)."""
    same = [node.index for node in plan.nodes if node.graph is not None and node.graph.outward is None]
    if not same:
        return plan
    nodes = list(plan.nodes)
    for index in same:
        declared = writes[id(parts.inner[index])]
        nodes[index] = replace(nodes[index], writes=replace(nodes[index].writes, declared=declared))
    return replace(plan, nodes=tuple(nodes))
