"""Random valid graphs with scripted answers, for laws that hold for every graph.

A graph is drawn as blocks, each a way in and a way on (sequence, choice, loop, fork, map, sub-graph, handoff,
question, failure with a way out), so that regions nest and everything ends. A node's answers are a pure function of
its call: which of a few drawn moves it makes follows from cursor and attempt, and what a move writes from the view.
The same function answers for the reference, for the machine and, as the node itself, for a driver.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from hypothesis import strategies as st
from pydantic import BaseModel, Field

from graphflow.core.plan import Limit, Node, Plan, Retry
from graphflow.core.reducers import Replace, add, append, extend, keep_last, local, merge, union
from graphflow.errors import JoinFailed, NodeError
from graphflow.flow import Graph
from graphflow.graph.context import Context, Handoff
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields, size
from graphflow.graph.needs import best_effort, quorum
from tests.execution import Call, HandOff, Raise, Update


class World(BaseModel):
    """A field of every reducer kind, and plain ones."""

    a: Annotated[int, Field(ge=0, le=7)] = 0
    b: Annotated[int, Field(ge=0, le=7)] = 0
    items: list[int] = [1, 2]
    log: Annotated[list[str], append] = []
    seen: Annotated[list[int], extend] = []
    total: Annotated[int, add, Field(le=60)] = 0
    tags: Annotated[set[str], union] = set()
    marks: Annotated[dict[str, int], merge] = {}
    last: Annotated[str, keep_last] = ""
    best: Annotated[int, max] = 0
    near: Annotated[int, local] = 0


world = fields(World)


class Flaky(Exception):
    """Worth another try."""


class Broken(Exception):
    """Not worth one."""


def fingerprint(view: Update) -> str:
    """What a node saw, in a few characters: so that any difference in what it sees shows in what it writes."""
    shown = sorted((name, sorted(value) if isinstance(value, set) else value) for name, value in view.items())
    return f"{zlib.crc32(repr(shown).encode()):08x}"


MOVES: dict[str, Callable[[Call, int], Any]] = {
    "nothing": lambda call, k: {},
    "look": lambda call, k: {"log": f"{call.node.name} {call.items} {fingerprint(call.view)}"},
    "count": lambda call, k: {"total": k, "near": call.view["near"] + 1},
    "collect": lambda call, k: {"seen": [k, *call.items], "tags": {f"t{k}"}, "last": call.cursor},
    "mark": lambda call, k: {"marks": {call.cursor: k}, "best": k},
    "near": lambda call, k: {"near": k},
    "answer": lambda call, k: {"best": k},
    "a": lambda call, k: {"a": (call.view["a"] + k) % 8},
    "b": lambda call, k: {"b": (call.view["a"] + call.view["total"] + k) % 8},
    "items": lambda call, k: {"items": list(range(k % 4))},
    "branches": lambda call, k: {"log": " ".join(f"{b.status} {type(b.error).__name__}" for b in call.branches)},
    "error": lambda call, k: {"log": f"{call.node.name} after {type(call.error).__name__}"},
    "same mark": lambda call, k: {"marks": {"same": k}},
    "restart": lambda call, k: {"log": Replace([f"again {call.cursor}"])},
    "too much": lambda call, k: {"total": 15 * k},
    "flaky": lambda call, k: Raise(Flaky(call.cursor)),
    "broken": lambda call, k: Raise(Broken(call.cursor)),
    "invalid": lambda call, k: {"a": 99, "log": "never"},
    "unknown": lambda call, k: {"nothing_like_it": k, "log": "never"},
}
HARMLESS = ("nothing", "look", "count", "collect", "mark", "near", "branches", "error")
PLAIN = ("a", "b", "items", "same mark", "restart", "too much")  # may conflict at a join
HARMFUL = ("flaky", "flaky", "broken", "invalid", "unknown")


@dataclass(frozen=True)
class Move:
    """One thing a node may do at a call."""

    kind: str
    amount: int
    target: str | None = None  # it hands off as well

    def __call__(self, call: Call) -> Any:
        reply = MOVES[self.kind](call, self.amount)
        return HandOff(self.target, reply) if self.target and self.kind in HARMLESS else reply


@dataclass(frozen=True)
class Style:
    """Which graphs to draw. ``is_confluent`` leaves out what may depend on timing (S15.4)."""

    blocks: int = 6
    is_confluent: bool = False
    has_questions: bool = True
    has_failures: bool = True
    has_retries: bool = True
    tells_errors_apart: bool = True  # by class, which does not outlive a process: a journal revives no types
    is_fork: bool = False  # the outermost block is a fork or map


@dataclass(repr=False)
class Scenario:
    """A graph, a state to start from, and what its nodes answer. ``pace`` says how many seconds a call takes."""

    graph: Graph[World]
    start: Update
    scripts: dict[str, tuple[Move, ...]] = field(default_factory=dict)
    text: list[str] = field(default_factory=list)
    pace: Callable[[Call], float] = lambda call: 0.0

    @property
    def plan(self) -> Plan:
        return self.graph.plan()

    def answers(self, call: Call) -> Any:
        """A pure function of the call: its cursor and attempt choose the move, its view what is written."""
        script = self.scripts[call.node.name]
        return script[zlib.crc32(f"{call.cursor}#{call.attempt}".encode()) % len(script)](call)

    async def perform(self, state: World, ctx: Context[Any]) -> dict[str, object] | Handoff:
        """Any node, as a driver calls it: it gives the oracle's answer, after a while."""
        view = {name: getattr(state, name) for name in World.model_fields}
        node = Node(0, ctx.node, "function")
        call = Call(ctx.cursor, node, ctx.attempt, view, ctx.items, ctx.branches, ctx.error)
        await asyncio.sleep(self.pace(call))
        reply = self.answers(call)
        if isinstance(reply, Raise):
            raise reply.error
        return Handoff(reply.target, reply.update) if isinstance(reply, HandOff) else reply

    def __repr__(self) -> str:
        """The graph as drawn, line by line, then each node's moves: what a failing test shows."""
        moves = [
            f"{name}: " + ", ".join(f"{move.kind}({move.amount}){move.target or ''}" for move in script)
            for name, script in self.scripts.items()
        ]
        return "\n".join(["", f"start {self.start}", *self.text, *moves])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # what Hypothesis prints
        printer.text(repr(self))


