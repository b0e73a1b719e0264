"""Where the order in which branches finish cannot matter (S15.4), so that one order stands for all.

Branches of a fork whose join needs all of them see nothing of each other: what they do commutes. So of a standing in
which several may go on, it is enough to let one of them go on, to its join, before the next. That is not so where timing
decides: another ``need``, ``state="shared"``, a timer around, and a fork that one failure stops. Whether anything fails
there is not known beforehand: it is taken not to, and where it does, the search starts again without this shortcut.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphflow.core.plan import Edge, Plan
from graphflow.core.scopes import Scope
from graphflow.graph.check.structure import Structure, components
from graphflow.testing.playing.play import Option


class Ordering:
    """What may be left out. ``stopped`` are forks that a failure was seen to stop, by plan and edge."""

    def __init__(self, plans: Sequence[Plan], is_reducing: bool = True) -> None:
        self.is_reducing = is_reducing
        self.stopped: set[tuple[int, int]] = set()
        self.may_circle = any(map(_has_circle, plans))

    def chosen(self, options: Sequence[Option]) -> Sequence[Option]:
        """The options of one cursor that may stand for all, else all of them."""
        if not self.is_reducing:
            return options
        around = {id(option.scope) for option in options if option.scope.open is not None}
        for option in options:
            if self._is_free(option.scope, around):
                own = [other for other in options if other.scope is option.scope]
                return own if len(own) < len(options) else options
        return options

    def _is_free(self, scope: Scope, around: set[int]) -> bool:
        """Whether whatever else is live diverges from this cursor at a fork whose order cannot matter."""
        level: Scope | None = scope
        while level is not None:
            if level is not scope and id(level) in around:
                return False  # a timer of what is around may strike at any time
            fork = level.fork
            edge = None if fork is None or fork.total - fork.settled < 2 else fork.edge
            if edge is not None and not self._commutes(level.plan, edge):
                return False
            level = level.parent
        return True

    def _commutes(self, plan: Plan, edge: Edge) -> bool:
        need = edge.need
        is_plain = need.kind == "all" and need.within_s is None and not edge.shared
        return is_plain and (id(plan), edge.index) not in self.stopped

    def note_failure(self, scope: Scope, at: str, level: str) -> bool:
        """Something failed in or around ``scope``, in the scope with prefix ``at``, and was settled in that of ``level``.

        Whether that forbids what was done so far: a fork in between was stopped by it.
        """
        is_new = False
        inner: Scope | None = scope
        while inner is not None and inner.prefix != at:
            inner = inner.parent
        while inner is not None and inner.prefix != level:
            fork = inner.fork
            if fork is not None and fork.edge is not None and fork.edge.failures == "stop" and fork.total > 1:
                key = (id(inner.plan), fork.edge.index)
                is_new = is_new or (key not in self.stopped and self._commutes(inner.plan, fork.edge))
                self.stopped.add(key)
            inner = inner.parent
        return is_new and self.is_reducing


def _has_circle(plan: Plan) -> bool:
    """Whether a branch can go round: in a region, or in a graph that may be a node in one."""
    structure = Structure(plan)
    inside = {node for nodes in plan.regions.values() for node in nodes}
    found = components(range(len(plan.nodes)), structure.out)
    return any(
        (len(part) > 1 or any(way.target == part[0] for way in structure.out[part[0]]))
        and (not inside.isdisjoint(part) or not plan.regions)
        for part in found
    )
