"""A run in a notebook: drawn on its graph, and while it is under way updated in its place."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Graph
from graphflow.testing.virtual import run_virtual


class Count(BaseModel):
    n: int = 0


def counting(seconds: float = 1.0) -> Graph[Count]:
    graph = Graph("counting", Count)

    @graph.node
    async def count(state: Count) -> dict[str, int]:
        await asyncio.sleep(seconds)
        return {"n": state.n + 1}

    graph.edge(START, count)
    graph.edge(count, count, at_most=5)
    graph.edge(count, END)
    return graph


class Cell:
    """A cell of a notebook: what was shown in it, in order."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.new = 0

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool) -> Cell:
        assert raw
        assert display_id
        self.new += 1
        self.shown.append(bundle)
        return self

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(bundle)


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    cell = Cell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: object()))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=cell.display))
    return cell


async def watched(graph: Graph[Count], every_s: float = 0.5) -> Any:
    async with graph.start(Count()) as live:
        live.display(every_s)
    return live.run


def test_a_run_under_way_updates_one_display_until_it_rests(cell: Cell) -> None:
    run = run_virtual(watched(counting()))
    assert run.status == "done"
    assert cell.new == 1
    assert 4 < len(cell.shown) < 16
    assert "done" in cell.shown[-1]["text/plain"]
    assert "running" in cell.shown[1]["text/plain"]
    if pytest.importorskip("pygraphviz"):
        assert all("<svg" in bundle["text/html"] for bundle in cell.shown)


def test_it_is_updated_at_most_so_often(cell: Cell) -> None:
    run_virtual(watched(counting(0.01), every_s=100.0))
    assert len(cell.shown) <= 2


def test_elsewhere_a_line_is_printed_when_it_begins_and_when_it_rests(capsys: pytest.CaptureFixture[str]) -> None:
    run_virtual(watched(counting()))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "running" in lines[0]
    assert "done" in lines[1]


def test_a_display_that_fails_does_not_take_the_run_with_it(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell, "update", lambda *given, **options: 1 / 0)
    assert run_virtual(watched(counting())).status == "done"


def test_a_run_that_is_stopped_is_shown_as_it_rests(cell: Cell) -> None:
    async def stopped() -> None:
        async with counting(50.0).start(Count()) as live:
            live.display()
            await asyncio.sleep(1)
            await live.stop()

    run_virtual(stopped())
    assert "running" in cell.shown[-1]["text/plain"]


def test_a_run_is_shown_with_its_picture_and_without_one_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_virtual(counting().run(Count()))
    pytest.importorskip("pygraphviz")
    shown = run._repr_mimebundle_()
    assert "<svg" in shown["text/html"]
    assert "<table>" in shown["text/html"]
    monkeypatch.setattr("graphflow.views.diagram.rendered", lambda *given: 1 / 0)
    assert "<svg" not in run._repr_mimebundle_()["text/html"]
    monkeypatch.setattr("graphflow.views.draw", lambda *given: 1 / 0)
    assert "<table>" in run._repr_mimebundle_()["text/html"]
