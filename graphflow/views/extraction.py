"""From a plan to its drawing: every declared edge once, sub-graphs folded unless asked for.

A fork or map is one declared edge: the arrow from its node to the fork's bar. The arrows from there to its targets,
and from the join's bar to the join, are parts of it. Edges of a region that lead to the join end at the join's bar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Literal

from graphflow.core.plan import Edge, Node, Plan
from graphflow.errors import unknown_name
from graphflow.errors.command import DrawingError
from graphflow.views import wording
from graphflow.views.drawing import (
    Arrow,
    Bar,
    Card,
    CardKind,
    Cluster,
    Detail,
    Direction,
    Drawing,
    Tone,
    arrow_id,
    card_id,
    path_of,
)
from graphflow.views.layering import Flow, Link, reaches
from graphflow.views.theme import Role

Expand = int | Collection[str]
"""Which sub-graphs are drawn unfolded: down to a depth, or those of these names."""

SPINE = 6
_MAX_DEPTH = 50  # a graph may contain itself, and so may what a plan's function makes anew each time (S12.2)
_ROLES: dict[str, Role] = {"agent": "agent", "graph": "subgraph", "ask": "human"}
_ROLES_BY_WORD: dict[str, Role] = {"ROUTER": "router", "TOOL": "tool", "HUMAN": "human"}
_KINDS: dict[str, CardKind] = {"start": "start", "end": "end", "fail": "fail", "point": "point"}


def extract(
    plan: Plan, *, detail: Detail = "cards", direction: Direction | Literal["auto"] = "auto", expand: Expand = 0
) -> Drawing:
    """The drawing of a plan. Raises DrawingError where ``expand`` names no sub-graph."""
    extraction = _Extraction(detail, expand)
    extraction.draw_level(_Level(plan))
    extraction.refuse_unknown(plan)
    arrows, flow = extraction.finish()
    cards = tuple(extraction.cards)
    counted = frozenset(card.id for card in cards if card.kind in ("card", "point"))
    if direction == "auto":
        is_short = flow.longest(counted) <= SPINE
        direction = "LR" if is_short and not extraction.clusters else "TB"
    ends = frozenset(card.id for card in cards if card.kind == "end")
    forks = [bar.id for bar in extraction.bars if bar.kind == "fork" and len(bar.ports) > 1]
    jumps = {fork: fork.removesuffix("fork") + "join" for fork in forks}
    spine = flow.spine(cards[0].id, counted | ends, jumps)
    arrows = tuple(replace(arrow, is_spine=(arrow.tail, arrow.head) in spine) for arrow in arrows)
    return Drawing(
        name=wording.visible(plan.name),
        purpose=wording.visible(plan.purpose) if plan.purpose.strip() else "",
        detail=detail,
        direction=direction,
        cards=cards,
        bars=tuple(_with_ports(bar, arrows) for bar in extraction.bars),
        clusters=tuple(extraction.clusters),
        arrows=arrows,
    )


@dataclass(slots=True)
class _Level:
    """One plan within the drawing: the run's, or that of an unfolded sub-graph."""

    plan: Plan
    path: str = ""
    cluster: str = ""
    depth: int = 0
    around: tuple[tuple[str, str, int], ...] = ()  # the graphs it is in, so that one that contains itself ends
    numbers: dict[int, int] = field(default_factory=dict[int, int])  # edge -> which of its node's edges it is
    mapped: frozenset[int] = frozenset()  # nodes that run once per item
    with_exits: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        counts: Counter[int] = Counter()
        for edge in self.plan.edges:
            self.numbers[edge.index] = counts[edge.source]
            counts[edge.source] += 1
        self.mapped = frozenset(target for edge in self.plan.edges if edge.kind == "map" for target in edge.targets)
        self.with_exits = frozenset(edge.source for edge in self.plan.edges if edge.kind not in ("error", "timer"))

    def edge_path(self, edge: Edge) -> str:
        """What the ids of an edge and of its parts are made of."""
        return f"{path_of(self.plan.nodes[edge.source].name, self.path)}.{self.numbers[edge.index]}"


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where arrows to and from a node begin and end; a sub-graph's are its own start and end."""

    entry: str
    leave: str
    frame: str = ""


