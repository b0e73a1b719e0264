"""What a picture of a large graph costs beside Graphviz, which lays it out, and whether that grows with the graph."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from measuring import Measured, Sample, compare

from graphflow.core.plan import Plan
from graphflow.views.diagram import draw
from graphflow.views.rendering import rendered
from graphflow.views.svg import finished
from tests.views.samples import many

LARGE, SMALL = 200, 50


def with_children(work: Callable[[], Any]) -> Sample:
    """A sample of a function with the processes it starts: Graphviz may be a program."""

    def spent() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime

    def sample() -> float:
        begun = spent()
        work()
        return spent() - begun

    return sample


def drawn(plan: Plan) -> str:
    """From a graph to its SVG, nothing kept from before."""
    return draw(plan).svg


def draw_large() -> Measured:
    plan = many(LARGE)
    dot = draw(plan).dot
    measured = compare(with_children(partial(drawn, plan)), with_children(lambda: rendered(dot, "svg")))
    return Measured(**{**vars(measured), "note": f"{(measured.cost_us or 0) / 1e6:.2f} s of CPU time"})


def own_work(plan: Plan) -> Callable[[], str]:
    """All but Graphviz: extracting what is drawn, writing DOT, finishing the SVG, and text."""
    svg = rendered(draw(plan).dot, "svg")

    def work() -> str:
        diagram = draw(plan)
        return diagram.dot + finished(svg, diagram.drawing, "auto", "gf") + diagram.text

    return work


def draw_linear() -> Measured:
    large, small = (with_children(own_work(many(count))) for count in (LARGE, SMALL))
    return compare(large, small, LARGE, SMALL)


MEASURES: dict[str, Callable[[], Measured | None]] = {"draw_200": draw_large, "draw_linear": draw_linear}
