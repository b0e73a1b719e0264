"""CPU time as a ratio to a floor: floors before and after each run, the median of five, unsteady runs repeated."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

RUNS = 5
MOST_RUNS = 12
STEADY = 0.10
"""A run whose floors before and after differ by more than this share is dropped."""

REPOSITORY = Path(__file__).resolve().parents[2]

Sample = Callable[[], float]
"""Does the work once and returns its CPU seconds, without those of its preparation."""


@dataclass(frozen=True)
class Measured:
    """A ratio to a floor. ``cost_us`` and ``floor_us`` are for one unit of work; None where nothing was timed."""

    value: float
    cost_us: float | None = None
    floor_us: float | None = None
    dropped: int = 0
    is_steady: bool = True
    note: str = ""


def timed(work: Callable[[], Any], times: int = 1) -> Sample:
    """A sample of a plain function."""

    def sample() -> float:
        gc.collect()
        begun = time.process_time()
        for _ in range(times):
            work()
        return (time.process_time() - begun) / times

    return sample


def timed_async(work: Callable[[], Awaitable[Any]], times: int = 1) -> Sample:
    """A sample of something awaited; starting the event loop is not part of it."""

    async def main() -> float:
        gc.collect()
        begun = time.process_time()
        for _ in range(times):
            await work()
        return (time.process_time() - begun) / times

    return lambda: asyncio.run(main())


BYTECODE = tempfile.TemporaryDirectory()
"""Of the processes measured, kept from one to the next as that of an installed package is, whatever the shell says."""


def process(*arguments: str) -> Sample:
    """A sample of a fresh Python process with these arguments, whose modules were compiled by one before it."""
    command = [sys.executable, *arguments]
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": BYTECODE.name}

    def sample() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, cwd=REPOSITORY, stdout=subprocess.DEVNULL, env=environ)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return sample


def compare(work: Sample, floor: Sample, per: int = 1, floor_per: int | None = None) -> Measured:
    """The median ratio of ``work`` to ``floor``, each divided by the units of work it holds."""
    units, floor_units = per, per if floor_per is None else floor_per
    work(), floor()  # warm up
    steady: list[tuple[float, float]] = []
    unsteady: list[tuple[float, float]] = []
    for _ in range(MOST_RUNS):
        before, cost, after = floor() / floor_units, work() / units, floor() / floor_units
        is_steady = abs(before - after) <= STEADY * min(before, after)
        (steady if is_steady else unsteady).append((cost, (before + after) / 2))
        if len(steady) == RUNS:
            break
    kept = steady if len(steady) >= 3 else steady + unsteady
    return Measured(
        value=median(cost / base for cost, base in kept),
        cost_us=median(cost for cost, _ in kept) * 1e6,
        floor_us=median(base for _, base in kept) * 1e6,
        dropped=len(unsteady),
        is_steady=len(steady) >= 3,
    )
