"""What to state so that a change is noticed: where it shows, and what follows there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphflow.core.plan import Node, Plan
from graphflow.graph.verdicts import Witness
from graphflow.testing.mutating.slips import Slip


def hint(plan: Plan, slip: Slip, witness: Witness | None) -> str:
    """One line: a state on which the two decide otherwise, and the form of a property that looks there."""
    target = "" if slip.target is None else plan.nodes[slip.target].name
    writes = _writes(None if slip.target is None else plan.nodes[slip.target])
    if witness and slip.node is not None:
        ways = _way(plan, slip.node, witness), _way(slip.plan, slip.node, witness)
        led = f", which leads to {ways[0]}, and changed to {ways[1]}" if all(ways) and ways[0] != ways[1] else ""
        return f"what follows on {_state(witness)}{led}: leads_to({_condition(witness)}, ...)"
    if slip.kind == "order":
        return f"which of them is taken where both may be: leads_to(..., ...){writes}"
    if slip.kind == "limit":
        return f"how often {target!r} may follow: count it in a field, always(rounds <= ...), sometimes(rounds == ...)"
    if slip.kind == "need":
        return f"what {target!r} may go on with: always(size(...) >= ...) where it is"
    return f"that {target!r} is reached: sometimes(...), leads_to(...){writes}"


def _writes(node: Node | None) -> str:
    fields = () if node is None else node.writes.fields
    return f" over what it writes: {', '.join(fields)}" if fields else ""


def _state(witness: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in witness.items())


def _condition(witness: Mapping[str, Any]) -> str:
    parts = [f"{name} == {value!r}" for name, value in witness.items()]
    return parts[0] if len(parts) == 1 else " & ".join(f"({part})" for part in parts)


def _way(plan: Plan, node: int, witness: Witness) -> str:
    """Where a node goes on from a state, limits not counted; empty where that cannot be told."""
    items = (witness["ITEM"],) if "ITEM" in witness else ()
    for edge in plan.nodes[node].exits:
        try:
            is_taken = edge.guard is None or edge.guard.test(witness, items)
        except Exception:  # it looks at a field that the witness leaves open
            return ""
        if is_taken:
            return ", ".join(repr(plan.nodes[target].name) for target in edge.targets)
    return "no way out"
