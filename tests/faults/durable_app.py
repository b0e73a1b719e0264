"""A program whose run is killed and gone on with: ``durable_app.py STORE LOG RUN DURABILITY``. Not a test itself.

Every doing outside is a line in LOG, written before it is recorded: what was begun, and by which process.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel

from graphflow import END, START, Context, Graph, append, fields
from graphflow.errors import RunBusy, RunNotFound
from graphflow.stores import SQLiteStore

LEASE_S = 0.6


class Work(BaseModel):
    width: int = 12
    rounds: int = 20
    items: list[int] = []
    squares: Annotated[list[int], append] = []
    done: Annotated[list[int], append] = []
    total: int = 0


work = fields(Work)
graph = Graph("work", Work)


class Log:
    """The lines of what was done outside."""

    def __init__(self, path: str) -> None:
        self.file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def add(self, what: str) -> None:
        os.write(self.file, f"{what}\n".encode())


@graph.node(writes=work.items)
async def plan(state: Work) -> list[int]:
    return list(range(state.width))


@graph.node(writes=work.squares)
async def square(state: Work, item: int, ctx: Context[Log]) -> int:
    async def pay() -> int:
        ctx.deps.add(f"paid {item}")
        return item * item

    ctx.deps.add(f"node square {item}")
    paid: int = await ctx.once("pay", pay)
    await asyncio.sleep(0.05)
    return paid


@graph.node(writes=work.done)
async def step(state: Work, ctx: Context[Log]) -> int:
    ctx.deps.add(f"node step {len(state.done)}")
    await asyncio.sleep(0.02)
    return len(state.done)


@graph.node(writes=work.total)
async def add_up(state: Work) -> int:
    return sum(state.squares) + sum(state.done)


graph.edge(START, plan)
graph.map(plan, square, over=work.items, join=step, at_once=3, failures="stop")
graph.edge(step, step, when=work.rounds > 0, at_most=20)
graph.edge(step, add_up)
graph.edge(add_up, END)


def main() -> None:
    path, log, run_id, durability = sys.argv[1:5]
    with_store = SQLiteStore(Path(path), lease_s=LEASE_S)
    options = {"store": with_store, "durability": durability, "deps": Log(log)}
    try:
        with_store.row(run_id)
    except RunNotFound:
        run = graph.run_sync(Work(), run_id=run_id, **options)  # type: ignore[arg-type]
    else:
        try:
            run = graph.resume_sync(run_id, **options)  # type: ignore[arg-type]
        except RunBusy:
            sys.exit(75)
    print(run.status, run.state.total)


if __name__ == "__main__":
    main()
