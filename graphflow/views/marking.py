"""How an overlay is written onto cards and arrows: words, glyphs and figures, as labels in Graphviz's HTML.

Whatever a run did, a label takes the same room: figures are cut to the width of their row, and rows that have nothing
to show yet are there all the same. So the layout is that of the graph, and does not move from step to step.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from graphflow.core.usage import Usage
from graphflow.views.drawing import Drawing
from graphflow.views.measures import dollars, duration
from graphflow.views.overlay import Mark, Overlay, Status
from graphflow.views.theme import Role, Shade, Theme
from graphflow.views.wording import visible

Heat = Literal["time", "cost", "tokens"]
"""What the bar at the foot of a card is a share of."""

GLYPHS: dict[Status, str] = {
    "done": "✓",
    "failed": "✗",
    "running": "●",
    "retrying": "↻",
    "waiting": "‖",
    "not run": "○",
    "cancelled": "○",
}
ROLES: dict[Status, Role] = {
    "done": "done",
    "failed": "failed",
    "running": "running",
    "retrying": "retrying",
    "waiting": "human",
    "not run": "not_run",
    "cancelled": "not_run",
}
_ROW = 168  # points, of the row of figures
_MOST_CELLS = 28
_CELL = 12  # points
_MOST_NUMBERS = 40
_CHIP = (24, 15)
_GLYPH = (14, 14)
_WIDTHS = (("iljtf.,:;'|!·()[] -", 0.33), ("mwMW@%—…", 1.0), ("ABCDEFGHIJKLNOPQRSTUVXYZ&_", 0.73))


def figures(mark: Mark, purpose: str) -> str:
    """The row under a node's name: what it did, or as long as it did nothing what it is for.

    >>> figures(Mark("done", visits=2, seconds=11.02, usage=Usage(input_tokens=2_200, usd=0.011)), "plans")
    '×2 · 11 s · 2.2k tok · $0.011'
    """
    if mark.status == "not run":
        return cut(purpose, 10, _ROW)
    if mark.note and mark.status in ("failed", "retrying"):
        said, tried, attempts = mark.note.partition(" · try ")
        return cut(said, 10, _ROW - width_of(tried + attempts, 10)) + tried + attempts
    parts: list[str] = []
    if mark.cells:
        parts.append(f"{mark.cells.count('done')} of {len(mark.cells)} ok")
    elif mark.visits > 1 or not mark.is_timed:
        parts.append(f"×{mark.visits:,}")
    if (mark.seconds or mark.visits) and mark.is_timed:
        parts.append(duration(mark.seconds))
    if mark.usage.tokens:
        parts.append(f"{_count(mark.usage.tokens)} tok")
    if mark.usage.usd:
        parts.append(dollars(mark.usage.usd))
    return cut(" · ".join(parts), 10, _ROW)


def _count(number: int) -> str:
    return str(number) if number < 1_000 else f"{number / 1_000:.1f}k" if number < 999_950 else f"{number / 1e6:.1f}M"


def cut(text: str, size: float, points: float) -> str:
    """The text, cut with an ellipsis where Arial of this size would be wider than so many points.

    >>> cut("short", 10, 168), cut("W" * 40, 10, 50)
    ('short', 'WWWW…')
    """
    room = points - _width("…") * size
    taken, fitting = 0.0, 0
    for place, character in enumerate(text):
        taken += _width(character) * size
        if taken <= room:
            fitting = place + 1
        elif taken > points:
            return text[:fitting].rstrip() + "…"
    return text


def width_of(text: str, size: float) -> float:
    """About how wide a text is in Arial, in points; rather too much than too little."""
    return sum(_width(character) for character in text) * size


def _width(character: str) -> float:
    for characters, width in _WIDTHS:
        if character in characters:
            return width
    return 0.56 if character.isascii() else 1.0


def beside(glyph: str, name: str) -> str:
    """A glyph and a name in one line; every glyph takes the same room."""
    size = f'WIDTH="{_GLYPH[0]}" HEIGHT="{_GLYPH[1]}" FIXEDSIZE="TRUE"'
    return _table([f"<TD {size}>{glyph}</TD>", f"<TD>{name}</TD>"])


def shares(overlay: Overlay, heat: Heat) -> dict[str, float]:
    """How much of the run's time, cost or tokens went into each card, from 0 to 1; nothing where none was spent."""
    spent = {card: _heat_of(mark, heat) for card, mark in overlay.marks.items()}
    total = sum(spent.values())
    return {card: value / total for card, value in spent.items()} if total else {}


