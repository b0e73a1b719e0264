"""``graphflow runs rerun``: a new run from an earlier moment of an old one, which stays as it is (S15.3)."""

from __future__ import annotations

import argparse
import secrets

from graphflow.cli.arguments import Parser
from graphflow.cli.finding import add_graph
from graphflow.cli.inputs import given_fields
from graphflow.cli.opening import opened
from graphflow.cli.options import add_driving, budget_of, positive
from graphflow.cli.running import run_id
from graphflow.cli.session import Session, setting_of
from graphflow.service.locating import graph_of
from graphflow.service.stored_runs import stored_run

_DESCRIPTION = """\
Start a new run from an entry of an old one, with fields of the state changed if
you like. The old run stays as it is; graphflow runs show lists its entries."""

_EXAMPLES = (
    "graphflow runs rerun owls-1 --at 3 --store runs.db",
    "graphflow runs rerun owls-1 --at 3 score=9 --run-id owls-2 --store runs.db",
)


def make_parser() -> Parser:
    """The arguments of ``graphflow runs rerun``."""
    parser = Parser("runs rerun ID --at SEQ [key=value ...]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("run", metavar="ID", help="the old run, as graphflow runs list names it")
    parser.add_argument("values", metavar="key=value", nargs="*", help="a field of the state that is to be another")
    parser.add_argument("--at", metavar="SEQ", type=positive, required=True, help="the entry to go on from")
    parser.add_argument("--run-id", metavar="ID", type=run_id, help="what the new run is called")
    add_graph(parser)
    add_driving(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    with opened(given.store) as store:
        row = store.row(given.run)
        target = graph_of(row, given.graph)
        plan = target.graph.plan()
        fields = given_fields(plan, given.values)
        earlier = stored_run(store, given.run, plan)
        session = Session(target, setting_of(given, store, budget_of(given), given.model or row.model or None), given)
        session.rerun(earlier, given.at, fields, given.run_id or f"r-{secrets.token_hex(4)}")
        return session.report()
