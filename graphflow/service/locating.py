"""From a run in a store to its graph: by the place that was recorded with the run, or by one that is given."""

from __future__ import annotations

from pathlib import Path

from graphflow.errors import TargetNotFound
from graphflow.service.targets import Target, is_file, load, load_all, split
from graphflow.stores.store import RunRow


def graph_of(row: RunRow, given: str | None) -> Target:
    """The graph of a run. Raises TargetNotFound and ImportFailed, and what its file declares wrongly."""
    if given:
        return load(given)
    refuse_lost(row)
    _, name = split(row.target)
    return load(row.target) if name else _by_name(row)


def refuse_lost(row: RunRow) -> None:
    """Raises TargetNotFound for a run whose graph is known to be nowhere; nothing is imported to find out."""
    if not row.target or row.target.startswith("<"):
        raise TargetNotFound(
            f"Run {row.run} of graph {row.graph!r} does not tell where its graph is",
            code="GF530",
            why="It was started by a program that is no file.",
            fix="Name it: --graph graphs/essay.py:graph",
        )
    place, name = split(row.target)
    if is_file(place) and not Path(place).is_file():
        raise TargetNotFound(
            f"The graph of run {row.run} is no longer at {place}",
            code="GF530",
            why=f"It was there, as {row.graph!r}, when the run was started.",
            fix=f"Name where it is now: --graph FILE:{name or 'graph'}",
        )


def _by_name(row: RunRow) -> Target:
    """The graph of a run that a program started: which file is known, and what the graph is called."""
    found = load_all(row.target)
    alike = [target for target in found if target.graph.name == row.graph]
    if len(alike) == 1:
        return alike[0]
    names = ", ".join(target.name for target in alike or found)
    raise TargetNotFound(
        f"{row.target} holds {'several graphs' if alike else 'no graph'} named {row.graph!r}",
        code="GF530",
        why=f"Its graphs are: {names}." if names else "There is no Graph among its module-level variables.",
        fix=f"Name the variable that holds it: --graph {row.target}:{(names or 'graph').split(',')[0]}",
    )