def _heat_of(mark: Mark, heat: Heat) -> float:
    usage: Usage = mark.usage
    return {"time": mark.seconds, "cost": usage.usd or 0.0, "tokens": float(usage.tokens)}[heat]


def word_line(word: str, mark: Mark) -> str:
    """The top line of a card: its kind, cut to leave room, and where it stands.

    >>> word_line("AGENT", Mark("done")), word_line("", Mark())
    ('AGENT   ✓ done', '○ not run')
    """
    stands = f"{GLYPHS[mark.status]} {mark.status}"
    return f"{cut(word, 9, _ROW - width_of(stands, 9) - 20)}   {stands}" if word else stands


def fixed(text: str, height: int, width: int = _ROW) -> str:
    """A line of a label that takes the same room whatever stands in it."""
    size = f'WIDTH="{width}" HEIGHT="{height}" FIXEDSIZE="TRUE"'
    return _table([f'<TD {size} ALIGN="LEFT" BALIGN="LEFT">{text}</TD>'])


def extra_rows(mark: Mark, share: float | None, theme: Theme, is_mapped: bool) -> list[str]:
    """What stands under the figures: the branches of a map, and the share of the whole."""
    rows = [_strip(mark.cells, theme)] if is_mapped else []
    return [*rows, _bar(share, theme.shades[ROLES[mark.status]], theme)]


