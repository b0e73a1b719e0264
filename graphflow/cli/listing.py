"""``graphflow runs list``: the runs of a store, and what each waits for."""

from __future__ import annotations

import argparse
import time

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.opening import add_store, opened
from graphflow.cli.options import positive
from graphflow.cli.output import one_line, print_json
from graphflow.cli.questions import clock
from graphflow.cli.tables import print_table
from graphflow.cli.wording import age
from graphflow.service.standings import STATUSES, exact, is_due, newest, row_data, status_of
from graphflow.stores.store import RunRow

_DESCRIPTION = """\
List the runs of a store, newest first, with what each waits for.

A run that is stopped was at work when its process ended: Ctrl-C, a crash, a
machine that went down. graphflow runs resume goes on with it."""

_EXAMPLES = (
    "graphflow runs list --store runs.db",
    "graphflow runs list --store runs.db --status waiting --status stopped",
    "graphflow runs list --store runs.db --graph essay --last 20 --json",
)

_HEADERS = ("run", "graph", "status", "steps", "age", "waits for")


def make_parser() -> Parser:
    """The arguments of ``graphflow runs list``."""
    parser = Parser("runs list", _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "--status", choices=STATUSES, action="append", help="only runs of this status; again for another"
    )
    parser.add_argument("--graph", metavar="NAME", help="only runs of the graph of this name")
    parser.add_argument("--last", metavar="N", type=positive, help="only the newest N of them (default: all)")
    add_store(parser)
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    with opened(given.store, is_sealed=True) as store:
        found = [exact(store, row) for row in newest(store, given.status, given.graph or None, given.last)]
    if given.json:
        print_json({"schema": "graphflow.runs/1", "runs": [row_data(row) for row in found]})
    else:
        print_table(_HEADERS, [_cells(row) for row in found])
    return exits.DONE


def _cells(row: RunRow) -> tuple[str, ...]:
    standing = row.standing
    steps = f"{standing.usage.get('steps', 0):,}"
    return (row.run, row.graph, status_of(row), steps, age(time.time() - row.created), _waits(row))


def _waits(row: RunRow) -> str:
    """What a run needs to go on, in a few words."""
    standing, status = row.standing, status_of(row)
    if status == "stopped":
        return "nobody drives it: resume" if standing.seq else "nobody: it never began"
    if status == "failed":
        return one_line(str((standing.error or {}).get("what", "")), 60)
    if status == "exhausted":
        return "a larger budget"
    if status != "waiting":
        return ""
    if row.has_answers:
        return "a driver: it was answered"
    if is_due(row):
        return "a driver: its time is over"
    first = "; ".join(f"{question['node']}: {one_line(question['text'], 50)}" for question in standing.questions[:1])
    more = f" (and {len(standing.questions) - 1} more)" if len(standing.questions) > 1 else ""
    due = "" if standing.wake_at is None else f", until {clock(standing.wake_at)}"
    return f"{first}{more}{due}"
