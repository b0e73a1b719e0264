"""DOT, Mermaid and text as they are written, and SVG as it stands in a page."""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from graphflow.core.plan import Plan
from graphflow.views import draw
from graphflow.views.theme import dark_of_light
from tests.views.plans import Sketch
from tests.views.samples import SAMPLES, essay, intel, many, nested

GOLDENS = Path(__file__).parent / "goldens"


@pytest.mark.parametrize("suffix", ["dot", "mmd", "txt"])
@pytest.mark.parametrize("name", [*SAMPLES, "nested_unfolded"])
def test_text_formats_are_as_they_were(name: str, suffix: str) -> None:
    """Texts are deterministic. GRAPHFLOW_GOLDENS=write writes them anew; look at what changed."""
    plan = SAMPLES[name.removesuffix("_unfolded")]()
    diagram = draw(plan, expand=1 if name.endswith("_unfolded") else 0)
    text = {"dot": diagram.dot, "mmd": diagram.mermaid, "txt": diagram.text}[suffix]
    golden = GOLDENS / f"{name}.{suffix}"
    if os.environ.get("GRAPHFLOW_GOLDENS") == "write":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_text_names_every_node_once_and_is_no_wider_than_a_screen(name: str) -> None:
    diagram = draw(SAMPLES[name]())
    for card in diagram.drawing.cards:
        shown = card.kind.upper() if card.kind in ("start", "end") else card.name
        assert len(re.findall(rf"^[║ ]*[●◎✗◆■] {re.escape(shown)}( |$)", diagram.text, re.MULTILINE)) == 1
    assert max(map(len, diagram.text.splitlines())) <= 100


def test_a_long_label_is_cut_but_never_its_limit() -> None:
    """S4.5: the limit of a loop is always printed."""
    sketch = Sketch("long")
    sketch.node("a")
    sketch.edge("START", "a")
    sketch.edge("a", "a", "x" * 300, at_most=3)
    sketch.edge("a", "END")
    diagram = draw(sketch.plan())
    for text in (diagram.dot, diagram.mermaid, diagram.text):
        assert "↻ ≤ 3" in text
    assert "x" * 300 in diagram.svg, "the tooltip holds the whole"
    assert f"<text{'x' * 300}" not in diagram.svg


@pytest.mark.parametrize("name", ["a:b", "<b>x</b>", "a\\b\\N\\E", 'say "hi"', "&amp;", "😀", "שלום", "%s {x|y}"])
def test_a_picture_shows_names_and_conditions_as_they_are(name: str) -> None:
    sketch = Sketch("escapes")
    sketch.node(name, purpose=f"does {name}", badges=(f"with {name}",))
    sketch.edge("START", name, name)
    root = ElementTree.fromstring(draw(sketch.plan()).svg)
    shown = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "".join(map(str, shown)) == f"FUNCTION{name}does {name}with {name}[{name}]"
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert f"START → {name}\n[{name}]" in titles


def test_a_tooltip_between_angle_brackets_is_no_html() -> None:
    sketch = Sketch("<i>&</i>")
    for name in "<>":
        sketch.node(name)
    sketch.edge("<", ">")
    titles = [
        title.text
        for title in ElementTree.fromstring(draw(sketch.plan()).svg).iter("{http://www.w3.org/2000/svg}title")
    ]
    assert {"< → >", "<i>&</i>"} <= set(titles)


@pytest.mark.parametrize("suspicious", ["1. first", "- item", "#quot;", "`code`", '"', "end", "<br/>", "a|b"])
def test_mermaid_texts_hold_nothing_that_mermaid_reads(suspicious: str) -> None:
    sketch = Sketch("m")
    sketch.node(suspicious)
    sketch.edge("START", suspicious, suspicious)
    mermaid = draw(sketch.plan()).mermaid
    quoted = re.findall(r'"([^"\n]*)"', mermaid)
    assert mermaid.count('"') == 2 * len(quoted)
    for text in quoted:
        bare = re.sub(r"</?(b|small)>|<br/>|#\d+;", "", text)
        assert not re.search(r"[<>`#|\"\\]", bare)


def test_mermaid_names_are_never_words_of_its_language() -> None:
    mermaid = draw(nested(), expand=1).mermaid + draw(nested()).mermaid
    assert set(re.findall(r":::(\w+)", mermaid)) == set(re.findall(r"classDef (\w+)", mermaid))
    assert all(name.startswith("gf_") for name in re.findall(r":::(\w+)", mermaid))


def ids(svg: str) -> list[str]:
    return [one for element in ElementTree.fromstring(svg).iter() if (one := element.get("id")) is not None]


