"""What a node can reach besides its view: its item, branches, deps, effects and handoffs.

A node that takes a parameter annotated ``Context`` gets one. The context itself decides nothing: it asks the driver,
through the small protocol ``Hands``, so that a test, a replay or another driver can stand in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol

from typing_extensions import TypeVar

from graphflow.core.usage import Usage
from graphflow.graph.holding import Held

D = TypeVar("D", default=Any)


@dataclass(frozen=True, slots=True)
class Branch:
    """How one branch of a fork ended, as a join node sees it (S6.7). Aligned with the targets or items.

    ``state`` is the branch's own state as it was when it ended, also where it left nothing behind (S6.4).
    """

    index: int
    item: Any
    status: Literal["done", "failed", "cancelled"]
    error: Exception | None
    attempts: int
    values: Mapping[str, Any] = field(repr=False)
    build: Callable[[Mapping[str, Any]], Any] = field(repr=False)

    @property
    def state(self) -> Any:
        """The branch's own state when it ended, as an instance that is yours; made anew at each access."""
        return self.build(self.values)


@dataclass(frozen=True, slots=True)
class Offer:
    """A handoff that is enabled now: what an agent is shown as a tool (S9.1)."""

    target: str
    description: str
    takes: Any = None  # annotation of the data it carries; None: no data


@dataclass(frozen=True, slots=True)
class Handoff:
    """What a function returns to hand off: ``return Handoff(billing, {"note": "..."})`` (S9.1).

    ``target`` is a node's handle or name, or END; ``update`` as a node returns it; ``data`` for handoffs that take some.
    """

    target: Any
    update: Any = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class Effect:
    """The result of one recorded doing: JSON-able ``value``, what it cost, and the updates it asked for.

    ``error`` says how it failed, where that is a result too: of a tool, whose model is told in general terms only.
    """

    value: Any
    usage: Usage = field(default_factory=Usage)
    updates: tuple[dict[str, Any], ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Reserve:
    """What a call may cost at most, reserved before it starts (S13.1). ``usd`` None: price unknown."""

    model_calls: int = 0
    tokens: int = 0
    usd: float | None = 0.0


class Caller(Protocol):
    """Who asks a model, as far as matters to whoever lets its calls through one by one.

    ``began`` is when its run began, in seconds since 1970: calls of older runs go first, so that runs finish.
    """

    @property
    def began(self) -> float: ...

    def waits(self, why: str) -> None:
        """The call stands in line, and why: for those who watch, and for the message of a timeout."""
        ...

    def begins(self) -> None:
        """It stood in line and may start now. Raises if its run may start nothing any more (S13.2)."""
        ...


class Hands(Protocol):
    """What a driver does for a context. Every method belongs to one attempt of one cursor."""

    async def effect(
        self,
        kind: Literal["model", "tool", "once"],
        request: Any,
        call: Callable[[], Awaitable[Effect]],
        reserve: Reserve | None,
    ) -> Effect:
        """The recorded effect matching (kind, canonical request, occurrence), else perform, record and return it."""
        ...

    def update(self, changes: dict[str, Any]) -> None:
        """Add to the pending update of the step (S3.7)."""
        ...

    @property
    def is_watched(self) -> bool:
        """Whether anybody observes the run: only then is it worth streaming."""
        ...

    @property
    def driver(self) -> Any:
        """What drives the run, for a graph that is called inside it (S12.2); None where an agent runs alone."""
        ...

    @property
    def held(self) -> Held:
        """What is open for as long as the run is driven, such as a server's process."""
        ...

    @property
    def caller(self) -> Caller | None:
        """Who makes the model calls of this attempt; None: nobody who could be told of anything."""
        ...

    def emit(self, text: str, *, tool: str = "", call: int = 0, under: str = "") -> None:
        """Pass streamed text to observers; neither journalled nor seen by the scheduler (S11.3).

        With ``tool``, the text is a piece of the arguments of the ``call``-th tool call of this answer. ``under`` is the
        cursor of a call that another agent answers, where the text is that one's.
        """
        ...


@dataclass(slots=True, eq=False)
class Context(Generic[D]):
    """A node's surroundings for one attempt. Annotate a parameter with ``Context`` or ``Context[Deps]`` to get it.

    ``cursor`` is where the run stands (``plan:1[3]/search:2``), ``idempotency_key`` is the same for every attempt of
    a visit (S11.2). ``item`` is this branch's item, ``items`` those of all maps around it, outermost first.
    ``branches`` is filled at a join, ``error`` after an error edge.
    """

    run_id: str
    cursor: str
    node: str
    visit: int
    attempt: int
    deps: D
    item: Any = None
    items: tuple[Any, ...] = ()
    branches: tuple[Branch, ...] = ()
    error: Exception | None = None
    handoffs: tuple[Offer, ...] = ()
    must_hand_off: bool = False  # the node has handoff edges only: an agent that chooses none is asked again (S9.3)
    model: Any = None  # the run's model, used by agents that name none
    approve: Any = None  # the run's: who is asked before a tool that needs approval is called (S10.4)
    writes: frozenset[str] | None = None  # the fields this node may write, None: any
    max_depth: int = 20  # scopes, and calls of agents and graphs as tools, nest so deep at most (S12.2, S17)
    hands: Hands = field(repr=False, default=None)  # type: ignore[assignment]  # always given by a driver

    @property
    def idempotency_key(self) -> str:
        """One key for all attempts of this visit (S11.2)."""
        return f"{self.run_id}/{self.cursor}"

    def update(self, **changes: Any) -> None:
        """Add changes to this step's update, in call order; the node's returned update comes last (S3.7)."""
        self.hands.update(changes)

    async def once(self, key: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Do something outside exactly once per visit: its JSON-able result is recorded and reused (S11.1)."""

        async def perform() -> Effect:
            return Effect(await call())

        return (await self.hands.effect("once", key, perform, None)).value

    def emit(self, text: str) -> None:
        """Show text to whoever watches the run; it is not kept."""
        self.hands.emit(text)
