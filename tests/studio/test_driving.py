"""Runs that the studio drives: those it was asked for, so many at once, beside its pages, and put down when it ends."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

from pydantic import BaseModel

from graphflow import END, START, Graph, fields
from graphflow.errors import RunBusy, StudioRefused
from graphflow.runtime.run import Run
from graphflow.service.stored_runs import stored_run
from graphflow.service.targets import Target
from graphflow.stores.sqlite import SQLiteStore
from graphflow.studio import driving as studio_driving
from graphflow.studio.desk import Desk
from graphflow.studio.driving import Driving
from tests.studio.acting import act, acting_page, begun, comes_to, start, written
from tests.studio.desks import store_in
from tests.studio.servers import PATIENCE_S, until


class Count(BaseModel):
    n: int = 0


class Gate:
    """A node that waits until it is let through, and tells how many are in it."""

    def __init__(self, *, is_blocking: bool = False) -> None:
        self.opened = threading.Event()
        self.inside = 0
        self.most = 0
        self.graph = Graph("gate", Count)
        count = fields(Count)

        async def wait(state: Count) -> int:
            self.inside += 1
            self.most = max(self.most, self.inside)
            try:
                while not self.opened.is_set():
                    await asyncio.sleep(0.005)
            finally:
                self.inside -= 1
            return state.n + 1

        def hold(state: Count) -> int:
            self.inside += 1
            assert self.opened.wait(PATIENCE_S)
            self.inside -= 1
            return state.n + 1

        node = self.graph.node(hold if is_blocking else wait, name="wait", writes=count.n)
        self.graph.chain(START, node, END)

    def begin(self, store: SQLiteStore, run_id: str) -> Callable[[], Coroutine[Any, Any, Run[Any]]]:
        return lambda: self.graph.run(Count(), store=store, run_id=run_id)

    @property
    def target(self) -> Target:
        return Target("gate.py", "graph", self.graph)


@contextmanager
def driving_over(store: SQLiteStore, **more: Any) -> Generator[Driving, None, None]:
    driving = Driving(Desk(store, store), **more)
    try:
        yield driving
    finally:
        asyncio.run(driving.close())


def status(store: SQLiteStore, run_id: str) -> tuple[str, bool]:
    row = store.row(run_id)
    return row.standing.status, row.is_driven


def test_only_so_many_at_once(tmp_path: Path) -> None:
    """The others stand in line, and are driven when there is room."""
    gate = Gate()
    names = [f"r-{n}" for n in range(5)]
    with store_in(tmp_path) as store, driving_over(store, at_once=2) as driving:
        for name in names:
            assert driving.drive(name, gate.begin(store, name))
        until(lambda: gate.inside == 2)
        assert driving.runs() == set(names)
        assert sum(store.row(name).is_driven for name in names) == 2
        gate.opened.set()
        until(lambda: not driving.runs())
        assert [status(store, name) for name in names] == [("done", False)] * 5
    assert gate.most == 2


def test_one_that_is_driven_is_left_at_that(tmp_path: Path) -> None:
    gate = Gate()
    with store_in(tmp_path) as store, driving_over(store) as driving:
        assert driving.drive("r-1", gate.begin(store, "r-1"))
        assert not driving.drive("r-1", lambda: pytest.fail("it was begun twice"))
        assert driving.stop("r-1")
        assert driving.stop("r-1") is False


def test_what_does_not_let_a_run_begin_is_raised(tmp_path: Path) -> None:
    """At the call, and where another process has the run, a moment later (S18)."""
    gate = Gate()
    with store_in(tmp_path) as store, driving_over(store) as driving:
        driving.drive("r-1", gate.begin(store, "r-1"))
        until(lambda: gate.inside == 1)
        driving.stop("r-1")
        work = gate.graph.resume("r-1", store=store)
        other = gate.graph.resume("r-1", store=store)
        driving.drive("r-1", lambda: other)
        until(lambda: gate.inside == 1)
        driving.stop("r-1")
        with pytest.raises(RunBusy):
            driving.drive("r-1", lambda: work)
        until(lambda: not driving.runs())
        with pytest.raises(ZeroDivisionError):
            driving.drive("r-2", lambda: 1 // 0)  # type: ignore[arg-type, return-value]
        assert driving.runs() == set()


def test_when_it_ends_runs_are_put_down_and_can_be_resumed(tmp_path: Path) -> None:
    """S14.2: those that stand in line, too; and nothing begins any more."""
    gate = Gate()
    with store_in(tmp_path) as store:
        driving = Driving(Desk(store, store), at_once=1)
        for name in ("r-1", "r-2"):
            driving.drive(name, gate.begin(store, name))
        until(lambda: gate.inside == 1)
        asyncio.run(driving.close())
        assert [status(store, name) for name in ("r-1", "r-2")] == [("running", False)] * 2
        with pytest.raises(StudioRefused, match="about to end"):
            driving.drive("r-3", gate.begin(store, "r-3"))
        asyncio.run(driving.close())
        gate.opened.set()
        for name in ("r-1", "r-2"):
            assert gate.graph.resume_sync(name, store=store).status == "done"


@pytest.mark.filterwarnings("ignore::graphflow.runtime.calling.BlockingNodeWarning")
def test_a_node_that_blocks_freezes_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds up the runs that are driven here: what is asked of them is done as soon as it lets go."""
    monkeypatch.setattr(studio_driving, "_PATIENCE_S", 0.2)
    gate = Gate(is_blocking=True)
    with store_in(tmp_path) as store, acting_page(store, gate.target) as page:
        start(page, "gate", {"state": {}, "id": "held"})
        until(lambda: gate.inside == 1)
        assert page.of("held")["row"]["is_driven"]
        assert act(page, "held", "stop", expect=202)["row"]["is_driven"]
        assert start(page, "gate", {"state": {"n": 1}, "id": "next"}) == {"run": "next"}
        gate.opened.set()
        until(lambda: not page.of("held")["row"]["is_driven"])
        comes_to(page, "next", "done")


