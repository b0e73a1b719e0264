"""What a graph compiles to: immutable tables that the machine walks and the views draw (S1.3).

A plan holds everything that decides where a run goes, and, opaque to the core, what a driver calls at a node.
Nodes and edges are referred to by index; an index is stable within one plan only, names across plans (S16).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from graphflow.errors import Place

if TYPE_CHECKING:
    from graphflow.core.schema import Schema

Values = Mapping[str, Any]
"""Field name -> value: a scope's state as the core holds it."""

NodeKind = Literal["start", "end", "fail", "function", "agent", "graph", "ask", "point"]
EdgeKind = Literal["edge", "fork", "map", "handoff", "error", "timer"]
NodeRole = Literal["supervisor", "router", "judge"]
"""What a node may be marked as: drawings show it, and ``check`` holds a supervisor to it."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition: ``test(values, items)`` answers for a scope's state and the items of the maps around it.

    ``label`` is printed on the edge. ``reads`` are the fields it looks at, None for an opaque predicate (which may
    read any). ``expression`` is its syntax tree, None if opaque; ``uses_item`` says whether it looks at ITEM.
    """

    test: Callable[[Values, tuple[Any, ...]], bool]
    label: str
    reads: frozenset[str] | None
    expression: Any = None
    uses_item: bool = False
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Rail:
    """A guardrail as the machine knows it (S8.4): ``ask(...)`` answers None when all is well, else what is wrong.

    ``on`` says when it is asked: on what comes in, on what goes out, or before a tool is called. On an edge it is asked
    about the state that would go along it.
    """

    name: str
    on: Literal["input", "output", "tool"]
    ask: Callable[..., object] = field(repr=False)
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A count of takings. One object given to several edges is shared by them (S4.5)."""

    at_most: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """When a join fires (S6.6). ``count`` is the k of quorum and best_effort, ``within_s`` in seconds."""

    kind: Literal["all", "quorum", "best_effort", "condition"] = "all"
    count: int = 0
    within_s: float | None = None
    guard: Guard | None = None

    def __str__(self) -> str:
        if self.kind == "quorum":
            return f"quorum({self.count})"
        if self.kind == "best_effort":
            within = "" if self.within_s is None else f", within_s={self.within_s:g}"
            return f"best_effort(at_least={self.count}{within})"
        return self.guard.label if self.guard else "all"


@dataclass(frozen=True, slots=True)
class Over:
    """What a map goes over: a list field of the state, or a function of the view.

    ``items(values, outer_items)`` gives the items; ``item_type`` their annotation, used to revive them from JSON.
    ``unit`` names one of them on drawings (``rivals``).
    """

    items: Callable[[Values, tuple[Any, ...]], Sequence[Any]]
    item_type: Any
    label: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when a failed attempt is followed by another (S8.1).

    ``attempts`` counts the first one too. The n-th wait is ``first_s * factor**(n-1)`` seconds, at most ``max_s``,
    spread by ``jitter`` (0.1 is +-10 %, seeded by the visit). ``on`` are the classes worth another try; a
    ``retry_after_s`` on the error is a lower bound. An error that says ``retryable = False`` is never retried.

    >>> Retry(attempts=3, first_s=1, factor=2, jitter=0).wait_s(2, seed=0.5)
    2.0
    """

    attempts: int = 3
    first_s: float = 1.0
    factor: float = 2.0
    max_s: float = 60.0
    jitter: float = 0.1
    on: type[BaseException] | tuple[type[BaseException], ...] = Exception

    def __post_init__(self) -> None:
        for name, low in (("attempts", 1), ("first_s", 0), ("factor", 0), ("max_s", 0), ("jitter", 0)):
            if not getattr(self, name) >= low:
                raise ValueError(f"Retry({name}={getattr(self, name)!r}) must be at least {low}.")

    def wait_s(self, failed: int, seed: float) -> float:
        """Seconds to wait after the ``failed``-th failed attempt; ``seed`` in [0, 1) places it within the jitter."""
        wait = min(self.first_s * self.factor ** (failed - 1), self.max_s)
        return max(0.0, wait * (1 + self.jitter * (2 * seed - 1)))


@dataclass(frozen=True, slots=True)
class Limits:
    """The finite defaults of S17. Each is one parameter away: ``Graph(..., limits=Limits(steps=50_000))``."""

    steps: int = 1_000
    depth: int = 20
    fork_width: int = 100_000
    at_once: int = 1_000
    value_bytes: int = 4_000_000
    state_bytes: int = 64_000_000


