"""What every peer's script shares: the sizes, and CPU time of one unit of work. Needs nothing but Python."""

from __future__ import annotations

import gc
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from typing import Any

CHAIN = 1_000
LOOP = 10_000
MAP = 1_000
RUNS = 3


def cost_us(work: Callable[[], Any], units: int) -> float:
    """The least CPU microseconds a unit of several runs, after one to warm up: what disturbs only adds."""
    found: list[float] = []
    for _ in range(RUNS + 1):
        gc.collect()
        begun = time.process_time()
        work()
        found.append((time.process_time() - begun) / units * 1e6)
    return min(found[1:])


def report(package: str, works: dict[str, tuple[Callable[[], Any], int]]) -> None:
    """Measure each work, a few times, and print one JSON object; a failure is printed in place of its figure."""
    figures: dict[str, float | str] = {}
    for name, (work, units) in works.items():
        try:
            figures[name] = cost_us(work, units)
        except Exception as error:
            figures[name] = f"{type(error).__name__}: {error}"[:200]
    version = importlib.metadata.version(package) if package else ""
    json.dump({"version": version, "python": sys.version.split()[0], "figures": figures}, sys.stdout)
