"""A drawing as a Mermaid flowchart, as Markdown pages show it.

Nodes are called n0, n1, ...; texts stand in quotes, with everything that means something to Mermaid or to Markdown
written as an entity code. Only shapes that old versions know are used. Classes have a prefix: ``subgraph`` and ``end`` are words of the language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from graphflow.views import marking, wording
from graphflow.views.drawing import Arrow, Bar, Card, Cluster, Drawing
from graphflow.views.overlay import Overlay
from graphflow.views.theme import ROLES_OF_CHANGE, Role, Theme

_SPECIAL = re.compile(r"[\"#<>&`\\{}|~]")
_JOINED = re.compile(r"\$(?=\$)|#92;(?=n)|fa\w?:(?=fa-)")
"""What side by side is a formula, the end of a line or an icon: these are looked for once entities have been read."""
_LIST_LIKE = re.compile(r"^(\d+)([.)])|^([-+*])(?=\s)|^(\s*)$")
_INDENT = "    "


def mermaid_of(drawing: Drawing, theme: Theme, overlay: Overlay | None = None) -> str:
    """The Mermaid text of a drawing in the colours of a theme; the same drawing gives the same text.

    With an overlay cards have the colour, glyph and word of their status and their figures, and arrows that were taken
    are thick and say at which entries.
    """
    return _Writer(drawing, theme, overlay).written()


@dataclass(slots=True)
class _Writer:
    drawing: Drawing
    theme: Theme
    overlay: Overlay | None = None
    names: dict[str, str] = field(default_factory=dict[str, str])
    lines: list[str] = field(default_factory=list[str])

    def written(self) -> str:
        for part in self.drawing.stops:
            self.names[part.id] = f"n{len(self.names)}"
        for index, cluster in enumerate(self.drawing.clusters):
            self.names[cluster.id] = f"c{index}"
        self.lines = [f"flowchart {'LR' if self.drawing.direction == 'LR' else 'TD'}"]
        self._write_level("", 1)
        for arrow in self.drawing.arrows:
            self.lines.append(_INDENT + self._arrow(arrow))
        self._write_colours()
        return "\n".join(self.lines) + "\n"

    def _write_level(self, cluster: str, depth: int) -> None:
        indent = _INDENT * depth
        bars = [bar for bar in self.drawing.bars if bar.cluster == cluster]
        self.lines += [indent + self._bar(bar) for bar in bars if bar.kind == "fork"]
        self.lines += [indent + self._card(card) for card in self.drawing.cards if card.cluster == cluster]
        for index, inner in enumerate(self.drawing.clusters):
            if inner.parent == cluster:
                self.lines.append(f'{indent}subgraph c{index}["{_text(_title(inner))}"]')
                self._write_level(inner.id, depth + 1)
                self.lines.append(f"{indent}end")
        self.lines += [indent + self._bar(bar) for bar in bars if bar.kind == "join"]

    def _card(self, card: Card) -> str:
        name, role = self.names[card.id], self._role(card)
        if card.kind == "start":
            return f'{name}((" ")):::gf_start'
        if card.kind == "end":
            return f'{name}(((" "))):::gf_end'
        if card.kind == "fail":
            return f'{name}(["✗ {_text(wording.shortened(card.name, 80))}"]):::gf_{role}'
        if card.kind == "point":
            return f'{name}(["{self._glyph(card)} {_text(wording.shortened(card.name, 80))}"]):::gf_{role}'
        text = "<br/>".join(self._rows(card))
        return f'{name}[["{text}"]]:::gf_{role}' if card.is_mapped else f'{name}("{text}"):::gf_{role}'

    def _rows(self, card: Card) -> list[str]:
        rows = [f"<b>{_text(wording.shortened(card.name, 80))}</b>"]
        mark = None if self.overlay is None else self.overlay.mark(card.id)
        word = card.word if mark is None else marking.word_line(card.word, mark)
        if word:
            rows.insert(0, f"<small>{_text(word)}</small>")
        if mark is None:
            rows += [_text(wording.shortened(card.purpose, 76))] if card.purpose else []
            rows += [f"<small>{_text(' · '.join(card.badges))}</small>"] if card.badges else []
        else:
            told = (marking.figures(mark, card.purpose), marking.cells_in_words(mark.cells))
            rows += [_text(line) for line in told if line]
        return rows + [f"<small>{_text(line)}</small>" for line in card.fields]

    def _role(self, card: Card) -> Role:
        return card.role if self.overlay is None else marking.ROLES[self.overlay.mark(card.id).status]

    def _glyph(self, card: Card) -> str:
        return "◆" if self.overlay is None else marking.GLYPHS[self.overlay.mark(card.id).status]

    def _bar(self, bar: Bar) -> str:
        return f'{self.names[bar.id]}["{bar.kind}"]:::gf_bar'

    def _arrow(self, arrow: Arrow) -> str:
        line = "-.->" if arrow.tone == "error" else "-->"
        taken = "" if self.overlay is None else marking.in_words(self.overlay.taken.get(arrow.id, ()))
        labels = (taken, *arrow.labels) if taken else arrow.labels
        label = f'|"{_text("  ".join(labels))}"|' if labels else ""
        tail = self.names[arrow.leaves or arrow.tail]
        return f"{tail} {line}{label} {self.names[arrow.head]}"

    def _write_colours(self) -> None:
        theme = self.theme
        roles: list[Role] = sorted(
            {self._role(card) for card in self.drawing.cards if card.kind not in ("start", "end")}
        )
        for role in roles:
            shade = theme.shades[role]
            self._colour(f"classDef gf_{role} fill:{shade.fill},stroke:{shade.stroke},color:{theme.text}")
        self._colour(f"classDef gf_start fill:{theme.text},stroke:{theme.text},color:{theme.background}")
        if any(card.kind == "end" for card in self.drawing.cards):
            self._colour(f"classDef gf_end fill:{theme.background},stroke:{theme.text},color:{theme.text}")
        if self.drawing.bars:
            self._colour(f"classDef gf_bar fill:{theme.bar},stroke:{theme.bar},color:{theme.background}")
        for index, cluster in enumerate(self.drawing.clusters):
            line = theme.shades["subgraph"].stroke if cluster.kind == "subgraph" else theme.box_line
            self._colour(f"style c{index} fill:{theme.box},stroke:{line},color:{theme.muted}")
        for index, arrow in enumerate(self.drawing.arrows):
            if self.overlay is not None:
                self._colour(f"linkStyle {index} {self._line(arrow, self.overlay)}")
            elif arrow.change is not None:
                shade = theme.shades[ROLES_OF_CHANGE[arrow.change]]
                self._colour(f"linkStyle {index} stroke:{shade.stroke},color:{shade.ink},stroke-width:3px")
            elif arrow.tone in ("loop", "error"):
                colour = theme.loop if arrow.tone == "loop" else theme.error
                self._colour(f"linkStyle {index} stroke:{colour},color:{colour}")

    def _line(self, arrow: Arrow, overlay: Overlay) -> str:
        if arrow.id not in overlay.taken:
            return f"stroke:{self.theme.untaken},color:{self.theme.otherwise}"
        colour = self.theme.error if arrow.tone == "error" else self.theme.text
        return f"stroke:{colour},color:{colour},stroke-width:3px"

    def _colour(self, line: str) -> None:
        self.lines.append(_INDENT + line)


def _title(cluster: Cluster) -> str:
    title = " · ".join((cluster.name, *cluster.badges))
    return f"SUBGRAPH {title}" if cluster.kind == "subgraph" else title


def _text(text: str) -> str:
    """Text between quotes: entity codes for what Mermaid reads, and for what Markdown takes for a list; no formulas.

    >>> _text('say "hi" #1'), _text("1. first")
    ('say #34;hi#34; #35;1', '1#46; first')
    """
    escaped = _SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
    escaped = _JOINED.sub(r"\g<0><b></b>", escaped)
    return _LIST_LIKE.sub(_unlisted, escaped)


def _unlisted(found: re.Match[str]) -> str:
    number, mark, bullet, _ = found.groups()
    if number is not None:
        return f"{number}#{ord(mark)};"
    return f"#{ord(bullet)};" if bullet is not None else " "
