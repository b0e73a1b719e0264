"""The pictures beside the README are those of the graphs as they are now: what is drawn is what is declared."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from graphflow.service.targets import load
from graphflow.views.drawing import Drawing

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "notebooks" / "images" / "patterns"
AGAIN = "Draw them again: graphflow draw graphs/ -o notebooks/images/patterns --detail names --width 420"
GRAPHS = sorted(file.stem for file in (ROOT / "graphs").glob("*.py"))


def declared(drawing: Drawing) -> dict[str, str]:
    """What is to be seen of a graph: each thing's id, and what is told of it."""
    return {one.id: one.tooltip for one in (*drawing.stops, *drawing.clusters, *drawing.arrows)}


def drawn(picture: Path) -> dict[str, str]:
    """What is to be seen in a picture, whichever Graphviz has laid it out."""
    root = ElementTree.fromstring(picture.read_text(encoding="utf-8"))
    prefix = root.attrib["id"].removesuffix("drawing")
    found: dict[str, str] = {}
    for element in root.iter():
        own = element.get("id", "").removeprefix(prefix)
        if own not in ("", "drawing", "graph"):
            assert own not in found, f"{own} is drawn twice"
            title = element.find("{*}title")
            found[own] = title.text or "" if title is not None else ""
    return found


@pytest.mark.parametrize("name", GRAPHS)
def test_a_picture_shows_what_its_graph_declares(name: str) -> None:
    """Compared are ids and what is told of them, conditions and limits included; not where they lie."""
    picture = PICTURES / f"{name}.svg"
    assert picture.exists(), AGAIN
    drawing = load(str(ROOT / "graphs" / f"{name}.py")).graph.draw(detail="names").drawing
    assert drawn(picture) == declared(drawing), AGAIN


def test_there_is_no_picture_of_a_graph_that_is_gone() -> None:
    assert sorted(file.stem for file in PICTURES.iterdir()) == GRAPHS


@pytest.mark.parametrize("name", GRAPHS)
def test_the_readme_shows_each_ready_graph_with_its_picture(name: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"(graphs/{name}.py)" in readme
    assert f'src="notebooks/images/patterns/{name}.svg"' in readme
