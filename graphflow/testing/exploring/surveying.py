"""What the standings of a graph show: where runs get stuck, fail, go round for ever, and which properties break."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import networkx as nx

from graphflow.errors import Failed, GraphflowError, InputInvalid, NoWayOut
from graphflow.graph.declaration import Declaration
from graphflow.testing.exploring.control import error_key
from graphflow.testing.exploring.routes import Route, Step, rebased, shortened
from graphflow.testing.exploring.searching import EdgeKey, Search, Standing, Transition
from graphflow.testing.playing.play import Play
from graphflow.testing.properties import Bound

Kind = Literal["stuck", "lost", "fails", "livelock", "loop", "property"]


@dataclass(frozen=True, slots=True)
class Discovery:
    """One thing that can happen and should not, with the shortest run found that shows it.

    ``stuck``: no edge of a node is enabled. ``lost``: nothing will ever happen, though the run is not over. ``fails``: a
    node raised, or a join could not fire. ``livelock``: it goes on for ever and cannot end. ``loop``: whoever answers
    can keep it going round. ``property``: a property is broken. Those of ``severity`` advice may well be meant.
    """

    kind: Kind
    severity: Literal["error", "warning", "advice"]
    what: str
    route: Route = field(repr=False)
    why: str = ""

    def __str__(self) -> str:
        why = "".join(f"\n  {line}" for line in self.why.splitlines())
        replay = "".join(
            f"\n  {'replay' if not n else '':<7} {line}" for n, line in enumerate(self.route.replay.splitlines())
        )
        return f"{self.what}\n{self.route.told}{why}{replay}"

    def as_json(self) -> dict[str, object]:
        """The same facts as plain data."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "what": self.what,
            "why": self.why,
            "route": self.route.as_json(),
        }