def test_two_drawings_in_one_page_have_no_id_in_common() -> None:
    one, other, third = draw(essay()).svg, draw(essay()).svg, draw(intel()).svg
    assert len(ids(one)) == len(set(ids(one)))
    assert not set(ids(one)) & set(ids(other))
    assert not set(ids(one)) & set(ids(third))
    assert any(one.endswith("-e.review.1") for one in ids(one))


def test_an_svg_asks_for_nothing_from_outside_and_has_titles_as_tooltips() -> None:
    svg = draw(nested(), expand=1).svg
    assert re.findall(r"https?://[^\"' ]*", svg) == ["http://www.w3.org/2000/svg"]
    assert "xlink" not in svg
    assert "url(" not in svg
    assert "@import" not in svg
    titles = {title.text for title in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}title")}
    assert (
        "join: fires when all branches have settled; a failed branch stops the others and is an error of the join"
        in titles
    )
    assert not any(title and re.fullmatch(r"n\d+(->n\d+)?|cluster_\d+", title) for title in titles)
    assert 'font-family="Arial, Liberation Sans, Helvetica, sans-serif"' in svg
    assert 'font-family="Arial"' not in svg


def painted(svg: str) -> list[tuple[str | None, str | None]]:
    return [(element.get("fill"), element.get("stroke")) for element in ElementTree.fromstring(svg).iter()]


def test_the_light_svg_turns_into_the_dark_one_colour_by_colour() -> None:
    turning, dark = draw(intel()).svg, draw(intel(), theme="dark").svg
    mapped = dark_of_light()
    assert [(mapped.get(f or "", f), mapped.get(s or "", s)) for f, s in painted(turning)] == painted(dark)
    style = str(next(ElementTree.fromstring(turning).iter("{http://www.w3.org/2000/svg}style")).text)
    assert "@media (prefers-color-scheme:dark)" in style
    assert '[data-jp-theme-light="false"]' in style
    assert ".vscode-dark" in style
    for colours in painted(turning):
        for colour, part in zip(colours, ("fill", "stroke"), strict=True):
            if colour in mapped:
                assert f'.gf-auto [{part}="{colour}"]' in style
                assert f"--gf-{colour[1:]}:{mapped[colour]}" in style
    assert "prefers-color-scheme" not in dark


def test_two_hundred_nodes_are_drawn_side_by_side_and_none_over_another() -> None:
    """How long that takes is a ratio: python tests/benchmarks/run.py draw."""
    diagram = draw(many(200))
    boxes = [box for name, box in outlines(diagram.svg).items() if name.startswith("n.")]
    assert len(boxes) >= 200
    for one, (left, top, right, bottom) in enumerate(boxes):
        for other_left, other_top, other_right, other_bottom in boxes[one + 1 :]:
            assert right <= other_left or other_right <= left or bottom <= other_top or other_bottom <= top
    assert max(box[2] for box in boxes) < 2_000, "points: it goes down the page"


def outlines(svg: str) -> dict[str, tuple[float, float, float, float]]:
    """Of every node, from left and top to right and bottom."""
    found: dict[str, tuple[float, float, float, float]] = {}
    for group in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}g"):
        name = re.sub(r"^gf[0-9a-f]+(-\d+)?-", "", group.get("id", ""))
        path = group.find("{http://www.w3.org/2000/svg}path")
        if "node" in group.get("class", "").split() and path is not None:
            numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", path.get("d", ""))]
            across, down = numbers[::2], numbers[1::2]
            found[name] = (min(across), min(down), max(across), max(down))
    return found


def test_in_the_text_a_node_tells_what_leads_to_it_unless_that_is_seen_right_above() -> None:
    lines = draw(many(20)).text.splitlines()
    assert lines[lines.index("● START") + 2] == "■ agent_0       agent     does one job"
    assert "■ tool_2        tool      does one job   ◂ agent_0" in lines
    assert "■ agent_13      agent     does one job   ◂ router_4, agent_8" in lines
    assert lines[-1] == "◎ END", "the line down to it shows what leads to it"
    assert "◎ END   ◂ dispatch, a, b + 2" in draw(star()).text


def star() -> Plan:
    """A node that leads to four others; all of them, and it, lead to the end."""
    sketch = Sketch("star")
    names = [sketch.node(name) for name in ("dispatch", *"abcd")]
    sketch.edge("START", "dispatch")
    for name in names[1:]:
        sketch.edge("dispatch", name, f"is_{name}")
    for name in names:
        sketch.edge(name, "END")
    for name in names[1:]:
        sketch.edge(name, "dispatch", at_most=1)
    return sketch.plan()


def test_in_a_large_graph_an_end_is_drawn_beside_each_way_to_it() -> None:
    diagram = draw(many(60))
    arrivals = sum(arrow.head == "n.END" for arrow in diagram.drawing.arrows)
    assert arrivals > 4
    assert diagram.dot.count("shape=doublecircle") == arrivals
    assert diagram.text.count("◎") == 1
