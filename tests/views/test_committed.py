"""A drawing that was kept, compared with what is drawn now: the graph counts, not who laid it out."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphflow.core.plan import Plan
from graphflow.errors import DrawingError
from graphflow.views import draw
from graphflow.views.committed import differences
from tests.views.plans import Sketch
from tests.views.samples import SAMPLES, many


def small(goal: int, *, has_more: bool = False) -> Plan:
    sketch = Sketch("small")
    sketch.node("write")
    sketch.edge("START", "write")
    if has_more:
        sketch.node("more")
        sketch.edge("write", "more", "is_long")
        sketch.edge("more", "END")
    sketch.edge("write", "END", f"score > {goal}")
    return sketch.plan()


@pytest.mark.parametrize("suffix", ["svg", "dot", "mmd", "txt"])
def test_a_file_shows_what_is_drawn_until_the_graph_changes(tmp_path: Path, suffix: str) -> None:
    if suffix == "svg":
        pytest.importorskip("pygraphviz")
    file = draw(small(7)).save(tmp_path / f"small.{suffix}")
    assert differences(draw(small(7)), file) == []
    found = "\n".join(differences(draw(small(8)), file))
    assert "score > 7" in found.replace("&gt;", ">").replace("#62;", ">")
    assert "score > 8" in found.replace("&gt;", ">").replace("#62;", ">")
    assert differences(draw(small(7, has_more=True)), file)


def test_an_svg_tells_nodes_edges_and_conditions_and_heeds_neither_colour_nor_place(tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    file = draw(small(7), theme="dark", direction="TB", detail="names").save(tmp_path / "small.svg")
    assert differences(draw(small(7)), file) == []
    found = differences(draw(small(7, has_more=True)), file)
    assert "+ node  function more" in found
    assert any(line.startswith("~ edge  write → ") for line in found)
    moved = file.read_text().replace(' points="', ' points="1,1 ').replace(' d="M', ' d="M9,9 M')
    file.write_text(moved)
    assert differences(draw(small(7)), file) == []


@pytest.mark.parametrize("make", [*SAMPLES.values(), lambda: many(60)])
def test_every_sample_is_like_its_own_svg(tmp_path: Path, make: object) -> None:
    """Ends that are drawn beside each arrow to them, too."""
    pytest.importorskip("pygraphviz")
    plan: Plan = make()  # type: ignore[operator]
    assert differences(draw(plan), draw(plan).save(tmp_path / "a.svg")) == []


def test_no_renderer_is_needed_to_compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygraphviz")
    file = draw(small(7)).save(tmp_path / "small.svg")
    monkeypatch.setattr("graphflow.views.diagram.rendered", lambda *given: pytest.fail("it was rendered"))
    assert differences(draw(small(7)), file) == []


@pytest.mark.parametrize(
    ("name", "content", "code"), [("a.png", b"", "GF512"), ("a.svg", b"<svg", "GF514"), ("a.txt", b"\xff", "GF514")]
)
def test_what_cannot_be_compared_is_told(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DrawingError) as caught:
        differences(draw(small(7)), tmp_path / name)
    assert caught.value.code == code
