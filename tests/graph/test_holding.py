"""What is held open for a run: opened once, by a task of its own, and closed however the run ends (S14.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from graphflow.graph.holding import Held
from graphflow.testing.virtual import run_virtual


class Door:
    """Counts how often it was opened and closed, and by which tasks."""

    def __init__(self, *, opens_after_s: float = 0, error: Exception | None = None, closes_after_s: float = 0) -> None:
        self.opens_after_s, self.error, self.closes_after_s = opens_after_s, error, closes_after_s
        self.opened: list[asyncio.Task[object] | None] = []
        self.closed: list[asyncio.Task[object] | None] = []

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[object]:
        await asyncio.sleep(self.opens_after_s)
        if self.error is not None:
            raise self.error
        self.opened.append(asyncio.current_task())
        try:
            yield object()
        finally:
            await asyncio.sleep(self.closes_after_s)
            self.closed.append(asyncio.current_task())


async def others() -> list[asyncio.Task[object]]:
    return [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]


def test_it_is_opened_once_whoever_asks_and_closed_by_the_task_that_opened_it() -> None:
    async def main() -> None:
        held, door = Held(), Door(opens_after_s=1)
        things = await asyncio.gather(*(held.get("door", door.open) for _ in range(3)))
        assert len({id(thing) for thing in things}) == len(door.opened) == 1
        assert held
        await held.close()
        assert door.opened == door.closed
        assert not held
        assert await others() == []

    run_virtual(main())


def test_what_could_not_be_opened_is_told_to_all_who_ask_and_tried_again() -> None:
    async def main() -> None:
        held, door = Held(), Door(opens_after_s=1, error=OSError("stuck"))
        told = await asyncio.gather(*(held.get("door", door.open) for _ in range(2)), return_exceptions=True)
        assert [str(error) for error in told] == ["stuck", "stuck"]
        assert not held
        door.error = None
        await held.get("door", door.open)
        await held.close()
        assert await others() == []

    run_virtual(main())


def test_what_is_let_go_is_closed_and_a_later_one_is_left_alone() -> None:
    async def main() -> None:
        held, door = Held(), Door()
        first = await held.get("door", door.open)
        await held.let_go("door", first)
        second = await held.get("door", door.open)
        await held.let_go("door", first)
        assert (len(door.opened), len(door.closed)) == (2, 1)
        assert await held.get("door", door.open) is second
        await held.close()

    run_virtual(main())


def test_who_waits_for_the_end_waits_also_when_cancelled() -> None:
    async def main() -> None:
        held, door = Held(), Door(closes_after_s=5)
        await held.get("door", door.open)
        closing = asyncio.ensure_future(held.close())
        await asyncio.sleep(1)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert len(door.closed) == 1
        assert await others() == []

    run_virtual(main())


def test_what_is_not_open_yet_is_given_up_at_the_end() -> None:
    async def main() -> None:
        held, door = Held(), Door(opens_after_s=100)
        asking = asyncio.ensure_future(held.get("door", door.open))
        await asyncio.sleep(1)
        asking.cancel()
        await asyncio.wait([asking])
        await held.close()
        assert door.opened == []
        assert await others() == []

    run_virtual(main())
