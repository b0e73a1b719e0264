"""A program that drives tours, and dies, stops or hangs where it is told to.

Not a test itself; ``enter`` is its beginning. The variable TOUR holds a JSON object: ``kind`` and ``address`` of the store, ``store`` (its options),
``only`` (further ones of some runs), ``diary``, ``runs``, ``state``, ``durability``, ``fate`` (see ``points.py``), ``holds`` (see ``Diary``), ``owner`` (a name
for its drivers as if they were on another machine), ``idle_s`` (what Postgres allows a transaction to do nothing),
``stops`` (a file: the driver is stopped once it is there), ``at`` (a file: it begins once this is there), ``starts`` (it
does not look first whether there is such a run). It starts each run, or goes on with it, in a thread of its own, and
prints what came of them as a JSON object. With arguments it is graphflow's command line, with ``store`` for its options.

Every doing outside is a line in the diary, written before it is recorded: what, its idempotency key, the attempt, and
the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel

from graphflow import END, START, Context, Graph, Retry, append, fields
from graphflow.core.plan import Limits
from graphflow.errors import GraphflowError, RunFailed, RunNotFound
from graphflow.runtime.beginning import open_store
from graphflow.runtime.run import Run
from graphflow.stores import PostgresStore, SQLiteStore, Store
from tests.faults.points import Fate, own_fate, told, watch

AT_ONCE = 3  # nodes of one run


class Diary:
    """What nodes did outside, and what happens to this process in one of them.

    ``holds`` has idempotency keys of nodes, which wait until a file of that name, with dashes, is beside the diary, and
    how: they ``wait`` as they should, ``block`` the event loop, or ``cling``: wait on when they are cancelled.
    """

    def __init__(self, path: str, fate: Fate, holds: Mapping[str, str]) -> None:
        self._path = path
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o666)
        self._fate = fate
        self._holds = holds

    def add(self, what: str, ctx: Context[Diary]) -> None:
        os.write(self._file, f"{what} {ctx.idempotency_key} {ctx.attempt} {os.getpid()}\n".encode())

    def passes(self, point: str, ctx: Context[Diary]) -> None:
        self._fate.passes(f"node {point} {ctx.cursor} {ctx.attempt}")

    async def begin(self, ctx: Context[Diary]) -> None:
        self.passes("before", ctx)
        self.add("begin", ctx)
        self.passes("in", ctx)
        how = self._holds.get(ctx.idempotency_key)
        if how is not None:
            self.add("held", ctx)
            await self._hold(ctx, let_go_file(self._path, ctx.idempotency_key), how)

    async def _hold(self, ctx: Context[Diary], go: Path, how: str) -> None:
        while not go.exists():
            if how == "block":
                time.sleep(0.002)
                continue
            try:
                await asyncio.sleep(0.002)
            except asyncio.CancelledError:
                if how == "wait":
                    self.add("cancelled", ctx)
                    raise
                self.add("clings", ctx)


def let_go_file(diary: str, key: str) -> Path:
    """A file that lets a node go on."""
    return Path(f"{diary}.{key.replace('/', '-')}")


class Tour(BaseModel):
    """``rounds`` of twelve nodes each; ``hopeless``: what is tried three times never works."""

    rounds: int = 10
    pause_s: float = 0.001
    hopeless: bool = False
    places: list[int] = []
    seen: Annotated[list[int], append] = []
    ratings: Annotated[list[int], append] = []
    sea: int = 0
    land: int = 0
    ways: Annotated[list[str], append] = []
    bookings: Annotated[list[str], append] = []


tour = fields(Tour)
graph = Graph("tour", Tour, limits=Limits(steps=10_000))


@graph.node(writes=tour.places)
async def plan(state: Tour, ctx: Context[Diary]) -> list[int]:
    await ctx.deps.begin(ctx)
    return [100 * state.rounds + number for number in range(5)]


@graph.node(writes=tour.seen)
async def visit(state: Tour, item: int, ctx: Context[Diary]) -> int:
    async def pay() -> int:
        ctx.deps.add("paid", ctx)
        ctx.deps.passes("paid", ctx)
        return item * item

    await ctx.deps.begin(ctx)
    paid: int = await ctx.once("pay", pay)
    ctx.deps.passes("recorded", ctx)
    await asyncio.sleep(state.pause_s * (1 + item % 3))
    return paid


@graph.node(writes=tour.ratings)
async def rate(state: Tour, ctx: Context[Diary]) -> int:
    await ctx.deps.begin(ctx)
    return sum(state.seen)


@graph.node(writes=tour.sea)
async def sail(state: Tour, ctx: Context[Diary]) -> int:
    await ctx.deps.begin(ctx)
    await asyncio.sleep(state.pause_s)
    return state.ratings[-1] % 7


@graph.node(writes=tour.land)
async def ride(state: Tour, ctx: Context[Diary]) -> int:
    await ctx.deps.begin(ctx)
    return state.ratings[-1] % 5


@graph.node(writes=tour.ways)
async def choose(state: Tour, ctx: Context[Diary]) -> str:
    await ctx.deps.begin(ctx)
    return "sea" if state.sea < state.land else "land"


@graph.node(writes=tour.bookings, retry=Retry(attempts=3, first_s=0.002, factor=1.0, on=ConnectionError))
async def book(state: Tour, ctx: Context[Diary]) -> str:
    await ctx.deps.begin(ctx)
    if ctx.attempt < 3 or state.hopeless:
        raise ConnectionError("nobody answers")
    return f"{state.ways[-1]}, attempt {ctx.attempt}"


@graph.node(writes=tour.rounds)
async def home(state: Tour, ctx: Context[Diary]) -> int:
    await ctx.deps.begin(ctx)
    return state.rounds - 1


graph.edge(START, plan)
graph.map(plan, visit, over=tour.places, join=rate, at_once=AT_ONCE)
graph.fork(rate, [sail, ride], join=choose)
graph.chain(choose, book, home)
graph.edge(home, plan, when=tour.rounds > 0, at_most="unbounded")
graph.edge(home, END)


def diary() -> Diary:
    """What nodes are given: ``--deps touring_app.py:diary``."""
    asked = told()
    return Diary(asked["diary"], own_fate(), asked.get("holds", {}))


def enter(arguments: list[str], told_so: str, folder: str, out: str, errors: str) -> None:
    """In a new process, which ends with the one it was forked off."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    os.chdir(folder)
    os.environ.pop("GRAPHFLOW_STORE", None)
    os.environ["TOUR"] = told_so
    for file, number in ((out, 1), (errors, 2)):
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), number)
    sys.exit(_command_line(arguments) if arguments else _tell())


