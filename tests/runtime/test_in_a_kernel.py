"""What IPython itself shows: graphs, runs, differences, findings, and a run that is under way, in a kernel of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbclient", reason="pip install nbclient ipykernel: what IPython shows is NOT tested here")
pytest.importorskip("ipykernel", reason="pip install nbclient ipykernel: what IPython shows is NOT tested here")
pytest.importorskip("pygraphviz")

import nbformat
from nbclient import NotebookClient

from tests.architecture.notebooks import surroundings

CELLS = {
    "graph": """
import asyncio
from pydantic import BaseModel
from graphflow import END, START, Graph, fields


class Count(BaseModel):
    n: int = 0


def counting(most: int = 3) -> Graph[Count]:
    graph = Graph("counting", Count)

    @graph.node
    async def count(state: Count) -> dict[str, int]:
        await asyncio.sleep(0.05)
        return {"n": state.n + 1}

    graph.edge(START, count)
    graph.edge(count, END, when=fields(Count).n >= most)
    graph.edge(count, count, at_most=9)
    graph.edge(count, END)
    return graph


graph = counting()
graph
""",
    "run": "run = await graph.run(Count())\nrun",
    "sync": "graph.run_sync(Count()).state.n",
    "step": "graph.draw(run, step=2)",
    "diagram": "graph.draw(detail='names')",
    "animation": "graph.draw(run).animation()",
    "diff": "graph.diff(counting(5))",
    "runs": "graph.diff_runs(run, await counting().run(Count(n=1)))",
    "findings": "graph.edge('count', END)\ngraph.check()",
    "without": """
import graphflow.views.diagram as diagram

rendered, diagram.rendered = diagram.rendered, lambda *given: 1 / 0
graph.draw()
""",
    "live": """
diagram.rendered = rendered
async with counting(6).start(Count()) as live:
    live.display(every_s=0.05)
live.run.status
""",
    "left": """
async with counting(9).start(Count()) as live:
    live.display(every_s=0.02)
    await asyncio.sleep(0.12)
    live.cancel()
""",
    "two": """
async with counting(2).start(Count()) as one, counting(3).start(Count()) as other:
    one.display(every_s=0.02)
    other.display(every_s=0.02)
""",
}


class Kernel(NotebookClient):
    """Remembers every message of a display, which a notebook would show in one place."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.displayed: dict[int, list[tuple[str, str, dict[str, str]]]] = {}

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] in ("display_data", "update_display_data"):
            content = msg["content"]
            told = (msg["msg_type"], content["transient"].get("display_id", ""), content["data"])
            self.displayed.setdefault(cell_index, []).append(told)
        return super().process_message(msg, cell, cell_index)


class Shown:
    """What each cell has shown."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._places = list(CELLS)

    def outputs(self, cell: str) -> list[Any]:
        outputs: list[Any] = self._kernel.nb.cells[self._places.index(cell)].outputs
        return [output for output in outputs if output.get("name") != "stderr"]

    def result(self, cell: str) -> dict[str, str]:
        [found] = [output for output in self.outputs(cell) if output.output_type == "execute_result"]
        return dict(found.data)

    def displayed(self, cell: str) -> list[tuple[str, str, dict[str, str]]]:
        return self._kernel.displayed.get(self._places.index(cell), [])


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    folder: Path = tmp_path_factory.mktemp("kernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    kernel = Kernel(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(folder / name.lower()))
        asyncio.run(kernel.async_execute(env=surroundings() | {"IPYTHONDIR": str(folder / "ipython")}))
    return Shown(kernel)


@pytest.mark.parametrize("cell", ["graph", "step", "diagram", "diff", "runs"])
def test_what_is_drawn_is_shown_as_a_picture_and_as_text(shown: Shown, cell: str) -> None:
    bundle = shown.result(cell)
    assert bundle["text/html"].startswith("<div><svg")
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"].splitlines()
    assert bundle["text/plain"].startswith(("counting", "r-"))


def test_a_run_is_shown_drawn_with_what_is_known_of_it(shown: Shown) -> None:
    bundle = shown.result("run")
    assert bundle["text/plain"].startswith("<Run r-")
    assert "done, 3 steps>" in bundle["text/plain"]
    assert "<table>" in bundle["text/html"]
    assert "<svg" in bundle["text/html"]
    assert "✓ done" in bundle["text/html"]
    assert shown.result("sync") == {"text/plain": "3"}


def test_an_animation_plays_in_its_cell(shown: Shown) -> None:
    bundle = shown.result("animation")
    assert "@keyframes" in bundle["text/html"]
    assert len(bundle["text/plain"]) < 60, "the SVG itself is not printed as text"


def test_findings_are_shown_as_a_table_and_as_text(shown: Shown) -> None:
    bundle = shown.result("findings")
    assert "<table" in bundle["text/html"]
    assert "GF" in bundle["text/plain"]


def test_without_graphviz_text_is_shown_and_how_to_get_pictures(shown: Shown) -> None:
    bundle = shown.result("without")
    assert set(bundle) == {"text/plain"}
    assert "graphflow-agents[viz]" in bundle["text/plain"]


def test_a_run_under_way_is_one_display_that_is_updated_in_its_place(shown: Shown) -> None:
    told = shown.displayed("live")
    kinds = [kind for kind, _, _ in told]
    assert kinds[0] == "display_data"
    assert set(kinds[1:]) == {"update_display_data"}
    assert len(kinds) > 2
    assert len({display for _, display, _ in told}) == 1
    assert "running" in told[0][2]["text/plain"]
    assert "done" in told[-1][2]["text/plain"]
    assert all("<svg" in data["text/html"] for _, _, data in told)
    [left] = [output for output in shown.outputs("live") if output.output_type == "display_data"]
    assert "done, 6 steps" in left.data["text/plain"], "what is left in the cell is how it ended"
    assert shown.result("live") == {"text/plain": "'done'"}


def test_a_run_that_is_cancelled_is_left_as_it_ended(shown: Shown) -> None:
    told = shown.displayed("left")
    assert "cancelled" in told[-1][2]["text/plain"]
    assert [output.output_type for output in shown.outputs("left")] == ["display_data"]


def test_two_runs_in_one_cell_have_a_display_each(shown: Shown) -> None:
    ends = {display: data["text/plain"] for _, display, data in shown.displayed("two")}
    assert len(ends) == 2
    assert sorted(end.rpartition(": ")[2] for end in ends.values()) == ["done, 2 steps>", "done, 3 steps>"]
