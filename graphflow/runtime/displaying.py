"""A running graph in a notebook: one display that is updated in place, without a server.

IPython is asked for its display only where it is loaded already, which it is in every notebook. Elsewhere the run is
printed, a line when it begins and a line when it rests. Whatever goes wrong here, the run goes on.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from graphflow.runtime.run import Run

Show = Callable[[Run[Any]], None]


def display_of_notebook() -> Show | None:
    """What shows a run in the present cell, the first time as something new and then in its place; None elsewhere."""
    ipython: Any = sys.modules.get("IPython")
    shell: Any = None if ipython is None else ipython.get_ipython()
    if shell is None:
        return None
    from importlib import import_module

    display: Any = import_module("IPython.display").display
    handle: Any = None

    def show(run: Run[Any]) -> None:
        nonlocal handle
        bundle = run._repr_mimebundle_()  # pyright: ignore[reportPrivateUsage]
        if handle is None:
            handle = display(bundle, raw=True, display_id=True)
        else:
            handle.update(bundle, raw=True)

    return show


def _printed(run: Run[Any]) -> None:
    print(run)


async def keep_showing(look: Callable[[], Run[Any]], over: asyncio.Event, every_s: float) -> None:
    """Show a run until it rests, whenever something has happened and at most every ``every_s`` seconds."""
    in_place = display_of_notebook()
    shown_at = 0
    while True:
        is_last = over.is_set()
        run = look()
        if run.seq and (is_last or (run.seq != shown_at and (in_place is not None or not shown_at))):
            shown_at = run.seq
            with suppress(Exception):  # a display must not take the run with it
                (in_place or _printed)(run)
        if is_last:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), every_s)
