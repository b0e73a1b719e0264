"""Driving a lane (``core/lanes``): the branches of a usual map one after the other, as long as none of them waits.

Each is called by hand, so that one that only computes costs no more than its call. One that waits goes on as an
ordinary attempt from where it is.
"""

from __future__ import annotations

import contextvars
import types
from collections.abc import Awaitable, Coroutine, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from graphflow.core.lanes import Lane, lane_of
from graphflow.core.scopes import Scope
from graphflow.graph.context import Handoff
from graphflow.runtime.calling import call_now
from graphflow.runtime.worker import Worker

if TYPE_CHECKING:
    from graphflow.runtime.driver import Driver


@dataclass(slots=True, eq=False)
class Attempt:
    """A branch that has left its lane: its cursor, running, and what is to be awaited for its node's result."""

    scope: Scope
    turn: int
    outcome: Awaitable[Any]


def drive_lane(driver: Driver, worker: Worker, until: float) -> Attempt | None:
    """Perform branches until one leaves the lane, or none is left, or it is ``until`` (seconds since 1970)."""
    machine = driver.machine
    lane = lane_of(machine)
    if lane is None:
        return None
    driver.lane, driver.lane_worker = lane, worker
    clock, epoch, clean, observers = driver.clock, driver.epoch, driver.context, driver.observers
    try:
        while True:
            result: Any
            is_done, result = _call(driver, lane)
            machine.now = epoch + clock()
            if not is_done or lane.scope is not None or type(result) is Handoff or not lane.end(result):
                scope = lane.give_way()
                return Attempt(scope, lane.turn, _given(result) if is_done else cast("Awaitable[Any]", result))
            driver.commit()
            if machine.now > until or not lane.is_free or observers or contextvars.copy_context() != clean:
                return None
            if driver.is_over:  # Ctrl-C struck in the branch (S14.2)
                return None
    finally:
        driver.lane = driver.lane_worker = None


def _call(driver: Driver, lane: Lane) -> tuple[bool, Any]:
    """Call the next branch's node. True and its result, or False and what is to be awaited for one."""
    node = lane.node
    assert node.call is not None
    try:
        if node.mode == "sync":
            return True, call_now(driver, node, lane.arguments())
        made: Any = node.call(*lane.arguments())
        if not _is_coroutine(made):
            return False, made
        try:
            waits_for = made.send(None)
        except StopIteration as stop:
            return True, stop.value
        lane.close()
        return False, _go_on(made, waits_for)
    except BaseException as error:
        return False, _raised(error)


def _is_coroutine(made: object) -> TypeGuard[Coroutine[Any, Any, Any]]:
    return type(made) is types.CoroutineType


@types.coroutine
def _go_on(begun: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """What ``await`` does, of a coroutine that has been called by hand and waits for something."""
    while True:
        try:
            yield waits_for
        except BaseException as error:  # a cancel: the node hears of it, and may go on all the same
            try:
                waits_for = begun.throw(error)
            except StopIteration as stop:
                return stop.value
        else:
            return (yield from cast("Generator[Any, Any, Any]", begun))  # allowed in what types.coroutine marks


async def _given(result: Any) -> Any:
    return result


async def _raised(error: BaseException) -> Any:
    raise error
