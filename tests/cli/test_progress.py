"""What is shown of a run follows its events, for every shape of graph."""

from __future__ import annotations

import asyncio
import contextlib
import io
from typing import Annotated, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from rich.console import Console

from graphflow import END, START, Context, Graph, Retry, append, fields, quorum
from graphflow.cli.progress import Progress, in_order
from graphflow.cli.screen import Lines
from graphflow.cli.tree import Tree
from graphflow.errors import RunFailed
from graphflow.runtime.events import Event


class State(BaseModel):
    items: list[str] = []
    found: Annotated[list[str], append] = []
    is_sure: bool = False


state = fields(State)


class Busy(Exception):
    """Worth another try."""


def observed(graph: Graph[State], start: dict[str, Any]) -> tuple[Progress, list[Event]]:
    """The progress of a run, and its events."""
    progress, seen = Progress(graph.plan()), list[Event]()

    def observe(event: Event) -> None:
        seen.append(event)
        progress.observe(event)

    with contextlib.suppress(RunFailed):
        graph.run_sync(start, observers=[observe])
    return progress, seen


def mapping(need: Any = "all") -> Graph[State]:
    """One branch per item: ``bad`` fails, ``busy`` once, ``slow`` waits for ever."""
    graph = Graph("mapping", State)
    tried: set[str] = set()

    @graph.node
    def scout(view: State) -> dict[str, object]:
        return {}

    @graph.node(writes=state.found, retry=Retry(attempts=2, first_s=0, on=Busy))
    async def research(view: State, item: str) -> str:
        if item == "bad":
            raise ValueError("no such page")
        if item == "busy" and item not in tried:
            tried.add(item)
            raise Busy("429")
        if item == "slow":
            await asyncio.Event().wait()
        return item

    @graph.node
    def gather(view: State) -> dict[str, object]:
        return {}

    graph.edge(START, scout)
    graph.map(scout, research, over=state.items, join=gather, need=need, failures="collect")
    graph.edge(gather, END)
    return graph


def text_of(tree: Tree, now: float) -> str:
    out = io.StringIO()
    Console(file=out, width=100, color_system=None).print(tree.drawn(now))
    return out.getvalue()


@given(st.lists(st.sampled_from(["good", "bad", "busy"]), max_size=30))
@settings(max_examples=25, deadline=None)
def test_every_branch_of_a_map_is_counted_once(items: list[str]) -> None:
    progress, _ = observed(mapping(), {"items": items})
    row = progress.rows["research"]
    assert row.done + row.failed == len(items)
    assert row.failed == items.count("bad")
    assert row.expected == len(items)
    assert not row.running
    assert not row.sleeping


def test_branches_that_are_no_longer_needed_are_said_to_be_cancelled() -> None:
    """S6.6: a quorum stops the rest."""
    progress, _ = observed(mapping(quorum(2)), {"items": ["a", "slow", "bad", "b"]})
    row = progress.rows["research"]
    assert (row.done, row.failed, row.cancelled) == (2, 1, 1)
    assert [branch.status for branch in row.branches.values()] == ["done", "cancelled", "failed", "done"]


def test_a_branch_of_a_fork_that_lost_the_race_is_cancelled() -> None:
    graph = Graph("race", State)

    @graph.node
    async def waits(view: State) -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    graph.point("ask")
    graph.point("wins")
    graph.point("meet")
    graph.edge(START, "ask")
    graph.fork("ask", [waits, "wins"], join="meet", need="first")
    graph.chain("meet", END)
    graph.edge(waits, "meet")
    graph.edge("wins", "meet")
    progress, events = observed(graph, {})
    assert [row.status for row in progress.rows.values()] == ["done", "cancelled", "done", "done"]
    assert "– waits  function" in text_of(Tree(progress), events[-1].t)


def test_a_map_is_one_line_with_counts_a_bar_and_its_items() -> None:
    progress, events = observed(mapping(), {"items": ["good", "bad"]})
    text = text_of(Tree(progress), events[-1].t)
    assert "✓ research ×2  fan-out    1 ok · 1 failed\n" in text
    assert "✗ bad   " in text
    assert "ValueError: no such page" in text
    assert " 2/2\n" in text


def test_of_many_branches_only_the_counts_are_shown() -> None:
    progress, events = observed(mapping(), {"items": ["good"] * 400})
    text = text_of(Tree(progress), events[-1].t)
    assert "400 ok" in text
    assert len(text.splitlines()) == 5


