"""What the prover knows of a plan's conditions, asked once for conditions that read the same."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphflow.core.plan import Edge, Guard
from graphflow.errors import shown
from graphflow.graph.check.structure import Structure
from graphflow.graph.evaluation import compiled
from graphflow.graph.regions import decide
from graphflow.graph.terms import all_of
from graphflow.graph.verdicts import Solver, Verdict, Witness


@dataclass(slots=True, eq=False)
class Proofs:
    """Verdicts on the conditions of one plan. A ``solver`` is asked about what regions leave open."""

    structure: Structure
    solver: Solver | None = None
    _known: dict[Hashable, Verdict] = field(default_factory=dict[Hashable, Verdict])

    def verdict(self, node: int, guards: Sequence[Guard | None], limited: Sequence[bool] = ()) -> Verdict:
        """On conditions tried in this order at a node; the node decides what ITEM is."""
        state, item_type = self.structure.plan.state, self._item_type(node)
        if any(guard is not None and guard.expression is None for guard in guards):
            return decide(
                guards, state, limited=limited, item_type=item_type, solver=self.solver
            )  # a name says too little
        labels = tuple(None if guard is None else guard.label for guard in guards)
        key = (labels, tuple(limited), repr(item_type))
        if key not in self._known:
            self._known[key] = decide(guards, state, limited=limited, item_type=item_type, solver=self.solver)
        return self._known[key]

    def of_exits(self, node: int, exits: Sequence[Edge]) -> Verdict:
        """On the conditions of a node's exits, in the order tried."""
        return self.verdict(node, [edge.guard for edge in exits], [edge.is_limited for edge in exits])

    def exclude_each_other(self, node: int, one: Guard | None, other: Guard | None) -> bool | None:
        """Whether two conditions can never hold together; None where that is not known."""
        given = [guard for guard in (one, other) if guard is not None]
        if not given:
            return False
        if any(guard.expression is None for guard in given):
            return True if any(self.verdict(node, [guard]).dead for guard in given) else None
        term = given[0].expression if len(given) == 1 else all_of(*(guard.expression for guard in given))
        both = Guard(compiled(term), str(term), None, term)
        found = self.verdict(node, [both])
        if found.dead:
            return True
        return False if found.proved or self.verdict(node, [both, both]).overlaps else None

    def _item_type(self, node: int) -> Any:
        """The type of the items of the innermost map around a node."""
        overs = (region.fork.over for region in self.structure.around(node))
        return next((over.item_type for over in overs if over is not None), None)


def state_shown(witness: Witness) -> str:
    """A witness as a reader sees it: ``score=5, ready=False``."""
    return ", ".join(f"{name}={shown(value)}" for name, value in witness.items())
