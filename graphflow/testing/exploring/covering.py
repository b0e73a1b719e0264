"""A small set of runs that takes every edge which any run takes.

The smallest is hard to find in general. Two ways of choosing are tried, going on to the nearest edge that is missing and
going where most are, and the better is kept. Edges of which no run takes two prove a lower bound: where it is met, the
set is smallest, and said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import networkx as nx

from graphflow.testing.exploring.routes import Route
from graphflow.testing.exploring.searching import EdgeKey, Transition
from graphflow.testing.exploring.surveying import Survey

_MOST_CLIQUES = 2_000


@dataclass(frozen=True, slots=True)
class Covering:
    """Runs that together take every edge that can be taken. No set has fewer than ``least``."""

    runs: tuple[Route, ...]
    least: int

    @property
    def is_smallest(self) -> bool:
        """Whether it is proved that fewer runs would not do."""
        return len(self.runs) == self.least

    def __iter__(self) -> Iterator[Route]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __getitem__(self, index: int) -> Route:
        return self.runs[index]

    def __str__(self) -> str:
        count = f"{len(self.runs)} run{'s' if len(self.runs) != 1 else ''}"
        known = "the fewest there can be" if self.is_smallest else f"no set has fewer than {self.least}"
        parts = [f"run {number}, from {run.start!r}\n{run}" for number, run in enumerate(self.runs, 1)]
        return "\n".join([f"every edge is taken by {count}; {known}", *parts])


def cover(survey: Survey) -> Covering:
    """The runs, and how few there can be."""
    chooser = _Chooser(survey)
    found = chooser.all_runs(chooser.to_nearest)
    if nx.is_directed_acyclic_graph(survey.ways):
        other = chooser.all_runs(chooser.to_most)
        found = min(found, other, key=len)
    routes = tuple(survey.route(start, moves) for start, moves in found)
    return Covering(routes, min(len(found), _least(survey)))


_Run = tuple[int, list[Transition]]


class _Chooser:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.standings = survey.standings
        self.starts = [one for one in self.standings if one.came is None]
        self.missing: set[EdgeKey] = set()
        self._most: dict[int, int] = {}

    def all_runs(self, onward: Callable[[int], list[Transition]]) -> list[_Run]:
        self.missing = set(self.survey.taken)
        runs: list[_Run] = []
        while self.missing:
            self._most.clear()
            run = max((self._run(start.index, onward) for start in self.starts), key=self._gain)
            if not self._gain(run):
                break
            self.missing -= self._edges(run)
            runs.append(run)
        return self._needed(runs)

    def _needed(self, runs: list[_Run]) -> list[_Run]:
        """Without those of which the others take every edge."""
        kept = list(runs)
        for run in runs:
            others = [one for one in kept if one is not run]
            if others and self._edges(run) <= set[EdgeKey]().union(*map(self._edges, others)):
                kept = others
        return kept

    def _edges(self, run: _Run) -> set[EdgeKey]:
        start, moves = run
        return {*self.survey.search.opening.get(start, ()), *(edge for move in moves for edge in move.edges)}

    def _gain(self, run: _Run) -> int:
        return len(self._edges(run) & self.missing)

    def _run(self, at: int, onward: Callable[[int], list[Transition]]) -> _Run:
        start, before = self.standings[at].start, set(self.missing)
        self.missing -= set(self.survey.search.opening.get(start, ()))
        moves: list[Transition] = []
        while stretch := onward(at):
            moves += stretch
            at = stretch[-1].target
            self.missing -= {edge for move in stretch for edge in move.edges}
        self.missing = before
        return start, moves + self._path(at, lambda move: not self.standings[move.target].out)

    def to_nearest(self, at: int) -> list[Transition]:
        """On to the nearest transition with an edge that is missing."""
        return self._path(at, lambda move: not self.missing.isdisjoint(move.edges))

    def to_most(self, at: int) -> list[Transition]:
        """One transition on, in the direction in which most is missing. Where nothing goes round only."""
        best = max(self.standings[at].out, key=self._worth, default=None)
        return [] if best is None or not self._worth(best) else [best]

    def _worth(self, move: Transition) -> int:
        return len(self.missing.intersection(move.edges)) + self._ahead(move.target)

    def _ahead(self, index: int) -> int:
        """How many missing edges lie on the best way from here, counted from the ends."""
        stack = [index]
        while stack:
            top = stack[-1]
            waiting = [move.target for move in self.standings[top].out if move.target not in self._most]
            if waiting:
                stack += waiting
                continue
            self._most[top] = max(
                (
                    len(self.missing.intersection(move.edges)) + self._most[move.target]
                    for move in self.standings[top].out
                ),
                default=0,
            )
            stack.pop()
        return self._most[index]

    def _path(self, at: int, is_wanted: Callable[[Transition], bool]) -> list[Transition]:
        """The shortest way to a transition that is wanted, itself included; empty if there is none."""
        came: dict[int, Transition | None] = {at: None}
        queue = [at]
        for index in queue:
            for move in self.standings[index].out:
                if is_wanted(move):
                    path = [move]
                    while (before := came[path[-1].source]) is not None:
                        path.append(before)
                    return path[::-1]
                if move.target not in came:
                    came[move.target] = move
                    queue.append(move.target)
        return []


def _least(survey: Survey) -> int:
    """How many edges there are of which no run takes two: so many runs are needed at least."""
    taken = list(survey.taken)
    bits = {edge: 1 << number for number, edge in enumerate(taken)}
    ahead = _ahead(survey, bits)
    together = dict.fromkeys(taken, 0)
    for one in survey.standings:
        for move in one.out:
            mask = ahead[move.target]
            for edge in move.edges:
                mask |= bits[edge]
            for edge in move.edges:
                together[edge] |= mask
    first = {one.start: one.index for one in survey.standings if one.came is None}
    for start, edges in survey.search.opening.items():
        for edge in edges:
            together[edge] |= ahead[first[start]] | sum(bits[other] for other in set(edges)) if start in first else 0
    apart: nx.Graph[EdgeKey] = nx.Graph()
    apart.add_nodes_from(taken)
    for number, edge in enumerate(taken):
        for other in taken[:number]:
            if not together[edge] & bits[other] and not together[other] & bits[edge]:
                apart.add_edge(edge, other)
    best = 1 if taken else 0
    for count, clique in enumerate(nx.find_cliques(apart)):
        best = max(best, len(clique))
        if count >= _MOST_CLIQUES:
            break
    return best


def _ahead(survey: Survey, bits: dict[EdgeKey, int]) -> dict[int, int]:
    """For every standing the edges that some run takes from there on."""
    parts: nx.DiGraph[int] = nx.condensation(survey.ways)
    found: dict[int, int] = {}
    within: dict[int, int] = {}
    for part in reversed(list(nx.topological_sort(parts))):
        mask = 0
        members: set[int] = parts.nodes[part]["members"]
        for index in members:
            for move in survey.standings[index].out:
                for edge in move.edges:
                    mask |= bits[edge]
        for after in parts.successors(part):
            mask |= within[after]
        within[part] = mask
        found.update(dict.fromkeys(members, mask))
    return found