def test_a_retry_is_counted_down() -> None:
    """S8.1: the delay is a timer of the run."""
    graph = Graph("flaky", State)

    @graph.node(retry=Retry(attempts=3, first_s=0, on=Busy))
    def answer(view: State, ctx: Context[Any]) -> dict[str, object]:
        if ctx.attempt == 1:
            raise Busy("429 rate limit")
        return {}

    graph.edge(START, answer)
    graph.edge(answer, END)
    progress, seen = Progress(graph.plan()), list[str]()
    tree = Tree(progress)

    def observe(event: Event) -> None:
        tree.observe(event)
        for wait in progress.rows["answer"].sleeping.values():
            seen.append(text_of(tree, wait.due - 1.4))

    graph.run_sync({}, observers=[observe])
    assert "↻ answer  function   try 2 of 3 in 1.4 s  (Busy: 429 rate limit)" in seen[0]
    assert "✓ answer" in text_of(tree, progress.now)


def test_a_sub_graph_shows_its_own_nodes_once_it_is_entered() -> None:
    inner = Graph("team", State)

    @inner.node(writes=state.found)
    def plan(view: State) -> str:
        return "a plan"

    inner.chain(START, plan, END)
    graph = Graph("outer", State)
    team = graph.node(inner)
    graph.chain(START, team, END)
    progress, events = observed(graph, {})
    assert progress.rows["team"].status == "done"
    assert progress.rows["team"].rows["plan"].status == "done"
    assert "    └── ✓ plan  function" in text_of(Tree(progress), events[-1].t)


def test_a_node_that_failed_says_why_and_nothing_goes_on_running() -> None:
    failing = Graph("failing", State)

    @failing.node
    def fail(view: State) -> dict[str, object]:
        raise ValueError("no")

    failing.chain(START, fail, END)
    progress, events = observed(failing, {})
    assert progress.status == "failed"
    assert "✗ fail  function   ValueError: no" in text_of(Tree(progress), events[-1].t)
    assert not any(row.running for row in progress.all_rows())


def test_rows_stand_in_the_order_of_the_run_and_not_of_the_file() -> None:
    graph = Graph("order", State)
    for name in ("last", "side", "first", "apart"):
        graph.point(name)
    graph.edge(START, "first")
    graph.edge("first", "side", when=state.is_sure)
    graph.edge("first", "last")
    graph.edge("side", "last")
    graph.edge("last", "first", when=state.is_sure, at_most=2)
    graph.edge("last", END)
    graph.edge("apart", END)
    names = [node.name for node in in_order(graph.plan()) if node.kind == "point"]
    assert names == ["first", "side", "last", "apart"]


def test_a_tall_tree_leaves_out_what_did_not_run_and_then_what_is_done() -> None:
    graph = Graph("tall", State)
    points = [graph.point(f"p{k}") for k in range(100)]
    graph.chain(START, *points, END)
    progress = Progress(graph.plan())
    tree = Tree(progress, Console(file=io.StringIO(), width=80, height=20))
    tree.is_live = True
    graph.run_sync({}, observers=[lambda event: tree.observe(event) if event.seq < 52 else None])
    lines = text_of(tree, progress.now).splitlines()
    assert len(lines) <= 18
    assert "before" in lines[1]
    assert "not run yet" in lines[-1]


def test_of_many_branches_plain_lines_tell_every_tenth_part() -> None:
    graph = mapping()
    out = io.StringIO()
    graph.run_sync({"items": ["good"] * 400}, observers=[Lines(Progress(graph.plan()), out).observe])
    lines = [line for line in out.getvalue().splitlines() if " of 400" in line]
    assert len(lines) == 10
    assert lines[-1].endswith("research     400 of 400")


def test_a_stream_that_takes_ascii_only_gets_ascii() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    graph = mapping()
    graph.run_sync({"items": ["good", "bad"]}, observers=[Lines(Progress(graph.plan()), out).observe])
    out.seek(0)
    text = out.read()
    assert "+ research[0]" in text
    assert "x research[1]" in text


def test_text_of_others_cannot_command_the_terminal() -> None:
    graph = Graph("evil", State)

    @graph.node
    def evil(view: State) -> dict[str, object]:
        raise ValueError("\x1b[2J[bold]boo[/bold]")

    graph.chain(START, evil, END)
    progress, events = observed(graph, {})
    text = text_of(Tree(progress), events[-1].t)
    assert "\x1b" not in text
    assert "[bold]boo[/bold]" in text
