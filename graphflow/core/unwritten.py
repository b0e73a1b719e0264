"""What a node altered in its own copies and did not return: it changes nothing, and is mostly meant to (S3.6).

A view copies a container when the node first looks at it, so only what was looked at can have been altered, and only
that is compared. It costs less than the copy did: of more than ``MANY`` elements no more than their number is compared.
Whose business it is says ``Machine.heed``; without one nothing is compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from graphflow.core.plan import Node
from graphflow.core.view import copies_in

if TYPE_CHECKING:
    from graphflow.core.machine import Machine

MANY = 1_000
"""Elements up to which a container is compared with what it was one by one; of more only their number is."""


def notice(machine: Machine, node: Node, view: Any, written: Iterable[Collection[str]]) -> None:
    """Tell ``heed`` of the fields that a node has altered in its view and does not write."""
    if machine.heed is None or node.kind != "function":
        return
    lost = [name for name, copy, value in copies_in(view) if _differs(copy, value)]
    if lost:
        names = {name.lstrip("=") for one in written for name in one}
        lost = [name for name in lost if name not in names]
        if lost:
            machine.heed(node, lost)


def _differs(copy: Any, value: Any) -> bool:
    try:
        if isinstance(value, list | dict | set):
            size: int = len(value)  # pyright: ignore[reportUnknownArgumentType]
            return len(copy) != size or (size <= MANY and bool(copy != value))
        return bool(copy != value)
    except Exception:  # an __eq__ of the user's: it is no business of this step's
        return False
