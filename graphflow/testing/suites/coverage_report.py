"""What a session covered of a graph: each part covered, uncovered, unreachable (proved) or unknown, as text and picture.

What no run went through is looked for by an explorer: if no run can, and that is proved, nobody is asked to test it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from graphflow.core.machine import Machine
from graphflow.core.plan import Edge, Node, Plan
from graphflow.graph.declaration import Declaration
from graphflow.testing.suites.coverage import Seen, guards_at
from graphflow.views.diagram import Diagram, draw
from graphflow.views.drawing import arrow_id, card_id, path_of
from graphflow.views.overlay import Mark, Overlay

if TYPE_CHECKING:
    from graphflow.testing.exploring.exploration import Exploration

Kind = Literal["edge", "node", "condition", "join", "failure"]
Status = Literal["covered", "uncovered", "unreachable", "unknown"]
KINDS: tuple[Kind, ...] = ("edge", "node", "condition", "join", "failure")

_MOST_STATES = 5_000
_MOST_SECONDS = 3.0
_MOST_STARTS = 16


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a graph. ``count`` is how often runs went through it, ``why`` the reason where they did not.

    What ``follows`` from an edge that was not taken counts, and is not told beside it: the node behind it, its condition.
    """

    kind: Kind
    name: str
    status: Status
    count: int = 0
    why: str = ""
    follows: bool = False

    def as_json(self) -> dict[str, object]:
        """The same facts as plain data."""
        return {"kind": self.kind, "name": self.name, "status": self.status, "count": self.count, "why": self.why}


@dataclass(frozen=True, slots=True)
class GraphCoverage:
    """What was covered of one graph."""

    plan: Plan
    seen: Seen
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def percent(self) -> float:
        """Of what can be reached, as far as is known, how much was: 0 to 100."""
        return percent_of(self.parts)

    def of(self, *statuses: Status) -> list[Part]:
        """The parts with one of these statuses."""
        return [part for part in self.parts if part.status in statuses]

    def as_json(self) -> dict[str, object]:
        """The same facts as plain data."""
        parts = [part.as_json() for part in self.parts]
        return {"graph": self.name, "percent": round(self.percent, 1), "parts": parts}

    def __str__(self) -> str:
        return self.told(self.name)

    def told(self, name: str) -> str:
        """How much was covered, and what was not, under a name."""
        lines = [f"{name}  {self.percent:.0f}%  {self._counts()}"]
        left = [one for one in self.of("uncovered", "unknown", "unreachable") if not one.follows]
        lines += [
            f"  {one.status:<12}{one.kind:<11}{one.name}{'   ' if one.why else ''}{one.why}"
            for one in left
            if one.kind != "failure"
        ]
        for status in ("uncovered", "unknown", "unreachable"):
            names = [one.name.removesuffix(" fails") for one in left if (one.kind, one.status) == ("failure", status)]
            if names:
                lines.append(f"  {status:<12}{'failure':<11}of {', '.join(names)}")
        return "\n".join(lines)

    def _counts(self) -> str:
        found: list[str] = []
        for kind in KINDS:
            statuses = Counter(part.status for part in self.parts if part.kind == kind)
            total = sum(statuses.values()) - statuses["unreachable"]
            if total:
                found.append(f"{kind}s {statuses['covered']}/{total}")
        return ", ".join(found)

    @property
    def diagram(self) -> Diagram:
        """The picture of the graph: what was gone through as done, with how often, and what was not."""
        plan, seen = self.plan, self.seen
        marks: dict[str, Mark] = {}
        for node in plan.nodes:
            if seen.nodes[node.index]:
                marks[card_id(path_of(node.name))] = Mark("done", visits=seen.nodes[node.index], is_timed=False)
        drawing = draw(plan).drawing
        taken: dict[str, tuple[int, ...]] = {}
        for edge in plan.edges:
            if seen.edges[edge.index]:
                number = [other.index for other in plan.edges if other.source == edge.source].index(edge.index)
                own = arrow_id(path_of(plan.nodes[edge.source].name), number)
                for arrow in drawing.arrows:
                    if arrow.id == f"{own}~join":
                        fired = seen.joins[edge.index, "whole"] + seen.joins[edge.index, "with some left out"]
                        taken |= {arrow.id: (fired,)} if fired else {}
                    elif arrow.id == own or arrow.id.startswith(f"{own}~"):
                        taken[arrow.id] = (seen.edges[edge.index],)
        overlay = Overlay("coverage", 0, 0, "done", marks, taken, {})
        return Diagram(drawing, overlay=overlay)


