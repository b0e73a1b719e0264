"""Whether a drawing in a file still shows what is drawn now, whichever Graphviz has laid out either.

Of an SVG the ids and what is told of them are compared: every node, edge and frame, with conditions, limits, badges, and
over a run what it did. That is read off the file and asks no renderer, so colours and places are not part of it. DOT,
Mermaid and text are deterministic, and compared line by line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from graphflow.errors import DrawingError
from graphflow.views.diagram import Diagram
from graphflow.views.drawing import Drawing

_COPY = re.compile(r"~\d+$")
_KINDS = {"n": "node", "e": "edge", "b": "bar", "r": "frame", "c": "frame"}


def differences(diagram: Diagram, file: Path) -> list[str]:
    """What a file shows otherwise than the drawing does now, a line each; nothing where they agree.

    Lines with ``+`` are missing in the file, those with ``-`` stand in it and are gone. Raises DrawingError (GF512) for
    a format that cannot be compared, and GF514 for a file that cannot be read.
    """
    texts = {".dot": lambda: diagram.dot, ".mmd": lambda: diagram.mermaid, ".txt": lambda: diagram.text}
    suffix = file.suffix.lower()
    if suffix not in (*texts, ".svg"):
        raise DrawingError(
            f"{file.name!r} cannot be compared with a drawing",
            code="GF512",
            why="Pictures of pixels differ with every version of what draws them.",
            fix="Keep the drawing as .svg, .dot, .mmd or .txt.",
        )
    try:
        kept = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise DrawingError(
            f"{str(file)!r} cannot be read",
            code="GF514",
            why=getattr(error, "strerror", None) or str(error),
            fix="Draw it again: graphflow draw TARGET -o FILE",
        ) from error
    if suffix == ".svg":
        return _told_otherwise(_told_in(kept, file), told_of(diagram.drawing))
    lines = difflib.unified_diff(kept.splitlines(), texts[suffix]().splitlines(), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def told_of(drawing: Drawing) -> dict[str, str]:
    """What is told of everything in a drawing, by id."""
    return {one.id: one.tooltip for one in (*drawing.stops, *drawing.clusters, *drawing.arrows)}


def _told_in(svg: str, file: Path) -> dict[str, str]:
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise DrawingError(
            f"{str(file)!r} is no SVG",
            code="GF514",
            why=str(error),
            fix="Draw it again: graphflow draw TARGET -o FILE",
        ) from error
    prefix = root.get("id", "").removesuffix("drawing")
    found: dict[str, str] = {}
    for element in root.iter():
        own = element.get("id", "").removeprefix(prefix)
        if own[1:2] == "." and own[0] in _KINDS:
            title = element.find("{*}title")
            found[own] = "" if title is None else title.text or ""
    return {own: told for own, told in found.items() if not (own.startswith("n.") and told == "" and _COPY.search(own))}


def _told_otherwise(kept: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    lines = [f"- {_named(own, told)}" for own, told in kept.items() if own not in now]
    lines += [f"+ {_named(own, told)}" for own, told in now.items() if own not in kept]
    for own in kept.keys() & now.keys():
        before, after = kept[own].split("\n"), now[own].split("\n")
        if before != after:
            lines.append(f"~ {_named(own, now[own])}")
            lines += [f"  - {line}" for line in before if line not in after]
            lines += [f"  + {line}" for line in after if line not in before]
    return lines


def _named(own: str, told: str) -> str:
    return f"{_KINDS[own[0]]}  {told.partition(chr(10))[0] or own}"
