"""``graphflow runs prune``: forget runs that are over, or the history of those that go on."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.finding import add_graph
from graphflow.cli.opening import OPENING_HELP, add_store, opened
from graphflow.cli.options import count
from graphflow.cli.output import counted, error_data, print_json
from graphflow.cli.removing import is_meant
from graphflow.core.plan import Plan
from graphflow.errors import GraphflowError, UsageError
from graphflow.service.locating import graph_of
from graphflow.service.standings import status_of
from graphflow.stores.pruning import ENDED, OVER, prunable, prune_history, prune_runs
from graphflow.stores.store import RunRow, Store

_DESCRIPTION = """\
Forget runs that have ended, by age, count or size; or with --history the older
entries of runs, ended or not: a snapshot takes their place.

Runs that failed or used up their budget can be gone on with: they stay, unless
--status names them. What a resume needs is never touched. After --history a run
goes on as ever, but what it was before cannot be shown or run again from. Each
run's graph is imported for that: the types of its state are there."""

_EXAMPLES = (
    "graphflow runs prune --older-than 30d --store runs.db",
    "graphflow runs prune --keep 1000 --most-bytes 500MB --dry-run --store runs.db",
    "graphflow runs prune --history 1000 owls-1 --store runs.db",
)

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_BYTES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def make_parser() -> Parser:
    """The arguments of ``graphflow runs prune``."""
    parser = Parser("runs prune [ID ...]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("runs", metavar="ID", nargs="*", help="with --history: only these runs")
    parser.add_argument(
        "--older-than", metavar="AGE", type=seconds, help="ended runs of which nothing came for 30d, 12h"
    )
    parser.add_argument("--keep", metavar="N", type=count, help="of the ended runs all but the newest N")
    parser.add_argument(
        "--most-bytes", metavar="SIZE", type=size, help="ended runs, oldest first, down to 500MB for all"
    )
    parser.add_argument(
        "--status", choices=ENDED, action="append", help=f"which ended runs (default: {', '.join(OVER)})"
    )
    parser.add_argument("--history", metavar="N", type=count, help="of each run all but the last N entries")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_graph(parser)
    add_store(parser, OPENING_HELP)
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    _check(given)
    with opened(given.store) as store:
        code = _prune_runs(store, given) if given.history is None else _prune_histories(store, given)
        if code == exits.DONE and not given.dry_run:
            store.compact()
    return code


def _check(given: argparse.Namespace) -> None:
    by_run = [given.older_than, given.keep, given.most_bytes, given.status]
    if given.history is None and given.older_than is given.keep is given.most_bytes is None:
        why, fix = "Nothing says what is to go.", "Give --older-than, --keep, --most-bytes, or --history."
    elif given.history is not None and any(one is not None for one in by_run):
        why, fix = "--history prunes within runs, the other options whole runs.", "Call it once for each."
    elif given.history is None and given.runs:
        why, fix = "Whole runs are chosen by age, count or size.", "graphflow runs rm ID forgets one by its name."
    else:
        return
    raise UsageError("graphflow runs prune: that cannot be meant", why=why, fix=fix)


def _prune_runs(store: Store, given: argparse.Namespace) -> int:
    options = {"older_s": given.older_than, "keep": given.keep, "most_bytes": given.most_bytes}
    status = given.status or OVER
    found = prunable(store, **options, status=status)
    if given.dry_run or (found and not given.yes and not is_meant(found, given.json)):
        names = [row.run for row in found] if given.dry_run else []
        _report(given, names, staying(store.rows(), names, given) if given.dry_run else {})
        return exits.DONE if given.dry_run else exits.FAILED
    _report(given, prune_runs(store, **options, status=status) if found else [])
    return exits.DONE


def staying(rows: Iterable[RunRow], gone: Collection[str], given: argparse.Namespace) -> dict[str, int]:
    """How many of the other runs stay, by why."""
    known = set(gone)
    return dict(Counter(_why_it_stays(row, given) for row in rows if row.run not in known))


def _why_it_stays(row: RunRow, given: argparse.Namespace) -> str:
    status = status_of(row)
    if row.is_driven:
        return "somebody drives it"
    if row.standing.status not in ENDED:
        return f"{status}: it goes on, or can"
    if row.standing.status not in (given.status or OVER):
        return f"{status}: it can be gone on with, and goes only by --status {status}"
    bounds = [
        "" if given.older_than is None else "younger than --older-than",
        "" if given.keep is None else f"among the newest {given.keep:,}",
        "" if given.most_bytes is None else "within --most-bytes",
    ]
    return f"{status}: {', '.join(filter(None, bounds))}"


def _report(given: argparse.Namespace, runs: list[str], stay: Mapping[str, int] | None = None) -> None:
    if given.json:
        data = {"schema": "graphflow.prune/1", "is_dry": given.dry_run, "removed": runs}
        print_json(data | ({"staying": stay} if given.dry_run else {}))
        return
    for run_id in runs if given.dry_run else ():
        print(run_id)
    what = "would be removed" if given.dry_run else "removed"
    print(f"{counted(len(runs), 'run')} {what}", file=sys.stderr)
    for why, number in (stay or {}).items():
        print(f"{counted(number, 'run')} would stay: {why}", file=sys.stderr)


def _prune_histories(store: Store, given: argparse.Namespace) -> int:
    rows = [store.row(name) for name in dict.fromkeys(given.runs)] or store.rows()
    rows = [row for row in rows if row.standing.seq > given.history + 1]
    if not given.dry_run and not given.yes and rows and not is_meant(rows, given.json, "Prune the history of"):
        print("nothing was pruned", file=sys.stderr)
        return exits.FAILED
    gone: dict[str, int] = {}
    left: dict[str, GraphflowError] = {}
    for row in rows:
        if given.dry_run:
            gone[row.run] = row.standing.seq - given.history - 1
            continue
        try:
            gone[row.run] = prune_history(store, row.run, _plan_of(row, given.graph), keep=given.history)
        except GraphflowError as error:  # of this run; the others can be pruned all the same
            left[row.run] = error
    _report_histories(given, gone, left)
    return exits.FAILED if left else exits.DONE


def _plan_of(row: RunRow, given: str | None) -> Plan | None:
    """The run's graph; a run whose state is of plain types can do without."""
    try:
        return graph_of(row, given).graph.plan()
    except GraphflowError:
        if given:
            raise
        return None


def _report_histories(given: argparse.Namespace, gone: dict[str, int], left: dict[str, GraphflowError]) -> None:
    gone = {run_id: entries for run_id, entries in gone.items() if entries}
    if given.json:
        errors = {run_id: error_data(error) for run_id, error in left.items()}
        print_json({"schema": "graphflow.prune/1", "is_dry": given.dry_run, "entries": gone, "left": errors})
        return
    what = "at most would be pruned" if given.dry_run else "pruned"
    for run_id, entries in gone.items():
        print(f"{run_id}: {entries:,} of its entries {what}", file=sys.stderr)
    for run_id, error in left.items():
        print(f"{run_id}: left as it is\n{error}", file=sys.stderr)
    if not gone and not left:
        print("nothing to prune", file=sys.stderr)


def seconds(text: str) -> float:
    """A time as 45s, 90m, 12h, 30d or 4w, for argparse.

    >>> seconds("1.5h")
    5400.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no age: write 45s, 90m, 12h, 30d or 4w")
    return float(match[1]) * _SECONDS[match[2]]


def size(text: str) -> int:
    """A number of bytes as 500MB, 2GB or 4000, for argparse.

    >>> size("1.5 kB")
    1500
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write 500MB, 2GB or a number of bytes")
    return int(float(match[1]) * _BYTES[(match[2] or "").upper()])
