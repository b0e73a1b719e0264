"""``graphflow runs resume``: go on with a run that is kept."""

from __future__ import annotations

import argparse

from graphflow.cli.arguments import Parser
from graphflow.cli.finding import add_graph
from graphflow.cli.opening import opened
from graphflow.cli.options import add_driving, budget_of
from graphflow.cli.session import Session, setting_of
from graphflow.errors import RunError
from graphflow.service.locating import graph_of
from graphflow.service.stored_runs import stored_run
from graphflow.stores.store import Store

_DESCRIPTION = """\
Go on with a stopped, waiting, failed or exhausted run. What is finished does
not run again, and calls that were recorded are not made again.

The graph is found where it was when the run began, from any folder. If it has
changed since, the run goes on as long as everything it still needs is there;
else it is refused, and the differences are told."""

_EXAMPLES = (
    "graphflow runs resume owls-1 --store runs.db",
    "graphflow runs resume owls-1 --store runs.db --answer approve=yes",
    "graphflow runs resume owls-1 --store runs.db --budget-usd 2 --graph graphs/essay.py",
)


def make_parser() -> Parser:
    """The arguments of ``graphflow runs resume``."""
    parser = Parser("runs resume ID", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("run", metavar="ID", help="the run, as graphflow runs list names it")
    add_graph(parser)
    add_driving(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    with opened(given.store) as store:
        return resume(store, given)


def resume(store: Store, given: argparse.Namespace) -> int:
    """Go on with the run that was named. Returns the exit code."""
    row = store.row(given.run)
    if row.standing.status in ("done", "cancelled"):
        raise RunError(
            f"Run {given.run!r} is {row.standing.status}",
            why="Only a stopped, waiting, failed or exhausted run goes on. (S14.3)",
            fix=f"graphflow runs rerun {given.run} --at SEQ starts a new one from an earlier entry.",
        )
    target = graph_of(row, given.graph)
    earlier = stored_run(store, given.run, target.graph.plan())
    session = Session(target, setting_of(given, store, budget_of(given), given.model or row.model or None), given)
    session.resume(earlier)
    return session.report()
