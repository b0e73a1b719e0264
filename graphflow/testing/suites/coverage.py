"""Which parts of graphs the runs of a session went through: edges, nodes, conditions both ways, joins, failures.

``Watch`` looks over the shoulder of every machine that is made while it is on, whoever drives it: what a machine notes in
its journal's outbox is counted, and its conditions are asked through a counter. While it is off nothing is slower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from graphflow.core import reading
from graphflow.core.journal import Brief, Entry
from graphflow.core.machine import Machine
from graphflow.core.plan import Edge, Guard, Node, Plan

GuardPlace = tuple[int, str]
"""An edge's index, and which of its conditions: "" its own, "need", or the name of a branch's target."""


@dataclass(slots=True)
class Seen:
    """What was seen of one graph. Counts are by the index of edge and node."""

    plan: Plan
    edges: Counter[int] = field(default_factory=Counter[int])
    nodes: Counter[int] = field(default_factory=Counter[int])
    answers: dict[GuardPlace, Counter[bool]] = field(default_factory=dict[GuardPlace, Counter[bool]])
    joins: Counter[tuple[int, str]] = field(default_factory=Counter[tuple[int, str]])
    failures: dict[int, Counter[str]] = field(default_factory=dict[int, Counter[str]])

    def take(self, index: int) -> None:
        """An edge was taken: it was left from one node, and an end may have been reached."""
        edge = self.plan.edges[index]
        self.edges[index] += 1
        if edge.kind not in ("error", "timer"):
            self.nodes[edge.source] += 1
        for target in edge.targets:
            if self.plan.nodes[target].kind in ("end", "fail"):
                self.nodes[target] += 1

    def fail(self, node: Node, kind: str) -> None:
        """An attempt at a node failed."""
        self.nodes[node.index] += 1
        self.failures.setdefault(node.index, Counter())[kind] += 1


class Watch:
    """Counts what machines do while it is on. Also a context manager.

    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Graph
    >>> class Nothing(BaseModel):
    ...     pass
    >>> graph = Graph("nothing", Nothing)
    >>> graph.chain(START, graph.point("here"), END)
    >>> with Watch() as watch:
    ...     run = graph.run_sync(Nothing())
    >>> [seen.edges[1] for seen in watch.seen]
    [1]
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Seen] = {}
        self._by_plan: dict[int, Seen] = {}
        self._plans: list[Plan] = []  # kept, so that no other gets the same id
        self._asked: list[tuple[Guard, Callable[..., bool]]] = []
        self._init: Callable[..., None] | None = None
        self.is_paused = False

    @property
    def seen(self) -> list[Seen]:
        """Every graph that was run, in the order in which they first were."""
        return list(self._seen.values())

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Count from now on, of machines made from now on."""
        init = self._init = Machine.__init__

        def watched(machine: Machine, *args: Any, **kwargs: Any) -> None:
            init(machine, *args, **kwargs)
            self.of(machine.plan)
            machine.entries = _Outbox(self, machine)

        setattr(Machine, "__init__", watched)  # noqa: B010

    def stop(self) -> None:
        """Count no longer; all is as it was before."""
        if self._init is not None:
            setattr(Machine, "__init__", self._init)  # noqa: B010
            self._init = None
        for guard, test in self._asked:
            object.__setattr__(guard, "test", test)
        self._asked.clear()
        for plan in self._plans:
            _forget_shortcuts(plan)
        self._by_plan.clear()
        self._plans.clear()

    @contextmanager
    def pause(self) -> Generator[None]:
        """What happens meanwhile is no run: an explorer tries everything."""
        before, self.is_paused = self.is_paused, True
        try:
            yield
        finally:
            self.is_paused = before

    def of(self, plan: Plan) -> Seen:
        """What was seen of a graph; one that was not known is listened to from now on."""
        found = self._by_plan.get(id(plan))
        if found is None:
            found = self._seen.setdefault((plan.name, plan.fingerprint), Seen(plan))
            self._by_plan[id(plan)] = found
            self._plans.append(plan)
            _forget_shortcuts(plan)
            for edge in plan.edges:
                for name, guard in guards_at(plan, edge):
                    self._listen(found, (edge.index, name), guard)
        return found

    def _listen(self, seen: Seen, place: GuardPlace, guard: Guard) -> None:
        test = guard.test
        counts = seen.answers.setdefault(place, Counter())

        def asked(values: Any, items: tuple[Any, ...]) -> bool:
            answer = test(values, items)
            if not self.is_paused:
                counts[answer] += 1
            return answer

        self._asked.append((guard, test))
        object.__setattr__(guard, "test", asked)

    def note(self, machine: Machine, entry: Entry | Brief, plan: Plan) -> None:
        """An entry that a machine puts into its outbox."""
        if self.is_paused:
            return
        seen = self.of(plan)
        if isinstance(entry, tuple):  # a Brief
            brief: Brief = entry
            seen.take(brief[4])
            return
        kind = entry["kind"]
        if kind == "joined":
            how = "with some left out" if "members" in entry else "whole"
            seen.joins[entry["edge"], how] += 1
        elif kind == "failed":
            self._note_failure(machine, entry, seen)
        elif "edge" in entry:
            seen.take(entry["edge"])

    def _note_failure(self, machine: Machine, entry: Entry, seen: Seen) -> None:
        if "join" in entry:
            index: int = entry["join"]
            seen.joins[index, "cannot fire"] += 1
            node = seen.plan.nodes[seen.plan.edges[index].join or 0]
        else:
            found = reading.node_at(machine.plan, entry["at"])
            node = seen.plan.nodes[0] if found is None else found
        seen.fail(node, entry["error"].get("type", "error"))
        if "edge" in entry:
            level = machine.find(entry["level"])
            self.of(machine.plan if level is None else level.plan).take(entry["edge"])


class _Outbox(list[Any]):
    """A machine's entries to commit, which the watch sees as they come."""

    __slots__ = ("machine", "watch")

    def __init__(self, watch: Watch, machine: Machine) -> None:
        super().__init__()
        self.watch = watch
        self.machine = machine

    def append(self, item: Any, /) -> None:
        super().append(item)
        self.watch.note(self.machine, *item)


def guards_at(plan: Plan, edge: Edge) -> Iterator[tuple[str, Guard]]:
    """The conditions of an edge, each with its place on it."""
    if edge.guard is not None:
        yield "", edge.guard
    if edge.need.guard is not None:
        yield "need", edge.need.guard
    for target, guard in zip(edge.targets, edge.branch_guards, strict=False):
        if guard is not None:
            yield plan.nodes[target].name, guard


def _forget_shortcuts(plan: Plan) -> None:
    """What the machine has worked out of a node holds its conditions."""
    for node in plan.nodes:
        object.__setattr__(node, "memo", None)