def texts_of(coverages: Sequence[GraphCoverage]) -> Iterator[str]:
    """What was covered of each graph; where two have one name, with the file that each is in."""
    often = Counter(one.name for one in coverages)
    for one in coverages:
        file = "" if one.plan.place is None or often[one.name] == 1 else f" ({os.path.relpath(one.plan.place.file)})"
        yield one.told(f"{one.name}{file}")


def percent_of(parts: Iterable[Part]) -> float:
    """How much of what can be reached was covered: 0 to 100; 100 of nothing."""
    counts = Counter(part.status for part in parts)
    total = sum(counts.values()) - counts["unreachable"]
    return 100.0 * counts["covered"] / total if total else 100.0


def report(seen: Seen) -> GraphCoverage:
    """What was covered of a graph. What was not is explored for, within a few seconds."""
    plan = seen.plan
    is_missing = any(not seen.edges[edge.index] for edge in plan.edges)
    reach = _Reach(plan, is_missing)
    return GraphCoverage(plan, seen, tuple(_parts(seen, reach)))


class _Reach:
    """What can be reached, as far as is known. Unreachable is what is dead by itself, or lies behind that alone."""

    def __init__(self, plan: Plan, is_asked: bool) -> None:
        from graphflow.testing.exploring.exploration import edge_names

        self.plan = plan
        self.names = {edge: name for (place, edge), name in edge_names(Machine(plan).plans()).items() if not place}
        self.found: Exploration | None = _explored(plan) if is_asked else None
        never = {} if self.found is None else self.found.never_taken
        self.never = {index: never[name] for index, name in self.names.items() if name in never}
        self.dead_edges = {index for index, why in self.never.items() if why.startswith("dead")}
        self.dead_nodes: set[int] = set()
        self._spread()

    def _spread(self) -> None:
        """A node is dead if all edges that lead there are, and an edge if its source is."""
        is_changed = bool(self.dead_edges)
        while is_changed:
            is_changed = False
            for node in self.plan.nodes[1:]:
                leading = _leading(self.plan, node)
                if node.index not in self.dead_nodes and leading and self.dead_edges.issuperset(leading):
                    self.dead_nodes.add(node.index)
                    self.dead_edges |= {edge.index for edge in self.plan.edges if edge.source == node.index}
                    is_changed = True

    def of_edge(self, edge: Edge) -> tuple[Status, str]:
        """What an edge is that was not taken."""
        if edge.index in self.dead_edges:
            why = self.never.get(edge.index, "")
            return "unreachable", why if why.startswith("dead") else "it lies behind a dead edge (proved)"
        if self.found is None:
            return "unknown", "it could not be explored"
        if edge.index in self.never:
            return "unknown", f"none of {self.found.states:,} states explored takes it"
        return "uncovered", "a run can take it"

    def of_node(self, node: Node) -> tuple[Status, str]:
        """What a node is that was not entered: as the edges that lead there."""
        if node.index in self.dead_nodes:
            return "unreachable", "it lies behind a dead edge (proved)"
        leading = [self.of_edge(self.plan.edges[index])[0] for index in _leading(self.plan, node)]
        return ("uncovered" if "uncovered" in leading else "unknown"), ""


def _leading(plan: Plan, node: Node) -> list[int]:
    return [edge.index for edge in plan.edges if node.index in (*edge.targets, edge.join)]


class _Planned(Declaration[Any]):
    """A graph of which only the plan is at hand."""

    def __init__(self, plan: Plan) -> None:
        self._planned = plan

    def plan(self) -> Plan:
        return self._planned


def _explored(plan: Plan) -> Exploration | None:
    from graphflow.testing.exploring.explore import explore

    for start in (_starts(plan), None):
        try:
            return explore(_Planned(plan), start=start, max_states=_MOST_STATES, max_seconds=_MOST_SECONDS)
        except Exception:  # a graph that cannot be explored is no reason to fail a report: its parts are unknown
            continue
    return None


