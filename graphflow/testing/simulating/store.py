"""A store as a simulated process sees it: the real one, with commits that take their time, are cut off, or refused.

A driver hands a commit over and goes on; when it is told that it is safe is up to the seed. ``strike_at`` is the commit
at which something happens: the process dies before it is written or right behind it, the store refuses it or writes it
and does not say so, or another driver has taken over the run meanwhile. A ``stale`` store is one whose next reader does
not see the commit yet, as of a copy that lags behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from graphflow.core.journal import Brief, text_of
from graphflow.core.plan import Plan
from graphflow.errors import Fenced, StoreUnavailable
from graphflow.stores.ciphers import Cipher
from graphflow.stores.store import NO_ORIGIN, GivenAnswer, Origin, RunRow, Standing, Store
from graphflow.testing.simulating.draws import chance
from graphflow.testing.simulating.seeded import SeededLoop

Blow = Literal["crash before", "crash behind", "stale", "refused", "unanswered", "fenced"]
"""What may happen at a commit."""

_DELAYS_S = (0.0, 0.0, 0.0, 0.0005, 0.002, 0.02)
_LEASE_S = 30.0


class SimulatedStore:
    """See the module's docstring. ``safe`` are the entries that a driver was told are safe."""

    lease_s: float | None = _LEASE_S

    def __init__(self, inner: Store, loop: SeededLoop, seed: object) -> None:
        self.inner = inner
        self.loop = loop
        self.commits = 0
        self.strike_at = -1
        self.blow: Blow | None = None
        self.struck: Callable[[], object] = lambda: None
        self.safe: list[bytes] = []
        self.hidden = 0  # entries at the end that are not seen when the journal is read next
        self.struck_entries = 0  # in the commit that was struck
        self._delays = chance(seed, "commits", loop.time())
        self._beside: _Beside | None = None

    @property
    def cipher(self) -> Cipher | None:
        return self.inner.cipher

    def create(
        self, run_id: str, plan: Plan, origin: Origin = NO_ORIGIN, entries: Sequence[bytes | Brief] = ()
    ) -> None:
        self.inner.create(run_id, plan, origin, entries)
        self.safe += map(text_of, entries)

    def append(
        self,
        run_id: str,
        entries: Sequence[bytes | Brief],
        standing: Standing | None = None,
        taken: Sequence[int] = (),
    ) -> _Later:
        if self.loop.is_dead or (self.blow is not None and self.strike_at < 0):
            raise StoreUnavailable("The process is dead", why="It was struck in a simulation.")
        if entries:
            self.commits += 1
            self.loop.idle_turns = 0
            if self.commits == self.strike_at and self.blow is not None:
                return self._strike(run_id, entries, standing, taken)
        return _Later(
            self, self._delays.choice(_DELAYS_S), lambda: self._write(run_id, entries, standing, taken), entries
        )

    def _strike(
        self, run_id: str, entries: Sequence[bytes | Brief], standing: Standing | None, taken: Sequence[int]
    ) -> _Later:
        self.struck()
        self.strike_at, self.struck_entries = -1, len(entries)
        if self.blow in ("crash behind", "stale", "unanswered"):
            self._write(run_id, entries, standing, taken)
        if self.blow == "unanswered":
            raise StoreUnavailable(
                "The store does not answer", why="A simulation let it write a commit and not say so."
            )
        if self.blow == "refused":
            raise StoreUnavailable("The store cannot be written now", why="A simulation let it refuse a commit.")
        if self.blow == "fenced":
            raise Fenced(f"This driver has lost run {run_id!r} to another", why="A simulation took its lease. (S18)")
        self.loop.die()
        return _Later(self, 0.0, _nothing, ())

    def _write(
        self, run_id: str, entries: Sequence[bytes | Brief], standing: Standing | None, taken: Sequence[int]
    ) -> None:
        """Now, whatever the real store's own thread takes for it: what is simulated must not depend on that."""
        if self.inner.lease_s is None:
            self.inner.append(run_id, entries, standing, taken)
            return
        if self._beside is None:
            self._beside = _Beside()
        self._beside.wait(lambda: self.inner.append(run_id, entries, standing, taken))

    def read(self, run_id: str) -> Sequence[bytes]:
        found = self.inner.read(run_id)
        hidden, self.hidden = self.hidden, 0
        return found[: len(found) - hidden]

    def cut(self, run_id: str, snapshot: bytes) -> bool:
        return self.inner.cut(run_id, snapshot)

    def plans(self, run_id: str, like: Plan | None = None) -> dict[str, Plan]:
        return self.inner.plans(run_id, like)

    def add_plan(self, run_id: str, plan: Plan) -> None:
        self.inner.add_plan(run_id, plan)

    def acquire(self, run_id: str) -> None:
        self.inner.acquire(run_id)

    def release(self, run_id: str) -> None:
        if not self.loop.is_dead:  # the dead release nothing
            self.inner.release(run_id)

    def answer(self, run_id: str, key: str, value: Any) -> None:
        self.inner.answer(run_id, key, value)

    def answers(self, run_id: str) -> list[GivenAnswer]:
        return self.inner.answers(run_id)

    def row(self, run_id: str) -> RunRow:
        return self.inner.row(run_id)

    def rows(self, **asked: Any) -> list[RunRow]:
        return self.inner.rows(**asked)

    def ready(self, now: float) -> list[RunRow]:
        return self.inner.ready(now)

    def sizes(self) -> dict[str, int]:
        return self.inner.sizes()

    def remove(self, run_id: str) -> None:
        self.inner.remove(run_id)

    def compact(self) -> None:
        self.inner.compact()

    def ids(self) -> list[str]:
        return self.inner.ids()

    def close(self) -> None:
        """The simulation closes the real store, when the simulated process ends."""
        if self._beside is not None:
            self._beside.close()


class _Later:
    """A commit under way: written at once, or after a while in which the process may die."""

    def __init__(
        self, store: SimulatedStore, delay_s: float, write: Callable[[], object], entries: Sequence[bytes | Brief]
    ) -> None:
        self._store = store
        self._write = write
        self._entries = entries
        self._done: asyncio.Future[None] | None = None
        if delay_s:
            self._done = store.loop.create_future()
            store.loop.call_later(delay_s, self._end)
        else:
            write()
            store.safe += map(text_of, entries)

    def _end(self) -> None:
        assert self._done is not None
        try:
            self._write()
        except Exception as error:
            self._tell(error)
        else:
            self._store.safe += map(text_of, self._entries)
            self._tell(None)

    def _tell(self, error: Exception | None) -> None:
        assert self._done is not None
        if self._done.done():  # whoever waited was cancelled; the commit counts all the same
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)

    def __await__(self) -> Generator[Any, None, None]:
        if self._store.loop.is_dead:
            yield from self._store.loop.create_future()
        if self._done is not None:
            yield from self._done


def _nothing() -> None:
    """What is written of a commit that never was."""


class _Beside:
    """A thread with an event loop of the real kind, in which a real store's tickets can be awaited."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = ThreadPoolExecutor(1, "graphflow simulation")

    def wait(self, begin: Callable[[], Any]) -> None:
        """Wait for a ticket. Raises what it raises."""

        async def work() -> None:
            ticket = begin()
            if ticket is not None:
                await ticket

        self._thread.submit(lambda: self._loop.run_until_complete(work())).result()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()
        self._loop.close()