@dataclass(frozen=True, slots=True)
class Writes:
    """How a node's result becomes an update (S3.1).

    ``value``: the result is the one field's value. ``tuple``: one value per field. ``mapped``: ``sources`` holds
    (state field, name or function of the result). ``fields``: the result is a mapping or model written field by field.
    ``declared`` are the fields the node may write; None means it did not say.
    """

    kind: Literal["value", "tuple", "mapped", "fields"] = "fields"
    fields: tuple[str, ...] = ()
    sources: tuple[tuple[str, str | Callable[[Any], Any]], ...] = ()
    declared: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """One way out of a node. Which fields matter depends on ``kind``."""

    index: int
    kind: EdgeKind
    source: int
    targets: tuple[int, ...]
    guard: Guard | None = None
    branch_guards: tuple[Guard | None, ...] = ()  # fork: per target
    at_most: int | None = None
    limit: Limit | None = None  # a shared count
    unbounded: bool = False  # at_most="unbounded": said in so many words
    over: Over | None = None  # map
    join: int | None = None  # fork, map
    need: Need = Need()
    failures: Literal["stop", "collect"] = "stop"
    failures_said: bool = False  # failures=...: said in so many words, and not by default
    at_once: int | None = None
    shared: bool = False  # state="shared"
    errors: tuple[type[BaseException], ...] = ()  # error
    after_s: float | None = None  # timer
    description: str = ""  # handoff; note for drawings elsewhere
    takes: Any = None  # handoff: annotation of the data it carries
    takes_writes: Writes | None = None
    guardrails: tuple[Rail, ...] = ()  # edge, fork, map, handoff: asked about the state that would cross
    place: Place | None = None

    @property
    def target(self) -> int:
        """The one target of an edge that is no fork."""
        return self.targets[0]

    @property
    def is_limited(self) -> bool:
        return self.at_most is not None or self.limit is not None


@dataclass(frozen=True, slots=True)
class Ask:
    """What an ask node asks: ``question(view, items)`` gives the text, ``answer`` is the answer's annotation."""

    question: Callable[[Any, tuple[Any, ...]], str]
    answer: Any
    template: str = ""


@dataclass(frozen=True, slots=True)
class SubGraph:
    """A graph as a node. ``plan()`` gives its plan (lazily: a graph may contain itself, S12.2).

    With a state of its own ``inward`` maps (its field, outer field) at entry and ``outward`` (outer field, its field)
    at the end; both are None when it shares the outer state's class.
    """

    plan: Callable[[], Plan]
    name: str
    inward: tuple[tuple[str, str], ...] | None = None
    outward: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a plan. ``exits`` are its ordinary, fork and map edges in the order declared.

    ``call`` is what a driver performs, called with the ``arguments`` it names: any of ``state``, ``item``, ``ctx``.
    ``work`` is the declared object itself (function, agent), for views and ``check``, as are ``returns``, the
    annotation of its result, and ``slots``, what its prompt names: ``("review", "score")`` for ``{review.score}``.
    """

    index: int
    name: str
    kind: NodeKind
    call: Callable[..., Any] | None = None
    mode: Literal["async", "sync", "blocking"] = "sync"
    arguments: tuple[str, ...] = ()
    work: Any = None
    reads: frozenset[str] | None = None
    writes: Writes = Writes()
    returns: Any = Any
    slots: tuple[tuple[str, ...], ...] = ()
    retry: Retry | None = None
    timeout_s: float | None = None
    at_once: int | None = None
    ask: Ask | None = None
    graph: SubGraph | None = None
    reason: str = ""  # fail: the reason
    purpose: str = ""  # one line for drawings
    badges: tuple[str, ...] = ()
    role: str = ""  # e.g. "router", "supervisor", for drawings and rules
    guardrails: tuple[Rail, ...] = ()  # asked by the machine for a graph, else by what ``call`` is
    exits: tuple[Edge, ...] = ()
    handoffs: tuple[Edge, ...] = ()
    error_edges: tuple[Edge, ...] = ()
    timer_edges: tuple[Edge, ...] = ()
    region: int | None = None  # index of the innermost fork or map edge whose region this node is in
    place: Place | None = None
    id: str = field(init=False, default="")  # the name in paths, journals, URLs: reserved characters percent-encoded
    is_performed: bool = field(init=False, default=False)  # by a driver; the machine itself moves on from all others
    awaited: Any = field(init=False, default=None, repr=False, compare=False)  # the call, if it is async
    awaited_with: str = field(init=False, default="")  # and what that one takes: "state, item"
    memo: Any = field(init=False, default=None, repr=False, compare=False)  # what the machine has worked out of it

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", quote(self.name, safe=" "))
        object.__setattr__(self, "is_performed", self.kind in ("function", "agent"))
        if self.call is not None and self.mode == "async":
            object.__setattr__(self, "awaited", self.call)
            object.__setattr__(self, "awaited_with", ", ".join(self.arguments) or "nothing")


START_INDEX = 0
"""The start is a node, the first; it has edges like any other."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled graph (S1.3). ``nodes[0]`` is START; ``schema`` validates and folds its state.

    ``on_budget`` is the node that wraps up when the budget is used up (S13.2). ``regions`` maps a fork's edge index
    to the nodes between it and its join.
    """

    name: str
    state: type[Any]
    schema: Schema
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    limits: Limits = Limits()
    on_budget: int | None = None
    fingerprint: str = ""
    purpose: str = ""
    regions: Mapping[int, frozenset[int]] = field(default_factory=dict[int, frozenset[int]])
    place: Place | None = None

    def edge(self, index: int) -> Edge:
        """The edge of that index, as a journal names it."""
        return self.edges[index]

    def node(self, name: str) -> Node:
        """The node of that name; KeyError if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
