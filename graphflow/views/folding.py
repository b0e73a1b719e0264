"""From a run's journal to its overlays: one fold, stopped at as many entries as are wanted.

No node runs; guards are asked again only for the tooltips that say why (``graphflow.core.reasons``). The machine is
folded along (S15.2) and asked where its cursors stand; figures and takings are counted from the entries. All is kept
by paths of names, so that a run that was moved to a changed graph is drawn on the graph as it is now (S16).
A sub-graph that is drawn folded shows what is under it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graphflow.core import copying, reading, scopes
from graphflow.core.journal import SNAPSHOT, Entry
from graphflow.core.machine import Machine
from graphflow.core.migrating import twin_of
from graphflow.core.plan import Edge, Plan
from graphflow.core.reasons import reasons
from graphflow.core.replay import fold, locate, replay
from graphflow.core.scopes import Scope
from graphflow.core.usage import Usage
from graphflow.views import standing
from graphflow.views.concerns import Failing, OpenMap, failing_at, map_of
from graphflow.views.drawing import Drawing, arrow_id, card_id, path_of
from graphflow.views.overlay import Mark, Overlay, Status
from graphflow.views.spans import Span, Spans
from graphflow.views.standing import Standing, path_of_scope

_ENDS_VISIT = frozenset(("finished", "answered", "left", "timer"))
_TURNS: Mapping[str, Status] = {"asked": "running", "decided": "waiting", "woke": "retrying"}
"""Entries with which a cursor stays where it is and does something else: what it did until then."""
_CLOSES = frozenset(("joined", "failed", "wrapped", "cancelled"))
"""Entries with which what is open beneath their level may be cancelled."""
_NO_WORK = ("start", "end", "fail")
_OF_NO_CURSOR = frozenset(("rerun", "early", "started", "ended", "resumed", "waiting", "migrated"))


def overlay_of(plans: Mapping[str, Plan], journal: Sequence[Entry], seq: int, drawing: Drawing, drawn: Plan) -> Overlay:
    """What the drawing of a plan shows of a run after entry ``seq``. Raises JournalInvalid."""
    return overlays_of(plans, journal, (seq,), drawing, drawn)[0]


def overlays_of(
    plans: Mapping[str, Plan], journal: Sequence[Entry], seqs: Collection[int], drawing: Drawing, drawn: Plan
) -> list[Overlay]:
    """The same after each of some entries, in the order of the journal, which is folded once. Raises JournalInvalid."""
    wanted, last = set(seqs), max(seqs)
    run = Folding(plans, drawn)
    found: list[Overlay] = []
    for place, entry in enumerate(journal):
        if entry["seq"] > last:
            break
        run.take(entry, journal, place)
        if entry["seq"] in wanted:
            found.append(run.overlay(drawing, journal[-1]["seq"]))
    lasts = [{numbers[-1]: arrow for arrow, numbers in one.taken.items() if "~" not in arrow} for one in found]
    considered = reasons(plans, journal, set[int]().union(*lasts))
    return [
        replace(one, whys={arrow: considered[seq] for seq, arrow in taken.items() if seq in considered})
        for one, taken in zip(found, lasts, strict=True)
    ]


@dataclass(slots=True)
class _Counted:
    """What is counted of one node."""

    status: Status = "not run"
    ended: set[str] = field(default_factory=set[str])  # the cursors whose visit came to an end
    seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)
    note: str = ""


@dataclass(slots=True)
class Folding:
    """A run, entry by entry. Nodes go by their paths in ids, cursors and scopes by theirs in the journal."""

    plans: Mapping[str, Plan]
    drawn: Plan
    machine: Machine | None = None
    nodes: dict[str, _Counted] = field(default_factory=dict[str, _Counted])
    taken: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    closed: dict[str, tuple[str, list[Status]]] = field(default_factory=dict[str, tuple[str, list[Status]]])
    """Of maps that have closed: by key, the path of the target and the branches as they ended."""
    arrived: dict[str, float] = field(default_factory=dict[str, float])  # by scope: when its cursor came there
    begun: dict[str, list[float]] = field(default_factory=dict[str, list[float]])  # by cursor: when branches began
    fatal: tuple[Failing, ...] = ()  # what the run failed at
    ways: dict[int, str] = field(default_factory=dict[int, str])  # by entry: the arrow that it took
    spans: Spans | None = None  # when nodes were at work, where somebody wants to know

    def take(self, entry: Entry, journal: Sequence[Entry], place: int) -> None:
        """Go on by one entry, which stands at this place of a journal."""
        kind, machine = entry["kind"], self.machine
        if machine is None or kind == "migrated":
            self.machine = replay(self.plans, journal[: place + 1])
            if kind == SNAPSHOT:
                self._remember(self.machine)
        elif kind in ("effect", "spent"):
            path = standing.path_at(machine.plan, entry["at"])
            if path is not None and entry.get("usage"):
                self._node(path).usage += Usage(**entry["usage"])
            fold(machine, entry)
        elif kind in _OF_NO_CURSOR:
            before = machine.now
            fold(machine, entry)
            if kind == "resumed":
                self.fatal = ()
                if entry["from"] != "waiting":
                    self._pause(machine, before, entry["t"])
        else:
            self._take(machine, entry)

    def copied(self) -> Folding:
        """One that goes on by itself from here. Spans and ways are left out."""
        return Folding(
            self.plans,
            self.drawn,
            None if self.machine is None else copying.copy(self.machine),
            {path: replace(node, ended=set(node.ended)) for path, node in self.nodes.items()},
            {arrow: list(numbers) for arrow, numbers in self.taken.items()},
            dict(self.closed),
            dict(self.arrived),
            {cursor: list(times) for cursor, times in self.begun.items()},
            self.fatal,
        )

    def _take(self, machine: Machine, entry: Entry) -> None:
        """An entry about a cursor. What it left is asked before it goes on."""
        kind, t = entry["kind"], entry["t"]
        scope = locate(machine, entry["at"]) if entry["at"] else machine.root
        level = self._level_of(machine, entry, scope)
        cursor, path, plan, within = scope.path, path_of_scope(scope), level.plan, standing.within(level)
        was_live = [(one, path_of_scope(one)) for one in standing.beneath(level)] if kind in _CLOSES else []
        maps = [found for one, _ in was_live if (found := map_of(one)) is not None]
        staying = [(one, path) for one, path in was_live if standing.is_at_node(one)]
        failing = failing_at(scope, level, entry) if kind == "failed" else ()
        fold(machine, entry)
        if kind == "began":
            self.arrived[scope.prefix] = t
        elif kind == "entered":
            self._enter(scope, t)
        elif kind in _ENDS_VISIT:
            self._end_visit(path, cursor, scope.prefix, entry)
        elif kind in _TURNS:
            self._tell(path, cursor, scope.prefix, t, _TURNS[kind], entry["seq"])
        elif kind == "failed":
            self._fail(entry, failing, scope)
        self._close(maps, cursor if kind == "failed" else "")
        self._let_go(staying, {one.cursor for one in failing}, t, entry["seq"])
        if "edge" in entry:
            self._take_edge(entry, plan, within)
            self.arrived[level.prefix] = t
        self._begin(scope, t)

    def _level_of(self, machine: Machine, entry: Entry, scope: Scope) -> Scope:
        """The scope in which an entry changes what is open."""
        if "level" in entry:
            return locate(machine, entry["level"])
        if entry["kind"] == "cancelled":
            while not scope.is_branch and scope.parent is not None:
                scope = scope.parent
        return machine.root if entry["kind"] == "failed" and "due" not in entry else scope

    def _node(self, path: str) -> _Counted:
        return self.nodes.setdefault(path, _Counted())

    # -- time --------------------------------------------------------------------------------------------------------

    def _pay(self, prefix: str, path: str, t: float) -> None:
        """A visit has lasted until now."""
        self._node(path).seconds += max(0.0, t - self._since(prefix, t))
        self.arrived[prefix] = t

    def _tell(self, path: str, cursor: str, prefix: str, t: float, status: Status, seq: int) -> None:
        """What a cursor was at until now, for who wants to know; before it is paid for."""
        if self.spans is not None:
            self.spans.add(path, cursor, self._since(prefix, t), t, status, seq)

    def _since(self, prefix: str, otherwise: float) -> float:
        """When the cursor of a scope came to where it is; of a branch at its first node, when it began."""
        found = self.arrived.get(prefix)
        if found is not None:
            return found
        forked, _, index = prefix.removesuffix("]/").rpartition("[")
        begun = self.begun.get(forked, [])
        return begun[int(index)] if index.isdecimal() and int(index) < len(begun) else otherwise

    def _enter(self, scope: Scope, t: float) -> None:
        """Time within a sub-graph counts from here; that of its node since the cursor came to it."""
        self.arrived.setdefault(scope.prefix, t)
        if scope.open is not None:
            self.arrived |= {child.prefix: t for child in scope.open.children if child is not None}

    def _begin(self, scope: Scope | None, t: float) -> None:
        """Branches begin as slots are free, which is no entry (S2.4, S6.9)."""
        while scope is not None:
            fork = scope.open
            if fork is not None and fork.edge is not None:
                while fork.next < min(fork.total, fork.at_once + fork.settled):
                    fork.begin(t)
                begun = self.begun.setdefault(fork.prefix, [])
                begun.extend([t] * (fork.next - len(begun)))
            scope = scope.parent

    def _pause(self, machine: Machine, before: float, t: float) -> None:
        """Nobody drove the run between these times, so no node took them."""
        for scope in machine.scopes():
            if standing.is_at_node(scope):
                path = path_of_scope(scope)
                self._tell(path, scope.path, scope.prefix, before, "cancelled", machine.seq)
                self._pay(scope.prefix, path, before)
                self.arrived[scope.prefix] = t

    def open_spans(self) -> list[Span]:
        """What the cursors that are live are at, as far as the last entry tells."""
        machine, spans = self.machine, self.spans
        if machine is None or spans is None or standing.is_over(machine):
            return []
        found: list[Span] = []
        for scope in machine.scopes():
            if standing.is_at_node(scope) and scope.node.kind not in _NO_WORK:
                status = standing.status_of_leaf(scope) if scope.open is None else "running"
                since = self._since(scope.prefix, machine.now)
                found.append(spans.until(path_of_scope(scope), scope.path, since, machine.now, status, 0))
        return found

    # -- what became of nodes ----------------------------------------------------------------------------------------

    def _end_visit(self, path: str, cursor: str, prefix: str, entry: Entry) -> None:
        node, t = self._node(path), entry["t"]
        node.status = "done"
        node.ended.add(cursor)
        self._tell(path, cursor, prefix, t, "waiting" if entry["kind"] == "answered" else "done", entry["seq"])
        self._pay(prefix, path, t)

    def _fail(self, entry: Entry, failing: Sequence[Failing], scope: Scope) -> None:
        error = entry["error"]
        said = next(iter(str(error.get("what", "")).splitlines()), "")
        name = f"{error.get('type', 'error')}{f': {said}' if said else ''}"
        for place, one in enumerate(failing):
            node, is_retried = self._node(one.path), "due" in entry and place == len(failing) - 1
            attempts = 1 if scope.node.retry is None else scope.node.retry.attempts
            is_first = place == 0 and attempts > 1 and "attempt" in entry
            node.note = f"{name} · try {entry['attempt']} of {attempts}" if is_first else name
            if one.cursor:
                self._tell(one.path, one.cursor, one.prefix, entry["t"], "failed", entry["seq"])
            if is_retried:
                continue
            node.status = "failed"
            if one.cursor:
                self._pay(one.prefix, one.path, entry["t"])
                if "edge" in entry or "level" in entry:
                    node.ended.add(one.cursor)
        if not {"due", "edge", "level"} & set(entry):
            self.fatal = tuple(failing)

    def _close(self, maps: Sequence[OpenMap], failed: str) -> None:
        for one in maps:
            if one.owner.open is not one.fork:
                self.closed[one.key] = (one.target, standing.settled_cells(one.fork, failed))

    def _let_go(self, staying: Sequence[tuple[Scope, str]], failing: Collection[str], t: float, seq: int) -> None:
        """Whoever was at a node when what it is in closed is cancelled (S6.6)."""
        for scope, path in staying:
            if scope.status in (scopes.CANCELLED, scopes.HELD) and scope.path not in failing:
                self._tell(path, scope.path, scope.prefix, t, "cancelled", seq)
                self._pay(scope.prefix, path, t)
                node = self._node(path)
                if not node.ended:
                    node.status = "cancelled"

    # -- edges -------------------------------------------------------------------------------------------------------

    def _take_edge(self, entry: Entry, plan: Plan, within: str) -> None:
        found = self._as_drawn(plan, plan.edge(entry["edge"]), within)
        if found is None:
            return
        level, edge = found
        path = path_of(level.nodes[edge.source].name, within)
        number = [other.index for other in level.edges if other.source == edge.source].index(edge.index)
        target = edge.target if edge.kind not in ("fork", "map") else None
        parts: list[int | str | None] = [None]
        if entry["kind"] == "joined":
            parts[:], target = ["join"], edge.join
        elif edge.kind == "fork":
            parts += entry.get("starts", range(len(edge.targets)))
        elif edge.kind == "map" and entry["items"]:
            parts.append(0)
        self.ways[entry["seq"]] = arrow_id(path, number, parts[0])
        for part in parts:
            self.taken.setdefault(arrow_id(path, number, part), []).append(entry["seq"])
        if target is not None and level.nodes[target].kind == "end":
            self._node(path_of(level.nodes[target].name, within)).status = "done"

    def _as_drawn(self, plan: Plan, edge: Edge, within: str) -> tuple[Plan, Edge] | None:
        """The level and edge of the drawn graph that an edge taken stands for; None if there is none any more (S16)."""
        level = standing.level_at(self.drawn, within)
        if level is None:
            return None
        if level is plan or (level.fingerprint and level.fingerprint == plan.fingerprint):
            return level, level.edge(edge.index)
        same = twin_of(edge, plan, level)
        return None if same is None else (level, same)

    # -- the run as it stands ----------------------------------------------------------------------------------------

    def overlay(self, drawing: Drawing, last: int) -> Overlay:
        machine = self.machine
        assert machine is not None
        return Overlay(
            run_id=machine.run_id,
            seq=machine.seq,
            last=last,
            status=machine.status,
            marks=_on_cards(self._marks(machine), drawing),
            taken={arrow: tuple(numbers) for arrow, numbers in self.taken.items()},
            whys={},
        )

    def _marks(self, machine: Machine) -> dict[str, Mark]:
        now, is_over = Standing(machine), standing.is_over(machine)
        marks = {
            path: Mark(node.status, len(node.ended), node.seconds, node.usage, node.note)
            for path, node in self.nodes.items()
        }
        for path, status in now.nodes.items():
            mark = marks.setdefault(path, Mark())
            if not is_over or (machine.status == "exhausted" and status == "waiting"):
                mark.status = status
            elif machine.status != "exhausted" and mark.status == "not run":
                mark.status = "cancelled"
        if not is_over:
            for scope in now.live:
                if standing.is_at_node(scope) and (path := path_of_scope(scope)) in marks:
                    marks[path].seconds += max(0.0, machine.now - self._since(scope.prefix, machine.now))
        self._add_cells(marks, now, is_over)
        return marks

    def _add_cells(self, marks: dict[str, Mark], now: Standing, is_over: bool) -> None:
        found = dict(self.closed)
        failed = [one.cursor for one in self.fatal]
        for one in filter(None, map(map_of, now.live)):
            found[one.key] = (one.target, now.cells(one.fork, failed, is_over))
        fatal = {one.path for one in self.fatal}
        for key in sorted(found, key=reading.order_of):
            target, cells = found[key]
            mark = marks.setdefault(target, Mark())
            mark.cells += cells
            if "running" in mark.cells and mark.status in ("not run", "done"):
                mark.status = "running"
            elif mark.status == "failed" and "done" in mark.cells and target not in fatal:
                mark.status = "done"  # one branch of many: its cell, or its error edge, tells

    def _remember(self, machine: Machine) -> None:
        """Of a run whose first entries were pruned, what its machine still knows: visits, branches, usage."""
        names = Counter(node.name for plan in machine.plans() for node in plan.nodes)
        for scope in machine.scopes():
            around = standing.within(scope)
            visits = scope.visits or {scope.node.index: scope.visit}
            for index, count in visits.items():
                node = scope.plan.nodes[index]
                is_there = node is scope.node and standing.is_at_node(scope)
                counted = self._node(path_of(node.name, around))
                counted.ended |= {f"{scope.prefix}{node.id}:{visit}" for visit in range(1, count + (not is_there))}
                counted.status = "done" if counted.ended else counted.status
                if not around and names[node.name] == 1:
                    counted.usage = machine.usage_by_node.get(node.name, counted.usage)
            self.arrived[scope.prefix] = scope.since
            self._begin(scope, machine.now)


def _on_cards(marks: Mapping[str, Mark], drawing: Drawing) -> dict[str, Mark]:
    """The marks of the cards there are. What is in a folded sub-graph was spent by its card."""
    cards = {card.id for card in drawing.cards}
    shown = {card_id(path): mark for path, mark in marks.items() if card_id(path) in cards}
    for path, mark in marks.items():
        above = path
        while card_id(above) not in cards and "/" in above:
            above = above.rpartition("/")[0]
        if above != path and card_id(above) in cards:
            shown.setdefault(card_id(above), Mark()).usage += mark.usage
    return shown
