"""A drawing in characters: each node once, under it each way out of it once, in the order they are tried.

Nodes stand in the order of the flow, so that a reader goes down the page; a way to a node further up says so, and a node
that is not seen to follow what stands right above says where the ways to it come from. What runs side by side is bracketed by double
lines, from the fork to the join. Every arrow has one arrowhead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from graphflow.views import marking, wording
from graphflow.views.drawing import Arrow, Bar, Card, Cluster, Drawing
from graphflow.views.layering import Flow, Link
from graphflow.views.overlay import Overlay

WIDTH = 100
_MOST_NAMED = 3
"""Of nodes that lead to another; of more it is said how many."""
_MOST_PADDED = 20
_MARKS = {"start": "●", "end": "◎", "fail": "✗", "point": "◆", "card": "■"}


def text_of(drawing: Drawing, width: int = WIDTH, overlay: Overlay | None = None) -> str:
    """The drawing as lines of about ``width`` characters; a name or condition is never cut below what tells it apart.

    With an overlay what a run did: a glyph and a word for each node's status, its figures, and behind each way the
    entries at which it was taken.
    """
    return _Writer(drawing, width, overlay).written()


@dataclass(slots=True)
class _Writer:
    drawing: Drawing
    width: int
    overlay: Overlay | None = None
    lines: list[str] = field(default_factory=list[str])
    ways: dict[str, list[Arrow]] = field(default_factory=dict[str, list[Arrow]])
    names: dict[str, str] = field(default_factory=dict[str, str])
    arrivals: dict[str, list[Arrow]] = field(default_factory=dict[str, list[Arrow]])
    places: dict[str, int] = field(default_factory=dict[str, int])  # id -> how far down it stands
    last: dict[str, int] = field(default_factory=dict[str, int])  # cluster -> how far down it reaches
    inner_ends: dict[str, str] = field(default_factory=dict[str, str])  # end of a sub-graph -> its cluster
    sequence: list[str] = field(default_factory=list[str])

    def written(self) -> str:
        self.inner_ends = {c.id: c.cluster for c in self.drawing.cards if c.kind == "end" and c.cluster}
        for arrow in self.drawing.arrows:
            self.ways.setdefault(self._leaver(arrow), []).append(arrow)
            self.arrivals.setdefault(arrow.head, []).append(arrow)
        self._name_all()
        self.sequence = self._sequence("")
        self.places = {one: place for place, one in enumerate(self.sequence)}
        parents = {cluster.id: cluster.parent for cluster in self.drawing.clusters}
        for part in self.drawing.stops:
            around = part.cluster
            while around:
                self.last[around] = max(self.last.get(around, 0), self.places[part.id])
                around = parents[around]
        declared = sum(arrow.is_declared for arrow in self.drawing.arrows)
        nodes = sum(card.kind in ("card", "point") for card in self.drawing.cards)
        title = f"{self.drawing.name}  {_count(nodes, 'node')}, {_count(declared, 'edge')}"
        self.lines.append(wording.shortened(title, self.width))
        if self.drawing.purpose:
            self.lines.append(wording.shortened(self.drawing.purpose, self.width))
        if self.overlay is not None:
            self.lines.append(wording.shortened(marking.headline(self.overlay), self.width))
        self.lines.append("")
        self._write_level("", "")
        return "\n".join(line.rstrip() for line in self.lines).rstrip() + "\n"

    def _leaver(self, arrow: Arrow) -> str:
        """What an arrow is written under: what leaves a sub-graph stands where the sub-graph closes."""
        return arrow.leaves or self.inner_ends.get(arrow.tail, arrow.tail)

    # -- order -----------------------------------------------------------------------------------------------------

    def _sequence(self, cluster: str) -> list[str]:
        """The ids in a cluster in the order of the flow, each inner cluster in one piece."""
        return [one for item in self._items(cluster) for one in ([item] if item in self.names else self._inside(item))]

    def _inside(self, cluster: str) -> list[str]:
        forks = [bar.id for bar in self.drawing.bars if bar.cluster == cluster and bar.kind == "fork"]
        joins = [bar.id for bar in self.drawing.bars if bar.cluster == cluster and bar.kind == "join"]
        return [*forks, *self._sequence(cluster), *joins]

    def _items(self, cluster: str) -> list[str]:
        """What stands directly in a cluster, in the order of the flow: ids of cards and of inner clusters."""
        items = [card.id for card in self.drawing.cards if card.cluster == cluster]
        items += [inner.id for inner in self.drawing.clusters if inner.parent == cluster]
        owner = self._owners(cluster, items)
        links = [
            Link(owner[arrow.tail], owner[arrow.head])
            for arrow in self.drawing.arrows
            if not arrow.is_back and arrow.tail in owner and arrow.head in owner
            and owner[arrow.tail] != owner[arrow.head]
        ]  # fmt: skip
        return Flow(links, items).order()

    def _owners(self, cluster: str, items: Sequence[str]) -> dict[str, str]:
        """Every card and bar under a cluster -> the item of it that holds it."""
        parents = {inner.id: inner.parent for inner in self.drawing.clusters}
        own = set(items)
        owner: dict[str, str] = {}
        for part in self.drawing.stops:
            holder = part.id
            around = part.cluster
            while holder not in own and around:
                holder, around = around, parents[around]
            if holder in own:
                owner[part.id] = holder
        return owner

    # -- words -----------------------------------------------------------------------------------------------------

    def _name_all(self) -> None:
        clusters = {cluster.id: cluster for cluster in self.drawing.clusters}
        for card in self.drawing.cards:
            name = wording.shortened(card.name, self.width // 2)
            around = clusters.get(card.cluster)
            if card.kind in ("start", "end"):
                name = card.kind.upper()
                if around is not None:
                    name += f" of {wording.shortened(around.name, self.width // 3)}"
            self.names[card.id] = f"✗ {name}" if card.kind == "fail" else name
        for bar in self.drawing.bars:
            self.names[bar.id] = bar.kind

    def _name_of_leaver(self, leaver: str) -> str:
        inner = next((cluster for cluster in self.drawing.clusters if cluster.id == leaver), None)
        return self.names[leaver] if inner is None else wording.shortened(inner.name, self.width // 3)

    # -- lines -----------------------------------------------------------------------------------------------------

    def _write_level(self, cluster: str, rail: str) -> None:
        cards = {card.id: card for card in self.drawing.cards}
        clusters = {inner.id: inner for inner in self.drawing.clusters}
        items = self._items(cluster)
        own = [cards[item] for item in items if item in cards and cards[item].kind == "card"]
        columns = (_column(self.names[card.id] for card in own), _column(card.word for card in own))
        for item in items:
            if item in cards:
                self._write_card(cards[item], rail, columns)
            else:
                self._write_cluster(clusters[item], rail)

    def _write_card(self, card: Card, rail: str, columns: tuple[int, int]) -> None:
        name = self.names[card.id].removeprefix("✗ ")
        facts = [card.word.lower().ljust(columns[1])] if card.kind == "card" and card.word else []
        glyph = _MARKS[card.kind]
        if self.overlay is None:
            facts += ["once per item"] if card.is_mapped else []
            facts += [card.purpose] if card.purpose else []
            facts += [f"({' · '.join(card.badges)})"] if card.badges else []
        elif card.kind not in ("start", "end"):
            mark = self.overlay.mark(card.id)
            glyph = marking.GLYPHS[mark.status]
            told = (mark.status, marking.cells_in_words(mark.cells), marking.figures(mark, ""))
            facts += [fact for fact in told if fact]
        whence = self._whence(card)
        named = name.ljust(columns[0]) if card.kind == "card" else name
        line = f"{glyph} {named}" + (f"   {'  '.join(facts)}" if facts else "")
        room = max(self.width - len(rail) - len(whence), len(name) + 2)
        self._add(rail, wording.shortened(line.rstrip(), room) + whence)
        for fact in card.fields:
            self._add(rail, wording.shortened(f"│   {fact}", self.width))
        self._write_ways(card.id, rail)

    def _whence(self, card: Card) -> str:
        """What leads to a node, where no line down to it shows that."""
        arrows = self.arrivals.get(card.id, [])
        leavers = list(dict.fromkeys(self._leaver(arrow) for arrow in arrows if arrow.is_declared))
        is_right_below = len(leavers) == 1 and self._is_next(arrows[0], leavers[0])
        if is_right_below or not all(arrow.is_declared for arrow in arrows) or any(map(self._is_down_to, arrows)):
            return ""
        names = [self._name_of_leaver(leaver) for leaver in leavers]
        more = f" + {len(names) - _MOST_NAMED}" if len(names) > _MOST_NAMED else ""
        return f"   ◂ {', '.join(names[:_MOST_NAMED])}{more}" if names else ""

    def _is_down_to(self, arrow: Arrow) -> bool:
        """Whether an arrow is drawn as the line down to its head: it is the single way, and leads to what comes next."""
        leaver = self._leaver(arrow)
        return len(self.ways[leaver]) == 1 and self._is_next(arrow, leaver)

    def _write_ways(self, one: str, rail: str) -> None:
        """The arrows out of a card or bar; a single one to what comes next is drawn as the line down to it."""
        ways = self.ways.get(one, [])
        if len(ways) == 1 and self._is_down_to(ways[0]):
            self._add(rail, f"▼ {'  '.join((*ways[0].labels, self._taken(ways[0])))}".rstrip())
            return
        lead = max((len(self._dashes(way)) for way in ways), default=0)
        for way in ways:
            corner = "└" if way is ways[-1] else "├"
            dash = "╌" if way.tone == "error" else "─"
            start = self._dashes(way)
            up = "  ↑" if self.places[way.head] <= self.places[way.tail] else ""
            self._add(
                rail,
                f"{corner}{start}{dash * (lead - len(start))}▶ {self.names[way.head]}{up}  {self._taken(way)}".rstrip(),
            )
        self._add(rail, "")

    def _taken(self, way: Arrow) -> str:
        return "" if self.overlay is None else marking.in_words(self.overlay.taken.get(way.id, ()))

    def _dashes(self, way: Arrow) -> str:
        dash = "╌" if way.tone == "error" else "─"
        return f"{dash} {wording.fitted(way.labels, '  ', self.width // 2)} {dash}" if way.labels else dash

    def _is_next(self, way: Arrow, leaver: str) -> bool:
        """Whether an arrow leads to what stands right below the card, bar or sub-graph that it leaves."""
        place = self.places[leaver] if leaver in self.places else self.last[leaver]
        return place + 1 < len(self.sequence) and self.sequence[place + 1] == way.head

    def _write_cluster(self, cluster: Cluster, rail: str) -> None:
        if cluster.kind == "subgraph":
            title = _title(cluster)
            self._add(rail, f"╔═ subgraph  {wording.shortened(title, self.width - len(rail) - 14)}")
            self._write_level(cluster.id, rail + "║  ")
            self._trim(rail + "║")
            self._add(rail, "╚═")
            self._write_ways(cluster.id, rail)
            return
        for bar in self.drawing.bars:
            if bar.cluster == cluster.id and bar.kind == "fork":
                self._add(rail, f"╔═ fork  {_title(cluster)}")
                self._write_ways(bar.id, rail + "║  ")
        self._write_level(cluster.id, rail + "║  ")
        self._trim(rail + "║")
        for bar in self.drawing.bars:
            if bar.cluster == cluster.id and bar.kind == "join":
                self._write_join(bar, rail)

    def _write_join(self, bar: Bar, rail: str) -> None:
        self._add(rail, "╚═ join")
        self._write_ways(bar.id, rail)

    def _trim(self, bare: str) -> None:
        """No empty line before a bracket closes."""
        while self.lines and self.lines[-1].rstrip() == bare:
            self.lines.pop()

    def _add(self, rail: str, line: str) -> None:
        self.lines.append(rail + line)


def _column(words: Iterable[str]) -> int:
    """How wide a column of words is, of which long ones stick out."""
    return max((len(word) for word in words if len(word) <= _MOST_PADDED), default=0)


def _title(cluster: Cluster) -> str:
    """The name of a frame, quieter than on a card where it is not the user's."""
    name = (
        {"FAN-OUT × N": "fan-out × N", "PARALLEL": "parallel"}[cluster.name]
        if cluster.kind != "subgraph"
        else cluster.name
    )
    return f"{name}  ({' · '.join(cluster.badges)})" if cluster.badges else name


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
