"""Driving a run to its end from code that is not async."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from graphflow.runtime.live import Live
from graphflow.runtime.run import Run


def drive_now(live: Live[Any]) -> Run[Any]:
    """Drive in an event loop of its own; where one runs already (a notebook), in a thread beside it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        try:
            return asyncio.run(live.drive())
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

    thread = threading.Thread(target=drive, name=f"graphflow {live.run_id}")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
