"""How an attempt or a worker ends before its time: errors, cancels and whose they were, the end of the driver (S8, S14)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from graphflow.core.scopes import Scope
from graphflow.errors import NodeCancelled, NodeError
from graphflow.graph.suspending import Suspended
from graphflow.runtime.worker import Worker, performer

if TYPE_CHECKING:
    from graphflow.runtime.driver import Driver


def failed(driver: Driver, worker: Worker, scope: Scope, turn: int, error: BaseException) -> None:
    """An attempt ended by raising. What is no failure of the node is raised again."""
    if isinstance(error, Suspended):
        if worker.hands is None:
            driver.machine.give_back(scope, turn)
        else:
            worker.hands.suspend()
    elif isinstance(error, asyncio.CancelledError):
        _cancelled(driver, worker, scope, turn)
    elif isinstance(error, Exception):
        _fail(driver, worker, scope, turn, _named(scope, error))
    else:
        driver.machine.give_back(scope, turn)
        raise error


def _fail(driver: Driver, worker: Worker, scope: Scope, turn: int, error: Exception) -> None:
    driver.tick()
    in_call = worker.hands is not None and worker.hands.failed_in(error)
    driver.machine.fail(scope, turn, error, in_call)


def _cancelled(driver: Driver, worker: Worker, scope: Scope, turn: int) -> None:
    """Whose cancel was it: ours, the driver's own end, or the node's (S8.4)?"""
    if worker.is_stopped:
        return
    assert worker.task is not None
    if worker.task.cancelling() or driver.is_over:
        driver.machine.give_back(scope, turn)
        raise asyncio.CancelledError
    failure = NodeCancelled(
        f"Node {scope.node.name!r} was cancelled from outside",
        cursor=scope.path,
        why="It raised CancelledError, which graphflow did not send. (S8.4)",
        fix="Catch it in the node, or shield what it awaits.",
    )
    _fail(driver, worker, scope, turn, failure)


def _named(scope: Scope, error: Exception) -> Exception:
    """Python turns a StopIteration that leaves a coroutine into a RuntimeError, which says nothing of the node."""
    if type(error) is not RuntimeError or not isinstance(error.__cause__, StopIteration):
        return error
    stopped = NodeError(
        f"Node {scope.node.name!r} raised StopIteration",
        cursor=scope.path,
        why="It cannot leave a coroutine as it is, so it is this error of the node. (S8.1)",
        fix="Mostly a next() found nothing: give it a default, next(found, None).",
        where=(scope.node.place,) if scope.node.place else (),
    )
    stopped.__cause__ = error.__cause__
    return stopped


def stop_cursors(driver: Driver) -> None:
    """The machine has taken cursors off: cancel what performs them."""
    for scope in driver.machine.stops:
        stop_worker(performer(scope))
    driver.machine.stops.clear()


def stop_worker(worker: Worker | None) -> None:
    """Cancel what a worker performs; the worker itself goes on."""
    if worker is not None and worker.task is not None and not worker.is_stopped:
        worker.is_stopped = True
        if worker.task is not asyncio.current_task():
            worker.task.cancel()


def take_back_cancel(worker: Worker) -> None:
    """Ours has struck, or was swallowed by the node: the worker itself goes on."""
    task = worker.task
    assert task is not None
    while task.cancelling():
        task.uncancel()
    worker.is_stopped = False


def is_told(over: asyncio.Future[None] | None, error: BaseException) -> bool:
    """Whether an error says no more than the driver's end does: a further Ctrl-C, which ended what was at work."""
    if over is None or not over.done() or not isinstance(error, KeyboardInterrupt):
        return False
    return over.cancelled() or isinstance(over.exception(), KeyboardInterrupt)


async def put_down(driver: Driver) -> None:
    """Stop every worker and wait for it; cursors that ran are ready again. Nothing is left running (S14.2)."""
    driver.timers.cancel()
    tasks = [worker.task for worker in driver.workers if worker.task is not None]
    for task in tasks:
        task.cancel()
    while pending := [task for task in tasks if not task.done()]:
        await asyncio.wait(pending)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen: it has been reported through the run's future
    driver.tick()
    spent = driver.machine.spent
    spent.seconds += driver.machine.now - spent.since
    spent.since = driver.machine.now
    driver.commit()
