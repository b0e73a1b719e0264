"""Commits on their way to a store on disk: one at a time for each run, whatever came in meanwhile goes with the next.

``durability`` says when (the rest of a driver is the same for all three):

- ``"step"``: whatever is performed next waits until all before it is safe. A crash loses nothing that was committed.
- ``"batch"``: safe when the run goes idle, after 512 entries, or 5 ms later. A crash loses the last few steps; what they
  did outside is done again.
- ``"exit"``: safe when the driver ends. A crash loses all since it began.
"""

from __future__ import annotations

import asyncio
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from graphflow.core.journal import Brief, pruned_before, text_of
from graphflow.core.machine import Machine
from graphflow.errors import AnswerInvalid, RunBusy
from graphflow.runtime.standing import standing_of
from graphflow.stores.store import Store

if TYPE_CHECKING:
    from graphflow.runtime.driver import Driver
    from graphflow.runtime.events import Event

Durability = Literal["step", "batch", "exit"]

_MOST_PENDING = 512  # entries
_LONGEST_S = 0.005
_TELL_S = 0.5  # how stale the store's view of where the run stands may be
_BEAT_S = 0.5  # how soon an answer left in the store is found


class Outbox:
    """Stands before a store, where a driver appends. ``fail`` is told of a commit that was refused: the driver ends. It
    answers False if it was over already: then ``close`` raises, as a run whose end is not safe has not ended.

    Its lease lives as long as the driver: ``open`` begins to renew it, ``close`` ends that.
    """

    def __init__(
        self, store: Store, machine: Machine, durability: Durability, fail: Callable[[BaseException], bool]
    ) -> None:
        self.store = store
        self._machine = machine
        self._durability = durability
        self._fail = fail
        self._base = machine.seq - len(machine.entries)  # entries that the store has already
        self._unsafe: list[bytes | Brief] = []
        self._sent = 0  # how many of them are in flight
        self._taken: list[int] = []
        self._skipped = 0
        self._given = 0
        self._safe = 0
        self._commit: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._told_at = (
            0.0  # by the loop's clock: when the lease was renewed, when the store was told of all that is safe
        )
        self._told = -1
        self._listed_as = ""  # the status that the store has the run under
        self._seen: set[int] = set()  # answers
        self._to_tell: deque[tuple[int, Callable[[Event], None], Sequence[Event]]] = deque()  # of what is not safe yet
        self._error: BaseException | None = None
        self._is_told = False  # of the error

    def skip(self, entries: int) -> None:
        """So many of the entries that are handed over first are in the store already."""
        self._base += entries
        self._skipped = entries
        self._listed_as = "running"  # as every run that was just made

    async def acquire(self) -> None:
        """Become the run's driver; nobody may have driven it since it was read. Raises RunBusy (S18)."""
        run_id = self._machine.run_id
        acquired = getattr(self.store, "acquired", None)
        if acquired is not None:
            seq = await acquired(run_id)
        else:
            self.store.acquire(run_id)
            seq = self.store.row(run_id).standing.seq
        if seq != self._base:
            await self.release()
            raise RunBusy(
                f"Run {run_id!r} was driven by another meanwhile",
                why="It has gone on since its journal was read. (S18)",
                fix="Resume it again: it then goes on from where it stands now.",
            )

    async def release(self) -> None:
        """The driver is gone."""
        released = getattr(self.store, "released", None)
        if released is not None:
            await released(self._machine.run_id)
        else:
            self.store.release(self._machine.run_id)

    def open(self, driver: Driver) -> None:
        """The driver lives: renew its lease and look for answers until it ends."""
        self._told_at = asyncio.get_running_loop().time()
        self._take_answers(driver)
        self._beat_on(driver)

    def append(self, run_id: str, entries: Sequence[bytes | Brief]) -> None:
        """What a driver commits. It is on its way, and safe once ``settled`` returns."""
        if self._skipped:
            entries, self._skipped = entries[self._skipped :], max(0, self._skipped - len(entries))
        self._unsafe.extend(entries)
        self._given += len(entries)
        if self._durability == "exit" or self._error is not None:
            return
        if len(self._unsafe) - self._sent >= _MOST_PENDING:
            self._send()
        elif self._timer is None and self._commit is None:
            self._timer = asyncio.get_running_loop().call_later(_LONGEST_S, self._send)

    @property
    def is_behind(self) -> bool:
        """Whether something is not safe yet."""
        return self._safe < self._given

    def journal(self) -> list[bytes]:
        """The run's journal: what the store has, and what is on its way there."""
        kept = list(self.store.read(self._machine.run_id))
        seq = pruned_before(kept[:1]) + len(kept)
        missing = self._unsafe[max(0, seq - self._base - self._safe) :]
        return kept + [text_of(entry) for entry in missing]

    def tell_once_safe(self, tell: Callable[[Event], None], events: Sequence[Event]) -> None:
        """Of what was handed over last: now if it is safe, else when it is, in the order of commits."""
        self._to_tell.append((self._given, tell, events))
        self._tell_safe()

    def _tell_safe(self) -> None:
        while self._to_tell and self._to_tell[0][0] <= self._safe:
            _, tell, events = self._to_tell.popleft()
            for event in events:
                tell(event)

    async def settled(self) -> None:
        """Wait until all that was handed over so far is safe. If that fails the driver ends, and this is cancelled."""
        wanted = self._given
        while self._safe < wanted:
            if self._error is not None:
                raise asyncio.CancelledError  # the driver is over, and a node may have swallowed its cancel already
            self._send()
            assert self._commit is not None
            await asyncio.wait([self._commit])

    async def close(self) -> None:
        """The driver ends: all is made safe, and the store told where the run stands."""
        if self._beat is not None:
            self._beat.cancel()
        while self._commit is not None or (self._error is None and self.is_behind):
            self._send()
            if self._commit is not None:
                await _finished(self._commit)
        if self._timer is not None:
            self._timer.cancel()
        if self._error is None:
            if self._told == self._given and not self._taken and self._machine.status != "running":
                return  # told with its end
            ticket = self.store.append(self._machine.run_id, (), standing_of(self._machine), self._taken)
            if ticket is not None:
                await ticket
        elif not self._is_told:
            raise self._error

    def _send(self) -> None:
        """Send what is pending, unless a commit is in flight: then it goes with the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._commit is None and self._unsafe and self._error is None:
            self._commit = asyncio.get_running_loop().create_task(self._committing())

    async def _committing(self) -> None:
        """One commit, and the next if more has come in meanwhile that nobody waits for."""
        try:
            while self._unsafe:
                entries, taken = self._unsafe[:], self._taken
                self._sent, self._taken = len(entries), []
                standing = standing_of(self._machine) if self._is_due() else None  # as of just these entries
                ticket = self.store.append(self._machine.run_id, entries, standing, taken)
                if ticket is not None:
                    await ticket
                del self._unsafe[: len(entries)]
                self._safe += len(entries)
                self._sent = 0
                self._tell_safe()
                if self._durability == "step":
                    break  # whoever waits for this commit is woken before the next
        except Exception as error:
            self._stop(error)
        finally:
            self._commit = None

    def _is_due(self) -> bool:
        """Whether it is time to tell the store where the run stands: that costs as much as the state is large.

        Another status goes with the entries that brought it about: a driver that is killed behind them must not leave a
        run that has ended, and is taken for stopped, or one that was answered, and that nobody takes.
        """
        now, status = asyncio.get_running_loop().time(), self._machine.status
        if now - self._told_at < _TELL_S and status == self._listed_as:
            return False
        self._told_at, self._told, self._listed_as = now, self._given, status
        return True

    def _stop(self, error: BaseException) -> None:
        """A commit was refused: the driver ends."""
        if self._error is None:
            self._error = error
            self._is_told = self._fail(error)

    def _beat_on(self, driver: Driver) -> None:
        """Twice a second, and well within a lease: answers left in the store, and a sign of life if nothing else goes there."""
        lease_s = self.store.lease_s
        assert lease_s is not None
        self._beat = asyncio.get_running_loop().call_later(min(_BEAT_S, lease_s / 3), self._beat_on, driver)
        if self._error is not None or driver.is_over:
            return
        try:
            if self._machine.questions():
                self._take_answers(driver)
            self._renew()
        except Exception as error:
            self._stop(error)

    def _renew(self) -> None:
        lease_s = self.store.lease_s
        assert lease_s is not None
        is_silent = asyncio.get_running_loop().time() - self._told_at > lease_s / 3
        if self._commit is None and not self.is_behind and (self._told < self._given or is_silent):
            self._commit = asyncio.get_running_loop().create_task(self._telling())

    async def _telling(self) -> None:
        """Nothing has happened for a while: the lease is renewed, and the store told where the run stands."""
        try:
            standing = standing_of(self._machine) if self._is_due() else None
            ticket = self.store.append(self._machine.run_id, (), standing)
            if ticket is not None:
                await ticket
        except Exception as error:
            self._stop(error)
        finally:
            self._commit = None

    def _take_answers(self, driver: Driver) -> None:
        """Answers that were left in the store for this run. One that does not fit is dropped, and that is told (S10.1)."""
        for given in self.store.answers(self._machine.run_id):
            if given.number in self._seen:
                continue
            self._seen.add(given.number)
            self._taken.append(given.number)
            driver.tick()
            try:
                self._machine.answer(given.key, given.value)
            except AnswerInvalid as error:
                warnings.warn(f"An answer left for run {self._machine.run_id} was dropped: {error}", stacklevel=2)
            driver.nudge()


async def _finished(commit: asyncio.Task[None]) -> None:
    """Wait for it, also when cancelled meanwhile: a begun commit is finished and counts, and nothing is left (S14.2)."""
    cancelled: asyncio.CancelledError | None = None
    while not commit.done():
        try:
            await asyncio.wait([commit])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
