"""The live tree of a run on a terminal: nodes with glyphs, a map as one line with a bar and counts, waits counted down.

Imported only where it is shown, since rich takes a while to load.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from rich.tree import Tree as RichTree

from graphflow.cli.output import one_line, visible
from graphflow.cli.progress import BranchRow, Progress, Row, Status
from graphflow.cli.screen import GLYPHS, LABEL_WIDTH, Tone, tries
from graphflow.runtime.events import EffectRecorded, Event
from graphflow.views.measures import dollars, duration, has_cost, tokens

STYLES: dict[Status, str] = {
    "done": "green",
    "failed": "red",
    "running": "blue",
    "retrying": "yellow",
    "waiting": "yellow",
    "not run": "dim",
    "cancelled": "dim",
}
_TONES: dict[Tone, str] = {"plain": "", "good": "green", "bad": "red", "attention": "yellow"}
_KINDS = {"function": "function", "agent": "agent", "graph": "sub-graph", "ask": "human", "point": "point"}
_KIND_WIDTH = 9


class Tree:
    """A screen that draws the run anew, eight times a second."""

    arrow = "→"

    def __init__(self, progress: Progress, console: Console | None = None) -> None:
        self.progress = progress
        self.console = console or Console(stderr=True, highlight=False)
        self._lock = threading.Lock()
        self.is_live = False

    @contextmanager
    def watching(self) -> Generator[None, None, None]:
        """The tree is live while this is open, and stays on the terminal as it was last."""
        live = Live(
            self,
            console=self.console,
            refresh_per_second=8,
            redirect_stdout=sys.stdout.isatty(),
            vertical_overflow="crop",
        )
        self.is_live = True
        live.start(refresh=True)
        try:
            yield
        finally:
            self.is_live = False
            live.vertical_overflow = "visible"
            live.stop()

    def observe(self, event: Event) -> None:
        with self._lock:
            self.progress.observe(event)
        if isinstance(event, EffectRecorded) and event.error:
            self.say("tool", f"{event.node}: {one_line(event.error, 120)}", "attention")

    def say(self, label: str, text: str, tone: Tone = "plain") -> None:
        style = _TONES[tone]
        for number, line in enumerate(visible(text).splitlines() or [""]):
            head = Text().append(f"{label if not number else '':<{LABEL_WIDTH}}", style=style or "dim")
            self.console.print(head.append(line), soft_wrap=True)

    def __rich__(self) -> RenderableType:
        with self._lock:
            return self.drawn(time.time())

    def drawn(self, now: float) -> RenderableType:
        """The tree as it is to be seen at this moment (seconds since 1970)."""
        progress = self.progress
        tree = RichTree(self._head(now), guide_style="dim", highlight=False)
        rows = list(progress.rows.values())
        room = max(self.console.height - 6, 8) if self.is_live else len(rows)
        _add_rows(tree, rows, now, room)
        return tree

    def _head(self, now: float) -> Text:
        progress = self.progress
        head = Text().append(progress.plan.name, style="bold")
        if progress.run_id:
            head.append(f"  {progress.run_id}", style="cyan")
        until = now if progress.status == "running" and self.is_live else progress.now
        parts = [f"step {progress.steps:,}", _clock(until - progress.started if progress.started else 0)]
        if has_cost(progress.usage):
            parts += [dollars(progress.usage.usd), tokens(progress.usage.tokens)]
        return head.append("  " + "  ".join(parts), style="dim")


def _add_rows(tree: RichTree, rows: list[Row], now: float, room: int) -> None:
    """As many rows as there is room for: first those not run yet are left out, then those that are done."""
    shown, later, earlier = rows, 0, 0
    if len(shown) > room:
        shown = [row for row in rows if row.status != "not run"]
        later = len(rows) - len(shown)
    if len(shown) > room:
        earlier = len(shown) - room
        shown = shown[earlier:]
    width = max((len(_name(row)) for row in shown), default=0)
    if earlier:
        tree.add(Text(f"… {earlier} before", style="dim"))
    for row in shown:
        _add_row(tree, row, width, now)
    if later:
        tree.add(Text(f"… {later} not run yet", style="dim"))


def _add_row(tree: RichTree, row: Row, width: int, now: float) -> None:
    branch = tree.add(_row(row, width, now))
    few = list(row.branches.values())
    if few:
        wide = min(max(len(one.label) for one in few), 30)
        for one in few:
            branch.add(_branch(one, row, wide, now))
    if row.expected:
        branch.add(_bar(row))
    if row.rows:
        _add_rows(branch, list(row.rows.values()), now, 40)


def _row(row: Row, width: int, now: float) -> RenderableType:
    status = row.status
    kind = "fan-out" if row.expected is not None else _KINDS[row.node.kind]
    line = Text().append(f"{GLYPHS[status]} ", style=STYLES[status])
    line.append(f"{visible(_name(row)):<{width}}", style="bold" if status != "not run" else "")
    line.append(f"  {kind:<{_KIND_WIDTH}}", style="dim")
    for text, style in _facts(row, status, now):
        line.append("  ")
        line.append(text, style=style)
    line.no_wrap, line.overflow = True, "ellipsis"
    if row.text and status == "running":
        return Group(line, Text(one_line(row.text[-70:], 70), style="dim italic", no_wrap=True))
    return line


def _facts(row: Row, status: Status, now: float) -> Iterable[tuple[str, str]]:
    """What is to be said of a row behind its name."""
    if row.expected is not None:
        yield _counts(row), ""
    elif status == "running":
        yield duration(now - min(row.running.values(), default=now)), ""
        yield from _again(row)
    elif status == "retrying":
        wait = min(row.sleeping.values(), key=lambda one: one.due)
        yield _countdown(row, wait.attempt, wait.due, now), ""
        yield f"({one_line(wait.reason, 60)})", "dim"
    elif status == "waiting":
        yield "asks: " + one_line(next(iter(row.asking.values())).text, 60), ""
    elif status == "failed":
        yield one_line(row.note, 70), "red"
    elif status == "done":
        yield duration(row.seconds), ""
        yield from _again(row)
    if has_cost(row.usage):
        yield dollars(row.usage.usd), ""
    if row.way and status in ("done", "failed") and row.expected is None:
        yield f"→ {one_line(row.way, 60)}", ""


def _again(row: Row) -> Iterable[tuple[str, str]]:
    if row.settled > 1:
        yield f"×{row.settled}", ""


def _counts(row: Row) -> str:
    retrying, asking = len(row.sleeping), len(row.asking)
    named = (
        (row.done, "ok"), (row.failed, "failed"), (retrying, "retrying"), (asking, "waiting"),
        (len(row.running), "running"), (row.cancelled, "cancelled"),
    )  # fmt: skip
    return " · ".join(f"{count:,} {word}" for count, word in named if count) or "none yet"


def _branch(one: BranchRow, row: Row, width: int, now: float) -> Text:
    line = Text().append(f"{GLYPHS[one.status]} ", style=STYLES[one.status])
    line.append(f"{one_line(one.label, width):<{width}}", style="" if one.status != "not run" else "dim")
    if one.status == "retrying" and one.wait is not None:
        line.append(f"  {_countdown(row, one.wait.attempt, one.wait.due, now)}")
        line.append(f"  ({one_line(one.wait.reason, 50)})", style="dim")
    elif one.status == "running":
        line.append(f"  {duration(one.seconds + now - one.since)}", style="dim")
    elif one.status in ("done", "failed"):
        line.append(f"  {duration(one.seconds)}", style="dim")
    if one.note and one.status == "failed":
        line.append(f"  {one_line(one.note, 60)}", style="red")
    if one.status == "cancelled":
        line.append("  no longer needed", style="dim")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _bar(row: Row) -> RenderableType:
    expected = row.expected or 0
    grid = Table.grid(padding=(0, 1))
    style = "red" if row.failed and row.settled == expected and not row.done else "green"
    bar = ProgressBar(
        total=expected,
        completed=row.settled,
        width=30,
        complete_style="blue",
        finished_style=style,
        style="bright_black",
    )
    grid.add_row(bar, Text(f"{row.settled:,}/{expected:,}", style="dim"))
    return grid


def _countdown(row: Row, attempt: int, due: float, now: float) -> str:
    return f"{tries(row, attempt + 1)} in {duration(max(0.0, due - now))}"


def _name(row: Row) -> str:
    return f"{row.node.name} ×{row.expected:,}" if row.expected is not None else row.node.name


def _clock(seconds: float) -> str:
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60:02}:{rest % 60:02}"
