"""Two graphs, or two runs of one graph, in one drawing: what was added, what is gone, what changed.

Things are the same if their ids are; edges, whose ids count, if they lead the same way and say the same. A change is a
word and a glyph on cards and arrows, and a colour besides. Of runs the first is what was and the second what is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from graphflow.views import marking
from graphflow.views.drawing import Arrow, Bar, Card, Change, Cluster, Drawing
from graphflow.views.measures import dollars, duration
from graphflow.views.overlay import Mark, Overlay
from graphflow.views.theme import ROLES_OF_CHANGE

GLYPHS: dict[Change, str] = {"added": "+", "removed": "−", "changed": "~"}
Part = TypeVar("Part", Card, Bar, Cluster, Arrow)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: what happened to it, what it is, and what was said of it before and is now."""

    change: Change
    kind: Literal["node", "edge", "region"]
    name: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        line = f"{GLYPHS[self.change]} {self.change}  {self.kind} {self.name}"
        return f"{line}\n    - {self.before}\n    + {self.after}" if self.change == "changed" else line


def compared(old: Drawing, new: Drawing) -> tuple[Drawing, tuple[Difference, ...]]:
    """Both drawings in one, and the differences: nodes first, then edges."""
    old = _renamed(old, new)
    cards = _merged(old.cards, new.cards, _same_card)
    arrows = _merged(old.arrows, new.arrows, _same_arrow)
    bars = _merged(old.bars, new.bars, _is_any)
    clusters = _merged(old.clusters, new.clusters, _is_any)
    found = [_of_card(*one) for one in cards if one[2]]
    found += [_of_arrow(*one) for one in arrows if one[2] and one[0].is_declared]
    shown = replace(
        new,
        name=new.name if old.name == new.name else f"{old.name} → {new.name}",
        cards=tuple(_changed_card(*one) for one in cards),
        arrows=tuple(_changed_arrow(*one) for one in arrows),
        bars=tuple(_with_all_ports(bar, before) for bar, before, _ in bars),
        clusters=tuple(cluster for cluster, _, _ in clusters),
    )
    return shown, tuple(found)


def _merged(
    old: Sequence[Part], new: Sequence[Part], is_same: Callable[[Part, Part], bool]
) -> list[tuple[Part, Part | None, Change | None]]:
    """Each part as it is now, or was; what it was; and what became of it."""
    had, has = {one.id: one for one in old}, {one.id for one in new}
    found: list[tuple[Part, Part | None, Change | None]] = []
    for one in new:
        before = had.get(one.id)
        change: Change | None = "added" if before is None else None if is_same(before, one) else "changed"
        found.append((one, before, change))
    return found + [(one, one, "removed") for one in old if one.id not in has]


def _is_any(one: object, other: object) -> bool:
    """Bars and frames are what their cards and arrows make of them."""
    return True


def _same_card(one: Card, other: Card) -> bool:
    return one.tooltip == other.tooltip and one.kind == other.kind


def _same_arrow(one: Arrow, other: Arrow) -> bool:
    return (one.head, one.tail, one.labels, one.tooltip) == (other.head, other.tail, other.labels, other.tooltip)


# -- which is which --------------------------------------------------------------------------------------------------


def _renamed(old: Drawing, new: Drawing) -> Drawing:
    """The old drawing with ids as the new one has them: an edge declared before another one moves its number."""
    names = _regions(old, new)

    def named(one: str) -> str:
        return names.get(one, one)

    arrows = [replace(a, tail=named(a.tail), head=named(a.head), leaves=named(a.leaves)) for a in old.arrows]
    ways = _ways(arrows, new.arrows)
    return replace(
        old,
        arrows=tuple(replace(arrow, id=ways[arrow.id]) for arrow in arrows),
        cards=tuple(replace(card, cluster=named(card.cluster)) for card in old.cards),
        clusters=tuple(replace(one, id=named(one.id), parent=named(one.parent)) for one in old.clusters),
        bars=tuple(
            replace(bar, id=named(bar.id), cluster=named(bar.cluster), ports=tuple(tuple(map(ways.__getitem__, port)) for port in bar.ports))
            for bar in old.bars
        ),
    )  # fmt: skip


