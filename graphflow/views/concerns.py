"""What an entry of a journal concerns, as a drawing shows it: the maps that are open, the nodes that a failure is put down to."""

from __future__ import annotations

from dataclasses import dataclass

from graphflow.core.journal import Entry
from graphflow.core.scopes import Fork, Scope
from graphflow.views import standing
from graphflow.views.drawing import path_of
from graphflow.views.standing import path_of_scope


@dataclass(frozen=True, slots=True)
class OpenMap:
    """An open map: where its branches are shown."""

    owner: Scope
    fork: Fork
    key: str  # the scope and node that forked, of whatever visit
    target: str  # path of the node that it maps to


@dataclass(frozen=True, slots=True)
class Failing:
    """A node that a failure is put down to: the path of the node, and its cursor, empty for a join that never ran."""

    path: str
    cursor: str
    prefix: str


def map_of(scope: Scope) -> OpenMap | None:
    """The map that a scope has opened, if it has."""
    fork = scope.open
    if fork is None or fork.edge is None or fork.edge.kind != "map":
        return None
    target = path_of(scope.plan.nodes[fork.edge.targets[0]].name, standing.within(scope))
    return OpenMap(scope, fork, f"{scope.prefix}{scope.node.id}", target)


def failing_at(scope: Scope, level: Scope, entry: Entry) -> tuple[Failing, ...]:
    """The nodes that a failure climbed through, to where it was settled: node, sub-graphs around it, join (S8.3)."""
    around = standing.within(scope)
    if "join" in entry:
        join = scope.plan.edge(entry["join"]).join
        assert join is not None
        found = [Failing(path_of(scope.plan.nodes[join].name, around), "", scope.prefix)]
    else:
        found = [Failing(path_of_scope(scope), scope.path, scope.prefix)]
    while scope is not level and scope.parent is not None and scope.fork is not None:
        if scope.fork.edge is None:
            found.append(Failing(path_of_scope(scope.parent), scope.parent.path, scope.parent.prefix))
        scope = scope.parent
    if "edge" in entry:
        source = level.plan.nodes[level.plan.edge(entry["edge"]).source]
        path = path_of(source.name, standing.within(level))
        if all(one.path != path for one in found):
            found.append(Failing(path, "", level.prefix))
    return tuple(found)
