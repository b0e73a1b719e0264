"""A run as one SVG that plays: every step in turn, then the end held for a while, then again.

Layout is the same at every step, so only what changes is kept more than once: an element's looks take turns by CSS
keyframes. Where motion is not wanted (``prefers-reduced-motion``) the last step stands still.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from xml.etree import ElementTree

HELD = 4
"""For how many steps the last one stays."""


class Animation(str):
    """An SVG that plays, as text; the last line of a notebook cell shows it playing."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f"<div>{self}</div>"

    def __repr__(self) -> str:
        return f"<animation of {len(self):,} characters>"


def animated(frames: Sequence[str], step_s: float) -> Animation:
    """One SVG of several that show the same elements. ``frames`` are SVG texts with the same ids, in order."""
    roots = [ElementTree.fromstring(_without_namespace(frame)) for frame in frames]
    looks = [{_id(element): element for element in _graph_of(root)} for root in roots]
    merged = roots[-1]
    graph = _graph_of(merged)
    rules = _Rules(len(frames), step_s)
    children: list[ElementTree.Element] = []
    for last in graph:
        if last.get("id") is None:  # the ground, and the title: the same at every step
            children.append(last)
            continue
        turns = [look.get(_id(last)) for look in looks]
        children += _taking_turns([last if turn is None else turn for turn in turns], rules)
    graph[:] = children
    style = ElementTree.Element("style")
    style.text = rules.written(merged.get("id", ""))
    merged.insert(1, style)
    merged.set("xmlns", "http://www.w3.org/2000/svg")
    return Animation(ElementTree.tostring(merged, encoding="unicode") + "\n")


def _without_namespace(svg: str) -> str:
    return svg.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)


def _graph_of(root: ElementTree.Element) -> ElementTree.Element:
    return next(element for element in root.iter("g") if element.get("class") == "graph")


def _id(element: ElementTree.Element) -> str:
    return element.get("id", "")


def _taking_turns(turns: list[ElementTree.Element], rules: _Rules) -> list[ElementTree.Element]:
    """The distinct looks of one element, each shown at its own steps."""
    texts = [ElementTree.tostring(turn) for turn in turns]
    distinct = list(dict.fromkeys(texts))
    if len(distinct) == 1:
        return [turns[-1]]
    found: list[ElementTree.Element] = []
    for text in distinct:
        look = copy.deepcopy(turns[texts.index(text)])
        name = rules.name_of(tuple(other == text for other in texts))
        look.set("class", f"{look.get('class', '')} {name}".strip())
        if text != texts[-1]:
            del look.attrib["id"]  # an id stands once in a page
        found.append(look)
    return found


class _Rules:
    """Keyframes, one for each pattern of steps at which something is shown."""

    def __init__(self, count: int, step_s: float) -> None:
        self.count = count + HELD
        self.seconds = self.count * step_s
        self.patterns: dict[tuple[bool, ...], str] = {}

    def name_of(self, pattern: tuple[bool, ...]) -> str:
        return self.patterns.setdefault(pattern, f"f{len(self.patterns)}")

    def written(self, identity: str) -> str:
        rules: list[str] = []
        for pattern, name in self.patterns.items():
            own = f"{identity}-{name}"
            shown = "visible" if pattern[-1] else "hidden"
            rules.append(f"#{identity} .{name}{{visibility:{shown}}}")
            rules.append(f"@keyframes {own}{{{self._frames(pattern)}}}")
            rules.append(
                "@media (prefers-reduced-motion:no-preference){"
                f"#{identity} .{name}{{animation:{own} {self.seconds:g}s step-end infinite}}}}"
            )
        return "".join(rules)

    def _frames(self, pattern: tuple[bool, ...]) -> str:
        parts: list[str] = []
        before: bool | None = None
        for place, is_shown in enumerate(pattern):
            if is_shown != before:
                parts.append(f"{100 * place / self.count:.4g}%{{visibility:{'visible' if is_shown else 'hidden'}}}")
            before = is_shown
        return "".join(parts)
