"""Which runs of a store need a driver, and driving them: what a worker does over and over.

A run that another process drives, or takes first, is none of ours (S18). One that cannot be driven is left alone for a
while, each time for longer, so that a broken graph never keeps a worker busy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from graphflow.core.journal import decode
from graphflow.errors import Fenced, RunBusy, RunFailed, RunNotFound, StoreUnavailable
from graphflow.runtime.outbox import Durability
from graphflow.runtime.run import Run
from graphflow.service.locating import graph_of
from graphflow.service.standings import is_due
from graphflow.stores.store import RunRow, Store

_LOOK_S = 0.5
_LONGEST_LOOK_S = 5.0
_FIRST_LEFT_S, _LONGEST_LEFT_S = 5.0, 300.0
_FEW_DEATHS, _MOST_DEATHS = 3, 12


@dataclass(frozen=True, slots=True)
class News:
    """Something a worker tells: ``took``, ``rests``, ``left`` or ``lost`` a run, ``waits`` for the store, or ``stopped``."""

    kind: str
    run: str = ""
    graph: str = ""
    what: str = ""
    error: Exception | None = None


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
        deps: Any = None,
    ) -> None:
        self.store = store
        self.was_left = False
        self._tell = tell
        self._at_once = at_once
        self._model = model
        self._durability: Durability = durability
        self._deps = deps
        self._driving: dict[str, asyncio.Task[None]] = {}
        self._left: dict[str, _Left] = {}
        self._deaths: dict[str, tuple[int, int]] = {}  # run -> its entries, and how many drivers died at the last

    async def work(self, *, once: bool) -> None:
        """Take what needs a driver, for ever, or ``once`` until nothing is left to do. Cancelled, it stops them all."""
        try:
            while True:
                begun = time.monotonic()
                waiting = self._looked()
                if once and not waiting and not self._driving:
                    return
                took_s = time.monotonic() - begun
                await self._rest(min(max(_LOOK_S, 10 * took_s), _LONGEST_LOOK_S))
        finally:
            await self._put_down()

    def _looked(self) -> bool:
        try:
            return self._take()
        except StoreUnavailable as error:  # locked, or the connection is lost: it may come back
            self._tell(News("waits", what="the store cannot be read now", error=error))
            return True

    def _take(self) -> bool:
        """Begin to drive as many as there is room for. Whether there are any at all."""
        found = [row for row in self.store.ready(time.time()) if self._is_ours(row)]
        for row in found[: max(0, self._at_once - len(self._driving))]:
            self._driving[row.run] = asyncio.get_running_loop().create_task(self._see_through(row))
        return bool(found)

    def _is_ours(self, row: RunRow) -> bool:
        if row.run in self._driving:
            return False
        left = self._left.get(row.run)
        if left is not None and left.until > time.monotonic() and left.seq == row.standing.seq:
            return False
        if row.standing.status != "running":
            return True
        since_s = time.time() - row.updated  # less than nothing where clocks disagree, and no reason to wait
        return not 0 <= since_s < self._hold_back_s(row)

    def _hold_back_s(self, row: RunRow) -> float:
        """A run that its last drivers died of, before anything came of it, is not taken at once by the next."""
        known = self._deaths.get(row.run)
        if known is None or known[0] != row.standing.seq:
            kinds = [decode(text)["kind"] for text in list(self.store.read(row.run))[-_MOST_DEATHS:]]
            deaths = next((n for n, kind in enumerate(reversed(kinds)) if kind != "resumed"), len(kinds))
            known = self._deaths[row.run] = (row.standing.seq, deaths)
        return 0.0 if known[1] < _FEW_DEATHS else _wait_s(known[1] - _FEW_DEATHS)

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
            self._tell(News("lost", row.run, row.graph, "another drives it, or has removed it"))
        except RunFailed as failed:
            self._tell(News("rests", row.run, row.graph, "failed", failed))
        except Exception as error:  # of the graph's file, or of its validators: whatever it is, others go on
            if self._stands_as(row):
                self._leave(row, error)
        else:
            steps = run.usage.steps
            if is_due(now := self.store.row(row.run)):  # nothing came of it: not again at once
                self._leave(now, None)
            else:
                self._left.pop(row.run, None)
            self._tell(News("rests", row.run, row.graph, f"{run.status}, {steps:,} step{'s' if steps != 1 else ''}"))
        finally:
            del self._driving[row.run]

    def _drive(self, row: RunRow) -> Coroutine[Any, Any, Run[Any]]:
        """Raises whatever does not let it begin."""
        target = graph_of(row, None)
        going_on = target.graph.resume(
            row.run,
            store=self.store,
            durability=self._durability,
            deps=self._deps,
            model=self._model or row.model or None,
        )
        self._tell(News("took", row.run, row.graph, _why(row)))
        return going_on

    def _stands_as(self, row: RunRow) -> bool:
        """Whether nobody else has gone on with the run since it was looked at."""
        try:
            now = self.store.row(row.run)
        except RunNotFound:
            return False
        return now.standing.seq == row.standing.seq and not now.is_driven

    def _leave(self, row: RunRow, error: Exception | None) -> None:
        left = self._left.get(row.run)
        times = 0 if left is None else left.times + 1
        self._left[row.run] = _Left(times, row.standing.seq, time.monotonic() + _wait_s(times))
        self.was_left = True
        self._tell(News("left", row.run, row.graph, f"tried again in {_wait_s(times):g} s", error))


def _wait_s(times: int) -> float:
    return float(min(_FIRST_LEFT_S * 2**times, _LONGEST_LEFT_S))


def _why(row: RunRow) -> str:
    if row.standing.status == "running":
        return "was stopped"
    return "was answered" if row.has_answers else "its time is over"
