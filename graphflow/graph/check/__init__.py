"""``check``: all that follows from a graph's structure and conditions, without running anything (S1.2, S4.3, S4.5, S6).

One module per family of findings, over one ``Structure``. An *error* is certain and stops the graph from running; a
*warning* may be fine but is likely wrong; *advice* is neither. Findings come all at once and in a stable order:
errors first, then as the families and the plan have them; those of an outer graph before those of graphs inside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphflow.core.plan import Plan
from graphflow.errors import Finding
from graphflow.graph.check.agents import check_agents
from graphflow.graph.check.conditions import check_conditions
from graphflow.graph.check.conflicts import check_conflicts
from graphflow.graph.check.cycles import check_cycles
from graphflow.graph.check.edges import check_edges
from graphflow.graph.check.findings import Findings
from graphflow.graph.check.forks import check_forks
from graphflow.graph.check.lengths import check_lengths
from graphflow.graph.check.maps import check_maps
from graphflow.graph.check.reads import check_reads
from graphflow.graph.check.rows import check_rows
from graphflow.graph.check.structure import Structure
from graphflow.graph.check.subgraphs import check_recursion, nested, under_maps
from graphflow.graph.check.ways import check_ways
from graphflow.graph.check.work import check_items, check_work

__all__ = ["Findings", "check"]

_FAMILIES = (
    check_ways,
    check_edges,
    check_conditions,
    check_cycles,
    check_forks,
    check_maps,
    check_conflicts,
    check_reads,
    check_work,
    check_agents,
    check_lengths,
    check_rows,
)
_RANK = {"error": 0, "warning": 1, "advice": 2}


def check(plan: Plan) -> Findings:
    """Everything that can be said of a plan and the graphs in it. Runs no node; linear in the size of the plan."""
    found = sorted(_all(plan), key=lambda finding: _RANK[finding.severity])  # stable: families keep their order
    return Findings(found)


def _all(plan: Plan) -> Iterator[Finding]:
    every = nested(plan)
    structures = {id(one.plan): Structure(one.plan) for one in every}
    endless = dict(check_recursion(every, structures))
    mapped = under_maps(every, structures)
    for one in every:
        structure = structures[id(one.plan)]
        found = [finding for family in _FAMILIES for finding in family(structure)]
        if id(one.plan) not in mapped:
            found += check_items(structure)
        if id(one.plan) in endless:
            found.append(endless[id(one.plan)])
        yield from (replace(finding, graph=one.path) for finding in found)
