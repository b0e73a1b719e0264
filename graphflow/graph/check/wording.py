"""How findings name nodes, edges and paths, and how they write the line that mends something.

Titles quote names ('plan'), paths do not (plan -> web), and a line to write uses the names a user's code would.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from graphflow.core.plan import Edge, Node, Plan
from graphflow.errors import Finding, Place
from graphflow.graph.lines import guard_line, over_line

_CALL = re.compile(
    r"(?P<start>[\w.]+)(?P<verb>\.\w+\()(?P<source>[^,()\[\]{}]+), *"
    r"(?P<target>[^,()\[\]{}]+|\[[^\[\]]*\])(?P<rest>(,.*)?)\)"
)
_DECLARED = re.compile(r"(?P<graph>[A-Za-z_][\w.]*)\.(edge|switch|chain|fork|map|handoff)\(")
_MOST_PLACES = 8
_MOST = 6  # how many names of a long list or path are shown


@dataclass(frozen=True, slots=True)
class Wording:
    """The words for one plan."""

    plan: Plan

    def finding(
        self,
        code: str,
        severity: Literal["error", "warning", "advice"],
        what: str,
        *,
        why: str,
        fix: str,
        where: Iterable[Place | None] = (),
        nodes: Iterable[int] = (),
    ) -> Finding:
        """A finding about this plan. Of its places each known one is shown once, and of very many the first few."""
        places = tuple(dict.fromkeys(place for place in where if place is not None))[:_MOST_PLACES]
        names = tuple(self.bare(node) for node in nodes)
        return Finding(code, severity, self.plan.name, what, why, fix, places, names)

    def bare(self, index: int) -> str:
        """A node as paths show it: ``plan``, ``END``."""
        node = self.plan.nodes[index]
        return _special(node) or node.name

    def name(self, index: int) -> str:
        """A node as sentences show it: ``'plan'``, ``END``."""
        node = self.plan.nodes[index]
        return _special(node) or repr(node.name)

    def names(self, indexes: Sequence[int]) -> str:
        """Several nodes in a sentence: ``'a', 'b' and 'c'``; a long list is cut."""
        return listed([self.name(index) for index in indexes])

    def written(self, index: int) -> str:
        """A node as a line of code names it: its handle, or its name where that is no Python name."""
        node = self.plan.nodes[index]
        if (special := _special(node)) is not None:
            return special
        return node.name if node.name.isidentifier() else repr(node.name)

    def path(self, nodes: Sequence[int]) -> str:
        """``plan -> web -> gather``; the middle of a long path is left out."""
        return shortened([self.bare(node) for node in nodes])

    def edge(self, edge: Edge) -> str:
        """An edge in a sentence: ``'plan' -> 'web'``, a fork as ``'plan' -> ('web', 'docs')``."""
        targets = [self.name(target) for target in edge.targets[:_MOST]]
        if len(edge.targets) > _MOST:
            targets.append("...")
        to = targets[0] if len(targets) == 1 else f"({', '.join(targets)})"
        return f"{self.name(edge.source)} -> {to}"

    def line(self, edge: Edge, *, target: int | None = None, **options: str) -> str:
        """The line that declares an edge, in the user's own words if they can be had, with further options.

        ``target`` stands in for the edge's own.
        """
        verb = {"fork": ".fork(", "map": ".map(", "handoff": ".handoff("}.get(edge.kind, ".edge(")
        more = "".join(f", {name}={value}" for name, value in options.items())
        as_written = edge.place.text if edge.place is not None else ""
        found = _CALL.fullmatch(as_written)
        if found is not None and found["verb"] == verb:
            to = found["target"] if target is None else self.written(target)
            return f"{found['start']}{verb}{found['source']}, {to}{found['rest']}{more})"
        declared = _DECLARED.match(as_written)  # by another verb: switch, chain
        graph = declared["graph"] if declared else "graph"
        return f"{graph}{verb}{self.written(edge.source)}, {self._to(edge, target)}{_declared(self, edge)}{more})"

    def _to(self, edge: Edge, target: int | None) -> str:
        if target is not None:
            return self.written(target)
        targets = ", ".join(self.written(t) for t in edge.targets)
        return f"[{targets}]" if edge.kind == "fork" else targets


def listed(words: Sequence[str]) -> str:
    """``a, b and c``; of a long list only the first few and how many more there are.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    shown = list(words)
    if len(shown) > _MOST + 1:
        shown = [*shown[:_MOST], f"{len(words) - _MOST} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def shortened(path: Sequence[str]) -> str:
    """The names of a path with arrows between them; of a long path the middle is left out."""
    shown = list(path)
    if len(shown) > 2 * _MOST:
        shown = [*shown[:_MOST], f"({len(shown) - 2 * _MOST} more)", *shown[-_MOST:]]
    return " -> ".join(shown)


def node_places(plan: Plan, nodes: Iterable[int]) -> list[Place | None]:
    """Where nodes were declared."""
    return [plan.nodes[node].place for node in nodes]


def _special(node: Node) -> str | None:
    """START and the ends, which have words of their own."""
    if node.kind == "fail":
        return f"FAIL({node.reason!r})" if node.reason else "FAIL"
    return {"start": "START", "end": "END"}.get(node.kind)


def _declared(wording: Wording, edge: Edge) -> str:
    parts: list[str] = []
    state = wording.plan.state.__name__
    if edge.guard is not None:
        parts.append(f"when={guard_line(edge.guard, state)}")
    if edge.over is not None:
        parts.append(f"over={over_line(edge.over, state)}")
    if edge.join is not None:
        parts.append(f"join={wording.written(edge.join)}")
    if edge.errors:
        names = [error.__name__ for error in edge.errors]
        parts.append(f"on_error={names[0] if len(names) == 1 else '(' + ', '.join(names) + ')'}")
    if edge.after_s is not None:
        parts.append(f"after_s={edge.after_s:g}")
    if edge.kind == "handoff":
        parts.append(repr(edge.description))
    return "".join(f", {part}" for part in parts)
