"""A comparison as users hold it: of two graphs, or of two runs of one. Printed it lists what differs; a notebook draws it."""

from __future__ import annotations

from typing import Any

from graphflow.core.plan import Plan
from graphflow.errors import DrawingError
from graphflow.runtime.arguments import checked_run
from graphflow.runtime.run import Run
from graphflow.views.comparing import Difference, compared, compared_runs
from graphflow.views.diagram import Diagram
from graphflow.views.drawing import Drawing
from graphflow.views.extraction import Expand, extract
from graphflow.views.folding import overlay_of
from graphflow.views.theme import ThemeName


class Comparison:
    """What differs between two graphs or runs: ``differences``, in the order of the drawing, which ``draw()`` gives.

    It is false where nothing differs.
    """

    def __init__(self, title: str, drawing: Drawing, differences: tuple[Difference, ...]) -> None:
        self.title = title
        self.differences = differences
        self._drawing = drawing

    def draw(self, theme: ThemeName = "auto") -> Diagram:
        """Both in one picture: what was added (+), what is gone (−), what changed (~)."""
        return Diagram(self._drawing, theme)

    def __bool__(self) -> bool:
        return bool(self.differences)

    def __str__(self) -> str:
        return "\n".join([self.title, *(map(str, self.differences) if self.differences else ["They do not differ."])])

    def __repr__(self) -> str:
        return f"<comparison of {self.title}: {len(self.differences)} differences>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = self.draw()._repr_mimebundle_(include, exclude)  # pyright: ignore[reportPrivateUsage]
        return bundle | {"text/plain": str(self)}


def compare_graphs(first: Plan, second: Plan, expand: Expand = 0) -> Comparison:
    """Two graphs, or two versions of one: the first is what was."""
    old, new = extract(first, expand=expand), extract(second, expand=expand)
    return Comparison(f"{old.name} → {new.name}", *compared(old, new))


def compare_runs(first: Run[Any], second: Run[Any], expand: Expand = 0) -> Comparison:
    """Two runs of one graph, drawn on it as the second was run; times and costs are shown, and are no difference."""
    first, second = checked_run(first), checked_run(second)
    if first.graph != second.graph:
        raise DrawingError(
            f"The runs {first.id!r} and {second.id!r} are of two graphs, {first.graph!r} and {second.graph!r}",
            code="GF517",
            why="What runs did is compared on the graph that both are runs of.",
            fix="Compare the graphs: graph.diff(other_graph).",
        )
    drawing = extract(second.plan, expand=expand)
    overlays = [overlay_of(run.plans, run.journal, run.seq, drawing, second.plan) for run in (first, second)]
    return Comparison(f"{first.id} → {second.id}, runs of {drawing.name}", *compared_runs(drawing, *overlays))