@dataclass(frozen=True, slots=True)
class _Draft:
    """An arrow before it is known what leads back. ``edge`` is None for one that is no declared edge."""

    arrow: Arrow
    edge: Edge | None = None
    plan: Plan | None = None
    is_weak: bool = False


@dataclass(slots=True)
class _Extraction:
    detail: Detail
    expand: Expand
    cards: list[Card] = field(default_factory=list[Card])
    bars: list[Bar] = field(default_factory=list[Bar])
    clusters: list[Cluster] = field(default_factory=list[Cluster])
    drafts: list[_Draft] = field(default_factory=list[_Draft])
    names: set[str] = field(default_factory=set[str])  # of all sub-graphs met

    def draw_level(self, level: _Level) -> dict[int, _Ends]:
        """Draw a plan's nodes and edges; where the arrows of each node begin and end."""
        regions = self._draw_regions(level)
        ends = {node.index: self._draw_node(level, node, regions) for node in level.plan.nodes}
        for edge in level.plan.edges:
            self._draw_edge(level, edge, ends)
        for node in level.plan.nodes:
            self._lead_to_join(level, node, ends)
        return ends

    def _draw_regions(self, level: _Level) -> dict[int, str]:
        """A frame for each fork and map, inner ones after outer ones; their ids by edge."""
        edges = {edge.index: edge for edge in level.plan.edges if edge.kind in ("fork", "map")}
        frames: dict[int, str] = {}

        def frame_of(index: int) -> str:
            if index not in frames:
                edge = edges[index]
                around = level.plan.nodes[edge.source].region
                parent = level.cluster if around is None or around not in edges else frame_of(around)
                frames[index] = f"r.{level.edge_path(edge)}"
                kind: Literal["fork", "map"] = "map" if edge.kind == "map" else "fork"
                tooltip = wording.fork_policy(edge, level.plan)
                name, badges = wording.region_name(edge), wording.region_badges(edge)
                self.clusters.append(Cluster(frames[index], kind, name, tooltip, parent, badges))
            return frames[index]

        for index in edges:
            frame_of(index)
        return frames

    def _draw_node(self, level: _Level, node: Node, regions: dict[int, str]) -> _Ends:
        path = path_of(node.name, level.path)
        cluster = level.cluster if node.region is None else regions.get(node.region, level.cluster)
        inner = self._unfolded(level, node, path)
        if inner is not None:
            return self._draw_subgraph(level, node, inner, cluster)
        word = wording.word_of(node)
        kind = _KINDS.get(node.kind, "card")
        purpose, badges = wording.purpose_of(node), wording.badges_of(node, level.plan)
        if node.graph is not None:
            size = _size_text(node.graph.plan())
            purpose, badges = (purpose, (size, *badges)) if purpose else (size, badges)
        self.cards.append(
            Card(
                id=card_id(path),
                kind=kind,
                name=_name_of(node),
                tooltip=wording.tooltip_of(node, level.plan, word),
                cluster=cluster,
                role="failed" if kind == "fail" else _ROLES_BY_WORD.get(word, _ROLES.get(node.kind, "function")),
                word=word if self.detail != "names" else "",
                purpose=wording.visible(purpose) if purpose and self.detail != "names" else "",
                badges=badges if self.detail != "names" else (),
                fields=wording.fields_of(node) if self.detail == "full" else (),
                is_mapped=node.index in level.mapped,
            )
        )
        return _Ends(card_id(path), card_id(path))

    def _unfolded(self, level: _Level, node: Node, path: str) -> _Level | None:
        """The level of a sub-graph that is to be drawn unfolded; one that contains itself is not, inside itself."""
        if node.graph is None:
            return None
        self.names |= {node.name, node.graph.name}
        expand = self.expand
        if isinstance(expand, int):
            is_wanted = level.depth < expand
        else:
            is_wanted = bool({node.name, node.graph.name, path} & set(expand))
        if not is_wanted or level.depth >= _MAX_DEPTH:
            return None
        plan = node.graph.plan()
        around = (*level.around, _identity(level.plan))
        return None if _identity(plan) in around else _Level(plan, path, f"c.{path}", level.depth + 1, around)

    def _draw_subgraph(self, level: _Level, node: Node, inner: _Level, parent: str) -> _Ends:
        badges = wording.badges_of(node, level.plan) if self.detail != "names" else ()
        tooltip = wording.tooltip_of(node, level.plan, wording.word_of(node))
        self.clusters.append(Cluster(inner.cluster, "subgraph", wording.visible(node.name), tooltip, parent, badges))
        ends = self.draw_level(inner)
        last = next((n.index for n in inner.plan.nodes if n.kind == "end"), len(inner.plan.nodes) - 1)
        return _Ends(ends[0].entry, ends[last].leave, inner.cluster)

    def _draw_edge(self, level: _Level, edge: Edge, ends: dict[int, _Ends]) -> None:
        k = level.numbers[edge.index]
        path = path_of(level.plan.nodes[edge.source].name, level.path)
        source = ends[edge.source]
        is_fork = edge.kind in ("fork", "map")
        head = f"b.{path}.{k}.fork" if is_fork else self._head(level, edge.source, edge.target, ends)
        arrow = Arrow(
            id=arrow_id(path, k),
            tail=source.leave,
            head=head,
            labels=(),
            tone="error" if edge.kind == "error" else "plain",
            tooltip="",
            leaves=source.frame if edge.kind in ("error", "timer") else "",
        )
        is_weak = edge.is_limited or edge.unbounded or edge.kind in ("error", "timer")
        self.drafts.append(_Draft(arrow, edge, level.plan, is_weak))
        if is_fork:
            self._draw_fork(level, edge, path, k, ends)

    def _draw_fork(self, level: _Level, edge: Edge, path: str, k: int, ends: dict[int, _Ends]) -> None:
        frame, fork, join = f"r.{path}.{k}", f"b.{path}.{k}.fork", f"b.{path}.{k}.join"
        branches = tuple(arrow_id(path, k, position) for position in range(len(edge.targets)))
        ports = tuple((branch,) for branch in branches)
        self.bars.append(Bar(fork, "fork", wording.fork_policy(edge, level.plan), frame, ports))
        self.bars.append(Bar(join, "join", wording.join_policy(edge), frame, ()))
        for position, target in enumerate(edge.targets):
            label = wording.branch_label(edge, position)
            tooltip = f"branch {wording.visible(level.plan.nodes[target].name)}" + (f"\n{label}" if label else "")
            head = join if target == edge.join else ends[target].entry
            self.drafts.append(_Draft(Arrow(branches[position], fork, head, _one(label), "plain", tooltip, False)))
        if edge.join is not None:
            label, policy = wording.need_label(edge), wording.join_policy(edge)
            head = self._head(level, edge.source, edge.join, ends)
            self.drafts.append(
                _Draft(Arrow(arrow_id(path, k, "join"), join, head, _one(label), "plain", policy, False))
            )

    def _head(self, level: _Level, source: int, target: int, ends: dict[int, _Ends]) -> str:
        """Where an arrow to a node ends: at the join's bar, if it leads from a region to its join."""
        region = level.plan.nodes[source].region
        if region is not None and level.plan.edges[region].join == target:
            return f"b.{level.edge_path(level.plan.edges[region])}.join"
        return ends[target].entry

    def _lead_to_join(self, level: _Level, node: Node, ends: dict[int, _Ends]) -> None:
        """A node of a region without edges of its own leads to the join (S6.2)."""
        if node.region is None or node.index in level.with_exits:
            return
        region = level.plan.edges[node.region]
        path = path_of(node.name, level.path)
        name = wording.visible(node.name)
        arrow = Arrow(
            f"e.{path}.join", ends[node.index].leave, f"b.{level.edge_path(region)}.join", (), "plain", name, False
        )
        self.drafts.append(_Draft(arrow))

    def refuse_unknown(self, plan: Plan) -> None:
        """A name in ``expand`` that no sub-graph has is a mistake, not a wish."""
        if isinstance(self.expand, int):
            return
        known = self.names | {cluster.id.removeprefix("c.") for cluster in self.clusters if cluster.kind == "subgraph"}
        for name in self.expand:
            if name not in known:
                raise DrawingError(
                    f"Graph {wording.visible(plan.name)!r} has no sub-graph {name!r} to unfold",
                    code="GF516",
                    why="expand= is a depth, or names of sub-graphs.",
                    fix=unknown_name(name, self.names),
                )

    def finish(self) -> tuple[tuple[Arrow, ...], Flow]:
        """The arrows with what is known only from the whole: what leads back, what is a loop."""
        links = [Link(draft.arrow.tail, draft.arrow.head, draft.is_weak) for draft in self.drafts]
        flow = Flow(links, [card.id for card in self.cards] + [bar.id for bar in self.bars])
        whole: dict[str, list[str]] = {}
        for link in links:
            whole.setdefault(link.tail, []).append(link.head)
        arrows: list[Arrow] = []
        for position, draft in enumerate(self.drafts):
            is_back = position in flow.back
            arrow = replace(draft.arrow, is_back=is_back)
            if draft.edge is not None and draft.plan is not None:
                arrow = _worded(arrow, draft.edge, draft.plan, lambda a: reaches(whole, a.head, a.tail))
            arrows.append(arrow)
        return tuple(arrows), flow