def _starts(plan: Plan) -> list[Any] | None:
    """Start states that conditions tell apart, the default one first: tests may start a run from any."""
    from graphflow.graph.representatives import domain_of, holds_stand_in
    from graphflow.graph.shapes import fields_of
    from graphflow.testing.exploring.declared import demands_of

    demands, shapes = demands_of([plan], ())[id(plan)].below, fields_of(plan.state)
    found: list[Any] = []
    names = [name for name in demands if name in shapes]
    values = [[value for value in domain_of(shapes[n], demands[n]).values if not holds_stand_in(value)] for n in names]
    for row in islice(product(*values), 4 * _MOST_STARTS):
        try:
            found.append(plan.state.model_validate(dict(zip(names, row, strict=True)), by_alias=False, by_name=True))
        except ValueError:  # it has required fields, which the explorer makes up, or does not allow these together
            continue
    return found[:_MOST_STARTS] or None


def _parts(seen: Seen, reach: _Reach) -> Iterator[Part]:
    plan = seen.plan
    status: Status
    for edge in plan.edges:
        count = seen.edges[edge.index]
        status, why = ("covered", "") if count else reach.of_edge(edge)
        yield Part("edge", reach.names[edge.index], status, count, why)
    for node in plan.nodes[1:]:
        count = seen.nodes[node.index]
        if count or _leading(plan, node):
            status, why = ("covered", "") if count else reach.of_node(node)
            yield Part("node", node.name, status, count, why, follows=not count)
    yield from _conditions(seen, reach)
    yield from _joins(seen, reach)
    yield from _failures(seen, reach)


def _conditions(seen: Seen, reach: _Reach) -> Iterator[Part]:
    """Both answers of each condition."""
    for edge in seen.plan.edges:
        for place, guard in guards_at(seen.plan, edge):
            counts = seen.answers.get((edge.index, place), Counter[bool]())
            for answer in (True, False):
                name = f"{reach.names[edge.index]}: {guard.label} is {answer}"
                if counts[answer]:
                    yield Part("condition", name, "covered", counts[answer])
                elif answer and not place and not seen.edges[edge.index]:
                    status, why = reach.of_edge(edge)
                    yield Part("condition", name, status, 0, why, follows=True)
                else:
                    is_dead = edge.index in reach.dead_edges and not counts
                    status = "unreachable" if is_dead else "uncovered" if counts else reach.of_edge(edge)[0]
                    yield Part("condition", name, status, follows=is_dead or not (counts or seen.nodes[edge.source]))


def _joins(seen: Seen, reach: _Reach) -> Iterator[Part]:
    """That each join fired, and, where failures are collected, that it fired without somebody."""
    for edge in seen.plan.edges:
        if edge.join is None:
            continue
        fired = seen.joins[edge.index, "whole"] + seen.joins[edge.index, "with some left out"]
        hows: list[tuple[str, int]] = [("fires", fired)]
        if edge.failures == "collect":
            hows.append(("fires with some left out", seen.joins[edge.index, "with some left out"]))
        if seen.plan.nodes[edge.join].error_edges:
            hows.append(("cannot fire", seen.joins[edge.index, "cannot fire"]))
        for how, count in hows:
            name = f"{seen.plan.nodes[edge.join].name} after {seen.plan.nodes[edge.source].name} {how}"
            status: Status = "covered" if count else "uncovered" if seen.edges[edge.index] else reach.of_edge(edge)[0]
            yield Part("join", name, status, count, follows=not count and not seen.edges[edge.index])


def _failures(seen: Seen, reach: _Reach) -> Iterator[Part]:
    """A failure of each node for which somebody declared what is to happen then."""
    plan = seen.plan
    for node in plan.nodes:
        region = None if node.region is None else plan.edges[node.region]
        is_dealt_with = node.error_edges or node.retry or (region is not None and region.failures == "collect")
        if node.kind not in ("function", "agent", "graph") or not is_dealt_with:
            continue
        counts = seen.failures.get(node.index, Counter[str]())
        names = ", ".join(sorted(counts))
        if counts:
            yield Part("failure", f"{node.name} fails", "covered", counts.total(), names)
        else:
            status: Status = "uncovered" if seen.nodes[node.index] else reach.of_node(node)[0]
            yield Part("failure", f"{node.name} fails", status, follows=not seen.nodes[node.index])


def save_pictures(coverages: Sequence[GraphCoverage], folder: Path) -> list[Path]:
    """One SVG per graph in a folder, which is made. Raises DrawingError without Graphviz (GF510)."""
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for number, one in enumerate(coverages):
        name = quote(one.name, safe=" ,")
        before = sum(other.name == one.name for other in coverages[:number])
        files.append(folder / f"{name}{f' {before + 1}' if before else ''}.svg")
        one.diagram.save(files[-1])
    return files
