"""What ``graphflow test`` asks besides, if told to: simulated runs (``--simulate``), and changed graphs (``--mutate``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphflow.cli.arguments import Parser
from graphflow.cli.options import positive
from graphflow.errors import GraphflowError
from graphflow.errors.testing import PropertyFailed

if TYPE_CHECKING:
    from graphflow.graph.declaration import Declaration
    from graphflow.testing.suites.suite import Outcome

SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class Mutated:
    """What came of changing a graph: for a person, and as data."""

    text: str
    data: dict[str, Any]


def add_further(parser: Parser) -> None:
    """The arguments."""
    parser.add_argument(
        "--simulate",
        metavar="N",
        type=positive,
        help="also so many simulated runs on the real driver: killed, cancelled and stopped on the way",
    )
    parser.add_argument(
        "--mutate",
        action="store_true",
        help="also change conditions, limits and edges a little: which changes does nothing notice?",
    )


def simulated(graph: Declaration[Any], start: Mapping[str, Any] | None, number: int) -> Outcome:
    """What came of simulated runs, as one property more."""
    from graphflow.testing.simulating.simulate import simulate
    from graphflow.testing.suites.suite import Outcome, importing

    note = f"{number:,} seeds"
    try:
        simulate(graph, seeds=number, start=start)
    except PropertyFailed as failure:
        return Outcome(SIMULATED, "fails", importing(graph, failure), note)
    except GraphflowError as error:
        return Outcome(SIMULATED, "skipped", note=f"it cannot be simulated: {error.what}")
    return Outcome(SIMULATED, "holds", note=note)


def mutated(graph: Declaration[Any], start: Mapping[str, Any] | None) -> Mutated:
    """Which changes the default properties notice."""
    from graphflow.testing.mutating.mutate import mutate

    try:
        found = mutate(graph, start=start)
    except GraphflowError as error:
        why = f"nothing was changed, as the graph does not hold as it is: {error.what}"
        return Mutated(f"{graph.name}: {why}", {"error": why})
    survivors = [{"change": str(one), "place": str(one.place or ""), "state": one.hint} for one in found.survivors]
    counts = {"killed": len(found.killed), "equivalent": len(found.equivalent), "left_out": found.left_out}
    return Mutated(str(found), {"score": round(found.score, 3), **counts, "survivors": survivors})
