"""``graphflow runs rm``: forget runs. Asks on a terminal; elsewhere ``--yes`` says that it is meant."""

from __future__ import annotations

import argparse
import sys

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.opening import add_store, opened
from graphflow.cli.output import counted, print_json
from graphflow.cli.questions import may_prompt
from graphflow.errors import RunBusy, UsageError
from graphflow.service.standings import status_of
from graphflow.stores.store import RunRow

_DESCRIPTION = """\
Forget runs for good: their journals, states and answers. A run that is driven
is refused, and then none is forgotten. graphflow runs export keeps a copy."""

_EXAMPLES = ("graphflow runs rm owls-1 --store runs.db", "graphflow runs rm owls-1 owls-2 --yes --store runs.db")


def make_parser() -> Parser:
    """The arguments of ``graphflow runs rm``."""
    parser = Parser("runs rm ID ...", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("runs", metavar="ID", nargs="+", help="the runs, as graphflow runs list names them")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_store(parser)
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    names = list(dict.fromkeys(given.runs))
    with opened(given.store, is_sealed=True) as store:
        rows = [store.row(name) for name in names]  # all are there before any is removed
        for row in rows:
            if row.is_driven:
                raise RunBusy(
                    f"Run {row.run!r} is being driven", why="Nothing was removed. (S18)", fix="Stop it first, or wait."
                )
        if not given.yes and not is_meant(rows, given.json):
            print("nothing was removed", file=sys.stderr)
            return exits.FAILED
        for name in names:
            store.remove(name)
    if given.json:
        print_json({"schema": "graphflow.rm/1", "removed": names})
    else:
        print(f"removed {', '.join(names)}", file=sys.stderr)
    return exits.DONE


def is_meant(rows: list[RunRow], is_json: bool, what: str = "Remove") -> bool:
    """Ask whether something is to be done to these runs for good. Raises UsageError where there is nobody to ask."""
    if is_json or not may_prompt():
        raise UsageError(
            f"{what} {counted(len(rows), 'run')} for good?",
            code="GF532",
            why="There is nobody to ask whether that is meant.",
            fix="Add --yes.",
        )
    for row in rows:
        print(f"{row.run}  {row.graph}  {status_of(row)}", file=sys.stderr)
    print(f"{what} {counted(len(rows), 'run')} for good? (yes or no): ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
