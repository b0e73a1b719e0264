"""Driving a run to its end from code that is not async; Ctrl-C stops it, and the run is not lost (S14.2)."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

from graphflow.errors import RunFailed
from graphflow.runtime.live import Live
from graphflow.runtime.run import Run

_LOOK_EVERY_S = 0.05
"""How often a caller who waits for the thread looks whether it was cancelled meanwhile: asyncio tells it only later."""


def drive_now(live: Live[Any]) -> Run[Any]:
    """Drive in an event loop of its own; where one runs already (a notebook), in a thread beside it."""
    if _is_in_loop():
        return _Beside(live).outcome()
    try:
        return asyncio.run(live.drive())
    except RunFailed as failed:
        raise failed.with_traceback(None) from failed.__cause__  # the frames in between are ours alone
    except (KeyboardInterrupt, SystemExit) as interrupt:
        interrupt.run = live.run  # type: ignore[union-attr]  # what was reached is not lost
        raise


class _Beside:
    """A run that is driven in a thread of its own, while the caller's loop stands still."""

    def __init__(self, live: Live[Any]) -> None:
        self._live = live
        self._run: Run[Any] | None = None
        self._failure: BaseException | None = None
        self._is_stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    def outcome(self) -> Run[Any]:
        """Wait for the run to rest. Ctrl-C in a notebook, and a cancel of the caller's task, stop it (S14.2)."""
        thread = threading.Thread(
            target=contextvars.copy_context().run, args=(self._drive,), name=f"graphflow {self._live.run_id}"
        )
        caller = asyncio.current_task()
        cancels = 0 if caller is None else caller.cancelling()
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_LOOK_EVERY_S)
                if caller is not None and caller.cancelling() > cancels:
                    raise asyncio.CancelledError
        except (KeyboardInterrupt, asyncio.CancelledError) as interrupt:
            self._stop()
            thread.join()
            interrupt.run = self._live.run  # type: ignore[union-attr]
            raise
        return self._result()

    def _drive(self) -> None:
        try:
            self._run = asyncio.run(self._reachable())
        except BaseException as error:
            self._failure = error

    async def _reachable(self) -> Run[Any]:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._is_stopped:  # before there was a task to cancel
            raise asyncio.CancelledError
        return await self._live.drive()

    def _stop(self) -> None:
        self._is_stopped = True
        if self._loop is not None and self._task is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _result(self) -> Run[Any]:
        error = self._failure
        if error is not None:
            raise error.with_traceback(None) if isinstance(error, RunFailed) else error
        assert self._run is not None
        return self._run


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
