"""Drives a run in an event loop of its own, and stops it on Ctrl-C without tearing it.

The first Ctrl-C cancels the driver, which puts every node down and leaves the run resumable (S14.2). It cannot get at
a function that holds the loop, so there it strikes as KeyboardInterrupt, but only where no code of ours is in the
middle of something: elsewhere, as in the model of an agent, the run stops once that function returns. No further node
begins. A second one strikes anywhere, and a third ends the process: code that catches everything cannot hold on to it.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from graphflow.runtime import calling, driver, lanes

T = TypeVar("T")
_PACKAGE = str(Path(__file__).parent.parent) + os.sep
_ASYNCIO = str(Path(asyncio.__file__).parent) + os.sep
_CALLERS = (driver.__file__, calling.__file__, lanes.__file__)
_THREADS = "graphflow-node"
_HELD = b"\nCtrl-C: stops once what is at work lets go; Ctrl-C again stops at once.\n"


class _Threads(ThreadPoolExecutor):
    """Where ``blocking=True`` nodes run. After Ctrl-C nobody waits for them: a thread cannot be stopped."""

    is_left = False

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=wait and not self.is_left, cancel_futures=cancel_futures or self.is_left)


class _Interrupt:
    """What Ctrl-C does while a run is driven."""

    def __init__(self, *, is_server: bool = False) -> None:
        self._is_server = is_server
        self.strikes = 0
        self.signal = 0
        self._threads = _Threads(thread_name_prefix=_THREADS)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Await the work, where Ctrl-C can get at it."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_default_executor(self._threads)
        self._loop.set_exception_handler(self._report)
        self._task = asyncio.current_task()
        return await work

    def strike(self, signal_number: int, frame: FrameType | None) -> None:
        self.strikes += 1
        self.signal = signal_number
        self._threads.is_left = True
        if self.strikes > 2:
            signal.signal(signal_number, signal.SIG_DFL)
            signal.raise_signal(signal_number)
        if self.strikes > 1 or self._task is None or self._loop is None:
            raise KeyboardInterrupt(signal_number)
        self._task.cancel()  # at once: what holds the loop may catch what is raised in it, and no further node begins
        self._loop.call_soon_threadsafe(_wake)
        if _is_in_node(frame):
            raise KeyboardInterrupt(signal_number)
        if not self._is_server and _is_held(frame):
            os.write(2, _HELD)  # print may not be called within a print

    def _report(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio would print: not that Ctrl-C struck in a node, for that is told anyhow."""
        if not isinstance(context.get("exception"), KeyboardInterrupt):
            loop.default_exception_handler(context)


def _wake() -> None:
    """The loop looks at what there is to be done."""


def _is_held(frame: FrameType | None) -> bool:
    """Whether code that is neither ours nor asyncio's holds the loop."""
    return frame is not None and not frame.f_code.co_filename.startswith((_PACKAGE, _ASYNCIO, selectors.__file__))


def _is_in_node(frame: FrameType | None) -> bool:
    """Whether the driver has called code that is not ours, which is a node: then an exception comes out of the node.

    Of asyncio's own code that the driver calls, nothing holds the loop.
    """
    if frame is None or frame.f_code.co_filename.startswith((_PACKAGE, _ASYNCIO)):
        return False
    outer = frame.f_back
    while outer is not None and not outer.f_code.co_filename.startswith(_PACKAGE):
        outer = outer.f_back
    return outer is not None and outer.f_code.co_filename in _CALLERS


def drive(
    work: Coroutine[Any, Any, T], *, until: Sequence[signal.Signals] = (signal.SIGINT,), is_server: bool = False
) -> T:
    """Await the work in a new event loop. Ctrl-C raises KeyboardInterrupt when everything is put down.

    ``until`` are the signals that do so: a service is stopped by SIGTERM. Of ``is_server``, the loop is a web server's,
    whose code is not ours and lets go at once.
    """
    interrupt = _Interrupt(is_server=is_server)
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, interrupt.strike) for number in until} if is_main else {}
    try:
        with asyncio.Runner() as runner:
            return runner.run(interrupt.guard(work))
    except asyncio.CancelledError:
        if not interrupt.strikes:
            raise
        raise KeyboardInterrupt(interrupt.signal) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def nodes_left_at_work() -> int:
    """How many threads of ``blocking=True`` nodes still run after Ctrl-C; the process would wait for them."""
    left = [thread for thread in threading.enumerate() if thread.name.startswith(_THREADS)]
    for thread in left:
        thread.join(0.1)
    return sum(thread.is_alive() for thread in left)
