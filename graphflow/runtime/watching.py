"""Watching a run more closely than by its events: who does so is told whom it watches, of calls as they begin, and of the end.

A plain observer is told what has happened. A ``Watcher`` makes a ``Watch`` for each time a run is driven, in the context
that its nodes will have, so that what it sets there (a context variable) is seen by them. A watch that raises must not
harm the run: it is dropped, loudly, like any observer.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from graphflow.core.machine import Machine
from graphflow.graph.context import Effect
from graphflow.runtime.events import Event, NodeLeft

if TYPE_CHECKING:
    from graphflow.runtime.driver import Driver
    from graphflow.runtime.worker import Worker

Listener: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Call:
    """A model call, tool call or ``ctx.once`` that is made now, by the attempt at ``cursor``. One on record is not made.

    ``request`` is what the call is recorded under; calls made inside a call have it wrapped: ``{"under": ..., "asked": ...}``.
    """

    cursor: str
    node: str
    kind: Literal["model", "tool", "once"]
    request: Any = field(repr=False)
    t: float


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended at ``t``: with its effect, or by an error."""

    t: float
    effect: Effect | None = field(default=None, repr=False)
    error: BaseException | None = None


class Watch(Protocol):
    """What follows one run while it is driven, in the driver's thread. ``reads_text``: models stream only for who reads."""

    reads_text: bool

    def __call__(self, event: Event) -> None: ...

    def begin_call(self, call: Call) -> Callable[[CallEnd], None]:
        """A call begins, in the task that makes it; what is returned is told there how it ended."""
        ...

    def close(self, t: float, error: BaseException | None) -> None:
        """The run is driven no more: it rests, was stopped, or ``error`` ended its driver."""
        ...


class Watcher(Protocol):
    """What may be given as an observer of any number of runs, to follow each of them by a watch of its own."""

    def watch(self, machine: Machine) -> Watch:
        """The run of this machine begins to be driven; it is for looking at only."""
        ...


Observer: TypeAlias = Listener | Watcher


class Watching:
    """The watches of one driver. Around all that it does, to be closed whatever happens."""

    def __init__(self, driver: Driver, watchers: Sequence[Watcher]) -> None:
        self._driver = driver
        self._watchers = watchers
        self._watches: list[Watch] = []

    def open(self) -> None:
        """Called in the context in which the run's nodes will be performed."""
        for watcher in self._watchers:
            try:
                watch = watcher.watch(self._driver.machine)
            except Exception as error:
                self._warn(error)
            else:
                self._watches.append(watch)
                self._driver.observers.append(watch)

    def leave(self, worker: Worker) -> None:
        """The attempt that a worker performed is over; told behind what came of it, if anything did."""
        began, worker.began = worker.began, None
        if began is not None:
            t = self._driver.machine.now
            event = NodeLeft(0, began.cursor, began.node, t, began.attempt)
            if self._driver.gate is None:
                self._tell(event)
            else:
                self._driver.gate.tell_once_safe(self._tell, [event])

    def _tell(self, event: Event) -> None:
        for watch in list(self._watches):
            self._guarded(watch, watch, event)

    async def call(self, call: Call, perform: Callable[[], Awaitable[Effect]]) -> Effect:
        """Make a call, and tell the watches when it begins and how it ends."""
        ends = [(watch, self._guarded(watch, watch.begin_call, call)) for watch in list(self._watches)]
        end = CallEnd(call.t)
        try:
            effect = await perform()
            end = CallEnd(self._now(), effect)
            return effect
        except BaseException as error:
            end = CallEnd(self._now(), error=error)
            raise
        finally:
            for watch, ended in reversed(ends):
                if ended is not None:
                    self._guarded(watch, ended, end)

    def _now(self) -> float:
        self._driver.tick()
        return self._driver.machine.now

    def __enter__(self) -> None:
        """They are opened when the driver has made itself ready."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        watches, self._watches = self._watches, []
        for watch in watches:
            self._guarded(watch, watch.close, self._driver.machine.now, error)

    def _guarded(self, watch: Watch, do: Callable[..., Any], *given: Any) -> Any:
        try:
            return do(*given)
        except Exception as error:
            if watch in self._watches:
                self._watches.remove(watch)
            if watch in self._driver.observers:
                self._driver.observers.remove(watch)
            self._warn(error)
            return None

    def _warn(self, error: Exception) -> None:
        run_id = self._driver.machine.run_id
        warnings.warn(f"An observer of run {run_id} raised {error!r} and was removed", stacklevel=3)
