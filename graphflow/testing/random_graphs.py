"""Random valid graphs, for those who write what works on every graph: an engine, a store, a drawing.

A graph is drawn as blocks, from its end to its start: each is a way in that leads to what is there already (sequence,
choice, loop, fork, map, handoff, question, failure with a way out, graph in a graph). So regions nest (S6.2), every node
is reachable and everything ends (S1.2); ``check`` finds no error. Its functions are functions of the state alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from hypothesis import strategies as st
from pydantic import BaseModel, Field

from graphflow.core.plan import Limit, Retry
from graphflow.core.reducers import add, append, union
from graphflow.errors import JoinFailed
from graphflow.flow import Graph
from graphflow.graph.context import Handoff
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields, size
from graphflow.graph.needs import best_effort, quorum

T = TypeVar("T")


class RandomState(BaseModel):
    """The state of random graphs: plain fields, and some that branches may write side by side (S6.5)."""

    level: Annotated[int, Field(ge=0, le=9)] = 0
    items: list[int] = [1, 2]
    log: Annotated[list[str], append] = []
    count: Annotated[int, add] = 0
    seen: Annotated[set[str], union] = set()
    best: Annotated[int, max] = 0


class Flaky(Exception):
    """What a node of a random graph raises: worth another try, and caught by somebody."""


_state = fields(RandomState)


def _divides(k: int) -> Callable[[RandomState], bool]:
    """A condition that no expression says."""
    return lambda state: (state.count + state.level) % k == 0


_CONDITIONS: st.SearchStrategy[Any] = st.one_of(
    st.integers(1, 8).map(lambda k: _state.level < k),
    st.integers(1, 8).map(lambda k: (_state.level >= k) & (_state.count != k)),
    st.integers(0, 9).map(lambda k: _state.count > k),
    st.integers(1, 6).map(lambda k: size(_state.log) < k),
    st.integers(2, 4).map(_divides),
)


def _updates(name: str, amount: int) -> dict[str, Callable[[RandomState], dict[str, object]]]:
    """What a function may do. The last two write plain fields, which branches may not."""
    return {
        "nothing": lambda state: {},
        "log": lambda state: {"log": f"{name} at {state.count}"},
        "count": lambda state: {"count": amount},
        "see": lambda state: {"seen": {name}, "best": state.count + amount},
        "level": lambda state: {"level": (state.level + amount) % 10},
        "items": lambda state: {"items": list(range(amount))},
    }


@st.composite
def graphs(
    draw: st.DrawFn,
    *,
    blocks: int = 6,
    has_forks: bool = True,
    has_failures: bool = True,
    has_questions: bool = True,
    has_handoffs: bool = True,
    has_graphs: bool = True,
) -> Graph[RandomState]:
    """Random valid graphs over ``RandomState``, as a Hypothesis strategy; they shrink to one node.

    Each can be run at once, ``graph.run_sync(RandomState())``, with no model; it ends, or waits for an answer, an int.
    ``blocks`` bounds how large they grow; ``has_...`` leave out what a tool cannot deal with yet.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=10, database=None)
    ... @given(graphs(has_questions=False))
    ... def test_every_run_is_drawn(graph):
    ...     assert graph.run_sync(RandomState()).status == "done"
    ...     assert "flowchart" in graph.draw().mermaid
    >>> test_every_run_is_drawn()
    """
    kinds = ["sequence", "choice", "loop"]
    kinds += ["fork", "map"] if has_forks else []
    kinds += ["rescue"] if has_failures else []
    kinds += ["handoff"] if has_handoffs else []
    kinds += ["inner"] if has_graphs else []
    graph: Graph[RandomState] = Graph("random", RandomState)
    _Sketch(draw, graph, kinds, has_questions, blocks).whole()
    return graph


class _Sketch:
    """One graph being drawn. ``left`` is how many more blocks it may get; ``regions`` how many forks are around."""

    def __init__(
        self, draw: st.DrawFn, graph: Graph[RandomState], kinds: list[str], has_questions: bool, blocks: int
    ) -> None:
        self.draw, self.graph, self.kinds, self.has_questions, self.left = draw, graph, kinds, has_questions, blocks
        self.named = 0
        self.regions = 0

    def whole(self) -> None:
        self.graph.edge(START, self.block(END))

    def pick(self, *choices: T) -> T:
        return self.draw(st.sampled_from(choices))

    def name(self, kind: str) -> str:
        self.named += 1
        return f"{kind} {self.named}"

    def block(self, after: Any) -> Any:
        """Something that leads to ``after``: its way in."""
        self.left -= 1
        kinds = ["task", *(["question"] if self.has_questions else []), *(self.kinds if self.left > 0 else [])]
        made: Callable[[Any], Any] = getattr(self, self.pick(*kinds))
        return made(after)

    def node(self, kind: str = "task", **options: Any) -> Any:
        name = self.name(kind)
        updates = _updates(name, self.draw(st.integers(0, 4)))
        work = updates[self.pick(*list(updates)[: 4 if self.regions else 6])]
        return self.graph.node(work, name=name, **options)

    def task(self, after: Any) -> Any:
        node = self.node()
        self.graph.edge(node, after)
        return node

    def sequence(self, after: Any) -> Any:
        for _ in range(self.pick(2, 3)):
            after = self.block(after)
        return after

    def choice(self, after: Any) -> Any:
        ways = [(self.block(after), self.draw(_CONDITIONS)) for _ in range(self.pick(1, 2))]
        node = self.node("choice")
        for target, condition in ways:
            self.graph.edge(node, target, when=condition)
        self.graph.edge(node, after)
        return node

    def loop(self, after: Any) -> Any:
        head, again = self.graph.point(self.name("head")), self.node("again")
        entry = self.block(again)
        self.graph.edge(head, entry)
        most: Any = self.pick(1, 2, 0)
        if self.pick(False, True):
            most = Limit(most)
            self.graph.edge(again, entry, when=self.draw(_CONDITIONS), at_most=most)
        self.graph.edge(again, head, at_most=most)
        self.graph.edge(again, after)
        return head

    def rescue(self, after: Any) -> Any:
        every, name = self.pick(1, 2, 3), self.name("risky")

        def risky(state: RandomState) -> dict[str, object]:
            if state.count % every == 0:
                raise Flaky(name)
            return {"log": f"{name} went well"}

        retry = self.pick(None, Retry(attempts=2, first_s=0.0, on=Flaky))
        node = self.graph.node(risky, name=name, retry=retry)
        self.graph.edge(node, after)
        self.graph.edge(node, self.block(after), on_error=self.pick(Flaky, Exception))
        return node

    def handoff(self, after: Any) -> Any:
        ways = [self.block(after) for _ in range(self.pick(1, 2))]
        chosen, every = self.pick(*ways), self.pick(1, 2)

        def route(state: RandomState) -> Handoff | None:
            return Handoff(chosen, {"count": 1}) if state.count % every == 0 else None

        node = self.graph.node(route, name=self.name("router"))
        for way in dict.fromkeys(ways):
            self.graph.handoff(node, way, "A way on")
        self.graph.edge(node, after)
        return node

    def question(self, after: Any) -> Any:
        node = self.graph.ask(self.name("ask"), "How many? {count} so far.", answer=int, writes=_state.best)
        self.graph.edge(node, after)
        if self.pick(False, True):
            self.graph.edge(node, after, after_s=60)
        return node

    def joined(self, after: Any) -> Any:
        join = self.node("join")
        self.graph.edge(join, after)
        self.graph.edge(join, after, on_error=JoinFailed)
        return join

    def policy(self, width: int) -> dict[str, Any]:
        need = self.pick("all", "first", quorum(width), best_effort(at_least=1))
        return {"need": need, "failures": self.pick("collect", "stop") if need == "all" else "collect"}

    def fork(self, after: Any) -> Any:
        join, node = self.joined(after), self.node("fork")
        self.regions += 1
        targets = [self.block(join) for _ in range(self.pick(1, 2, 3))]
        self.regions -= 1
        has_conditions = self.pick(False, True)
        chosen: Any = {target: self.draw(_CONDITIONS) for target in targets} if has_conditions else targets
        self.graph.fork(node, chosen, join=join, **self.policy(1 if has_conditions else len(set(targets))))
        return node

    def map(self, after: Any) -> Any:
        join, node = self.joined(after), self.node("map")
        self.regions += 1
        target = self.block(join)
        self.regions -= 1
        self.graph.map(node, target, over=_state.items, join=join, **self.policy(1))
        return node

    def inner(self, after: Any) -> Any:
        name = self.name("graph")
        inside: Graph[RandomState] = Graph(f"inside {name}", RandomState)
        sketch = _Sketch(self.draw, inside, self.kinds, self.has_questions, max(1, self.left // 2))
        sketch.regions = self.regions
        sketch.whole()
        node = self.graph.node(inside, name=name)
        self.graph.edge(node, after)
        return node