def _regions(old: Drawing, new: Drawing) -> dict[str, str]:
    """Old ids of bars and frames of regions -> those of the region with the same source and targets now, if there is."""
    now = _heads_of_regions(new)
    known = {bar.id for bar in new.bars}
    free = dict(now)
    names: dict[str, str] = {}
    for region, shape in _heads_of_regions(old).items():
        same = next((other for other, its in free.items() if its == shape), None)
        if same is not None:
            del free[same]
        else:
            same = f"{region}~was" if f"b.{region}.fork" in known else region
        for start, end in (("b.", ".fork"), ("b.", ".join"), ("r.", "")):
            names[f"{start}{region}{end}"] = f"{start}{same}{end}"
    return names


def _heads_of_regions(drawing: Drawing) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Region -> where it forks, and the nodes that its branches begin at."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for bar in drawing.bars:
        if bar.kind == "fork":
            source = next(arrow.tail for arrow in drawing.arrows if arrow.head == bar.id)
            heads = tuple(sorted(arrow.head for arrow in drawing.arrows if arrow.tail == bar.id))
            found[bar.id.removeprefix("b.").removesuffix(".fork")] = (source, heads)
    return found


def _ways(old: Sequence[Arrow], new: Sequence[Arrow]) -> dict[str, str]:
    """Old ids of arrows -> those that say the same now; else those that lead the same way; else ids of their own."""
    alike: dict[object, list[str]] = defaultdict(list)
    along: dict[object, list[str]] = defaultdict(list)
    for arrow in new:
        alike[arrow.tail, arrow.head, arrow.labels, arrow.tone].append(arrow.id)
        along[arrow.tail, arrow.head].append(arrow.id)
    names: dict[str, str] = {}
    given: set[str] = set()
    for exact in (True, False):
        for arrow in old:
            if arrow.id in names:
                continue
            found = alike[arrow.tail, arrow.head, arrow.labels, arrow.tone] if exact else along[arrow.tail, arrow.head]
            name = next((one for one in found if one not in given), None)
            if name is not None:
                names[arrow.id] = name
                given.add(name)
    return {arrow.id: names.get(arrow.id, f"{arrow.id}~was") for arrow in old}


# -- how it is shown -------------------------------------------------------------------------------------------------


def _worded(change: Change) -> str:
    return f"{GLYPHS[change]} {change}"


def _changed_card(card: Card, before: Card | None, change: Change | None) -> Card:
    if change is None:
        return replace(card, role="function")
    word = f"{card.word}   {_worded(change)}".strip()
    was = f"\nit was: {before.tooltip}" if change == "changed" and before is not None else ""
    return replace(card, word=word, role=ROLES_OF_CHANGE[change], tooltip=f"{_worded(change)}\n{card.tooltip}{was}")


def _changed_arrow(arrow: Arrow, before: Arrow | None, change: Change | None) -> Arrow:
    if change is None:
        return arrow
    was = "" if change != "changed" or before is None else f"\nit was: {before.tooltip}"
    labels = (_worded(change), *arrow.labels)
    return replace(arrow, labels=labels, change=change, tooltip=f"{_worded(change)}\n{arrow.tooltip}{was}")


def _with_all_ports(bar: Bar, before: Bar | None) -> Bar:
    """Arrows that are gone keep their place at a bar."""
    if before is None:
        return bar
    known = {arrow for port in bar.ports for arrow in port}
    gone = tuple(left for port in before.ports if (left := tuple(one for one in port if one not in known)))
    return replace(bar, ports=bar.ports + gone)


def _of_card(card: Card, before: Card | None, change: Change | None) -> Difference:
    assert change is not None
    return Difference(change, "node", card.name, _line("" if before is None else before.tooltip), _line(card.tooltip))


