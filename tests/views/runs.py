"""Runs to draw: small graphs of every kind of step, run for real with a virtual clock."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel

from graphflow import END, FAIL, START, Graph, Retry, RunFailed, append, fields
from graphflow.graph.context import Context
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual
from graphflow.views.overlay import Mark, Overlay


class Trip(BaseModel):
    """What every graph here works on."""

    items: list[str] = ["a", "b", "c"]
    found: Annotated[list[str], append] = []
    score: int = 0
    is_ok: bool | None = None


trip = fields(Trip)


def run_of(graph: Graph[Trip], **values: Any) -> Run[Trip]:
    """How a run of it ends, with time that costs none; one that fails, too."""

    async def main() -> Run[Trip]:
        try:
            return await graph.run(Trip(**values))
        except RunFailed as failed:
            run: Run[Trip] = failed.run
            return run

    return run_virtual(main())


def over(graph: Graph[Trip], run: Run[Trip], step: int | None = None, **options: Any) -> Overlay:
    overlay = graph.draw(run, step=step, **options).overlay
    assert overlay is not None
    return overlay


def mark(graph: Graph[Trip], run: Run[Trip], node: str, step: int | None = None, **options: Any) -> Mark:
    """What is to be seen of a node, which is named by its path: ``team/search``."""
    return over(graph, run, step, **options).mark(f"n.{node}")


def step_of(run: Run[Trip], kind: str, at: str = "", which: int = 0) -> int:
    """The seq of an entry, by its kind and the beginning of its cursor."""
    found = [entry["seq"] for entry in run.journal if entry["kind"] == kind and entry.get("at", "").startswith(at)]
    return int(found[which])


async def no_work(state: Trip) -> None:
    """A node that does nothing."""


def mapping(
    *, at_once: int | None = None, broken: tuple[str, ...] = (), has_rescue: bool = False, **options: Any
) -> Graph[Trip]:
    """``plan`` maps to ``search``, a second each; ``gather`` is the join."""
    graph = Graph("mapping", Trip)
    plan, gather = (graph.node(no_work, name=name) for name in ("plan", "gather"))

    @graph.node(writes=trip.found)
    async def search(state: Trip, item: str) -> str:
        await asyncio.sleep(1)
        if item in broken:
            raise ValueError(f"nothing on {item}")
        return item

    graph.edge(START, plan)
    graph.map(plan, search, over=trip.items, join=gather, at_once=at_once, **options)
    if has_rescue:
        rescue = graph.node(no_work, name="rescue")
        graph.edge(search, rescue, on_error=ValueError)
        graph.edge(rescue, gather)
        graph.edge(search, gather)
    graph.edge(gather, END)
    return graph


def asking() -> Graph[Trip]:
    """``draft``, a question, and on to the end or to failure."""
    graph = Graph("asking", Trip)
    draft = graph.node(no_work, name="draft")
    review = graph.ask("review", "Good?", answer=bool, writes=trip.is_ok)
    graph.edge(START, draft)
    graph.edge(draft, review)
    graph.edge(review, END, when=trip.is_ok == True)
    graph.edge(review, FAIL("refused"))
    return graph


def looping() -> Graph[Trip]:
    """``count`` until the score is three, at most five times more."""
    graph = Graph("looping", Trip)

    @graph.node(writes=trip.score)
    async def count(state: Trip) -> int:
        await asyncio.sleep(2)
        return state.score + 1

    graph.edge(START, count)
    graph.edge(count, END, when=trip.score >= 3)
    graph.edge(count, count, at_most=5)
    graph.edge(count, FAIL("too often"))
    return graph


def retrying(failures: int, attempts: int = 3) -> Graph[Trip]:
    """``fetch`` fails so many times first."""
    graph = Graph("retrying", Trip)

    @graph.node(retry=Retry(attempts=attempts, first_s=4, jitter=0))
    async def fetch(state: Trip, ctx: Context[Any]) -> None:
        if ctx.attempt <= failures:
            raise ConnectionError("the line is dead")

    graph.edge(START, fetch)
    graph.edge(fetch, END)
    return graph


def nesting(*, is_broken: bool = False, has_question: bool = False, retry: Retry | None = None) -> Graph[Trip]:
    """A sub-graph ``team`` with ``search`` in it; ``repair`` is its way out."""
    inner = Graph("the team", Trip)

    @inner.node
    async def search(state: Trip) -> None:
        await asyncio.sleep(3)
        if is_broken:
            raise ValueError("lost")

    inner.edge(START, search)
    if has_question:
        ask = inner.ask("ask", "Go on?", answer=bool, writes=trip.is_ok)
        inner.edge(search, ask)
        inner.edge(ask, END)
    else:
        inner.edge(search, END)
    graph = Graph("nesting", Trip)
    team, after, repair = (
        graph.node(inner, name="team", retry=retry),
        graph.node(no_work, name="after"),
        graph.node(no_work, name="repair"),
    )
    graph.edge(START, team)
    graph.edge(team, after)
    graph.edge(team, repair, on_error=ValueError)
    graph.edge(after, END)
    graph.edge(repair, END)
    return graph


def ready_graphs() -> Iterator[Graph[Any]]:
    """Every graph of the folder ``graphs``."""
    for file in sorted(Path(__file__).parents[2].joinpath("graphs").glob("*.py")):
        module = importlib.import_module(f"graphs.{file.stem}")
        yield from {id(one): one for one in vars(module).values() if isinstance(one, Graph)}.values()
