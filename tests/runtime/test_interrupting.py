"""S14.2: Ctrl-C while plain code holds the event loop. The run stops between its steps and can be resumed."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, Run, fields
from graphflow.models import ScriptedModel
from graphflow.runtime import driving

LAST = 6


class State(BaseModel):
    n: int = 0
    items: list[int] = [0, 1, 2, 3]


class Texts(BaseModel):
    one: str = ""
    two: str = ""
    three: str = ""


state, texts = fields(State), fields(Texts)


def press() -> None:
    """Ctrl-C, while this code holds the loop."""
    signal.raise_signal(signal.SIGINT)


def counting(at: int, work: Callable[[], None], *, is_plain: bool = False) -> Graph[State]:
    """A loop of steps; at one of them something happens that holds the event loop."""
    graph = Graph("counting", State)

    def step(view: State) -> int:
        if view.n == at:
            work()
        return view.n + 1

    async def waiting_step(view: State) -> int:
        return step(view)

    count = graph.node(step if is_plain else waiting_step, name="count", writes=state.n)
    graph.edge(START, count)
    graph.edge(count, END, when=state.n >= LAST)
    graph.edge(count, count, at_most=LAST)
    graph.edge(count, END)
    return graph


def stopped(graph: Graph[Any], given: BaseModel) -> Run[Any]:
    """The run as Ctrl-C left it."""
    with pytest.raises(KeyboardInterrupt) as caught:
        graph.run_sync(given)
    run: Run[Any] = caught.value.run  # type: ignore[attr-defined]
    return run


@pytest.mark.parametrize("is_plain", [True, False], ids=["plain", "async"])
def test_what_holds_the_loop_is_the_last_step(is_plain: bool) -> None:
    """S14.2: the step that was under way counts, and no further one begins."""
    graph = counting(1, press, is_plain=is_plain)
    run = stopped(graph, State())
    assert (run.status, run.state.n, run.frontier) == ("running", 2, ("count:3",))
    assert graph.resume_sync(run).state.n == LAST


def test_the_model_of_an_agent_that_holds_the_loop() -> None:
    """S14.2, S11.1: its answer counts; the next agent is not asked."""

    def answer(request: object) -> str:
        if len(model.requests) == 2:
            press()
        return "an owl"

    model = ScriptedModel(answer)
    agents = [Agent(name, "Write.", prompt="Go on.", model=model) for name in ("one", "two", "three")]
    graph = Graph("writing", Texts)
    nodes = [graph.node(agent, writes=getattr(texts, agent.name)) for agent in agents]
    graph.chain(START, *nodes, END)
    run = stopped(graph, Texts())
    assert (run.status, run.frontier, len(model.requests)) == ("running", ("three:1",), 2)
    assert graph.resume_sync(run).state.three == "an owl"
    assert len(model.requests) == 3


@pytest.mark.parametrize("is_watched", [True, False])
def test_branches_that_hold_the_loop(is_watched: bool) -> None:
    """S14.2: a branch is the last one, too."""
    begun: list[int] = []
    graph = Graph("wide", State)

    @graph.node
    def branch(view: State, item: int) -> None:
        begun.append(item)
        if item == 1:
            press()

    graph.map(START, branch, over=state.items, join=END)
    with pytest.raises(KeyboardInterrupt) as caught:
        graph.run_sync(State(), observers=[lambda event: None] if is_watched else [])
    run: Run[Any] = caught.value.run  # type: ignore[attr-defined]
    rest = set(State().items) - set(begun)
    assert (run.status, begun) == ("running", [0, 1])
    begun.clear()
    graph.resume_sync(run)
    assert set(begun) >= rest


def test_a_second_one_ends_what_is_at_work_and_nothing_is_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    """S14.2: the step is put down; asyncio has no forgotten exception to print beside the KeyboardInterrupt."""

    def twice() -> None:
        press()
        press()

    run = stopped(counting(1, twice), State())
    assert (run.status, run.state.n, run.frontier) == ("running", 1, ("count:2",))
    assert caplog.records == []


def test_in_a_notebook_it_stops_the_run_in_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """S14.2: where a loop runs, ``run_sync`` drives beside it, and Ctrl-C strikes here."""
    at_work, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        at_work.set()
        assert go_on.wait(60)

    graph = counting(1, hold)
    join = threading.Thread.join
    strikes = [KeyboardInterrupt()]

    def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
        if thread.name.startswith("graphflow ") and strikes:
            assert at_work.wait(60)
            raise strikes.pop()
        go_on.set()
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    monkeypatch.setattr("graphflow.runtime.driver.YIELD_AFTER_S", 0.0)  # its steps are short

    async def cell() -> Run[Any]:
        return stopped(graph, State())

    with asyncio.Runner() as runner:
        run = runner.run(cell())
    assert (run.status, run.state.n) == ("running", 2)
    assert graph.resume_sync(run).state.n == LAST


def test_in_a_program_whose_own_loop_runs_it_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """S14.2: there Ctrl-C cancels the program's task, which stands in ``run_sync`` and would hear of it only later."""
    is_told = threading.Event()
    stop = driving._Beside._stop
    found: list[Run[Any]] = []

    def stop_and_tell(beside: driving._Beside) -> None:
        stop(beside)
        is_told.set()

    def hold() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        assert is_told.wait(60)

    monkeypatch.setattr(driving._Beside, "_stop", stop_and_tell)
    monkeypatch.setattr("graphflow.runtime.driver.YIELD_AFTER_S", 0.0)

    async def main() -> None:
        try:
            counting(1, hold).run_sync(State())
        except asyncio.CancelledError as cancel:
            found.append(cancel.run)  # type: ignore[attr-defined]
            raise

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert [(run.status, run.state.n) for run in found] == [("running", 2)]