def _of_arrow(arrow: Arrow, before: Arrow | None, change: Change | None) -> Difference:
    assert change is not None
    told = ("" if before is None else before.tooltip).partition("\n"), arrow.tooltip.partition("\n")
    return Difference(
        change, "edge", arrow.tooltip.partition("\n")[0], *(_line(rest) or "no condition" for _, _, rest in told)
    )


def _line(text: str) -> str:
    return " · ".join(text.split("\n"))


# -- runs ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Pair:
    """Two overlays of one drawing."""

    first: Overlay
    second: Overlay
    found: list[Difference] = field(default_factory=list[Difference])

    def card(self, card: Card) -> Card:
        if card.kind in ("start", "end"):
            return card
        marks = [one.mark(card.id) for one in (self.first, self.second)]
        told = [_did(mark) for mark in marks]
        change = _change(
            marks[0].status != "not run", marks[1].status != "not run", _path_of(marks[0]) == _path_of(marks[1])
        )
        if change is None:
            glyph = marking.GLYPHS[marks[0].status]
            return replace(
                card,
                word=f"{card.word}   {glyph} {marks[0].status}".strip(),
                role="function",
                badges=(),
                purpose=told[1],
            )
        self.found.append(Difference(change, "node", card.name, *told))
        tooltip = f"{card.tooltip}\nfirst: {told[0]}\nsecond: {told[1]}"
        word = f"{card.word}   {_told(change)}".strip()
        return replace(
            card, word=word, role=ROLES_OF_CHANGE[change], badges=(), purpose=f"{told[0]} → {told[1]}", tooltip=tooltip
        )

    def arrow(self, arrow: Arrow) -> Arrow:
        first, second = (len(one.taken.get(arrow.id, ())) for one in (self.first, self.second))
        change = _change(bool(first), bool(second), first == second)
        if change is None:
            return arrow
        counts = f"×{first} → ×{second}"
        if arrow.is_declared:
            self.found.append(
                Difference(change, "edge", arrow.tooltip.partition("\n")[0], f"taken ×{first}", f"taken ×{second}")
            )
        labels = (f"{_told(change)} {counts}" if change == "changed" else _told(change), *arrow.labels)
        return replace(arrow, labels=labels, change=change, tooltip=f"{arrow.tooltip}\ntaken {counts}")


def compared_runs(drawing: Drawing, first: Overlay, second: Overlay) -> tuple[Drawing, tuple[Difference, ...]]:
    """What two runs did on one graph: where only one of them went, and where one went more often. Times do not count."""
    pair = _Pair(first, second)
    cards = tuple(pair.card(card) for card in drawing.cards)
    arrows = tuple(pair.arrow(arrow) for arrow in drawing.arrows)
    name = f"{drawing.name}: {first.run_id} → {second.run_id}"
    return replace(drawing, name=name, cards=cards, arrows=arrows), tuple(pair.found)


def _change(was: bool, is_now: bool, is_same: bool) -> Change | None:
    if was != is_now:
        return "added" if is_now else "removed"
    return None if is_same else "changed"


def _told(change: Change) -> str:
    words: Mapping[Change, str] = {"added": "+ only the second", "removed": "− only the first", "changed": "~ differs"}
    return words[change]


def _path_of(mark: Mark) -> object:
    """What of a mark has to be equal in equal runs (S15.4): not its time, not what it cost."""
    return mark.status, mark.visits, sorted(mark.cells)


def _did(mark: Mark) -> str:
    parts = [mark.status, f"×{mark.visits}"] if mark.visits > 1 else [str(mark.status)]
    parts += [marking.cells_in_words(mark.cells)] if mark.cells else []
    parts += [duration(mark.seconds)] if mark.seconds else []
    parts += [dollars(mark.usage.usd)] if mark.usage.usd else []
    return " ".join(parts) if mark.status != "not run" else "not run"
