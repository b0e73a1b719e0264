"""What time it is, always by the running event loop's clock, so that all of it holds on a virtual clock too."""

from __future__ import annotations

import asyncio
import time
from asyncio import AbstractEventLoop


def date() -> float:
    """Now, in seconds since 1970: as the driver of a run in this loop reckons it."""
    loop = asyncio.get_running_loop()
    return (getattr(loop, "epoch_s", None) or time.time() - loop.time()) + loop.time()


def is_virtual(loop: AbstractEventLoop) -> bool:
    """Whether its time is its own, and says nothing of the time in other loops."""
    return hasattr(loop, "epoch_s")


def ahead_s(loop: AbstractEventLoop) -> float:
    """What to add to a loop's time to get that of all loops of the process together."""
    if is_virtual(loop) or type(loop).time is asyncio.BaseEventLoop.time:
        return 0.0
    return time.monotonic() - loop.time()  # a loop with another clock, such as uvloop's