@pytest.mark.filterwarnings("ignore::graphflow.runtime.calling.BlockingNodeWarning")
def test_what_is_asked_while_a_node_blocks_is_accepted_and_done_later(tmp_path: Path) -> None:
    gate = Gate(is_blocking=True)
    with store_in(tmp_path) as store, acting_page(store, gate.target) as page:
        start(page, "gate", {"state": {}, "id": "held"})
        until(lambda: gate.inside == 1)
        assert start(page, "gate", {"state": {"n": 1}, "id": "next"}) == {"run": "next"}
        driving = page.desk.driving
        assert driving is not None
        try:
            assert driving.runs() == {"held", "next"}
            assert not driving.has_begun("next")
            act(page, "next", "stop", expect=202)
        finally:
            gate.opened.set()
        until(lambda: not driving.runs())
        act(page, "next", "resume")
        comes_to(page, "next", "done")


@pytest.mark.filterwarnings("ignore::graphflow.runtime.calling.BlockingNodeWarning")
def test_what_never_began_is_closed_and_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No coroutine is left that nobody awaits, and the run can be resumed."""
    monkeypatch.setattr(studio_driving, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(studio_driving, "_TELLS_AFTER_S", 0.05)
    monkeypatch.setattr(studio_driving, "_ENDS_WITHIN_S", PATIENCE_S)
    gate = Gate(is_blocking=True)
    works: list[Coroutine[Any, Any, Run[Any]]] = []

    with store_in(tmp_path) as store:
        driving = Driving(Desk(store, store))
        driving.drive("held", gate.begin(store, "held"))
        until(lambda: gate.inside == 1)

        def begin() -> Coroutine[Any, Any, Run[Any]]:
            works.append(gate.begin(store, "next")())
            return works[0]

        assert driving.drive("next", begin)
        ending = threading.Thread(target=driving._close)
        ending.start()
        until(lambda: "lets go, in" in caplog.text)
        gate.opened.set()
        ending.join(PATIENCE_S)
        assert inspect.getcoroutinestate(works[0]) == inspect.CORO_CLOSED
        assert gate.graph.resume_sync("next", store=store).status == "done"


def test_a_run_is_stopped_from_its_page_and_goes_on(tmp_path: Path) -> None:
    gate = Gate()
    with store_in(tmp_path) as store, acting_page(store, gate.target) as page:
        start(page, "gate", {"state": {}, "id": "r-1"})
        until(lambda: gate.inside == 1)
        row = act(page, "r-1", "stop")["row"]
        assert (row["status"], row["is_driven"]) == ("stopped", False)
        assert act(page, "r-1", "resume")["row"]["is_driven"]
        assert act(page, "r-1", "resume")["row"]["is_driven"]
        until(lambda: gate.inside == 1)
        gate.opened.set()
        comes_to(page, "r-1", "done")


def test_nothing_is_driven_that_nobody_asked_for(tmp_path: Path) -> None:
    """Runs that wait for a driver, or have answers, are a worker's; looking at them drives none."""
    letter = written(tmp_path)
    with store_in(tmp_path) as store:
        for name in ("answered", "asked"):
            begun(letter, store, name)
        store.answer("answered", "review:1", {"verdict": "send"})
        (tmp_path / "down").touch()
        begun(letter, store, "failed")
        (tmp_path / "down").unlink()
        before = {name: list(store.read(name)) for name in store.ids()}
        with acting_page(store, letter) as page:
            for name in store.ids():
                page.of(name)
            act(page, "asked", "answer", {"question": "review:1", "value": {"verdict": "send"}})
            comes_to(page, "asked", "done")
            assert page.desk.driving is not None
            assert page.desk.driving.runs() == set()
        for name in ("answered", "failed"):
            assert list(store.read(name)) == before[name]


