"""Calls that wait for what is left of the budget while calls under way have it reserved (S13.1).

A call reserves more than it mostly costs. What it did not need is there again when it is settled; until then the budget
is not used up, only spoken for, and the run goes on with as many calls at once as the rest allows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Reservations:
    """Those who wait, in the order they came."""

    def __init__(self) -> None:
        self._line: deque[asyncio.Future[None]] = deque()

    async def wait(self, is_too_early: Callable[[], bool]) -> None:
        """Return once it is not too early any more; asked whenever a call has been settled."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._line.append(future)
        try:
            await future
            while is_too_early():
                future = loop.create_future()
                self._line.appendleft(future)
                await future
        finally:
            future.cancel()
            self.wake()  # there may be enough for the next one too

    def wake(self) -> None:
        """A call has been settled: the first in line looks again."""
        while self._line:
            future = self._line.popleft()
            if not future.done():
                future.set_result(None)
                return
