"""``graphflow runs answer``: an answer left in the store, checked before it is (S10.1)."""

from __future__ import annotations

import argparse
import time
from typing import Any

from graphflow.cli import exits, resuming
from graphflow.cli.arguments import Parser
from graphflow.cli.finding import add_graph
from graphflow.cli.opening import opened, store_option
from graphflow.cli.options import add_driving
from graphflow.cli.output import print_json
from graphflow.cli.replies import value_of
from graphflow.cli.reports import GoingOn
from graphflow.core.journal import decode
from graphflow.core.plan import Plan
from graphflow.errors import GraphflowError
from graphflow.service.answers import Asked, asked_by, not_taken, refuse_beaten, refuse_unfit
from graphflow.service.locating import graph_of
from graphflow.service.stored_runs import StoredRun, read_run
from graphflow.stores.store import RunRow, Store

_DESCRIPTION = """\
Answer an open question of a run. KEY is the node that asks, or the question's
id where several of it are open; graphflow runs show tells both. The answer is
checked at once and left in the store: whoever drives the run takes it within a
second. If nobody does, --resume goes on with the run right away.

A text is taken as it is, yes and no are understood, a list takes one VALUE per
element, a record takes field=value; anything else is JSON."""

_EXAMPLES = (
    "graphflow runs answer owls-1 approve yes --store runs.db",
    "graphflow runs answer owls-1 approve yes --resume --store runs.db",
    "graphflow runs answer owls-1 'plan:1[2]/approve:1' is_good=true note='Well done.' --store runs.db",
)

_PATIENCE_S = 3.0
_LOOK_S = 0.1


def make_parser() -> Parser:
    """The arguments of ``graphflow runs answer``."""
    parser = Parser("runs answer ID KEY VALUE ...", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("run", metavar="ID", help="the run, as graphflow runs list names it")
    parser.add_argument("key", metavar="KEY", help="the node that asks, or the id of the question")
    parser.add_argument("value", metavar="VALUE", nargs="+", help="the answer")
    parser.add_argument("--resume", action="store_true", help="go on with the run right away")
    add_graph(parser)
    add_driving(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    with opened(given.store) as store:
        row = store.row(given.run)
        plan = _plan_of(row, given.graph)
        kept = read_run(store, given.run, plan)
        asked = asked_by(kept, given.key)
        value = value_of(asked, given.value)
        refuse_unfit(store, kept, plan, asked, value)
        store.answer(given.run, asked.key, value)
        if asked.is_open:
            refuse_beaten(store, given.run, asked, value)
        if given.resume and not row.is_driven:
            return resuming.resume(store, given)
        is_taken = row.is_driven and _is_taken(store, given.run, asked, value)
    _report(given, kept, asked, value, is_taken)
    return exits.DONE


def _plan_of(row: RunRow, given: str | None) -> Plan | None:
    """The run's graph, to check the answer by; without it the question's own type does."""
    try:
        return graph_of(row, given).graph.plan()
    except GraphflowError:
        if given:
            raise
        return None


def _is_taken(store: Store, run_id: str, asked: Asked, value: Any) -> bool:
    """Wait until the process that drives the run has taken the answer. Raises AnswerInvalid if another came first."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if not any(left.key == asked.key and left.value == value for left in store.answers(run_id)):
            taken = [e for e in map(decode, store.read(run_id)) if e["kind"] in ("answered", "early", "decided")]
            if any(entry.get("id", entry["at"]) in (asked.key, asked.node) for entry in taken):
                return True
            raise not_taken(run_id, asked.key)
        time.sleep(_LOOK_S)
    return False


def _report(given: argparse.Namespace, kept: StoredRun, asked: Asked, value: Any, is_taken: bool) -> None:
    if given.json:
        data = {"run": given.run, "question": asked.key, "value": value, "is_open": asked.is_open, "is_taken": is_taken}
        print_json({"schema": "graphflow.answer/1"} | data)
        return
    going_on = GoingOn(given.run, store_option(given.store))
    if is_taken:
        print(f"answered   {asked.key}; the process that drives the run has taken it")
    elif kept.row.is_driven:
        print(f"kept       for {asked.key}; the process that drives the run takes it")
    elif asked.is_open:
        print(f"kept       for {asked.key}; a graphflow worker goes on, or: {going_on.resume()}")
    else:
        print(f"kept       {asked.key} has not asked yet; it is answered as soon as it does")
