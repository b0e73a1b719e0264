"""What Mermaid says of our Mermaid: it reads every drawing, and shows every name as it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphflow.core.plan import Plan
from graphflow.views import draw
from graphflow.views.diagram import Diagram
from graphflow.views.extraction import extract
from graphflow.views.wording import visible
from tests.views.layouts import imagined
from tests.views.mermaids import Mermaid, mermaid
from tests.views.plans import Sketch
from tests.views.runs import ready_graphs
from tests.views.samples import SAMPLES, many, nested
from tests.views.test_drawing import NASTY, plans

HOSTILE = [
    *NASTY,
    "1. first",
    "- item",
    "* item",
    "+ item",
    "#quot;",
    "#35;",
    "`code`",
    "**bold** _it_",
    "end",
    "subgraph",
    "click",
    "<br/>",
    "<script>alert(1)</script>",
    "a|b",
    "]]>",
    '"]',
    "%% note",
    "$$x$$",
    "~~~",
    ":::gf_end",
    "\N{RIGHT-TO-LEFT OVERRIDE}evil",
    "\\n",
    "fa:fa-car",
    "fab:fa-x",
    "$",
    "http://a.b/c",
]


@pytest.fixture(scope="module")
def ready() -> dict[str, Plan]:
    """Made before the browser opens: while it is open no graph can be run."""
    return {graph.name: graph.plan() for graph in ready_graphs()} | {name: make() for name, make in SAMPLES.items()}


@pytest.fixture(scope="module")
def real(ready: dict[str, Plan], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mermaid]:
    with mermaid(tmp_path_factory.mktemp("mermaid")) as opened:
        yield opened


def test_mermaid_reads_every_ready_graph_and_every_run_on_it(real: Mermaid, ready: dict[str, Plan]) -> None:
    texts: dict[str, str] = {"many": draw(many(60)).mermaid}
    for name, plan in ready.items():
        for expand in (0, 9):
            drawing = extract(plan, expand=expand, detail="full")
            texts[f"{name} {expand}"] = Diagram(drawing).mermaid
            texts[f"{name} {expand}, run"] = Diagram(drawing, overlay=imagined(drawing, expand)).mermaid
    said = dict(zip(texts, real.refusals(list(texts.values())), strict=True))
    assert len(said) > 80
    assert {name: refusal for name, refusal in said.items() if refusal} == {}


def test_mermaid_refuses_what_is_none(real: Mermaid) -> None:
    """So that the other tests mean something."""
    assert all(
        real.refusals(["flowchart TD\n  n0[[", 'flowchart TD\n  n0 -->|"a"b"| n1', "flowchart TD\n  end --> n0"])
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=st.lists(plans(), min_size=1, max_size=3), seed=st.integers(0, 9))
def test_mermaid_reads_any_graph_whatever_its_names(real: Mermaid, made: list[Plan], seed: int) -> None:
    drawings = [extract(plan) for plan in made]
    texts = [Diagram(drawing).mermaid for drawing in drawings]
    texts += [Diagram(drawing, overlay=imagined(drawing, seed)).mermaid for drawing in drawings]
    assert real.refusals(texts) == [""] * len(texts)


def shows_as_they_are(real: Mermaid, names: list[str]) -> None:
    sketch = Sketch("hostile")
    for name in names:
        sketch.node(name)
        sketch.edge("START", name, name)
    shown = real.shown(draw(sketch.plan()).mermaid)
    expected = ["".join(visible(name).split()) for name in names]
    assert ["".join(text.removeprefix("FUNCTION").split()) for text in shown["nodes"]] == ["", *expected]
    assert ["".join(text.split()) for text in shown["edges"]] == [f"[{name}]" for name in expected]


def test_mermaid_shows_hostile_names_and_conditions_as_they_are(real: Mermaid) -> None:
    shows_as_they_are(real, [name for name in dict.fromkeys(HOSTILE) if len(name) < 70])


texts = st.text(st.sampled_from("`#*_-+.:;,<>&|\"'\\/()[]{}$%~=@! \tnfab1é😀"), min_size=1, max_size=12)
names = (texts | st.text(min_size=1, max_size=20)).filter(
    lambda name: not name.startswith(("START", "END", "FAIL")) and len(visible(name)) < 70  # longer ones are cut
)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(names, min_size=8, max_size=12, unique=True))
def test_mermaid_shows_any_name_as_it_is(real: Mermaid, found: list[str]) -> None:
    shows_as_they_are(real, found)


def test_mermaid_shows_frames_and_what_is_in_them(real: Mermaid) -> None:
    shown = real.shown(draw(nested(), expand=1).mermaid)
    assert shown["frames"] == ["SUBGRAPH research · 10 min limit", "PARALLEL"]
    assert "TOOLsearchhttp10 s limit" in shown["nodes"]
    assert "[size(facts) < 3]  ↻ ≤ 2" in shown["edges"]
