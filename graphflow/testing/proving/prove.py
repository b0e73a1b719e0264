"""``prove``: what holds of the conditions of every node, on every state that the schema allows (S4.2-S4.4, S5).

The same code answers for ``graphflow check``, which says only what is wrong. Each atom ``field op constant`` is
constant between its constants, so that one state per region decides exactly, in about a millisecond a node. Fields
against fields and arithmetic are given to z3 where it is installed; without it they are said to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

from graphflow.core.plan import Edge, Plan
from graphflow.errors import ArgumentInvalid, Finding, shown, unknown_name
from graphflow.graph.check.conditions import check_conditions, exits_tried, lone_guards
from graphflow.graph.check.findings import Findings
from graphflow.graph.check.proofs import Proofs, state_shown
from graphflow.graph.check.structure import Structure
from graphflow.graph.check.subgraphs import nested
from graphflow.graph.check.wording import Wording
from graphflow.graph.declaration import Declaration
from graphflow.graph.verdicts import Solver, Verdict
from graphflow.testing.calling import told_at_the_call
from graphflow.testing.proving import solving

_BY_SOLVER = "with z3 it could be decided: pip install 'graphflow-agents[prove]'"
_STYLE = (
    "<style>.graphflow-proof td{text-align:left;vertical-align:top;white-space:pre-wrap}"
    ".graphflow-proof th{text-align:left}</style>"
)


@dataclass(frozen=True, slots=True)
class ConditionsProof:
    """What is known of the conditions of one node. ``edges`` are its exits in the order tried, as ``review -> write``.

    ``never`` are edges whose condition no state makes true, handoffs, error edges and timers included. Everything
    listed holds: it is proved for every state, or shown on one (``gap``, ``verdict.overlaps``, ``verdict.raises``).
    Where ``is_proved`` is False there may be more, and ``reason`` says why.
    """

    graph: str
    node: str
    edges: tuple[str, ...]
    labels: tuple[str, ...]
    never: tuple[str, ...]
    verdict: Verdict
    hint: str = field(default="", repr=False)

    @property
    def is_proved(self) -> bool:
        """Whether every question about these conditions is decided."""
        return self.verdict.proved

    @property
    def is_total(self) -> bool:
        """Whether it is proved that one of the conditions holds on every state, limits not counted (S4.4)."""
        return self.verdict.is_total

    @property
    def gap(self) -> dict[str, Any] | None:
        """A state on which no condition holds, if there is one."""
        return self.verdict.gap

    @property
    def shadowed(self) -> tuple[str, ...]:
        """The edges that can never be taken, since one tried before them is."""
        return tuple(self.edges[one.index] for one in self.verdict.shadowed)

    @property
    def reason(self) -> str:
        """Why something could not be decided; empty if all is."""
        return self.verdict.reason

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """The verdicts in words: what, and of which edge or on which state."""
        return tuple(_lines(self))

    def __str__(self) -> str:
        return "\n".join(f"{what:<10} {text}".rstrip() for what, text in self.lines)

    def as_json(self) -> dict[str, object]:
        """The same facts as plain data."""
        verdict = self.verdict
        return {
            "graph": self.graph,
            "node": self.node,
            "edges": list(self.edges),
            "conditions": list(self.labels),
            "proved": self.is_proved,
            "reason": self.reason,
            "total": self.is_total,
            "never": list(self.never),
            "shadowed": list(self.shadowed),
            "gap": None if verdict.gap is None else _texts(verdict.gap),
            "gap_without_limited": None if verdict.gap_without_limited is None else _texts(verdict.gap_without_limited),
            "possible_gap": None if verdict.possible_gap is None else _texts(verdict.possible_gap),
            "overlaps": [
                {"edges": [self.edges[one.first], self.edges[one.second]], "state": _texts(one.witness)}
                for one in verdict.overlaps
            ],
            "raises": [
                {"edge": self.edges[one.index], "state": _texts(one.witness), "error": one.error}
                for one in verdict.raises
            ],
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """What ``prove`` gives back. ``nodes`` are those with conditions; ``findings`` what ``check`` says of them.

    Shows itself in a terminal and in a notebook.
    """

    graph: str
    nodes: tuple[ConditionsProof, ...]
    findings: Findings

    @property
    def is_proved(self) -> bool:
        """Whether every question about every condition is decided."""
        return all(one.is_proved for one in self.nodes)

    def node(self, name: str) -> ConditionsProof:
        """What is known of one node's conditions; of one inside another graph by its path, ``refund/decide``.

        Raises KeyError with the nearest name.
        """
        known = {_path(self.graph, one): one for one in self.nodes}
        if name not in known:
            raise KeyError(f"No conditions at {name!r}. {unknown_name(name, known)}")
        return known[name]

    def __str__(self) -> str:
        return "\n".join([self._head(), *(f"  {line}" for line in self._rows())])

    def _head(self) -> str:
        if not self.nodes:
            return f"{self.graph}: no conditions"
        count = len(self.nodes)
        open_ones = sum(not one.is_proved for one in self.nodes)
        known = "all decided" if not open_ones else f"{open_ones} not wholly decided"
        return f"{self.graph}: conditions of {count} node{'s' if count != 1 else ''}, {known}"

    def _rows(self) -> Iterator[str]:
        width = max((len(_path(self.graph, one)) for one in self.nodes), default=0)
        for one in self.nodes:
            for number, (what, text) in enumerate(one.lines):
                name = "" if number else _path(self.graph, one)
                yield f"{name:<{width}}  {what:<10} {text}".rstrip()

    def as_json(self) -> dict[str, object]:
        """The same facts as plain data."""
        nodes = [one.as_json() for one in self.nodes]
        return {"schema": "graphflow.prove/1", "graph": self.graph, "proved": self.is_proved, "nodes": nodes}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        rows = "".join(
            f"<tr><td>{escape('' if number else _path(self.graph, one))}</td><td>{what}</td><td>{escape(text)}</td></tr>"
            for one in self.nodes
            for number, (what, text) in enumerate(one.lines)
        )
        table = f'{_STYLE}<table class="graphflow-proof"><tbody>{rows}</tbody></table>'
        return {"text/plain": str(self), "text/html": f"<p>{escape(self._head())}</p>{table if rows else ''}"}


@told_at_the_call
def prove(graph: Declaration[Any]) -> Proof:
    """Decide about every condition of a graph and the graphs in it, on every state its schema allows. Runs nothing.

    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Graph, fields
    >>> class News(BaseModel):
    ...     score: int = 0
    >>> news = fields(News)
    >>> graph = Graph("news", News)
    >>> review = graph.point("review")
    >>> write = graph.point("write")
    >>> graph.edge(START, review)
    >>> graph.edge(review, END, when=news.score > 7)
    >>> graph.edge(review, write, when=news.score < 7)
    >>> graph.edge(write, END)
    >>> print(prove(graph))
    news: conditions of 1 node, all decided
      review  gap        no edge is enabled where score=7
    >>> prove(graph).node("review").gap
    {'score': 7}

    Raises GraphError for names that lead nowhere, ArgumentInvalid for something that is no graph.
    """
    plan = plan_of(graph, "prove")
    solver = solving.solve if solving.is_installed() else None
    proofs: list[ConditionsProof] = []
    findings: list[Finding] = []
    for one in nested(plan):
        structure = Structure(one.plan)
        known = Proofs(structure, solver)
        findings += check_conditions(structure, known)
        proofs += _proofs(structure, known, one.path, solver)
    rank = ("error", "warning", "advice")
    return Proof(plan.name, tuple(proofs), Findings(sorted(findings, key=lambda one: rank.index(one.severity))))


def plan_of(graph: object, verb: str) -> Plan:
    """The plan of what a function of this package was given. Raises ArgumentInvalid."""
    if isinstance(graph, Declaration):
        return graph.plan()
    raise ArgumentInvalid(
        f"{verb}() was given {shown(graph)}, which is no graph",
        why=f"{verb}() takes a Graph, as it was declared.",
        fix=f"graph = Graph(...), and then {verb}(graph).",
    )


def _proofs(structure: Structure, known: Proofs, path: str, solver: Solver | None) -> Iterator[ConditionsProof]:
    words = Wording(structure.plan)
    for node in structure.plan.nodes:
        exits = exits_tried(node)
        lone = list(lone_guards(node))
        if node.index not in structure.reached or not (lone or any(edge.guard is not None for edge in exits)):
            continue
        verdict = known.of_exits(node.index, exits) if exits else Verdict()
        never = [_edge(words, exits[index]) for index in verdict.dead]
        never += [_edge(words, edge) for edge, guard in lone if 0 in known.verdict(node.index, [guard]).dead]
        is_askable = "compares fields" in verdict.reason or verdict.is_unknown
        yield ConditionsProof(
            path,
            node.name,
            tuple(_edge(words, edge) for edge in exits),
            tuple("" if edge.guard is None else edge.guard.label for edge in exits),
            tuple(dict.fromkeys(never)),
            verdict,
            _BY_SOLVER if is_askable and solver is None else "",
        )


def _edge(words: Wording, edge: Edge) -> str:
    targets = [words.bare(target) for target in edge.targets]
    to = targets[0] if len(targets) == 1 else f"({', '.join(targets)})"
    return f"{words.bare(edge.source)} -> {to}"


def _path(graph: str, one: ConditionsProof) -> str:
    """A node by the way to it from the outermost graph: its name, or ``refund/decide``."""
    inner = one.graph.removeprefix(graph).removeprefix("/")
    return f"{inner}/{one.node}" if inner else one.node


def _lines(one: ConditionsProof) -> Iterator[tuple[str, str]]:
    verdict, before = one.verdict, len(one.labels)
    if verdict.is_unknown:
        yield "unknown", "; ".join(filter(None, (verdict.reason, one.hint)))
        return
    for edge in one.never:
        label = dict(zip(one.edges, one.labels, strict=True)).get(edge, "")
        yield "dead", f"{edge}: {f'no state makes {label} true' if label else 'no state makes its condition true'}"
    for shadowed in verdict.shadowed:
        if one.labels[shadowed.index]:
            others = " or ".join(one.labels[n] or one.edges[n] for n in shadowed.by)
            yield "shadowed", f"{one.edges[shadowed.index]}: wherever its condition holds, {others} is taken before it"
    for raising in verdict.raises:
        yield "raises", f"{one.edges[raising.index]} where {state_shown(raising.witness)}: {raising.error}"
    if verdict.gap is not None:
        where = f" where {state_shown(verdict.gap)}" if verdict.gap else ""
        yield "gap", f"no edge is enabled{where}"
    elif before and verdict.is_total:
        yield "total", "on every state an edge is enabled"
    for overlap in verdict.overlaps:
        if not overlap.is_nested:
            both = f"{one.edges[overlap.first]} and {one.edges[overlap.second]}"
            yield "overlap", f"{both} where {state_shown(overlap.witness)}; the one declared first is taken"
    if verdict.reason:
        yield "unknown", "; ".join(filter(None, (f"what else holds: {verdict.reason}", one.hint)))


def _texts(witness: dict[str, Any]) -> dict[str, str]:
    """A witness as plain data: values as Python writes them, since a state may hold anything."""
    return {name: shown(value) for name, value in witness.items()}
