"""The drawing model: what is to be seen of a graph, as plain data that every format is written from.

It holds each declared edge exactly once, whatever the names. Ids tie drawings, runs and pages together: ``n.<path>``
is a node, ``e.<path>.<k>`` the k-th edge declared from it, where a path names the nodes of the sub-graphs around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from graphflow.views.theme import Role

Detail = Literal["names", "cards", "full"]
Direction = Literal["TB", "LR"]
CardKind = Literal["start", "end", "fail", "point", "card"]
Tone = Literal["plain", "else", "loop", "error"]
"""How an arrow looks. Dashed means error, and only that."""
Change = Literal["added", "removed", "changed"]
"""What became of a part between two graphs or runs that are compared."""


@dataclass(frozen=True, slots=True)
class Card:
    """A node. ``word`` is its kind as written on it, ``role`` the same as colour; ``cluster`` the id of its cluster."""

    id: str
    kind: CardKind
    name: str
    tooltip: str
    cluster: str = ""
    role: Role = "function"
    word: str = ""
    purpose: str = ""
    badges: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()  # what it reads and writes
    is_mapped: bool = False  # runs once per item: a double border


@dataclass(frozen=True, slots=True)
class Bar:
    """Where branches begin or meet. ``ports`` are the ids of the arrows from or to each branch, side by side."""

    id: str
    kind: Literal["fork", "join"]
    tooltip: str
    cluster: str
    ports: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A frame around cards: the region of a fork or map, or a sub-graph that is drawn unfolded."""

    id: str
    kind: Literal["fork", "map", "subgraph"]
    name: str
    tooltip: str
    parent: str = ""
    badges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrow:
    """One way from one card or bar to another, with what is written on it.

    ``labels`` are its parts: cause or description, condition, limit.
    ``is_declared``: the arrow stands for an edge of the plan; the others lead from a fork's bar to its targets and
    from a join's bar to its node. ``is_back``: it closes a cycle, and is laid out against the flow. ``is_spine``: it
    lies on the main way, which is drawn straight. ``leaves`` is the cluster whose frame it starts from, where it
    leaves a sub-graph as a whole. ``change`` is what became of it, where two graphs or runs are compared.
    """

    id: str
    tail: str
    head: str
    labels: tuple[str, ...]
    tone: Tone
    tooltip: str
    is_declared: bool = True
    is_back: bool = False
    is_spine: bool = False
    leaves: str = ""
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """All there is to be seen of one graph, in the order declared."""

    name: str
    purpose: str
    detail: Detail
    direction: Direction
    cards: tuple[Card, ...]
    bars: tuple[Bar, ...]
    clusters: tuple[Cluster, ...]
    arrows: tuple[Arrow, ...]

    @property
    def stops(self) -> tuple[Card | Bar, ...]:
        """All that arrows lead from and to."""
        return (*self.cards, *self.bars)


def path_of(name: str, within: str = "") -> str:
    """A node's path in ids: its name, percent-encoded, behind the path of the sub-graph it is in.

    >>> path_of("a b/c", within=path_of("research team"))
    'research%20team/a%20b%2Fc'
    """
    own = quote(name, safe="", errors="surrogatepass")
    return f"{within}/{own}" if within else own


def card_id(path: str) -> str:
    return f"n.{path}"


def arrow_id(path: str, k: int, part: int | str | None = None) -> str:
    """The id of the k-th edge from the node of this path, or of a part of it: branch number, or ``join``."""
    return f"e.{path}.{k}" if part is None else f"e.{path}.{k}~{part}"