class Survey:
    """Questions about the standings of one search."""

    def __init__(
        self,
        search: Search,
        names: dict[EdgeKey, str],
        run: frozenset[int],
        graph: Declaration[Any] | None = None,
    ) -> None:
        self.search = search
        self.graph = graph
        self.standings = search.standings
        self.names = names
        self.run = run

    @property
    def is_complete(self) -> bool:
        """Whether every standing was gone on from."""
        return all(one.is_expanded for one in self.standings)

    @cached_property
    def ways(self) -> nx.DiGraph[int]:
        """The standings by number, and that one leads to another."""
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from(range(len(self.standings)))
        graph.add_edges_from((move.source, move.target) for one in self.standings for move in one.out)
        return graph

    @cached_property
    def taken(self) -> dict[EdgeKey, Transition | int]:
        """Every edge that was taken, and the first transition that takes it, or the start."""
        found: dict[EdgeKey, Transition | int] = {}
        for number, edges in self.search.opening.items():
            for edge in edges:
                found.setdefault(edge, number)
        for one in self.standings:
            for move in one.out:
                for edge in move.edges:
                    found.setdefault(edge, move)
        return found

    def route_to(self, standing: Standing, then: Sequence[Transition] = (), repeating: int = 0) -> Route:
        """The first way found to a standing, and on from there."""
        back: list[Transition] = []
        at = standing
        while at.came is not None:
            back.append(at.came)
            at = self.standings[at.came.source]
        return self.route(at.start, [*reversed(back), *then], repeating)

    def route(self, start: int, moves: Iterable[Transition], repeating: int = 0) -> Route:
        """Transitions as a route."""
        steps = tuple(
            Step(one.move, tuple(self.names[edge] for edge in one.edges), self._is_said(one)) for one in moves
        )
        search = self.search
        return rebased(Route(search.plan, search.starts[start], steps, repeating, search.deps, self.graph))

    def _is_said(self, one: Transition) -> bool:
        name = one.move.node
        plans = self.search.control.plans
        return not any(id(node) in self.run for plan in plans for node in plan.nodes if node.name == name)

    # -- what is found ---------------------------------------------------------------------------------------------

    def discoveries(self) -> Iterator[Discovery]:
        """Everything found, but for properties."""
        told: set[object] = set()
        for one in self.standings:
            found = self._ending(one)
            if found is not None and found[0] not in told:
                told.add(found[0])
                yield found[1]()
        yield from self._circles()

    def _ending(self, one: Standing) -> tuple[object, Callable[[], Discovery]] | None:
        error = one.error
        if one.status == "running" and one.is_expanded and not one.out:
            what = f"Nothing can happen any more at {', '.join(one.frontier) or 'no cursor at all'}"
            route = self.route_to(one)
            return ("lost", one.frontier), lambda: Discovery("lost", "error", what, route, _why_lost(route))
        if one.status != "failed" or error is None or isinstance(error, Failed | InputInvalid):
            return None
        if one.came is not None and (self.search.answering.is_injected(one.came.move) or one.came.move.kind == "fire"):
            return None  # the graph declares to deal with some failures, and nowhere that nothing may fail
        key = error_key(error)

        def is_same(play: Play) -> bool:
            return play.status == "failed" and error_key(play.machine.error) == key

        def tell() -> Discovery:
            kind: Kind = "stuck" if isinstance(error, NoWayOut) else "fails"
            what = error.what if isinstance(error, GraphflowError) else f"{type(error).__name__}: {error}"
            route = shortened(self.route_to(one), is_same)
            why = error.why if isinstance(error, GraphflowError) else ""
            return Discovery(kind, "error", what, route, why)

        return (type(error), key), tell

    def _circles(self) -> Iterator[Discovery]:
        ending = self._can_end()
        for part in nx.strongly_connected_components(self.ways):
            first = min(part)
            if len(part) == 1 and not self.ways.has_edge(first, first):
                continue
            circle = self._circle(part, ("reply", "handoff", "fail")) or self._circle(part, ()) or []
            entry = self.standings[circle[0].source]
            route = self.route_to(entry, circle, len(circle))
            where = " -> ".join(dict.fromkeys(one.move.node for one in circle))
            if part.isdisjoint(ending):
                yield Discovery("livelock", "error", f"Once here the run can never end: {where}", route)
                continue
            kinds = {one.move.kind for one in circle}
            if "answer" in kinds:
                yield Discovery("loop", "advice", f"It goes round as long as it is answered so: {where}", route)
            elif "fire" in kinds:
                yield Discovery("loop", "advice", f"It goes round as long as time is up first: {where}", route)
            else:
                who = (
                    "whoever answers" if any(step.is_said for step in route.steps[-len(circle) :]) else "nobody but it"
                )
                yield Discovery("loop", "warning", f"It can go round for ever, and {who} decides that: {where}", route)

    def _can_end(self) -> set[int]:
        """The standings from which an end, or one that was not gone on from, can be reached."""
        ends = [one.index for one in self.standings if not one.out]
        found = set(ends)
        for index in ends:
            for before in self.ways.predecessors(index):
                if before not in found:
                    found.add(before)
                    ends.append(before)
        return found

    def _circle(self, part: set[int], kinds: Sequence[str]) -> list[Transition]:
        """A short way round within some standings, by moves of some kinds only if any are named."""
        ways: dict[int, list[Transition]] = {
            index: [
                one for one in self.standings[index].out if one.target in part and (not kinds or one.move.kind in kinds)
            ]
            for index in part
        }
        best: list[Transition] = []
        for start in sorted(part)[:_MOST_TRIED]:
            found = _back_to(start, ways)
            if found and (not best or len(found) < len(best)):
                best = found
        return best

    # -- properties ------------------------------------------------------------------------------------------------

    def broken(self, number: int, one: Bound) -> Route | None:
        """A run that breaks a property; None if none was found. Of ``sometimes`` see ``shown``."""
        match one.kind:
            case "never" | "always":
                wanted = one.kind == "never"
                found = next((s for s in self.standings if s.holds[number][0] is wanted), None)
                return (
                    None
                    if found is None
                    else self._shortest(found, lambda play: one.holds(one.claim, play.values) is wanted)
                )
            case "eventually":
                return self._without(number, 0, lambda s: s.came is None)
            case "leads to":
                return self._without(number, 1, lambda s: s.holds[number][0])
            case _:
                return None

    def shown(self, number: int) -> Route | None:
        """The shortest run to a state where the claim holds."""
        found = next((one for one in self.standings if one.holds[number][0]), None)
        return None if found is None else self.route_to(found)

    def _shortest(self, standing: Standing, is_same: Callable[[Play], bool]) -> Route:
        return shortened(self.route_to(standing), is_same)

    def _without(self, number: int, which: int, begins: Callable[[Standing], bool]) -> Route | None:
        """A run that ends, and from a standing where it ``begins`` on never comes to where the claim holds."""
        came: dict[int, Transition | None] = {
            one.index: None for one in self.standings if begins(one) and not one.holds[number][which]
        }
        queue = list(came)
        for index in queue:
            if self.standings[index].status == "done":
                return self._stretch(index, came)
            for move in self.standings[index].out:
                if move.target not in came and not self.standings[move.target].holds[number][which]:
                    came[move.target] = move
                    queue.append(move.target)
        return None

    def _stretch(self, index: int, came: dict[int, Transition | None]) -> Route:
        back: list[Transition] = []
        while (move := came[index]) is not None:
            back.append(move)
            index = move.source
        return self.route_to(self.standings[index], back[::-1])


_MOST_TRIED = 200


def _back_to(start: int, ways: dict[int, list[Transition]]) -> list[Transition]:
    came: dict[int, Transition] = {}
    queue = [start]
    for index in queue:
        for move in ways[index]:
            if move.target == start:
                circle = [move]
                while index != start:
                    circle.append(came[index])
                    index = came[index].source
                return circle[::-1]
            if move.target not in came:
                came[move.target] = move
                queue.append(move.target)
    return []


def _why_lost(route: Route) -> str:
    play: Any = route.play()
    return f"The run is {play.status}, with {', '.join(play.frontier) or 'no cursor'} left."
