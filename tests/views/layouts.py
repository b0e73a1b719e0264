"""Where everything of a drawing stands, read off its SVG; and runs that might have been, to lay over it."""

from __future__ import annotations

import random
import re
from typing import get_args
from xml.etree import ElementTree

from graphflow.core.usage import Usage
from graphflow.views.drawing import Drawing
from graphflow.views.overlay import Mark, Overlay, Status

Places = dict[str, list[object]]
_PREFIX = re.compile(r"^gf[0-9a-f]+(-\d+)?-")
_NUMBER = re.compile(r"-?\d+\.?\d*")


def places(svg: str) -> Places:
    """The outlines of all nodes, lines and frames, how high words stand beside lines, the size of the whole.

    Not chips and bars; nor how far right words stand, which make way for a chip: see ``rights``.
    """
    root = ElementTree.fromstring(svg)
    found: Places = {"size": [root.get("viewBox")]}
    for group in root.iter():
        kind = str(group.get("class")).split()[0]
        if _tag(group) != "g" or kind not in ("node", "edge", "cluster"):
            continue
        shapes = [part for part in group if _tag(part) in ("path", "polygon", "ellipse")]
        is_line = kind == "edge"
        shapes = (
            [part for part in shapes if _tag(part) == "path" and part.get("fill") == "none"] if is_line else shapes[:1]
        )
        words = _words(group) if is_line else []
        outlines = [
            _NUMBER.findall(" ".join(str(shape.get(a)) for a in ("d", "points", "cx", "cy", "rx"))) for shape in shapes
        ]
        name = _PREFIX.sub("", str(group.get("id")))
        found[name] = [*outlines, *((word.text, word.get("y")) for word in words)]
    return found


def rights(svg: str) -> dict[str, list[float]]:
    """How far right the words beside each line stand."""
    lines = [group for group in ElementTree.fromstring(svg).iter() if str(group.get("class")).startswith("edge")]
    return {_PREFIX.sub("", str(line.get("id"))): [float(word.get("x", 0)) for word in _words(line)] for line in lines}


def _words(line: ElementTree.Element) -> list[ElementTree.Element]:
    return [part for part in line if _tag(part) == "text" and part.get("font-weight") != "bold"]


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def imagined(drawing: Drawing, seed: int) -> Overlay:
    """A run that cannot have been: any status, figures and takings, large ones too."""
    chance = random.Random(seed)
    statuses: tuple[Status, ...] = get_args(Status)

    def mark() -> Mark:
        usage = Usage(input_tokens=chance.choice((0, 9, 1_234_567)), usd=chance.choice((0.0, 0.00004, 1_234.5, None)))
        note = chance.choice(("", "ValueError: " + "W" * 400 + " · try 3 of 3", "E: <b>&\\N"))
        cells: list[Status] = [chance.choice(statuses) for _ in range(chance.choice((0, 1, 5, 28, 29, 170, 1_000)))]
        return Mark(chance.choice(statuses), chance.choice((0, 1, 12_345)), chance.random() * 1e6, usage, note, cells)

    taken = {
        arrow.id: tuple(range(start := chance.randrange(1, 10_000), start + chance.choice((1, 2, 50))))
        for arrow in drawing.arrows
        if chance.random() < 0.5
    }
    marks = {card.id: mark() for card in drawing.cards if chance.random() < 0.8}
    return Overlay("r-1", 7, 20_000, chance.choice(statuses), marks, taken, {})
