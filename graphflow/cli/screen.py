"""What a run shows on stderr while it goes on: nothing, plain lines, or (``tree``) a live tree on a terminal."""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal, Protocol, TextIO

from graphflow.cli.output import is_unicode, one_line, visible
from graphflow.cli.progress import FEW, Progress, Row, decided, reason_of
from graphflow.runtime import events
from graphflow.runtime.events import Event
from graphflow.service.spots import Spot
from graphflow.views.measures import duration

Tone = Literal["plain", "good", "bad", "attention"]

GLYPHS = {"done": "✓", "failed": "✗", "running": "●", "retrying": "↻", "waiting": "‖", "not run": "○", "cancelled": "–"}
ASCII_GLYPHS = {
    "done": "+", "failed": "x", "running": "*", "retrying": "~", "waiting": "?", "not run": ".", "cancelled": "-",
}  # fmt: skip
LABEL_WIDTH = 11
_IN_ASCII = str.maketrans({"×": "x", "…": "...", "·": "-"})


class Screen(Protocol):
    """Where a run shows itself."""

    arrow: str

    def observe(self, event: Event) -> None:
        """Show an event."""
        ...

    def say(self, label: str, text: str, tone: Tone = "plain") -> None:
        """A line of our own: ``path     write -> review``."""
        ...

    def watching(self) -> AbstractContextManager[object]:
        """While the run is driven."""
        ...


class Silent:
    """Shows nothing: ``--quiet``."""

    arrow = "→"

    def observe(self, event: Event) -> None:
        pass

    def say(self, label: str, text: str, tone: Tone = "plain") -> None:
        pass

    def watching(self) -> AbstractContextManager[object]:
        return nullcontext()


class Lines:
    """One plain line per event worth knowing: for files, pipes, and terminals without rich."""

    def __init__(self, progress: Progress, stream: TextIO) -> None:
        self.progress = progress
        self._stream = stream
        self._glyphs = GLYPHS if is_unicode(stream) else ASCII_GLYPHS
        self.arrow = "→" if is_unicode(stream) else "->"
        self._width = max((len(name) for name in progress.rows), default=0) + 3  # a visit or branch behind it

    def watching(self) -> AbstractContextManager[object]:
        return nullcontext()

    def say(self, label: str, text: str, tone: Tone = "plain") -> None:
        lines = visible(text).splitlines() or [""]
        for number, line in enumerate(lines):
            self._write(f"{label if not number else '':<{LABEL_WIDTH}}{line}")

    def observe(self, event: Event) -> None:
        self.progress.observe(event)
        if isinstance(event, events.RunStarted):
            self.say("run", f"{event.run_id}  {event.graph}")
        found = self.progress.row_told(event)
        if found is None:
            return
        row, spot = found
        if isinstance(event, events.NodeFinished):
            self._finished(row, spot)
        elif isinstance(event, events.NodeFailed):
            self._failed(event, row, spot)
        elif isinstance(event, events.Asked):
            self._line("waiting", spot, f"asks: {one_line(event.question, 80)}")
        elif isinstance(event, events.Decided):
            self._line("waiting", spot, decided(event))
        elif isinstance(event, events.EffectRecorded) and event.error:
            self._line("failed", spot, one_line(event.error, 120))
        elif isinstance(event, events.TimerFired) and event.to:
            self._line("retrying", spot, f"time is over  {self.arrow} {row.way}")

    def _finished(self, row: Row, spot: Spot) -> None:
        if spot.branches and row.expected is not None and row.expected > FEW:
            self._count(row)
            return
        way = f"{self.arrow} {one_line(row.way, 100)}" if row.way and not spot.branches else ""
        self._line("done", spot, way)

    def _count(self, row: Row) -> None:
        """Of many branches only every tenth part is told."""
        assert row.expected is not None
        tenth = max(1, row.expected // 10)
        if row.settled % tenth == 0 or row.settled == row.expected:
            failed = f", {row.failed:,} failed" if row.failed else ""
            self._line("done", Spot((), (), row.node.name, 1), f"{row.settled:,} of {row.expected:,}{failed}")

    def _failed(self, event: events.NodeFailed, row: Row, spot: Spot) -> None:
        reason = one_line(reason_of(event.error), 120)
        if event.due is not None:
            self._line(
                "retrying", spot, f"{tries(row, event.attempt + 1)} in {duration(event.due - event.t)}  ({reason})"
            )
            return
        way = f"  {self.arrow} {', '.join(event.to)}" if event.to else ""
        self._line("failed", spot, f"{reason}{way}")

    def _line(self, status: str, spot: Spot, text: str) -> None:
        elapsed = duration(self.progress.now - self.progress.started)
        self._write(f"{elapsed:>{LABEL_WIDTH - 4}}  {self._glyphs[status]} {spot!s:<{self._width}}  {text}".rstrip())

    def _write(self, line: str) -> None:
        if self._glyphs is ASCII_GLYPHS:
            line = line.translate(_IN_ASCII).encode("ascii", "backslashreplace").decode()
        self._stream.write(line.rstrip() + "\n")
        self._stream.flush()


def tries(row: Row, attempt: int) -> str:
    """``try 2 of 3``."""
    retry = row.node.retry
    return f"try {attempt} of {retry.attempts}" if retry is not None else f"try {attempt}"


def open_screen(progress: Progress, is_quiet: bool) -> Screen:
    """The screen that suits stderr: a live tree needs a terminal, and rich."""
    if is_quiet:
        return Silent()
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and is_unicode(sys.stderr)
    if is_terminal and importlib.util.find_spec("rich") is not None:
        from graphflow.cli.tree import Tree

        return Tree(progress)
    return Lines(progress, sys.stderr)


@contextmanager
def warnings_on(screen: Screen) -> Generator[None, None, None]:
    """Warnings of Python come as lines of the screen."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        screen.say("warning", str(message), "attention")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
