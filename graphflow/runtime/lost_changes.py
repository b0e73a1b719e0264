"""The warning of changes that a node makes in its own copies, and that are lost (S3.6)."""

from __future__ import annotations

import warnings

from graphflow.core.plan import Node
from graphflow.errors import LostChange


class LostChanges:
    """Warns of each node and field once in the life of a driver."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def __call__(self, node: Node, names: list[str]) -> None:
        new = [name for name in names if (node.id, name) not in self._known]
        if not new:
            return
        self._known.update((node.id, name) for name in new)
        place = node.place
        message = lost_change(node.name, new)
        if place is None:
            warnings.warn(message, LostChange, stacklevel=2)
        else:
            warnings.warn_explicit(message, LostChange, place.file, place.line)


def lost_change(node: str, names: list[str]) -> str:
    """What is said of it.

    >>> print(lost_change("add", ["items"]))
    [GF223] Node 'add' altered state.items in place and did not return it: the change is lost
      why    What a node sees of the state is its own copy; a node returns the fields that change. (S3.6)
      fix    Return {"items": ...}, or name it in writes= and return the value. A copy for its own use: copy.copy(state.items).
    """
    shown = ", ".join(f"state.{name}" for name in names)
    it, change = ("it", "the change is") if len(names) == 1 else ("them", "the changes are")
    fields = ", ".join(f'"{name}": ...' for name in names)
    return (
        f"[GF223] Node {node!r} altered {shown} in place and did not return {it}: {change} lost\n"
        "  why    What a node sees of the state is its own copy; a node returns the fields that change. (S3.6)\n"
        f"  fix    Return {{{fields}}}, or name {it} in writes= and return the value. A copy for its own use: "
        f"copy.copy(state.{names[0]})."
    )
