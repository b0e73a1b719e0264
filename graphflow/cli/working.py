"""``graphflow worker``: drives the runs of a store that need a driver. Several side by side share the work."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.driving import drive
from graphflow.cli.opening import add_store, opened
from graphflow.cli.options import add_durability, add_model, positive
from graphflow.cli.output import is_unicode, visible
from graphflow.cli.taking import News, Taker

_DESCRIPTION = """\
Drive the runs of a store that need a driver: those that are stopped, whose timer
is due, or that were answered. Several workers side by side, on one machine or
with Postgres on many, share the work; a run is driven by one of them.

A run that fails stays failed, until graphflow runs resume. One whose graph
cannot be imported is told and left, and tried again after a while. Graphs are
imported once: a worker that is to see a change is started anew. Ctrl-C and
SIGTERM stop it; what it was at stays resumable."""

_EXAMPLES = (
    "graphflow worker --store runs.db",
    "graphflow worker --store runs.db --at-once 20",
    "graphflow worker --store runs.db --once",
)


def make_parser() -> Parser:
    """The arguments of ``graphflow worker``."""
    parser = Parser("worker", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("--at-once", metavar="N", type=positive, default=4, help="at most so many runs (default: 4)")
    parser.add_argument("--once", action="store_true", help="end when nothing is left to do; 1 if a run was left")
    add_model(parser)
    add_store(parser)
    add_durability(parser)
    parser.add_argument("--quiet", action="store_true", help="tell of what went wrong only")
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the command out. Returns its exit code."""
    tell = _as_lines(given.quiet) if not given.json else _as_json
    with opened(given.store) as store, contextlib.redirect_stdout(sys.stderr):
        taker = Taker(
            store, tell, at_once=given.at_once, model=given.model, durability=given.durability or "step"
        )
        try:
            drive(taker.work(once=given.once), until=(signal.SIGINT, signal.SIGTERM))
        except KeyboardInterrupt:
            tell(News("stopped", what="what was at work is put down, and can be gone on with"))
            return exits.INTERRUPTED
    return exits.FAILED if taker.was_left else exits.DONE


def _as_lines(is_quiet: bool):  # type: ignore[no-untyped-def]
    ...


def _as_json(news: News) -> None:
    ...
