"""Driving a run to its end from code that is not async."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

from graphflow.errors import RunFailed
from graphflow.runtime.live import Live
from graphflow.runtime.run import Run


def drive_now(live: Live[Any]) -> Run[Any]:
    """Drive in an event loop of its own; where one runs already (a notebook), in a thread beside it."""
    if not _is_in_loop():
        try:
            return asyncio.run(live.drive())
        except RunFailed as failed:
            raise failed.with_traceback(None) from failed.__cause__  # the frames in between are ours alone
        except (KeyboardInterrupt, SystemExit) as interrupt:
            interrupt.run = live.run  # type: ignore[union-attr]  # what was reached is not lost
            raise
    outcome: list[Run[Any]] = []
    failure: list[BaseException] = []

    def drive() -> None:
        try:
            outcome.append(asyncio.run(live.drive()))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(drive,), name=f"graphflow {live.run_id}")
    thread.start()
    thread.join()
    if failure:
        error = failure[0]
        raise error.with_traceback(None) if isinstance(error, RunFailed) else error
    return outcome[0]


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
