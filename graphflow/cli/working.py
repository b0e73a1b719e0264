"""``graphflow worker``: drives the runs of a store that need a driver. Several side by side share the work."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from textwrap import indent
from typing import TextIO

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.driving import drive
from graphflow.cli.giving import add_deps, deps_of
from graphflow.cli.opening import OPENING_HELP, add_store, opened
from graphflow.cli.options import add_durability, add_model, positive
from graphflow.cli.output import error_data, is_unicode, visible
from graphflow.cli.screen import Silent, Tone, warnings_on
from graphflow.service.taking import News, Taker

_DESCRIPTION = """\
Drive the runs of a store that need a driver: those that are stopped, that were
answered, or whose question's time is over. Several workers side by side, on one
machine or with Postgres on many, share the work: one of them drives a run.

Nodes that read ctx.deps get what --deps makes, the same for all runs: graphs
that need another one have a store and a worker of their own.

A run that fails stays failed, until graphflow runs resume. One whose graph
cannot be imported is told and left, and tried again after a while. Graphs are
imported once: a worker that is to see a change is started anew. Ctrl-C and
SIGTERM stop it; what it was at stays resumable."""

_EXAMPLES = (
    "graphflow worker --store runs.db",
    "graphflow worker --store runs.db --at-once 20",
    "graphflow worker --store runs.db --deps app/clients.py:make",
    "graphflow worker --store runs.db --once",
)


def make_parser() -> Parser:
    """The arguments of ``graphflow worker``."""
    parser = Parser("worker", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("--at-once", metavar="N", type=positive, default=4, help="at most so many runs (default: 4)")
    parser.add_argument("--once", action="store_true", help="end when nothing is left to do; 1 if a run was left")
    add_model(parser)
    add_deps(parser)
    add_store(parser, OPENING_HELP)
    add_durability(parser)
    parser.add_argument("--quiet", action="store_true", help="tell of what went wrong only")
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the command out. Returns its exit code."""
    deps = deps_of(given.deps)
    teller = _Teller(sys.stdout if given.json else None, is_quiet=given.quiet)
    with opened(given.store) as store, contextlib.redirect_stdout(sys.stderr), warnings_on(teller):
        taker = Taker(
            store,
            teller.tell,
            at_once=given.at_once,
            model=given.model,
            durability=given.durability or "step",
            deps=deps,
        )
        try:
            drive(taker.work(once=given.once), until=(signal.SIGINT, signal.SIGTERM))
        except KeyboardInterrupt as interrupt:
            teller.tell(News("stopped", what="what was at work is put down, and can be gone on with"))
            return exits.DONE if signal.SIGTERM in interrupt.args else exits.INTERRUPTED
    return exits.FAILED if taker.was_left else exits.DONE


class _Teller(Silent):
    """Tells what a worker does: lines on stderr, or with ``--json`` objects on stdout."""

    def __init__(self, out: TextIO | None, *, is_quiet: bool) -> None:
        self._out = out
        self._is_quiet = is_quiet

    def tell(self, news: News) -> None:
        if self._out is not None:
            known = {"event": news.kind, "run": news.run, "graph": news.graph, "what": news.what}
            data = {"schema": "graphflow.worker/1", "t": time.time(), **known, "error": error_data(news.error)}
            print(json.dumps(data, ensure_ascii=not is_unicode(self._out)), file=self._out, flush=True)
        elif not self._is_quiet or news.error is not None:
            self._line(news.kind, "  ".join(filter(None, (news.run, news.graph, news.what))))
            if news.error is not None:
                print(visible(indent(str(news.error), "  ")), file=sys.stderr, flush=True)

    def say(self, label: str, text: str, tone: Tone = "plain") -> None:
        self._line(label, text)

    def _line(self, label: str, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')}  {label:<8}{visible(text)}", file=sys.stderr, flush=True)
