"""A program that drives one run, and is killed, starved, or lied to about the time: ``driving_app.py OPTIONS``.

Not a test itself. OPTIONS is a JSON object: ``kind`` and ``address`` of the store, ``store`` (its options), ``log``,
``graph``, ``run``, ``state``, ``durability``, ``file_bytes`` (the largest file it may write), ``clock_s`` (how far its
clock is off from the beginning). It starts the run, or goes on with it, and prints what came of it as a JSON object.

Every doing outside is a line in the log, written before it is recorded.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import signal
import sys
import time
from typing import Annotated, Any

from pydantic import BaseModel

from graphflow import END, START, Context, Graph, Retry, append, fields
from graphflow.core.plan import Limits
from graphflow.errors import GraphflowError, RunNotFound
from graphflow.stores import PostgresStore, SQLiteStore, Store

_true_time = time.time


class Outside:
    """What nodes do to the world: lines of a log, and the clock, which somebody sets."""

    def __init__(self, log: str) -> None:
        self._log = log
        self._file = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o666)
        self.began = time.perf_counter()
        self.first_s: float | None = None  # until the first node of this process

    def add(self, what: str) -> None:
        if self.first_s is None:
            self.first_s = time.perf_counter() - self.began
        os.write(self._file, f"{what}\n".encode())

    def die_once(self) -> None:
        """As by ``kill -9``, which it is."""
        if not os.path.exists(f"{self._log}.died"):
            os.close(os.open(f"{self._log}.died", os.O_CREAT))
            os.kill(os.getpid(), signal.SIGKILL)


def set_clock(seconds: float) -> None:
    """The wall clock is off by so much from now on."""
    time.time = lambda: _true_time() + seconds


# -- a long chain --------------------------------------------------------------------------------------------------------


class Chain(BaseModel):
    """``left`` steps, each waits ``pause_s`` and writes ``grows`` characters; at step ``dies_at`` the process dies."""

    left: int = 60
    pause_s: float = 0.0
    grows: int = 0
    dies_at: int = -1
    note: str = ""
    done: Annotated[list[int], append] = []
    pieces: Annotated[list[str], append] = []


chain = fields(Chain)
long = Graph("chain", Chain, limits=Limits(steps=100_000))


@long.node(writes=(chain.left, chain.done, chain.pieces))
async def step(state: Chain, ctx: Context[Outside]) -> tuple[int, int, str]:
    number = len(state.done)
    ctx.deps.add(f"step {number}")
    if number == state.dies_at:
        ctx.deps.die_once()
    if state.pause_s:
        await asyncio.sleep(state.pause_s)
    return state.left - 1, number, random.Random(number).randbytes(state.grows // 2).hex()  # no store makes it smaller


long.edge(START, step)
long.edge(step, step, when=chain.left > 0, at_most="unbounded")
long.edge(step, END)


# -- a wide fork ---------------------------------------------------------------------------------------------------------


class Fan(BaseModel):
    """``width`` branches; each pays once, waits ``pause_s``, and gives a square."""

    width: int = 100
    pause_s: float = 0.0
    items: list[int] = []
    squares: Annotated[list[int], append] = []
    total: int = 0


fan = fields(Fan)
wide = Graph("fan", Fan, limits=Limits(steps=100_000))


@wide.node(writes=fan.items)
async def plan(state: Fan) -> list[int]:
    return list(range(state.width))


@wide.node(writes=fan.squares)
async def square(state: Fan, item: int, ctx: Context[Outside]) -> int:
    ctx.deps.add(f"square {item}")
    if state.pause_s:
        await asyncio.sleep(state.pause_s * (1 + item % 3))
    return item * item


@wide.node(writes=fan.total)
async def add_up(state: Fan, ctx: Context[Outside]) -> int:
    ctx.deps.add("add up")
    return sum(state.squares)


wide.edge(START, plan)
wide.map(plan, square, over=fan.items, join=add_up, at_once=16)
wide.edge(add_up, END)


# -- timers, retries, and a clock that jumps -----------------------------------------------------------------------------


class Timed(BaseModel):
    """``jump_s``: how far off the clock is from the first node on. ``steps``: after it, each waits ``pause_s``."""

    jump_s: float = 0.0
    left: int = 8
    pause_s: float = 0.1
    done: Annotated[list[str], append] = []
    answer: str = ""


timed = fields(Timed)
clocked = Graph("timed", Timed)


@clocked.node(writes=timed.done)
async def jump(state: Timed, ctx: Context[Outside]) -> str:
    ctx.deps.add("jump")
    set_clock(state.jump_s)
    return "jump"


@clocked.node(writes=timed.done, retry=Retry(attempts=3, first_s=0.2, factor=1.0, on=ConnectionError), timeout_s=60)
async def flaky(state: Timed, ctx: Context[Outside]) -> str:
    ctx.deps.add(f"flaky {time.monotonic()}")
    if ctx.attempt < 3:
        raise ConnectionError("not yet")
    return "flaky"


@clocked.node(writes=timed.done)
async def slow(state: Timed, ctx: Context[Outside]) -> str:
    ctx.deps.add(f"slow {time.monotonic()}")
    await asyncio.sleep(600)
    return "slow"


@clocked.node(writes=(timed.done, timed.left))
async def work(state: Timed, ctx: Context[Outside]) -> tuple[str, int]:
    ctx.deps.add(f"work {time.monotonic()}")
    await asyncio.sleep(state.pause_s)
    return "work", state.left - 1


@clocked.node(writes=timed.done)
async def late(state: Timed, ctx: Context[Outside]) -> str:
    ctx.deps.add(f"late {time.monotonic()}")
    return "late"


approve = clocked.ask("approve", "Well?", answer=str, writes=timed.answer)
clocked.chain(START, jump, flaky, slow, END)
clocked.edge(slow, work, after_s=0.4)
clocked.edge(work, work, when=timed.left > 0, at_most="unbounded")
clocked.edge(work, approve)
clocked.edge(approve, END)
clocked.edge(approve, late, after_s=1.0)
clocked.edge(late, END)


GRAPHS: dict[str, tuple[Graph[Any], type[BaseModel]]] = {
    "chain": (long, Chain),
    "fan": (wide, Fan),
    "timed": (clocked, Timed),
}


def main() -> int:
    asked = json.loads(sys.argv[1])
    if "file_bytes" in asked:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_bytes"], resource.RLIM_INFINITY))
    set_clock(asked.get("clock_s", 0.0))
    try:
        told = _drive(asked)
    except GraphflowError as error:
        told = {"code": error.code, "error": str(error)}
    told["peak_kb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(told), flush=True)
    return 0 if "status" in told else 1


def _drive(asked: dict[str, Any]) -> dict[str, Any]:
    made = SQLiteStore if asked["kind"] == "sqlite" else PostgresStore
    store: Store = made(asked["address"], **asked.get("store", {}))
    graph, state = GRAPHS[asked["graph"]]
    outside = Outside(asked["log"])
    options: dict[str, Any] = {"store": store, "deps": outside, "durability": asked.get("durability", "step")}
    try:
        try:
            store.row(asked["run"])
        except RunNotFound:
            run = graph.run_sync(state.model_validate(asked.get("state", {})), run_id=asked["run"], **options)
        else:
            run = graph.resume_sync(asked["run"], **options)
    finally:
        store.close()
    spent_s = time.perf_counter() - outside.began
    return {"status": run.status, "path": run.path[:20], "first_s": outside.first_s, "spent_s": spent_s}


if __name__ == "__main__":
    sys.exit(main())
