"""What is held open for as long as a run is driven: a connection, a server's process. Opened when first needed.

Each is opened and closed by a task of its own: the libraries behind such things want to be left by the task that
entered them, and nodes come and go. Nothing is left open or running afterwards (S14.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Held:
    """Things that are open now, each under the key it was asked for with."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[Hashable, _Holding] = {}

    def __bool__(self) -> bool:
        return bool(self._open)

    async def get(self, key: Hashable, opened: Callable[[], AbstractAsyncContextManager[T]]) -> T:
        """The thing under that key, opened now if it is not yet. Raises what opening raises; then nothing is held."""
        holding = self._open.get(key)
        if holding is None:
            holding = self._open[key] = _Holding(opened)
        try:
            return cast("T", await asyncio.shield(holding.ready))
        except Exception:
            if self._open.get(key) is holding:
                del self._open[key]
            raise

    async def let_go(self, key: Hashable, thing: object) -> None:
        """Close a thing that is of no use any more; the next who asks for that key gets a new one."""
        holding = self._open.get(key)
        if holding is not None and holding.holds(thing):
            del self._open[key]
            await holding.close()

    async def close(self) -> None:
        """Close everything, and wait until it is closed, even if whoever waits is cancelled meanwhile."""
        holdings, self._open = list(self._open.values()), {}
        closing = [asyncio.ensure_future(holding.close()) for holding in holdings]
        cancelled: asyncio.CancelledError | None = None
        while pending := [task for task in closing if not task.done()]:
            try:
                await asyncio.wait(pending)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled


class _Holding:
    """One open thing, and the task that holds it."""

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[Any] = loop.create_future()
        self._enough = asyncio.Event()
        self._task = loop.create_task(self._hold(opened))

    async def _hold(self, opened: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        try:
            async with opened() as thing:
                if not self.ready.done():
                    self.ready.set_result(thing)
                await self._enough.wait()
        except Exception as error:
            if not self.ready.done():
                self.ready.set_exception(error)
        finally:
            if not self.ready.done():
                self.ready.cancel()

    def holds(self, thing: object) -> bool:
        """Whether this is what is open here."""
        is_open = self.ready.done() and not self.ready.cancelled() and self.ready.exception() is None
        return is_open and self.ready.result() is thing

    async def close(self) -> None:
        """Close it. One that is not open yet is given up."""
        self._enough.set()
        if not self.ready.done():
            self._task.cancel()
        await asyncio.wait([self._task])
        if self.ready.done() and not self.ready.cancelled():
            self.ready.exception()  # seen: whoever asked for it was told


__all__ = ["Held"]