def test_an_answer_that_came_as_its_run_went_to_rest_is_taken(tmp_path: Path) -> None:
    """S10.1: the driver that was there a moment ago did not see it."""
    letter = written(tmp_path)
    with store_in(tmp_path) as store, driving_over(store) as driving:
        begun(letter, store)
        store.acquire("owls-1")
        store.answer("owls-1", "review:1", {"verdict": "send"})
        driving.attend("owls-1", lambda: letter.graph.resume("owls-1", store=store))
        driving.attend("owls-1", lambda: letter.graph.resume("owls-1", store=store))
        assert driving.runs() == set()
        store.release("owls-1")
        until(lambda: status(store, "owls-1") == ("done", False))


def test_one_that_was_stopped_elsewhere_stays_so(tmp_path: Path) -> None:
    """Whoever stopped it meant it; the answer is kept."""
    gate = Gate()
    with store_in(tmp_path) as store, driving_over(store) as driving:
        driving.drive("r-1", gate.begin(store, "r-1"))
        until(lambda: gate.inside == 1)
        driving.stop("r-1")
        store.answer("r-1", "wait", True)
        driving.attend("r-1", lambda: pytest.fail("it was gone on with"))
        until(lambda: not driving._attending)
        assert status(store, "r-1") == ("running", False)


def test_a_rerun_that_stood_in_line_keeps_its_state(tmp_path: Path) -> None:
    """S15.3: what was changed is safe before it is driven, whoever drives it then."""
    gate = Gate()
    with store_in(tmp_path) as store:
        driving = Driving(Desk(store, store), at_once=1)
        driving.drive("r-1", gate.begin(store, "r-1"))
        until(lambda: gate.inside == 1)
        earlier = stored_run(store, "r-1", gate.graph.plan())
        driving.drive("r-2", lambda: gate.graph.rerun(earlier, at=1, state={"n": 41}, store=store, run_id="r-2"))
        assert driving.runs() == {"r-1", "r-2"}
        asyncio.run(driving.close())
        gate.opened.set()
        run = gate.graph.resume_sync("r-2", store=store)
        assert (run.status, run.state.n) == ("done", 42)
