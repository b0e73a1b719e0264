"""A worker: a task that performs one cursor after the other, and what it holds while it does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from graphflow.core.scopes import Scope
from graphflow.runtime.events import NodeStarted
from graphflow.runtime.hands import DriverHands


class Worker:
    """``scope`` is the cursor it performs now, ``pending`` the node's ``ctx.update`` calls so far."""

    __slots__ = ("began", "hands", "is_stopped", "pending", "scope", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.scope: Scope | None = None
        self.hands: DriverHands | None = None
        self.pending: Sequence[dict[str, Any]] = ()
        self.is_stopped = False  # we have cancelled its task
        self.began: NodeStarted | None = None  # which attempt, where somebody watches


def performer(scope: Scope) -> Worker | None:
    """The worker that performs a cursor's node now."""
    worker: Worker | None = scope.performer
    return worker if worker is not None and worker.scope is scope else None
