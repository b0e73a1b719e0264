"""Two branches of one fork that write one field without a reducer (S6.5), as far as writes are declared.

Left alone is what cannot conflict: ``need="first"`` merges one branch only, and branches whose conditions exclude each
other never run together. What is not declared is found at the join.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice
from typing import Any, Literal, get_origin

from graphflow.core.plan import Edge, Guard
from graphflow.errors import Finding
from graphflow.graph.check.proofs import Proofs
from graphflow.graph.check.structure import Region, Structure
from graphflow.graph.check.wording import Wording, node_places
from graphflow.graph.check.writers import carried, spread, writes_of

_MOST_PAIRS = 500  # of branches with conditions; the join finds what is left (S6.5)
_Branch = tuple[int, int]  # position of the target in the fork, the node there that writes


def check_conflicts(structure: Structure) -> Iterator[Finding]:
    """Findings GF174, by fork and field."""
    words, proofs = Wording(structure.plan), Proofs(structure)
    order = {name: position for position, name in enumerate(structure.plan.schema.fields)}
    told: set[tuple[str, tuple[str, ...]]] = set()
    for region in structure.regions:  # innermost first: a mend there is one for the forks around it too
        fork = region.fork
        if fork.need.kind == "quorum" and fork.need.count == 1 and not fork.shared:
            continue
        writing = _branches_writing(structure, region)
        for name in sorted(writing, key=order.__getitem__):
            finding = _conflict(proofs, words, region, name, writing[name])
            if finding is not None and (name, finding.nodes) not in told:
                told.add((name, finding.nodes))
                yield finding


def _branches_writing(structure: Structure, region: Region) -> dict[str, list[_Branch]]:
    """For every field that needs care, which branches write it, and where."""
    positions = _positions(structure, region)
    writing: dict[str, list[_Branch]] = {}
    for node in sorted(region.nodes):
        names = set(writes_of(structure.plan.nodes[node]) or ())
        names.update(name for edge in structure.plan.nodes[node].handoffs for name in carried(edge))
        for name in sorted(names):
            if spread(structure.plan, name):
                writing.setdefault(name, []).extend((position, node) for position in positions[node])
    return writing


def _positions(structure: Structure, region: Region) -> dict[int, list[int]]:
    """Which branches come to each node. Two are enough to conflict, unless conditions may keep those two apart."""
    most = len(region.fork.targets) if any(region.fork.branch_guards) else 2
    found: dict[int, list[int]] = {node: [] for node in region.nodes}
    queue = [(position, target) for position, target in enumerate(region.fork.targets) if target in found]
    for position, node in queue:
        if position in found[node] or len(found[node]) >= most:
            continue
        found[node].append(position)
        queue.extend((position, way.target) for way in structure.out[node] if way.target in found)
    return found


def _conflict(proofs: Proofs, words: Wording, region: Region, name: str, writing: list[_Branch]) -> Finding | None:
    fork, structure = region.fork, proofs.structure
    if fork.kind == "map":
        return _finding(structure, words, fork, name, [writing[0][1]], "error")
    doubtful: list[int] | None = None
    pairs = ((one, other) for one, other in combinations(writing, 2) if one[0] != other[0])
    for (one, first), (other, second) in islice(pairs, _MOST_PAIRS):
        apart = proofs.exclude_each_other(fork.source, _guard(fork, one), _guard(fork, other))
        if apart is False:
            return _finding(structure, words, fork, name, sorted({first, second}), "error")
        if apart is None and doubtful is None:
            doubtful = sorted({first, second})
    return None if doubtful is None else _finding(structure, words, fork, name, doubtful, "warning")


def _guard(fork: Edge, position: int) -> Guard | None:
    return fork.branch_guards[position] if position < len(fork.branch_guards) else None


def _finding(
    structure: Structure,
    words: Wording,
    fork: Edge,
    name: str,
    nodes: list[int],
    severity: Literal["error", "warning"],
) -> Finding:
    if fork.kind == "map":
        what = f"The branches of a map all write {name!r}"
        why = f"{words.name(nodes[0])} runs once per item, and {name} has no reducer to fold the writes."
    elif len(nodes) == 1:
        what = f"Several branches write {name!r}"
        why = f"{words.name(nodes[0])} is in more than one branch of {words.edge(fork)}, and {name} has no reducer."
    else:
        what = f"Two branches write {name!r}: {words.names(nodes)}"
        why = f"They are in different branches of {words.edge(fork)}, and {name} has no reducer to fold their writes."
    if severity == "warning":
        why += " Nothing shows that the conditions of these branches exclude each other."
    return words.finding(
        "GF174",
        severity,
        what,
        where=[fork.place, *node_places(structure.plan, nodes)],
        why=f"{why} (S6.5)",
        fix=_with_reducer(structure.plan.schema.fields[name].annotation, name),
        nodes=nodes,
    )


def _with_reducer(annotation: Any, name: str) -> str:
    """The field as it could be declared. Which reducer is meant only the user knows; the type allows a guess."""
    kind = get_origin(annotation) or annotation
    text = annotation.__name__ if type(annotation) is type else str(annotation).replace("typing.", "")
    reducer = {list: "extend", tuple: "extend", set: "union", frozenset: "union", dict: "merge"}.get(kind, "keep_last")
    return (
        f"{name}: Annotated[{text}, {reducer}]   # or another reducer\n"
        f"{name}: Annotated[{text}, local]   # if each branch needs it for itself only"
    )