def _worded(arrow: Arrow, edge: Edge, plan: Plan, is_on_cycle: Callable[[Arrow], bool]) -> Arrow:
    is_loop = (edge.is_limited or edge.unbounded) and is_on_cycle(arrow)
    tone: Tone = arrow.tone
    if tone != "error" and is_loop:
        tone = "loop"
    elif wording.is_else(edge, plan) and not edge.is_limited:
        tone = "else"
    labels = wording.labels_of(edge, plan, is_loop)
    return replace(arrow, tone=tone, labels=labels, tooltip=wording.explanation_of(edge, plan, is_loop))


def _identity(plan: Plan) -> tuple[str, str, int]:
    return (plan.name, plan.fingerprint, 0 if plan.fingerprint else id(plan))


def _name_of(node: Node) -> str:
    if node.kind == "fail":
        return wording.visible(node.reason) if node.reason.strip() else "fail"
    return wording.visible(node.name)


def _size_text(plan: Plan) -> str:
    count = sum(1 for node in plan.nodes if node.kind not in ("start", "end", "fail"))
    return f"{count} node{'s' if count != 1 else ''}, folded"


def _one(label: str) -> tuple[str, ...]:
    return (label,) if label else ()


def _with_ports(bar: Bar, arrows: tuple[Arrow, ...]) -> Bar:
    """A join's bar with the arrows of each branch side by side as at the fork, so that they need not cross."""
    if bar.kind == "fork":
        return bar
    ahead: dict[str, list[str]] = {}
    for arrow in arrows:
        if not arrow.is_back:
            ahead.setdefault(arrow.tail, []).append(arrow.head)
    fork = bar.id.removesuffix("join") + "fork"
    branches = [arrow for arrow in arrows if arrow.tail == fork]
    ports: list[list[str]] = [[] for _ in branches]
    for arrow in arrows:
        if arrow.head == bar.id:
            places = (
                place
                for place, branch in enumerate(branches)
                if branch.id == arrow.id or (branch.head != bar.id and reaches(ahead, branch.head, arrow.tail))
            )
            ports[next(places, 0)].append(arrow.id)
    return replace(bar, ports=tuple(map(tuple, ports)))
