"""The graph of a run as the page shows it: laid out once, with room for all that a run may put on it.

It is the drawing that every other format shows. What changes while a run goes on is marked as parts (``data-part``),
which the page fills and colours, so nothing ever moves. Ids are the drawing's own. There is no style, no script and no
link in it; every colour is an attribute, and a class besides, by which ``colours.css`` turns it dark.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, tostring

from graphflow.views import marking, wording
from graphflow.views.dot import dot_of
from graphflow.views.drawing import Arrow, Card, Drawing
from graphflow.views.overlay import Mark, Overlay
from graphflow.views.rendering import rendered
from graphflow.views.svg import simplified
from graphflow.views.theme import LIGHT, colours, dark_of_light

StageTheme = Literal["auto", "light", "dark"]
STAGE_THEMES: tuple[StageTheme, ...] = ("auto", "light", "dark")
_WIDE = 168  # points, of the rows of a card
_CELLS_HIGH, _BAR_HIGH = 10, 4
_PARTS = ("fill", "stroke")


def stage_of(drawing: Drawing, theme: StageTheme = "auto") -> str:
    """The SVG of a drawing that nothing has run on yet. Raises DrawingError without Graphviz (GF510)."""
    root = simplified(rendered(dot_of(drawing, LIGHT, _with_room(drawing)), "svg"), drawing)
    cards = {card.id: card for card in drawing.cards}
    arrows = {arrow.id: arrow for arrow in drawing.arrows}
    for group in root.iter("g"):
        own = group.get("id", "")
        if own in arrows:
            _prepare_arrow(group, arrows[own])
        elif own.startswith("n."):
            _prepare_card(group, own, cards)
        elif own.startswith("b."):
            group.set("class", "bar")
        elif own[:2] in ("r.", "c."):
            group.set("class", "frame")
    return _finished(root, drawing, theme)


def picture_of(drawing: Drawing, theme: StageTheme = "auto") -> str:
    """The SVG of a drawing as it is, without room for a run, and as safe to put into a page."""
    return _finished(simplified(rendered(dot_of(drawing, LIGHT), "svg"), drawing), drawing, theme)


def _finished(root: Element, drawing: Drawing, theme: StageTheme) -> str:
    """The SVG as it is handed out. Labels of arrows stand on the page's ground, and have a rim in its colour."""
    for element in root.iter():
        if theme == "dark":
            for part in _PARTS:
                element.set(part, dark_of_light().get(element.get(part, ""), element.get(part, "")))
                if not element.get(part):
                    del element.attrib[part]
        elif theme == "auto":
            names = [f"{part[0]}-{known}" for part in _PARTS if (known := _names().get(element.get(part, "")))]
            if names:
                element.set("class", " ".join([*element.get("class", "").split(), *names]))
    root.set("xmlns", "http://www.w3.org/2000/svg")
    root.set("class", f"stage is-{drawing.direction.lower()}")
    root.set("role", "img")
    root.set("aria-label", f"graph {drawing.name}")
    return tostring(root, encoding="unicode")


def _with_room(drawing: Drawing) -> Overlay:
    """A run that did nothing, with everything in its place that a run can put there: by that the places are found."""
    marks = {card.id: Mark(seconds=1.0, cells=["not run"] if card.is_mapped else []) for card in drawing.cards}
    return Overlay("", 0, 0, "running", marks, {arrow.id: (1,) for arrow in drawing.arrows}, {})


# -- cards -----------------------------------------------------------------------------------------------------------


def _prepare_card(group: Element, own: str, cards: Mapping[str, Card]) -> None:
    card = cards.get(own)
    if card is None:  # an end that is drawn beside each of the many arrows to it
        card = cards[own.rpartition("~")[0]]
        group.set("data-of", card.id)
    group.set("role", "button")
    more = [f"is-{card.kind}"] if card.kind != "card" else ["is-mapped"] if card.is_mapped else []
    group.set("class", " ".join(["card", f"kind-{card.role.replace('_', '-')}", *more]))
    if card.kind == "point":
        group.findall("text")[0].set("data-part", "glyph")
    elif card.kind == "card":
        _mark_texts(group, card)
        _mark_boxes(group)


