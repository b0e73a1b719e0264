"""Where journals live. A store keeps entries as text and understands nothing of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphflow.stores.ciphers import Cipher, FernetCipher
from graphflow.stores.memory import MemoryStore
from graphflow.stores.store import Store

if TYPE_CHECKING:
    from graphflow.stores.postgres import PostgresStore
    from graphflow.stores.pruning import prune_history, prune_runs
    from graphflow.stores.sqlite import SQLiteStore

__all__ = [
    "Cipher",
    "FernetCipher",
    "MemoryStore",
    "PostgresStore",
    "SQLiteStore",
    "Store",
    "prune_history",
    "prune_runs",
]


def __getattr__(name: str) -> Any:
    if name == "SQLiteStore":  # brings sqlite3 and the reading of plans, which runs in memory do not need
        from graphflow.stores.sqlite import SQLiteStore

        return SQLiteStore
    if name == "PostgresStore":
        from graphflow.stores.postgres import PostgresStore

        return PostgresStore
    if name in ("prune_history", "prune_runs"):
        from graphflow.stores import pruning

        return getattr(pruning, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
