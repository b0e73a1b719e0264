"""A drawing as DOT, the canonical export: the same drawing gives the same text, and any tool can lay it out.

Nodes are called n0, n1, ... in the file, and what users named stands in labels and ids only, escaped: a ``:`` would be
read as a port, ``<...>`` as HTML, a backslash as an escape. Labels are one-cell tables, whose padding keeps them off
the line. Arrows that lead back are written the other way around with ``dir=back``, so that a layout flows forward.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphflow.views import marking, wording
from graphflow.views.dot_words import escaped, filled_dot, in_font, pen, plain
from graphflow.views.drawing import Arrow, Bar, Card, Cluster, Drawing, Tone
from graphflow.views.marking import Heat
from graphflow.views.overlay import Overlay
from graphflow.views.theme import ROLES_OF_CHANGE, Shade, Theme

if TYPE_CHECKING:
    from graphviz import Digraph

_BAR = {"TB": 1.6, "LR": 1.2}  # inches, of a bar that one branch leads from or to
_BAR_HEIGHT = 0.06
_PITCH = {"TB": 1.5, "LR": 0.8}  # inches of a bar for a branch, about a card and its distance
_GAP = 0.5  # inches between cards
_LONGEST_BAR = 12.0
_CHARACTER = 0.072  # inches, of a label
_POINTS = 72
_OFF = 2  # points, of chips and words from their line, besides the padding of a cell


_MANY_CARDS = 30
_MANY_ARRIVALS = 4
"""In a large graph, an end that many lead to is drawn beside each of them: lines across the whole page say nothing."""


def dot_of(drawing: Drawing, theme: Theme, overlay: Overlay | None = None, heat: Heat = "time") -> str:
    """The DOT text of a drawing in the colours of a theme; with an overlay, of what a run did on it."""
    shares = {} if overlay is None else marking.shares(overlay, heat)
    return _Writer(drawing, theme, overlay, shares).written()


@dataclass(slots=True)
class _Writer:
    drawing: Drawing
    theme: Theme
    overlay: Overlay | None = None
    shares: Mapping[str, float] = field(default_factory=dict[str, float])
    names: dict[str, str] = field(default_factory=dict[str, str])  # id -> name in the file
    ports: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])  # (bar, arrow) -> port
    copies: dict[str, int] = field(default_factory=dict[str, int])
    repeated: dict[str, Card] = field(default_factory=dict[str, Card])  # ends that are drawn beside each arrow to them
    spine: set[str] = field(default_factory=set[str])  # ids of what is drawn in one straight line
    widest: dict[str, int] = field(default_factory=dict[str, int])  # arrow -> characters of its label's widest line

    def __post_init__(self) -> None:
        arrivals = Counter(arrow.head for arrow in self.drawing.arrows)
        leavers = {arrow.tail for arrow in self.drawing.arrows}
        is_large = len(self.drawing.cards) > _MANY_CARDS
        for card in self.drawing.cards:
            self.names[card.id] = f"n{len(self.names)}"
            if is_large and arrivals[card.id] > _MANY_ARRIVALS and card.id not in leavers:
                self.repeated[card.id] = card
        for bar in self.drawing.bars:
            self.names[bar.id] = f"n{len(self.names)}"
            if len(bar.ports) > 1:
                for place, arrows in enumerate(bar.ports):
                    self.ports |= {(bar.id, arrow): f"p{place}" for arrow in arrows}

        for arrow in self.drawing.arrows:
            if arrow.is_spine:
                self.spine |= {arrow.tail, arrow.head}
            self.widest[arrow.id] = max(map(len, _label_lines(arrow)), default=0)

    def written(self) -> str:
        from graphviz import Digraph

        top = Digraph("drawing")
        top.attr("graph", **self._graph_attributes())
        top.attr("node", **self._node_attributes())
        top.attr("edge", **self._edge_attributes())
        self._write_level(top, "")
        for arrow in self.drawing.arrows:
            self._write_arrow(top, arrow)
        return str(top.source)

    def _graph_attributes(self) -> dict[str, str]:
        return {
            "id": "graph",
            "tooltip": plain(self.drawing.name),
            "rankdir": self.drawing.direction,
            "bgcolor": self.theme.background,
            "fontname": "Arial",
            "nodesep": f"{_GAP:g}",
            "ranksep": "0.42",
            "pad": "0.3",
            "splines": "spline",
            "compound": "true",
            "newrank": "true",
        }

    def _node_attributes(self) -> dict[str, str]:
        return {
            "fontname": "Arial",
            "shape": "box",
            "style": "rounded,filled",
            "margin": "0.14,0.07",
            "height": "0.3",
        } | self._lines()

    def _edge_attributes(self) -> dict[str, str]:
        return {
            "fontname": "Arial",
            "fontsize": "10",
            "arrowsize": "0.7",
            "color": self.theme.edge,
            "fontcolor": self.theme.guard,
        } | self._lines()

    def _lines(self) -> dict[str, str]:
        """How wide lines are; over a run each line has a style of its own, which is heeded only without this."""
        return {"penwidth": f"{self.theme.pen:g}"} if self.overlay is None else {}

    def _write_level(self, graph: Digraph, cluster: str) -> None:
        """The cards and bars directly in a cluster, then the clusters in it."""
        from graphviz import Digraph

        bars = [bar for bar in self.drawing.bars if bar.cluster == cluster]
        for bar in bars:
            if bar.kind == "fork":
                self._write_bar(graph, bar)
        for card in self.drawing.cards:
            if card.cluster == cluster:
                self._write_card(graph, card)
        for inner in self.drawing.clusters:
            if inner.parent == cluster:
                frame = Digraph(f"cluster_{self.drawing.clusters.index(inner)}")
                frame.attr("graph", **self._cluster_attributes(inner))
                self._write_level(frame, inner.id)
                graph.subgraph(frame)
        for bar in bars:
            if bar.kind == "join":
                self._write_bar(graph, bar)

    def _cluster_attributes(self, cluster: Cluster) -> dict[str, str]:
        shade = self.theme.shades["subgraph"]
        is_subgraph = cluster.kind == "subgraph"
        ink = shade.ink if is_subgraph else self.theme.muted
        name = f"<B>{escaped(wording.shortened(cluster.name, 60))}</B>"
        parts = (
            [in_font("<B>SUBGRAPH</B>", 8, ink), in_font(name, 11, self.theme.text)]
            if is_subgraph
            else [in_font(name, 9, ink)]
        )
        if cluster.badges:
            parts.append(in_font(escaped(wording.fitted(cluster.badges, " · ", 60)), 9, ink))
        title = " &#160;".join(parts)
        return {
            "id": cluster.id,
            "label": f"<{title}>",
            "tooltip": plain(cluster.tooltip),
            "labeljust": "l",
            "style": "rounded,filled",
            "fillcolor": self.theme.box,
            "color": shade.stroke if is_subgraph else self.theme.box_line,
            "fontname": "Arial",
            "margin": "14",
            "penwidth": f"{self.theme.pen if is_subgraph else self.theme.pen - 0.4:g}",
        }

    def _write_card(self, graph: Digraph, card: Card) -> None:
        attributes = {"id": card.id, "tooltip": plain(card.tooltip), "class": f"gf-node gf-{card.role}"}
        attributes |= self._group(card.id)
        graph.node(self.names[card.id], **attributes, **self._shape(card))

    def _write_again(self, graph: Digraph, arrow: Arrow) -> str:
        """An end once more for one more arrow to it; the first arrow takes the end itself."""
        card = self.repeated[arrow.head]
        count = self.copies[card.id] = self.copies.get(card.id, 0) + 1
        if count == 1:
            return self.names[card.id]
        name = f"{self.names[card.id]}_{count}"
        attributes = {"tooltip": plain(card.tooltip), "class": f"gf-node gf-{card.role}"}
        graph.node(name, id=f"{card.id}~{count}", **attributes, **self._shape(card))
        return name

    def _shape(self, card: Card) -> dict[str, str]:
        theme, shade = self.theme, self._shade(card)
        if card.kind in ("start", "end"):
            colour = theme.text if self._is_reached(card) else theme.untaken
            return filled_dot(*(("circle", "0.19") if card.kind == "start" else ("doublecircle", "0.15")), colour, "1")
        return self._box(card, shade) | self._border(card)

    def _box(self, card: Card, shade: Shade) -> dict[str, str]:
        theme = self.theme
        if card.kind == "fail":
            name = "<BR/>".join(escaped(line) for line in wording.wrapped(f"✗ {card.name}", wording.NAME_WIDTH, 3))
            label = f"<{in_font(f'<B>{name}</B>', 10, shade.ink)}>"
            return {"label": label, "fillcolor": shade.fill, "color": shade.stroke, "margin": "0.14,0.04"}
        if card.kind == "point":
            name = "<BR/>".join(escaped(line) for line in wording.wrapped(card.name, wording.NAME_WIDTH, 3))
            bold = in_font(f"<B>{name}</B>", 11, theme.text)
            label = f"{in_font('◆', 9, shade.ink)} {bold}"
            if self.overlay is not None:
                glyph = marking.GLYPHS[self.overlay.mark(card.id).status]
                label = marking.beside(in_font(glyph, 9, shade.ink), bold)
            return {"label": f"<{label}>", "fillcolor": theme.background, "color": shade.stroke, "margin": "0.12,0.03"}
        shape = {"label": self._card_label(card, shade.ink), "fillcolor": shade.fill, "color": shade.stroke}
        return shape | ({"peripheries": "2"} if card.is_mapped else {})

    def _shade(self, card: Card) -> Shade:
        """By kind; over a run by status (where the kind is still a word)."""
        if self.overlay is None:
            return self.theme.shades[card.role]
        return self.theme.shades[marking.ROLES[self.overlay.mark(card.id).status]]

    def _is_reached(self, card: Card) -> bool:
        return self.overlay is None or self.overlay.mark(card.id).status == "done"

    def _border(self, card: Card) -> dict[str, str]:
        status = "" if self.overlay is None else self.overlay.mark(card.id).status
        if not status:
            return {}
        dashed = "dashed," if status in ("not run", "cancelled") else ""
        return {"style": f"rounded,filled,{dashed}{pen(2.6 if status == 'failed' else self.theme.pen)}"}

    def _card_label(self, card: Card, ink: str) -> str:
        theme, mark = self.theme, None if self.overlay is None else self.overlay.mark(card.id)
        rows: list[str] = []
        if card.word or mark is not None:
            word = wording.shortened(card.word, wording.NAME_WIDTH)
            line = in_font(f"<B>{escaped(word if mark is None else marking.word_line(word, mark))}</B>", 8, ink)
            rows.append(line if mark is None else marking.fixed(line, 11))
        rows += [
            in_font(f"<B>{escaped(line)}</B>", 13, theme.text)
            for line in wording.wrapped(card.name, wording.NAME_WIDTH, 3)
        ]
        if mark is not None:
            figures = escaped(marking.figures(mark, card.purpose)) or "&#160;"
            rows.append(marking.fixed(in_font(figures, 10, theme.muted), 14))
            rows += marking.extra_rows(mark, self.shares.get(card.id), theme, card.is_mapped)
        elif card.purpose:
            rows += [
                in_font(escaped(line), 10, theme.muted)
                for line in wording.wrapped(card.purpose, wording.PURPOSE_WIDTH, 2)
            ]
        badges = card.badges if mark is None else ()
        rows += [in_font(escaped(line), 9, ink) for line in wording.filled(badges, " · ", wording.PURPOSE_WIDTH, 2)]
        for line in card.fields:
            rows += [in_font(escaped(part), 9, theme.muted) for part in wording.wrapped(line, wording.PURPOSE_WIDTH, 3)]
        cells = "".join(f'<TR><TD ALIGN="LEFT">{row}</TD></TR>' for row in rows)
        return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{cells}</TABLE>>'

    def _write_bar(self, graph: Digraph, bar: Bar) -> None:
        direction = self.drawing.direction
        attributes = {"id": bar.id, "tooltip": plain(bar.tooltip), "class": "gf-bar", "penwidth": "0"}
        attributes |= self._group(bar.id)
        lengths = self._branch_lengths(bar)
        if len(lengths) < 2:
            length = max([_BAR[direction], *lengths])
            width, height = (length, _BAR_HEIGHT) if direction == "TB" else (_BAR_HEIGHT, length)
            attributes |= {"shape": "box", "style": "filled", "fillcolor": self.theme.bar, "fixedsize": "true"}
            graph.node(self.names[bar.id], label="", width=f"{width:.3g}", height=f"{height:.3g}", **attributes)
            return
        across = round(_BAR_HEIGHT * _POINTS)
        cells: list[str] = []
        for place, length in enumerate(lengths):
            along = round(length * _POINTS)
            width, height = (along, across) if direction == "TB" else (across, along)
            cells.append(f'<TD PORT="p{place}" WIDTH="{width}" HEIGHT="{height}" FIXEDSIZE="TRUE"></TD>')
        rows = f"<TR>{''.join(cells)}</TR>" if direction == "TB" else "".join(f"<TR>{cell}</TR>" for cell in cells)
        colour = f'BGCOLOR="{self.theme.bar}"'
        table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" {colour}>{rows}</TABLE>'
        graph.node(self.names[bar.id], label=f"<{table}>", shape="plain", style="", **attributes)

    def _branch_lengths(self, bar: Bar) -> list[float]:
        """How much of a bar each branch takes, in inches: its card, and what is written on the way to it."""
        twin = next(one for one in self.drawing.bars if one.cluster == bar.cluster and one.kind == "fork")
        lengths = [self._branch_length(arrow) for arrows in twin.ports[: len(bar.ports)] for arrow in arrows]
        shrink = min(1.0, _LONGEST_BAR / max(sum(lengths), 0.1))
        return [length * shrink for length in lengths]

    def _branch_length(self, branch: str) -> float:
        if self.drawing.direction == "LR":
            return _PITCH["LR"]
        head = next(arrow.head for arrow in self.drawing.arrows if arrow.id == branch)
        card = next((card for card in self.drawing.cards if card.id == head), None)
        needed = _PITCH["TB"] if card is None else _width(card) + _GAP
        # labels stand right of their line, and must not stick out of the region's frame
        return max(needed, 2 * self.widest[branch] * _CHARACTER - 0.2)

    def _group(self, one: str) -> dict[str, str]:
        return {"group": "main"} if one in self.spine and one not in self.repeated else {}

    def _write_arrow(self, graph: Digraph, arrow: Arrow) -> None:
        tail, head = self._end(arrow.tail, arrow), self._end(arrow.head, arrow)
        if arrow.head in self.repeated:
            head = self._write_again(graph, arrow)
        attributes = {"id": arrow.id, "tooltip": plain(arrow.tooltip), "class": f"gf-edge gf-{arrow.tone}"}
        attributes |= self._line(arrow)
        if (arrow.is_spine or not arrow.is_declared) and not arrow.is_back:
            attributes["weight"] = "4"  # straight
        if arrow.labels or self.overlay is not None:
            attributes["label"] = self._arrow_label(arrow)
        if arrow.leaves:
            index = next(i for i, cluster in enumerate(self.drawing.clusters) if cluster.id == arrow.leaves)
            attributes["lhead" if arrow.is_back else "ltail"] = f"cluster_{index}"
        if arrow.is_back and arrow.tail != arrow.head:
            tail, head = head, tail
            attributes["dir"] = "back"
        graph.edge(tail, head, **attributes)

    def _end(self, one: str, arrow: Arrow) -> str:
        port = self.ports.get((one, arrow.id))
        if port is None:
            return self.names[one]
        is_out = one == arrow.tail
        side = ("s" if is_out else "n") if self.drawing.direction == "TB" else ("e" if is_out else "w")
        return f"{self.names[one]}:{port}:{side}"

    def _line(self, arrow: Arrow) -> dict[str, str]:
        if self.overlay is None:
            return self._toned(arrow.tone) | self._changed(arrow)
        is_taken = arrow.id in self.overlay.taken
        width = pen(self.theme.pen + 1 if is_taken else 1.0)
        style = {"style": f"dashed,{width}" if arrow.tone == "error" else width}
        if not is_taken:
            return {"color": self.theme.untaken, "fontcolor": self.theme.otherwise} | style
        return {"color": self.theme.error if arrow.tone == "error" else self.theme.text} | style

    def _changed(self, arrow: Arrow) -> dict[str, str]:
        if arrow.change is None:
            return {}
        shade = self.theme.shades[ROLES_OF_CHANGE[arrow.change]]
        return {"color": shade.stroke, "fontcolor": shade.ink, "penwidth": f"{self.theme.pen + 0.8:g}"}

    def _toned(self, tone: Tone) -> dict[str, str]:
        if tone == "error":
            return {"color": self.theme.error, "fontcolor": self.theme.error, "style": "dashed"}
        if tone == "loop":
            return {"color": self.theme.loop, "fontcolor": self.theme.loop}
        return {"fontcolor": self.theme.otherwise} if tone == "else" else {}

    def _arrow_label(self, arrow: Arrow) -> str:
        lines = _label_lines(arrow)
        if self.overlay is not None:
            return self._chipped_label(lines, arrow, self.overlay.taken.get(arrow.id, ()))
        text = '<BR ALIGN="LEFT"/>'.join(escaped(line) for line in lines) + (
            '<BR ALIGN="LEFT"/>' if len(lines) > 1 else ""
        )
        if arrow.tone == "else":
            text = f"<I>{text}</I>"
        return f'<<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="2"><TR><TD>{text}</TD></TR></TABLE>>'

    def _chipped_label(self, lines: list[str], arrow: Arrow, numbers: Sequence[int]) -> str:
        """Words beside their line, and a chip between them once it was taken; in the same room before and after."""
        style = "<I>{}</I>" if arrow.tone == "else" else "{}"
        words = [f'<TD ALIGN="LEFT">{style.format(escaped(line))}</TD>' for line in lines] or ["<TD></TD>"]
        is_across = self.drawing.direction == "LR"
        before, after = marking.chip(numbers, self.theme, is_across=is_across)
        first, *others = [before + words[0] + after, *(_below(before) + cell + _below(after) for cell in words[1:])]
        if is_across:  # the line is below, else on the left
            rows = [first, *others, f'<TD HEIGHT="{_OFF}"></TD>']
        else:
            rows = [f'<TD WIDTH="{_OFF}"></TD>{first}', *(f"<TD></TD>{row}" for row in others)]
        plain = 'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1"'
        return f"<<TABLE {plain}>{''.join(f'<TR>{row}</TR>' for row in rows)}</TABLE>>"


def _below(cell: str) -> str:
    """What stands in a further row under a cell: nothing, where there is one."""
    return "<TD></TD>" if cell else ""


def _label_lines(arrow: Arrow) -> list[str]:
    if not arrow.is_declared:
        return [line for part in arrow.labels for line in wording.filled(part.split(", "), ", ", 18, 2)]
    return wording.filled(arrow.labels, "  ", wording.LABEL_WIDTH, 3)


def _width(card: Card) -> float:
    """About how wide a card will be, in inches."""
    names = wording.wrapped(card.name, wording.NAME_WIDTH, 3)
    lines = wording.wrapped(card.purpose, wording.PURPOSE_WIDTH, 2) if card.purpose else []
    lines += wording.filled(card.badges, " · ", wording.PURPOSE_WIDTH, 2)
    text = max(1.4 * max(map(len, names)), max(map(len, lines), default=0))
    return text * _CHARACTER * 0.96 + 0.28