Guards = st.one_of(
    st.builds(lambda k: world.a < k, st.integers(1, 7)),
    st.builds(lambda k: world.b >= k, st.integers(1, 7)),
    st.builds(lambda k: world.total > k, st.integers(0, 9)),
    st.builds(lambda k: size(world.log) < k, st.integers(1, 6)),
    st.builds(lambda k: (world.near <= k) & (world.a != k), st.integers(1, 4)),
    st.builds(lambda k: lambda view: (view.total + view.a) % k == 0, st.integers(2, 4)),  # opaque
)


class Drawing:
    """One graph being drawn, from its end to its start: each block is given the node it leads to."""

    def __init__(
        self, draw: Callable[[Any], Any], style: Style, scenario: Scenario, graph: Graph[World], depth: int = 0
    ) -> None:
        self.draw, self.style, self.scenario, self.graph = draw, style, scenario, graph
        self.left = style.blocks
        self.depth = depth  # of sub-graphs
        self.regions = 0  # forks and maps around

    def note(self, line: str) -> None:
        self.scenario.text.append("  " * self.depth + line)

    def name(self, prefix: str) -> str:
        return f"{prefix}{len(self.scenario.scripts)}"

    def script(self, targets: tuple[str, ...], is_risky: bool) -> tuple[Move, ...]:
        kinds = list(HARMLESS) * 3 + list(PLAIN) * (2 if self.regions else 4)
        if self.style.has_failures:
            kinds = [*HARMLESS[:3], *HARMFUL] if is_risky else [*kinds, *HARMFUL[:3]]
        if not self.style.tells_errors_apart:
            kinds = [kind for kind in kinds if kind not in ("branches", "error")]
        move = st.builds(Move, st.sampled_from(kinds), st.integers(1, 4), st.sampled_from((*targets, None)))
        return tuple(self.draw(st.lists(move, min_size=1, max_size=3)))

    def node(self, prefix: str = "n", targets: tuple[str, ...] = (), is_risky: bool = False, **options: Any) -> Any:
        """A function node with a script of its own."""
        name = self.name(prefix)
        scenario = self.scenario
        scenario.scripts[name] = self.script(targets, is_risky)
        if self.style.has_retries and self.draw(st.sampled_from((False, False, True))):
            on = self.draw(st.sampled_from((Flaky, Exception)))
            options["retry"] = Retry(attempts=self.draw(st.integers(2, 3)), on=on)
        self.note(f"{name} {options.get('retry', '')}")
        return self.graph.node(scenario.perform, name=name, **options)

    def edge(self, source: Any, target: Any, **options: Any) -> None:
        self.note(f"{source} -> {target} {options}")
        self.graph.edge(source, target, **options)

    def block(self, after: Any) -> Any:
        """Draw something that leads to ``after``, and return its way in."""
        self.left -= 1
        kinds = ["task"]
        if self.left > 0:
            kinds += ["sequence", "choice", "loop", "fork", "map", "handoff", "rescue"]
            if self.depth < 2:
                kinds.append("sub_graph")
        if self.style.has_questions:
            kinds.append("question")
        return getattr(self, self.draw(st.sampled_from(kinds)))(after)

    def task(self, after: Any) -> Any:
        node = self.node()
        self.edge(node, after)
        return node

    def sequence(self, after: Any) -> Any:
        for _ in range(self.draw(st.integers(2, 3))):
            after = self.block(after)
        return after

    def choice(self, after: Any) -> Any:
        node = self.node("choice")
        guards = self.draw(st.lists(Guards, min_size=1, max_size=2))
        ways = [(self.block(after), guard) for guard in guards]
        for target, guard in ways:
            self.edge(node, target, when=guard)
        self.edge(node, after)
        return node

    def loop(self, after: Any) -> Any:
        head, again = self.graph.point(self.name("head")), self.node("again")
        self.scenario.scripts[head.name] = ()
        entry = self.block(again)
        at_most: Any = self.draw(st.sampled_from((1, 2, 0, 3)))
        if self.draw(st.booleans()):
            at_most = Limit(at_most)
            self.edge(again, entry, when=self.draw(Guards), at_most=at_most)
        self.edge(head, entry)
        self.edge(again, head, at_most=at_most)
        self.edge(again, after)
        return head

    def rescue(self, after: Any) -> Any:
        node = self.node("risky", is_risky=True)
        self.edge(node, after)
        for error in self.draw(st.sampled_from(((Flaky,), (NodeError,), (Flaky, Exception), (Broken, Flaky)))):
            self.edge(node, self.block(after), on_error=error)
        return node

    def handoff(self, after: Any) -> Any:
        ways = [self.block(after) for _ in range(self.draw(st.integers(1, 2)))]
        node = self.node("router", targets=(*(way.name for way in ways * 3), "nobody"))
        for way in dict.fromkeys(ways):
            self.graph.handoff(node, way, "a way")
        self.edge(node, after)
        return node

    def question(self, after: Any) -> Any:
        name = self.name("ask")
        self.scenario.scripts[name] = (Move("answer", self.draw(st.integers(1, 4))),)
        node = self.graph.ask(name, "How many?", answer=int, writes=world.best)
        self.note(name)
        self.edge(node, after)
        return node

    def joined(self, after: Any) -> Any:
        join = self.node("join")
        self.edge(join, after)
        if self.draw(st.booleans()):
            saved = self.node("saved")
            self.edge(saved, after)
            self.edge(join, saved, on_error=self.draw(st.sampled_from((JoinFailed, Exception))))
        return join

    def policy(self, width: int) -> dict[str, Any]:
        if self.style.is_confluent:
            return {"failures": "collect"}
        k = self.draw(st.integers(1, width))
        needs = (*("all", "all", "first", quorum(k), best_effort(at_least=k)), self.draw(Guards))
        need = needs[self.draw(st.integers(0, len(needs) - 1))]
        failures = self.draw(st.sampled_from((None, "stop", "collect")))
        return {"need": need} | ({"failures": failures} if failures else {})

    def fork(self, after: Any) -> Any:
        join, width = self.joined(after), self.draw(st.integers(1, 3))
        node = self.node("fork")
        self.regions += 1
        targets = [self.block(join) for _ in range(width)]
        self.regions -= 1
        policy = self.policy(width)
        has_conditions = self.draw(st.booleans())
        self.note(f"fork {node} {targets} -> {join} {policy} {has_conditions}")
        chosen: Any = {target: self.draw(Guards) for target in targets} if has_conditions else targets
        self.graph.fork(node, chosen, join=join, **policy)
        return node

    def map(self, after: Any) -> Any:
        join = self.joined(after)
        node = self.node("map")
        self.regions += 1
        target = self.block(join)
        self.regions -= 1
        policy = self.policy(2)
        over: Any = world.items if self.draw(st.booleans()) else lambda view: [view.a, 5, view.a]
        self.note(f"map {node} {target} -> {join} {policy}")
        self.graph.map(node, target, over=over, join=join, **policy)
        return node

    def sub_graph(self, after: Any) -> Any:
        name = self.name("sub")
        self.scenario.scripts[name] = ()
        inner: Graph[World] = Graph(f"graph of {name}", World)
        self.note(f"{name}:")
        drawing = Drawing(self.draw, self.style, self.scenario, inner, self.depth + 1)
        drawing.left = max(1, self.left // 2)
        drawing.whole()
        retry = Retry(attempts=2) if self.style.has_retries and self.draw(st.booleans()) else None
        node = self.graph.node(inner, name=name, retry=retry)
        self.edge(node, after)
        if self.draw(st.booleans()):
            self.edge(node, self.task(after), on_error=Exception)
        return node

    def whole(self) -> None:
        kind = self.draw(st.sampled_from(("fork", "map"))) if self.style.is_fork else "sequence"
        self.graph.edge(START, getattr(self, kind)(END))


@st.composite
def scenarios(draw: Callable[[Any], Any], style: Style = Style()) -> Scenario:
    """Random graphs in which ``check`` finds no error, with a start state and answers."""
    start = {
        "a": draw(st.integers(0, 7)),
        "b": draw(st.integers(0, 7)),
        "items": draw(st.sampled_from(([3, 1], [2], [0, 2, 1], []))),
    }
    graph: Graph[World] = Graph("random", World)
    scenario = Scenario(graph, start)
    Drawing(draw, style, scenario, graph).whole()
    return scenario
