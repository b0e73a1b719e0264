"""How a node is called: what it is given, where a plain function runs, and the warning if it holds up all others."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from graphflow.core import reading
from graphflow.core.annotations import own_copy
from graphflow.core.plan import Node
from graphflow.core.scopes import Scope
from graphflow.graph.context import Branch, Context, Offer
from graphflow.runtime.worker import Worker

if TYPE_CHECKING:
    from graphflow.runtime.driver import Driver

BLOCKED_S = 0.25
"""A plain sync node that takes longer than this has blocked every other node, and is warned of."""


class BlockingNodeWarning(RuntimeWarning):
    """A sync node blocked the event loop: declare it with ``blocking=True``, then it runs in a thread."""


async def call_function(driver: Driver, worker: Worker, scope: Scope) -> Any:
    """Call a node that is a plain function, in a thread if it blocks. No name may hold its view afterwards."""
    node = scope.node
    given = arguments(driver, worker, scope)
    if node.mode == "blocking":
        assert node.call is not None
        try:
            return await asyncio.to_thread(_in_thread, node.call, given)
        finally:
            given.clear()
    return call_now(driver, node, given)


def call_now(driver: Driver, node: Node, given: list[Any]) -> Any:
    """Call a plain function here and now."""
    assert node.call is not None
    started = time.perf_counter()
    result = node.call(*given)
    given.clear()
    seconds = time.perf_counter() - started
    if seconds > BLOCKED_S:
        _warn_of_blocking(driver, node.name, seconds)
    return result


def _warn_of_blocking(driver: Driver, name: str, seconds: float) -> None:
    if driver.blockers is None:
        driver.blockers = set()
    if name not in driver.blockers:
        driver.blockers.add(name)
        warnings.warn(
            f"Node {name!r} is a plain function and held the event loop for {seconds:.2f} s; nothing else could run. "
            "Declare it with graph.node(blocking=True), or make it async.",
            BlockingNodeWarning,
            stacklevel=3,
        )


def _in_thread(call: Callable[..., Any], given: Sequence[Any]) -> Any:
    try:
        return call(*given)
    except StopIteration as stop:  # a future cannot hold one: the run would wait for ever
        raise RuntimeError("a node raised StopIteration") from stop


def arguments(driver: Driver, worker: Worker, scope: Scope) -> list[Any]:
    """What the node's function is called with, by the names it takes."""
    return [_argument(name, driver, worker, scope) for name in scope.node.arguments]


def _argument(name: str, driver: Driver, worker: Worker, scope: Scope) -> Any:
    if name == "state":
        return driver.machine.view(scope)
    if name == "item":
        return item_of(scope)
    return _context(driver, worker, scope)


def item_of(scope: Scope) -> Any:
    """The innermost map's item, the node's own like its view (S3.6): a retry, and the journal, see it unaltered."""
    return own_copy(scope.items[-1]) if scope.items else None


def _context(driver: Driver, worker: Worker, scope: Scope) -> Context[Any]:
    node = scope.node
    hands = worker.hands = driver.hands_of(scope)
    worker.pending = hands.pending
    return Context(
        run_id=driver.machine.run_id,
        cursor=scope.path,
        node=node.name,
        visit=scope.visit,
        attempt=scope.attempt,
        deps=driver.deps,
        item=item_of(scope),
        items=tuple(map(own_copy, scope.items)),
        branches=_branches(scope),
        error=scope.error,
        handoffs=tuple(
            Offer(scope.plan.nodes[edge.target].name, edge.description, edge.takes) for edge in reading.offers(scope)
        )
        if node.handoffs
        else (),
        must_hand_off=bool(node.handoffs) and not node.exits,
        model=driver.model,
        approve=driver.approve,
        writes=node.writes.declared,
        max_depth=driver.max_depth,
        hands=hands,
    )


def _branches(scope: Scope) -> tuple[Branch, ...]:
    fork = scope.branches
    if fork is None:
        return ()
    build = scope.plan.schema.snapshot
    return tuple(
        Branch(index, item, status, error, attempts, values, build)  # type: ignore[arg-type]
        for index, (item, status, error, attempts, values) in enumerate(reading.branch_values(fork))
    )
