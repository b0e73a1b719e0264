"""``graphflow runs tail``: what a run does that another process drives, as it happens, until it rests."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.opening import add_store, opened, store_option
from graphflow.cli.options import count
from graphflow.cli.output import is_unicode
from graphflow.cli.progress import Progress
from graphflow.cli.reports import GoingOn
from graphflow.cli.screen import Lines
from graphflow.core.journal import SNAPSHOT, Entry, decode, pruned_before
from graphflow.core.plan import Plan
from graphflow.core.tokens import masked
from graphflow.runtime.events import RunStarted, event_of
from graphflow.service.standings import status_of
from graphflow.stores.store import RunRow, Store

_DESCRIPTION = """\
Follow a run that another process drives, until it rests. What it did last is
shown first. Looking on disturbs nothing, and Ctrl-C ends only the looking.

With --json every line is an object: first which run it is, then the entries of
its journal, last the status it rests with. The exit code is that of the status:
0 done, 1 failed, 3 waiting, 4 budget used up, 130 stopped."""

_EXAMPLES = (
    "graphflow runs tail owls-1 --store runs.db",
    "graphflow runs tail owls-1 --store runs.db --last 1000 --json",
)

_LOOK_S = 0.25
_GRACE_S = 2.0  # between the making of a run and its first entry


def make_parser() -> Parser:
    """The arguments of ``graphflow runs tail``."""
    parser = Parser("runs tail ID", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("run", metavar="ID", help="the run, as graphflow runs list names it")
    parser.add_argument("--last", metavar="N", type=count, default=10, help="begin so many entries back (default: 10)")
    add_store(parser)
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    with opened(given.store, is_sealed=True) as store:
        row = store.row(given.run)
        follower = _Follower(store, row, given.last, is_json=given.json)
        status = follower.until_it_rests()
    follower.say_last(status, GoingOn(given.run, store_option(given.store)))
    return exits.exit_of_status("running" if status == "stopped" else status)


class _Follower:
    """What has been told of a run so far."""

    def __init__(self, store: Store, row: RunRow, last: int, *, is_json: bool) -> None:
        self.store = store
        self.run_id, self.graph = row.run, row.graph
        self.seq = 0
        self._silent_to = row.standing.seq - last
        self._is_json = is_json
        self._plans: dict[str, Plan] = {}
        self._plan: Plan | None = None
        self._lines: Lines | None = None

    def until_it_rests(self) -> str:
        """Tell what happens; returns the status it rests with."""
        if self._is_json:
            self._print({"schema": "graphflow.tail/1", "run": self.run_id, "graph": self.graph})
        deadline = time.monotonic() + _GRACE_S
        while True:
            row = self.store.row(self.run_id)  # before the journal: a status is told after the entries that led to it
            if row.standing.seq > self.seq:
                self._tell()
            if status_of(row) != "running" and (row.standing.seq or time.monotonic() > deadline):
                return status_of(row)
            time.sleep(_LOOK_S)

    def _tell(self) -> None:
        journal = self.store.read(self.run_id)
        for text in list(journal)[max(0, self.seq - pruned_before(journal[:1])) :]:
            entry = decode(text)
            if entry["seq"] <= self.seq:  # the snapshot of what was told already
                continue
            self.seq = entry["seq"]
            if self._is_json:
                if self.seq > self._silent_to:
                    self._print(entry)
            else:
                self._show(entry)

    def _show(self, entry: Entry) -> None:
        if entry["kind"] in ("started", "migrated", SNAPSHOT):
            if entry["fingerprint"] not in self._plans:
                self._plans = self.store.plans(self.run_id, None)
            self._plan = self._plans[entry["fingerprint"]]
            started = 0.0 if self._lines is None else self._lines.progress.started
            self._lines = Lines(Progress(self._plan), sys.stdout)
            self._lines.progress.started = started or (entry["t"] if entry["kind"] == SNAPSHOT else 0.0)
        assert self._plan is not None
        assert self._lines is not None
        event = event_of(entry, self._plan)
        if self.seq > self._silent_to or isinstance(event, RunStarted):
            self._lines.observe(event)
        else:
            self._lines.progress.observe(event)

    def say_last(self, status: str, going_on: GoingOn) -> None:
        """How it rests."""
        if self._is_json:
            self._print({"run": self.run_id, "status": status})
            return
        hint = f"nobody drives it; {going_on.resume()} goes on" if status == "stopped" else ""
        if status == "waiting":
            hint = f"graphflow runs show {self.run_id}{going_on.option} shows its questions"
        print(f"{status:<11}{hint}".rstrip(), flush=True)

    def _print(self, data: dict[str, Any]) -> None:
        print(json.dumps(masked(data), ensure_ascii=not is_unicode(sys.stdout)), flush=True)
