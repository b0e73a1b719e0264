"""The floor: the same updates by hand, and asyncio.gather."""

from __future__ import annotations

import asyncio
from typing import Any

from timing import CHAIN, LOOP, MAP, report


async def steps(count: int) -> None:
    async def node(values: dict[str, Any]) -> dict[str, Any]:
        return {"n": values["n"] + 1}

    values: dict[str, Any] = {"n": 0, "word": ""}
    for _ in range(count):
        values.update(await node(values))


async def gather(width: int) -> list[int]:
    async def double(item: int) -> int:
        return 2 * item

    return await asyncio.gather(*(double(item) for item in range(width)))


report(
    "",
    {
        "chain": (lambda: asyncio.run(steps(100 * CHAIN)), 100 * CHAIN),
        "loop": (lambda: asyncio.run(steps(10 * LOOP)), 10 * LOOP),
        "map": (lambda: asyncio.run(gather(MAP)), MAP),
    },
)
