"""Where journals live. A store keeps entries as text and understands nothing of them."""

from graphflow.stores.memory import MemoryStore
from graphflow.stores.store import Store

__all__ = ["MemoryStore", "Store"]
