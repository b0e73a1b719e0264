"""The stage: the graph laid out once, with room for all that a run may show, and nothing in it that could act."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

pytest.importorskip("starlette")
pytest.importorskip("pygraphviz")

from pydantic import BaseModel

from graphflow import END, START, Graph, fields
from graphflow.studio.colours import colours_css
from graphflow.studio.stage import picture_of, stage_of
from graphflow.views.extraction import extract
from graphflow.views.theme import DARK, LIGHT, colours
from tests.studio.desks import HOSTILE, agent_graph, essay_graph, wide_graph

SVG = "{http://www.w3.org/2000/svg}"
GRAPHS = (essay_graph, wide_graph, agent_graph)


def drawn(graph: Graph[object], theme: str = "auto") -> ElementTree.Element:
    return ElementTree.fromstring(stage_of(extract(graph.plan()), theme))  # type: ignore[arg-type]


def by_id(root: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {element.get("id", ""): element for element in root.iter() if element.get("id")}


def parts(group: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {element.get("data-part", ""): element for element in group.iter() if element.get("data-part")}


@pytest.mark.parametrize("make", GRAPHS)
def test_everything_drawn_is_there_under_its_own_id(make: object) -> None:
    drawing = extract(make().plan())  # type: ignore[operator]
    found = by_id(ElementTree.fromstring(stage_of(drawing)))
    for one in (*drawing.cards, *drawing.arrows, *drawing.bars, *drawing.clusters):
        assert one.id in found
    for card in drawing.cards:
        assert found[card.id].get("class", "").split()[:2] == ["card", f"kind-{card.role}"]
    for arrow in drawing.arrows:
        assert found[arrow.id].get("class", "").split()[:2] == ["arrow", f"tone-{arrow.tone}"]


def test_every_card_has_a_place_for_status_figures_and_share() -> None:
    card = parts(by_id(drawn(essay_graph()))["n.write"])
    assert set(card) == {"line", "figures", "bar"}
    assert (card["line"].text, card["line"].get("text-anchor")) == (None, "end")
    bar = {name: float(card["bar"].get(f"data-{name}", "nan")) for name in ("x", "y", "width", "height")}
    assert (bar["width"], bar["height"]) == (168, 4)
    assert bar["x"] + bar["width"] == float(card["line"].get("x", "nan"))
    assert float(card["figures"].get("y", "nan")) < bar["y"] + bar["height"]


def test_a_card_without_a_purpose_has_a_place_for_figures_all_the_same() -> None:
    class State(BaseModel):
        text: str = ""

    graph = Graph("plain", State)

    @graph.node(writes=fields(State).text)
    def write(state: State) -> str:
        return ""

    graph.chain(START, write, END)
    card = parts(by_id(drawn(graph))["n.write"])
    assert (card["figures"].text or "").strip() == ""
    assert float(card["figures"].get("x", "nan")) == float(card["bar"].get("data-x", "nan"))


def test_a_mapped_card_has_a_place_for_its_branches() -> None:
    found = by_id(drawn(wide_graph()))
    cells = parts(found["n.work"])["cells"]
    assert (cells.get("data-width"), cells.get("data-height")) == ("168", "10")
    assert "is-mapped" in found["n.work"].get("class", "")
    assert "cells" not in parts(found["n.add_up"])


def test_every_arrow_has_a_place_for_numbers_and_looks_untaken() -> None:
    drawing = extract(essay_graph().plan())
    found = by_id(ElementTree.fromstring(stage_of(drawing)))
    for arrow in drawing.arrows:
        chip = parts(found[arrow.id])["chip"]
        assert (chip.get("data-width"), chip.get("data-height")) == ("24", "15")
        lines = list(found[arrow.id].iter(f"{SVG}path"))
        assert [line.get("stroke") for line in lines] == [LIGHT.untaken]
    texts = [text.text for text in ElementTree.fromstring(stage_of(drawing)).iter(f"{SVG}text")]
    assert "1" not in texts  # what stood there to find the place


@pytest.mark.parametrize("make", GRAPHS)
@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_there_is_nothing_in_it_that_acts_or_loads(make: object, theme: str) -> None:
    for svg in (stage_of(extract(make().plan()), theme), picture_of(extract(make().plan()), theme)):  # type: ignore[operator,arg-type]
        root = ElementTree.fromstring(svg)
        kinds = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert kinds <= {"svg", "g", "title", "path", "polygon", "ellipse", "text", "polyline"}
        names = {name for element in root.iter() for name in element.attrib}
        assert not [name for name in names if name.startswith("on") or "href" in name or name == "style"]
        assert "url(" not in svg


def test_names_of_any_kind_are_texts() -> None:
    class State(BaseModel):
        text: str = ""

    for name in filter(str.isprintable, HOSTILE):
        graph = Graph(name, State, purpose=name)

        @graph.node(name=f"n{name}", purpose=name, writes=fields(State).text)
        def write(state: State) -> str:
            return ""

        graph.chain(START, write, END)
        root = drawn(graph)
        assert root.get("aria-label")
        [card] = [element for own, element in by_id(root).items() if own.startswith("n.n")]
        assert parts(card)["figures"] is not None
        assert not list(root.iter(f"{SVG}script"))


def test_every_colour_has_a_class_that_turns_it_dark() -> None:
    css = colours_css()
    classes = set(re.findall(r"\.([fs]-[\w-]+)\{", css))
    light = {hue for _, hue in colours(LIGHT)}
    for make in GRAPHS:
        for element in drawn(make()).iter():
            own = set(element.get("class", "").split())
            assert {name for name in own if name.startswith(("f-", "s-"))} <= classes
            if element.get("fill") in light:
                assert any(name.startswith("f-") for name in own)


def test_the_dark_stage_is_in_dark_colours() -> None:
    used = {element.get(part) for element in drawn(essay_graph(), "dark").iter() for part in ("fill", "stroke")}
    dark = {hue for _, hue in colours(DARK)}
    assert {hue for hue in used if hue and hue.startswith("#")} <= dark


def test_the_colours_are_those_of_every_drawing() -> None:
    css = colours_css()
    assert f"--agent-fill:{LIGHT.shades['agent'].fill}" in css
    assert f"--not-run-ink:{DARK.shades['not_run'].ink}" in css
    assert "prefers-color-scheme:dark" in css


def test_an_end_that_many_lead_to_is_drawn_beside_each_and_says_whose_it_is() -> None:
    class State(BaseModel):
        n: int = 0

    state = fields(State)
    graph = Graph("large", State)
    before = START
    for number in range(32):

        @graph.node(name=f"step{number}", writes=state.n)
        def step(state: State) -> int:
            return 0

        graph.edge(before, step)  # type: ignore[arg-type]
        if number:
            graph.edge(before, END, when=state.n > number)  # type: ignore[arg-type]
        before = step  # type: ignore[assignment]
    graph.edge(before, END)  # type: ignore[arg-type]
    copies = [element for own, element in by_id(drawn(graph)).items() if own.startswith("n.END~")]
    assert len(copies) == 31
    assert {element.get("data-of") for element in copies} == {"n.END"}