def _mark_texts(group: Element, card: Card) -> None:
    """The rows of a card: kind and status, the name, figures."""
    texts = group.findall("text")
    first, names = texts[0], len(wording.wrapped(card.name, wording.NAME_WIDTH, 3))
    line = copy.deepcopy(first)
    line.text = ""
    line.set("text-anchor", "end")
    line.set("x", f"{float(first.get('x', 0)) + _WIDE:g}")
    line.set("data-part", "line")
    word = wording.shortened(card.word, wording.NAME_WIDTH)
    first.text = marking.cut(word, 9, _WIDE - marking.width_of("○ not run", 9) - 20)
    group.insert(list(group).index(first) + 1, line)
    figures = texts[1 + names] if len(texts) > 1 + names else None
    if figures is None:
        last = texts[names]
        figures = copy.deepcopy(last)
        figures.set("y", f"{float(last.get('y', 0)) + 16.4:g}")
        figures.set("font-size", "10.00")
        figures.set("fill", LIGHT.muted)
        figures.attrib.pop("font-weight", None)
        group.insert(list(group).index(last) + 1, figures)
    figures.text = marking.figures(Mark(), card.purpose)
    figures.set("x", first.get("x", "0"))
    figures.set("data-part", "figures")
    figures.set("data-before", figures.text)


def _mark_boxes(group: Element) -> None:
    """Where the branches of a map and the share of the whole are drawn: as places, without what stood there."""
    places: dict[str, tuple[float, float, float]] = {}
    for box in group.findall("polygon"):
        points = [tuple(map(float, point.split(","))) for point in box.get("points", "").split()]
        left, top = (min(point[axis] for point in points) for axis in (0, 1))
        height = max(point[1] for point in points) - top
        for part, high in (("cells", _CELLS_HIGH), ("bar", _BAR_HIGH)):
            if abs(height - high) < 0.5 and box.get("stroke") == "none":
                places.setdefault(part, (left, top, high))
                group.remove(box)
    for part, place in places.items():
        _add_place(group, part, place[0], place[1], _WIDE, place[2])


def _add_place(group: Element, part: str, left: float, top: float, width: float, height: float) -> None:
    """Room that the page may draw into."""
    place = {"data-x": left, "data-y": top, "data-width": width, "data-height": height}
    SubElement(group, "g", {"data-part": part} | {name: f"{value:g}" for name, value in place.items()})


# -- arrows ----------------------------------------------------------------------------------------------------------


def _prepare_arrow(group: Element, arrow: Arrow) -> None:
    """As one that was not taken, with a place for the entries that took it."""
    more = ["is-back"] if arrow.is_back else []
    group.set("class", " ".join(["arrow", f"tone-{arrow.tone}", *more]))
    _mark_chip(group)
    for line in (*group.findall("path"), *group.findall("polygon")):
        line.set("stroke", LIGHT.untaken)
        line.set("stroke-width", "1")
        if line.get("fill") != "none":
            line.set("fill", LIGHT.untaken)
    for text in group.findall("text"):
        text.set("fill", LIGHT.otherwise)


def _mark_chip(group: Element) -> None:
    text = next((one for one in group.findall("text") if one.get("fill") == LIGHT.background), None)
    chip = next((one for one in group.findall("path") if one.get("stroke") == "none"), None)
    if text is None or chip is None:
        return
    numbers = [tuple(map(float, point.split(","))) for point in chip.get("d", "M0,0").replace("C", " ")[1:].split()]
    left, top = (min(point[axis] for point in numbers) for axis in (0, 1))
    right, bottom = (max(point[axis] for point in numbers) for axis in (0, 1))
    group.remove(text)
    group.remove(chip)
    _add_place(group, "chip", left, top, right - left, bottom - top)


# -- colours ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    """Light colour -> the name of its class and custom property; of several, the first."""
    found: dict[str, str] = {}
    for name, colour in colours(LIGHT):
        found.setdefault(colour, property_of(name))
    return found


def property_of(name: str) -> str:
    """The name of a colour of a theme as a custom property has it.

    >>> property_of("not_run.fill")
    'not-run-fill'
    """
    return name.replace("_", "-").replace(".", "-")
