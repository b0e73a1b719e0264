"""A virtual clock: an event loop in which waiting takes no time (S15.1).

When nothing is ready the clock jumps to the next timer, so retries, timeouts and ``asyncio.sleep`` in nodes are exact
and instant. Work in threads is waited for in real time, with the clock standing still.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

EPOCH_S = 1_800_000_000.0
"""What a virtual clock shows at the start: seconds since 1970."""


class _Selector(selectors.DefaultSelector):
    """Instead of waiting it moves the loop's clock on."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None or self.loop.threads:
            return super().select(timeout if timeout is None else min(timeout, 0.01))
        self.loop.advance(max(timeout, 1e-9))
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose ``time()`` is virtual. ``epoch_s`` is added by drivers to make it a date."""

    def __init__(self) -> None:
        selector = _Selector()
        selector.loop = self
        self.threads = 0
        self.epoch_s = EPOCH_S
        self._virtual_time = 0.0
        super().__init__(selector)

    def time(self) -> float:
        return self._virtual_time

    def advance(self, seconds: float) -> None:
        """Move the clock on, by a little more than asked where rounding would make the loop spin."""
        moved = self._virtual_time + seconds
        self._virtual_time = moved if moved > self._virtual_time else self._virtual_time + 1e-6

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        self.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the threads in real time: on the virtual clock its timeout would be over at once."""
        self.threads += 1
        try:
            if sys.version_info >= (3, 12):
                await super().shutdown_default_executor(timeout)
            else:
                await super().shutdown_default_executor()
        finally:
            self.threads -= 1

    def _thread_done(self, future: object) -> None:
        self.threads -= 1


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` on a virtual clock.

    >>> async def main():
    ...     await asyncio.sleep(3600)
    ...     return asyncio.get_running_loop().time()
    >>> round(run_virtual(main()))
    3600
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
