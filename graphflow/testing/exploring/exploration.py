"""What ``explore`` gives back: the standings as a graph, what was discovered, which edges were taken, shortest ways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any, cast

import networkx as nx

from graphflow.core.plan import Edge, Plan
from graphflow.errors import unknown_name
from graphflow.errors.testing import ExploringInvalid
from graphflow.graph.check.conditions import exits_tried, lone_guards
from graphflow.graph.check.proofs import Proofs
from graphflow.graph.check.structure import Structure
from graphflow.graph.check.wording import Wording
from graphflow.testing.exploring.covering import Covering, cover
from graphflow.testing.exploring.routes import Route
from graphflow.testing.exploring.searching import EdgeKey
from graphflow.testing.exploring.surveying import Discovery, Survey
from graphflow.testing.properties import Bound

_MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Claimed:
    """What came of one property. ``route`` is a run that breaks it, or, of ``sometimes``, that shows it.

    ``holds`` is None where it could not be told: a bound was reached first.
    """

    name: str
    holds: bool | None
    route: Route | None


class Exploration:
    """All standings that runs of a graph can come to, within bounds.

    ``graph`` holds them as a networkx DiGraph. ``discoveries`` are what can go wrong, each with a shortest run;
    ``never_taken`` the edges that no run takes, with the reason; ``notes`` what was left out, so that nothing is proved;
    ``start`` says where runs started.
    """

    def __init__(
        self, plan: Plan, survey: Survey, properties: Sequence[Bound], seconds: float, start: str = "as given"
    ) -> None:
        self._plan = plan
        self._survey = survey
        self._properties = properties
        self.name = plan.name
        self.seconds = seconds
        self.start = start
        self.notes: tuple[str, ...] = tuple(survey.search.answering.notes)
        self.bound: str = survey.search.bound

    # -- how much is known -----------------------------------------------------------------------------------------

    @property
    def states(self) -> int:
        """How many different standings were found."""
        return len(self._survey.standings)

    @property
    def moves(self) -> int:
        """How many moves were tried."""
        return sum(len(one.out) for one in self._survey.standings)

    @property
    def reduced(self) -> int:
        """In how many standings one branch went on for all, since their order cannot matter (S15.4)."""
        return sum(one.is_reduced for one in self._survey.standings)

    @property
    def is_complete(self) -> bool:
        """Whether every standing was gone on from: no bound was reached."""
        return self._survey.is_complete

    @property
    def is_proved(self) -> bool:
        """Whether what is said holds for all runs from these start states: nothing was left out."""
        return self.is_complete and not self.notes

    @property
    def terminates(self) -> bool | None:
        """Whether every run ends, whatever is answered; None where a bound was reached before that was known."""
        if any(one.kind in ("loop", "livelock") for one in self.discoveries):
            return False
        return True if self.is_complete else None

    @property
    def ends(self) -> Counter[str]:
        """In which status runs come to rest -> in how many standings."""
        return Counter(one.status for one in self._survey.standings if not one.out and one.is_expanded)

    @cached_property
    def discoveries(self) -> tuple[Discovery, ...]:
        """What can go wrong, errors first, each with the shortest run that was found."""
        found = [*self._survey.discoveries(), *self._broken()]
        rank = ("error", "warning", "advice")
        return tuple(sorted(found, key=lambda one: (rank.index(one.severity), len(one.route))))

    @cached_property
    def properties(self) -> tuple[Claimed, ...]:
        """What came of each property."""
        return tuple(self._claimed(number, one) for number, one in enumerate(self._properties))

    def _claimed(self, number: int, one: Bound) -> Claimed:
        if one.kind == "sometimes":
            route = self._survey.shown(number)
            return Claimed(one.name, True if route is not None else False if self.is_complete else None, route)
        route = self._survey.broken(number, one)
        return Claimed(one.name, False if route is not None else True if self.is_complete else None, route)

    def _broken(self) -> list[Discovery]:
        found: list[Discovery] = []
        for one, bound in zip(self.properties, self._properties, strict=True):
            if one.holds is False:
                route = Route(self._plan, None, ()) if one.route is None else replace(one.route, claim=bound)
                what = f"{one.name} does not hold"
                found.append(Discovery("property", "error", what if one.route else f"{what}: no run shows it", route))
        return found

    # -- the graph -------------------------------------------------------------------------------------------------

    @cached_property
    def graph(self) -> nx.DiGraph[int]:
        """The standings: nodes have ``frontier``, ``status`` and ``values`` (control fields), edges ``moves`` and ``edges``."""
        made: nx.DiGraph[int] = nx.DiGraph(name=self.name)
        for one in self._survey.standings:
            made.add_node(one.index, frontier=one.frontier, status=one.status, values=one.values, depth=one.depth)
        for one in self._survey.standings:
            for move in one.out:
                if not made.has_edge(move.source, move.target):
                    made.add_edge(move.source, move.target, moves=[], edges=[])
                data: dict[str, Any] = made.edges[move.source, move.target]
                data["moves"].append(move.move)
                data["edges"].append(tuple(self._survey.names[edge] for edge in move.edges))
        return made

    @cached_property
    def taken(self) -> frozenset[str]:
        """The edges that some run takes, as ``review -> write``."""
        return frozenset(self._survey.names[edge] for edge in self._survey.taken)

    @cached_property
    def never_taken(self) -> dict[str, str]:
        """The edges that no run takes -> the reason: proved dead, never enabled, or not reached within the bounds."""
        dead = _dead_edges(self._survey)
        found: dict[str, str] = {}
        for key, name in self._survey.names.items():
            if key not in self._survey.taken:
                found[name] = dead.get(key) or self._why_not()
        return found

    def _why_not(self) -> str:
        if not self.is_complete:
            return f"not reached within {self.bound}"
        return "no run takes it (proved)" if self.is_proved else f"none of {self.states:,} states explored takes it"

    def path_to(self, edge: object) -> Route | None:
        """The shortest run that takes an edge, named ``"review -> write"`` or ``(review, write)``; None if none does.

        Raises ExploringInvalid for an edge that is not there.
        """
        survey, keys = self._survey, self._keys(edge)
        if any(key in edges for key in keys for edges in survey.search.opening.values()):
            return survey.route_to(survey.standings[0])
        for one in survey.standings:
            for move in one.out:
                if not keys.isdisjoint(move.edges):
                    return survey.route_to(one, [move])
        return None

    def _keys(self, edge: object) -> set[EdgeKey]:
        if isinstance(edge, tuple):
            wanted = " -> ".join(str(getattr(end, "name", end)) for end in cast("tuple[object, ...]", edge))
        else:
            wanted = str(edge)
        names = self._survey.names
        found = {key for key, name in names.items() if name == wanted or name.partition(" [")[0] == wanted}
        if not found:
            raise ExploringInvalid(
                f"There is no edge {wanted!r} in graph {self.name!r}",
                why="An edge is named by the nodes at its ends.",
                fix=unknown_name(wanted, names.values()),
            )
        return found

    def covering_runs(self) -> Covering:
        """Few runs that take every edge which can be taken; ``is_smallest`` says whether fewer would not do."""
        return cover(self._survey)

    # -- showing ---------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<Exploration of {self.name!r}: {self._head()}>"

    def _head(self) -> str:
        states = f"{self.states:,} state{'s' if self.states != 1 else ''}"
        if not self.is_complete:
            return f"not proved, explored {states} ({self.bound} reached)"
        return f"proved ({states})" if self.is_proved else f"explored ({states})"

    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self._head()}", *(f"  {what:<9} {text}" for what, text in self._rows())])

    def _rows(self) -> list[tuple[str, str]]:
        total = len(self._survey.names)
        ends = ", ".join(f"{status} {count}" for status, count in sorted(self.ends.items()))
        endless = {True: "every run ends", False: "it can go round for ever", None: "not known"}[self.terminates]
        rows = [
            ("start", self.start),
            ("ends", ends or "none"),
            ("loops", endless),
            ("edges", f"{total - len(self.never_taken)} of {total} taken"),
        ]
        rows += [("never", f"{name}: {why}") for name, why in list(self.never_taken.items())[:_MOST_SHOWN]]
        for one in self.properties:
            holds = {True: "holds", False: "does not hold", None: "not known"}[one.holds]
            rows.append(("property", f"{one.name} {holds}"))
        rows += [(one.severity, _indented(str(one))) for one in self.discoveries[:_MOST_SHOWN]]
        if self.reduced:
            rows.append(("order", f"one for all in {self.reduced:,} states, since it cannot matter there (S15.4)"))
        rows += [("left out", note) for note in self.notes]
        if not self.is_complete:
            rows.append(("to do", _MENDS))
        return rows

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        rows = "".join(
            f"<tr><td>{what}</td><td style='text-align:left;white-space:pre-wrap'>{escape(text)}</td></tr>"
            for what, text in self._rows()
        )
        html = f"<p>{escape(self.name)}: {escape(self._head())}</p><table><tbody>{rows}</tbody></table>"
        return {"text/plain": str(self), "text/html": html}

    def as_json(self) -> dict[str, object]:
        """The same facts as plain data."""
        return {
            "schema": "graphflow.explore/1",
            "graph": self.name,
            "proved": self.is_proved,
            "complete": self.is_complete,
            "bound": self.bound,
            "start": self.start,
            "states": self.states,
            "moves": self.moves,
            "reduced": self.reduced,
            "terminates": self.terminates,
            "ends": dict(self.ends),
            "taken": sorted(self.taken),
            "never_taken": self.never_taken,
            "properties": [{"name": one.name, "holds": one.holds} for one in self.properties],
            "discoveries": [one.as_json() for one in self.discoveries],
            "left_out": list(self.notes),
        }


_MENDS = (
    "raise max_states= or max_seconds=, let agents= say fewer values, give loops an at_most; "
    "or walk at random instead: verify(graph)"
)


def edge_names(plans: Sequence[Plan]) -> dict[EdgeKey, str]:
    """Every edge of the plans by name: ``review -> write``, with its condition where two would be called the same."""
    found: dict[EdgeKey, str] = {}
    for place, plan in enumerate(plans):
        words = Wording(plan)
        inside = f"{plan.name}: " if place else ""
        bare = {edge.index: inside + _between(words, edge) for edge in plan.edges}
        often = Counter(bare.values())
        seen: Counter[str] = Counter()
        for edge in plan.edges:
            name = bare[edge.index]
            if often[name] > 1:
                name = f"{name} [{_label(edge)}]"
            seen[name] += 1
            found[place, edge.index] = name if seen[name] == 1 else f"{name} #{seen[name]}"
    return found


def _between(words: Wording, edge: Edge) -> str:
    targets = [words.bare(target) for target in edge.targets]
    to = targets[0] if len(targets) == 1 else f"({', '.join(targets)})"
    return f"{words.bare(edge.source)} -> {to}"


def _label(edge: Edge) -> str:
    if edge.errors:
        return " or ".join(error.__name__ for error in edge.errors)
    if edge.after_s is not None:
        return f"after {edge.after_s:g} s"
    if edge.guard is not None:
        return edge.guard.label
    return "handoff" if edge.kind == "handoff" else "else"


def _dead_edges(survey: Survey) -> dict[EdgeKey, str]:
    """The edges that are proved dead by their conditions and order alone."""
    found: dict[EdgeKey, str] = {}
    for place, plan in enumerate(survey.search.control.plans):
        proofs = Proofs(Structure(plan))
        for node in plan.nodes:
            exits = exits_tried(node)
            for edge in node.exits[len(exits) :]:
                found[place, edge.index] = "dead: one that always matches is tried before it (proved)"
            verdict = proofs.of_exits(node.index, exits) if exits else None
            for index in verdict.dead if verdict else ():
                found[place, exits[index].index] = "dead: no state makes its condition true (proved)"
            for shadowed in verdict.shadowed if verdict else ():
                found[place, exits[shadowed.index].index] = "dead: one tried before it is always taken (proved)"
            for edge, guard in lone_guards(node):
                if edge.guard is guard and 0 in proofs.verdict(node.index, [guard]).dead:
                    found[place, edge.index] = "dead: no state makes its condition true (proved)"
        for edge in plan.edges:
            if edge.at_most == 0 or (edge.limit is not None and edge.limit.at_most == 0):
                found[place, edge.index] = "dead: its at_most is 0"
    return found


def _indented(text: str) -> str:
    first, *rest = text.splitlines()
    return "\n".join([first, *(f"            {line}" for line in rest)])
