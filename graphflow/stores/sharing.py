"""Databases that are open in this process: stores of one place share its connections and its writer.

A hundred runs that each name ``store="runs.db"`` thus have one thread and one ``fsync`` between them. The last store that
is closed or forgotten closes the place. After ``fork`` the child has neither the thread nor a right to the connections:
what it inherited is put aside, and a store from before says so.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any

from graphflow.errors import StoreError
from graphflow.stores.committing import Committing
from graphflow.stores.database import Database
from graphflow.stores.writing import Writer


class Shared:
    """One place that is open, and how many stores use it."""

    def __init__(self, key: Hashable, database: Database) -> None:
        self.key = key
        self.database = database
        self.writer = Writer(Committing(database).commit, database.place, database.close)
        self.users = 0
        self._process = os.getpid()

    def check(self) -> None:
        """Raises StoreError in a process that was forked off meanwhile."""
        if not self.is_ours:
            raise StoreError(
                f"The store {self.database.place} was opened before this process was forked off",
                why="Its connections and the thread that writes belong to the parent.",
                fix="Open the store in the child, or start processes by spawn.",
            )

    @property
    def is_ours(self) -> bool:
        return self._process == os.getpid()


_lock = threading.RLock()  # a finalizer may run where it is held already
_open: dict[Hashable, Shared] = {}
_put_aside: list[Shared] = []


def take(key: Hashable, make: Callable[[], Database]) -> Shared:
    """The place of this key, opened if it is not. Give it back with ``let_go``."""
    with _lock:
        found = _open.get(key)
        if found is None:
            found = _open[key] = Shared(key, make())
        found.users += 1
        return found


def let_go(shared: Shared) -> Shared | None:
    """One store less uses it; the last closes it, after all that was handed over. Returns it if it is open yet."""
    if not shared.is_ours:
        return None
    with _lock:
        shared.users -= 1
        if shared.users:
            return shared
        if _open.get(shared.key) is shared:
            del _open[shared.key]
    shared.writer.close()
    return None


def let_go_with(store: object, shared: Shared) -> weakref.finalize[[Shared], Any]:
    """Calls ``let_go`` once: when the store is forgotten, when this is called, or at the end of the process."""
    return weakref.finalize(store, let_go, shared)


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    _put_aside.extend(_open.values())  # closing them here could harm the parent's
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