def _strip(cells: Sequence[Status], theme: Theme) -> str:
    """A cell for each branch; of many, the branches of one status side by side, as wide as they are many."""
    if len(cells) <= _MOST_CELLS:
        width = min(_CELL, _ROW // len(cells) - 1) if cells else 0
        sizes = [(width, _colour(cell, theme)) for cell in cells]
    else:
        counts: list[tuple[Status, int]] = [(status, cells.count(status)) for status in GLYPHS if status in cells]
        room = _ROW - 4 * len(counts)
        sizes = [(3 + room * count // len(cells), _colour(status, theme)) for status, count in counts]
    drawn = [_box(width, 10, colour) + _box(1, 10, "") for width, colour in sizes]  # a gap is a cell, too
    rest = _ROW - sum(width + 1 for width, _ in sizes)
    return _table([*drawn, *([_box(rest, 10, "")] if rest > 0 else [])])


def _colour(status: Status, theme: Theme) -> str:
    return theme.track if status in ("not run", "cancelled") else theme.shades[ROLES[status]].stroke


def _bar(share: float | None, shade: Shade, theme: Theme) -> str:
    if share is None:
        return _table([_box(_ROW, 4, "")])
    filled = round(_ROW * share)
    boxes = [(filled, shade.stroke), (_ROW - filled, theme.track)]
    return _table([_box(width, 4, colour) for width, colour in boxes if width])


def _box(width: int, height: int, colour: str) -> str:
    filled = f' BGCOLOR="{colour}"' if colour else ""
    return f'<TD WIDTH="{width}" HEIGHT="{height}" FIXEDSIZE="TRUE"{filled}></TD>'


def _table(cells: Sequence[str], style: str = "") -> str:
    row, plain = "".join(cells), 'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'
    return f"<TABLE {plain}{style}><TR>{row}</TR></TABLE>"


def chip(numbers: Sequence[int], theme: Theme, *, is_across: bool = False) -> tuple[str, str]:
    """What stands before the words of an arrow and what after them: first the entries that took it, on a dark chip.

    As long as none did, the room is left free where nobody sees it: behind the words, or, along a line that leads
    across, on both sides of them.
    """
    if not numbers:
        return (_free(_CHIP[0] // 2 - 1), _free(_CHIP[0] // 2 - 1)) if is_across else ("", _free(_CHIP[0]))
    size = f'WIDTH="{_CHIP[0]}" HEIGHT="{_CHIP[1]}" FIXEDSIZE="TRUE"'
    text = ",".join(map(str, numbers))
    if width_of(text, 9) > _CHIP[0] - 3:
        text = f"×{len(numbers)}"
    shown = f'<FONT POINT-SIZE="9" COLOR="{theme.background}"><B>{html.escape(text)}</B></FONT>'
    table = _table([f"<TD {size}>{shown}</TD>"], style=f' STYLE="ROUNDED" BGCOLOR="{theme.text}"')
    return f'<TD VALIGN="TOP">{table}</TD>', ""


def _free(width: int) -> str:
    """As much room as a chip takes."""
    cell = f'<TD WIDTH="{width}" HEIGHT="{_CHIP[1]}" FIXEDSIZE="TRUE"></TD>'
    return f'<TD VALIGN="TOP">{_table([cell])}</TD>'


def in_words(numbers: Sequence[int], most: int = 6) -> str:
    """The entries that took an arrow, for formats without chips; empty where none did.

    >>> in_words((3, 8)), in_words(()), in_words(range(2, 40))
    ('at 3,8', '', 'at 2,3,4,5,6,7,... 38 times')
    """
    shown = ",".join(map(str, numbers[:most]))
    return "" if not numbers else f"at {shown}" + (f",... {len(numbers)} times" if len(numbers) > most else "")


def cells_in_words(cells: Sequence[Status]) -> str:
    """The branches of a map as glyphs; of many, how many there are of each.

    >>> cells_in_words(["done", "failed", "running"]), cells_in_words(["done"] * 99 + ["failed"])
    ('✓✗●', '✓99 ✗1')
    """
    if len(cells) <= _MOST_CELLS:
        return "".join(GLYPHS[cell] for cell in cells)
    counts = {GLYPHS[status]: sum(GLYPHS[cell] == GLYPHS[status] for cell in cells) for status in GLYPHS}
    return " ".join(f"{glyph}{count}" for glyph, count in counts.items() if count)


def headline(overlay: Overlay) -> str:
    """Which run, how it stands, and when: the line over a drawing in text."""
    moment = f"after entry {overlay.seq}" + (f" of {overlay.last}" if overlay.seq != overlay.last else "")
    return f"run {overlay.run_id}: {overlay.status} {moment}"


def told(drawing: Drawing, overlay: Overlay) -> Drawing:
    """The drawing with tooltips that tell what the run did at each card and arrow."""
    cards = (replace(card, tooltip=f"{card.tooltip}\n{_story(overlay.mark(card.id))}") for card in drawing.cards)
    arrows = (replace(arrow, tooltip=f"{arrow.tooltip}\n{_taking(arrow.id, overlay)}") for arrow in drawing.arrows)
    return replace(drawing, cards=tuple(cards), arrows=tuple(arrows))


def _story(mark: Mark) -> str:
    facts = [f"{GLYPHS[mark.status]} {mark.status}"]
    if mark.visits:
        time = f" in {duration(mark.seconds)}" if mark.is_timed else ""
        facts.append(f"{mark.visits:,} visit{'s' if mark.visits != 1 else ''}{time}")
    counts = ((status, mark.cells.count(status)) for status in GLYPHS)
    if mark.cells:
        facts.append(
            f"{len(mark.cells)} branches: " + ", ".join(f"{count} {status}" for status, count in counts if count)
        )
    if mark.usage.tokens:
        facts.append(f"{mark.usage.tokens:,} tokens, {dollars(mark.usage.usd)}")
    return "\n".join([*facts, mark.note] if mark.note else facts)


def _taking(arrow: str, overlay: Overlay) -> str:
    """Which entries took an arrow, and why it was the last time: every edge considered, with the values seen."""
    numbers = overlay.taken.get(arrow, ())
    if not numbers:
        return "not taken"
    shown = ", ".join(map(str, numbers[:_MOST_NUMBERS]))
    more = f" and {len(numbers) - _MOST_NUMBERS} more" if len(numbers) > _MOST_NUMBERS else ""
    lines = [visible(str(reason)) for reason in overlay.whys.get(arrow, ())]
    return "\n".join([f"taken at {shown}{more}", *lines])