def _command_line(arguments: list[str]) -> int:
    """graphflow's own, with a store that is watched."""
    from graphflow.cli import opening
    from graphflow.cli.main import main

    def open_watched(*given: Any) -> Store:
        store = open_store(*given)
        watch(store, own_fate())
        _alter(store)
        return store

    opening.__dict__["open_store"] = open_watched
    for made in (SQLiteStore, PostgresStore):  # there is no option for what only tests need
        defaults = made.__init__.__kwdefaults__
        assert defaults is not None
        defaults.update(told().get("store", {}))
    return main(arguments)


def _tell() -> int:
    runs = told()["runs"]
    with ThreadPoolExecutor() as threads:
        outcomes = dict(zip(runs, threads.map(_drive, runs), strict=True))
    print(json.dumps(outcomes), flush=True)
    return 0 if all("status" in outcome for outcome in outcomes.values()) else 1


def _drive(run_id: str) -> dict[str, Any]:
    asked = told()
    made = SQLiteStore if asked["kind"] == "sqlite" else PostgresStore
    store: Store = made(asked["address"], **asked.get("store", {}), **asked.get("only", {}).get(run_id, {}))
    watch(store, own_fate())
    _alter(store)
    options: dict[str, Any] = {"store": store, "deps": diary(), "durability": asked.get("durability", "step")}
    try:
        if _is_to_start(store, run_id, asked):
            run = graph.run_sync(Tour.model_validate(asked.get("state", {})), run_id=run_id, **options)
        elif "stops" in asked:
            run = asyncio.run(_stopped(graph.resume(run_id, **options), Path(asked["stops"])))
        else:
            run = graph.resume_sync(run_id, **options)
    except RunFailed as failed:
        return {"status": failed.run.status}
    except asyncio.CancelledError:
        return {"status": "stopped"}
    except GraphflowError as error:
        return {"code": error.code, "error": str(error)}
    finally:
        with contextlib.suppress(GraphflowError):
            store.close()
    return {"status": run.status}


def _alter(store: Any) -> None:
    """Be on another machine; or have a server that is sooner tired of a transaction, if it ever is."""
    asked = told()
    if "owner" in asked:
        store._owner = asked["owner"]
    if "idle_s" in asked:
        connection = store._database._writing
        ((is_tired,),) = connection.execute("SELECT current_setting('idle_in_transaction_session_timeout') <> '0'")
        assert is_tired
        connection.execute(f"SET idle_in_transaction_session_timeout = '{asked['idle_s']}s'")


async def _stopped(work: Coroutine[Any, Any, Run[Any]], file: Path) -> Run[Any]:
    """Drive until the file is there."""
    task = asyncio.ensure_future(work)
    while not (task.done() or file.exists()):
        await asyncio.sleep(0.002)
    task.cancel()
    return await task


def _is_to_start(store: Store, run_id: str, asked: dict[str, Any]) -> bool:
    if "at" in asked:
        Path(f"{asked['at']}.{os.getpid()}").touch()
        while not Path(asked["at"]).exists():
            time.sleep(0.001)
    if asked.get("starts"):
        return True
    try:
        store.row(run_id)
    except RunNotFound:
        return True
    return False
