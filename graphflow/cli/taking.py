"""Which runs of a store need a driver, and driving them: what a worker does over and over.

A run that another process drives, or takes first, is none of ours (S18). One that cannot be driven is left alone for a
while, each time for longer, so that a broken graph never keeps a worker busy.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from graphflow.cli.finding import graph_of
from graphflow.cli.standings import is_due
from graphflow.errors import Fenced, GraphflowError, RunBusy, RunFailed, RunNotFound
from graphflow.runtime.outbox import Durability
from graphflow.runtime.run import Run
from graphflow.stores.store import RunRow, Store

_LOOK_S = 0.5
_LONGEST_LOOK_S = 5.0
_FIRST_LEFT_S, _LONGEST_LEFT_S = 5.0, 300.0


@dataclass(frozen=True, slots=True)
class News:
    """Something a worker tells: ``took``, ``rests``, ``left`` a run, or ``stopped``."""

    kind: str
    run: str = ""
    graph: str = ""
    what: str = ""
    error: GraphflowError | None = None


@dataclass(slots=True)
class _Left:
    """A run that could not be driven: how often, as it stood then, and when it is tried again."""

    times: int
    seq: int
    until: float


class Taker:
    """Takes runs of one store. ``tell`` hears of everything it does; it may be called from its event loop only."""

    def __init__(
        self,
        store: Store,
        tell: Callable[[News], None],
        *,
        at_once: int,
        model: str | None = None,
        durability: Durability = "step",
    ) -> None:
        self.store = store
        self.was_left = False
        self._tell = tell
        self._at_once = at_once
        self._model = model
        self._durability: Durability = durability
        self._driving: dict[str, asyncio.Task[None]] = {}
        self._left: dict[str, _Left] = {}

    async def work(self, *, once: bool) -> None:
        """Take what needs a driver, for ever, or ``once`` until nothing is left to do. Cancelled, it stops them all."""
        try:
            while True:
                begun = time.monotonic()
                waiting = self._take()
                if once and not waiting and not self._driving:
                    return
                took_s = time.monotonic() - begun
                await self._rest(min(max(_LOOK_S, 10 * took_s), _LONGEST_LOOK_S))
        finally:
            await self._put_down()

    def _take(self) -> bool:
        """Begin to drive as many as there is room for. Whether there are any at all."""
        found = [row for row in self.store.rows() if self._is_ours(row)]
        for row in found[: max(0, self._at_once - len(self._driving))]:
            self._driving[row.run] = asyncio.get_running_loop().create_task(self._see_through(row))
        return bool(found)

    def _is_ours(self, row: RunRow) -> bool:
        if row.run in self._driving or not needs_driver(row):
            return False
        left = self._left.get(row.run)
        if left is None or left.until <= time.monotonic():
            return True
        return row.has_answers and row.standing.seq != left.seq

    async def _rest(self, seconds: float) -> None:
        """Until it is time to look again, or there is room for more."""
        if self._driving:
            is_full = len(self._driving) >= self._at_once
            when = asyncio.FIRST_COMPLETED
            await asyncio.wait(self._driving.values(), timeout=None if is_full else seconds, return_when=when)
        else:
            await asyncio.sleep(seconds)

    async def _put_down(self) -> None:
        tasks = list(self._driving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _see_through(self, row: RunRow) -> None:
        try:
            run = await self._drive(row)
        except (RunBusy, RunNotFound, Fenced):
            pass  # another was quicker, or it was removed
        except RunFailed as failed:
            self._tell(News("rests", row.run, row.graph, "failed", failed))
        except GraphflowError as error:
            self._leave(row, error)
        else:
            self._left.pop(row.run, None)
            steps = run.usage.steps
            self._tell(News("rests", row.run, row.graph, f"{run.status}, {steps:,} step{'s' if steps != 1 else ''}"))
        finally:
            del self._driving[row.run]

    def _drive(self, row: RunRow) -> Coroutine[Any, Any, Run[Any]]:
        """Raises whatever does not let it begin."""
        target = graph_of(row, None)
        going_on = target.graph.resume(
            row.run, store=self.store, durability=self._durability, model=self._model or row.model or None
        )
        self._tell(News("took", row.run, row.graph, _why(row)))
        return going_on

    def _leave(self, row: RunRow, error: GraphflowError) -> None:
        left = self._left.get(row.run)
        times = 1 if left is None else left.times + 1
        wait_s = min(_FIRST_LEFT_S * 2 ** (times - 1), _LONGEST_LEFT_S)
        self._left[row.run] = _Left(times, row.standing.seq, time.monotonic() + wait_s)
        self.was_left = True
        self._tell(News("left", row.run, row.graph, f"tried again in {wait_s:g} s", error))


def needs_driver(row: RunRow) -> bool:
    """Whether a run could go on, and nobody drives it.

    A run without any entry never began: it was made a moment ago, or its process ended before its start was safe.
    """
    if row.is_driven or not row.standing.seq:
        return False
    status = row.standing.status
    return status == "running" or (status == "waiting" and (row.has_answers or is_due(row)))


def _why(row: RunRow) -> str:
    if row.standing.status == "running":
        return "was stopped"
    return "was answered" if row.has_answers else "its time is over"
