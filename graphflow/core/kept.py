"""Which slots of machine, scopes and forks a snapshot keeps, and which it does not, and why (S15.2).

Each slot is one of three: it is kept in a way of its own (``OWN``), it is left out (``LEFT_OUT``), or, like any slot that
is added, it is kept as the plain data it is, unless it still has the value it is born with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from graphflow.core.machine import Machine
from graphflow.core.scopes import Fork, Scope

LEFT_OUT: Final[Mapping[type, Mapping[str, str]]] = {
    Machine: {
        "entries": "what is to be committed, and nothing is",
        "timers": "owed: derived anew",
        "stops": "nothing is performed",
        "ready": "derived anew",
        "opening": "derived anew",
        "passing": "derived anew",
        "meeting": "derived anew",
        "gates": "who performs or stands in line: nobody",
        "running": "nothing is performed",
        "heed": "the driver's own",
    },
    Scope: {
        "own": "which containers may change in place: none of those that were read from JSON",
        "view": "what a node at work has in its hands",
        "performer": "who is at work",
    },
    Fork: {
        "changed": "how a live run keeps branches that took their only step in a lane; folded they are scopes",
        "is_simple": "found out anew",
    },
}
"""Of each class the slots that a snapshot does not have, and why nothing is lost with them."""

OWN: Final[Mapping[type, frozenset[str]]] = {
    Machine: frozenset(
        ("plan", "run_id", "budget", "seq", "now", "root", "error", "idle", "answers", "spent", "usage_by_node")
    ),
    Scope: frozenset(
        ("plan", "node", "prefix", "parent", "fork", "index", "join", "items", "writes_to", "open", "branches")  # place
    )
    | frozenset(("values", "log", "visits", "taken", "error", "effects")),
    Fork: frozenset(("edge", "owner", "starts", "items", "total", "values", "prefix", "children", "parked", "writers")),
}
"""Of each class the slots whose value is no plain data, or follows from where the thing is."""


def slots_of(kind: type[Any]) -> tuple[str, ...]:
    """All slots of a class, those of a dataclass included."""
    return tuple(part.name for part in fields(kind)) if kind is Scope else tuple(kind.__slots__)


def plain_slots(kind: type[Any]) -> tuple[str, ...]:
    """The slots that are kept as the plain data they are: all that are not named."""
    return tuple(name for name in slots_of(kind) if name not in OWN[kind] and name not in LEFT_OUT[kind])


PLAIN: Final = {kind: plain_slots(kind) for kind in (Machine, Scope, Fork)}


def told(thing: Machine | Scope | Fork, blank: Machine | Scope | Fork) -> dict[str, Any]:
    """The plain slots that no longer have the value they are born with, which ``blank`` has."""
    found = ((name, getattr(thing, name)) for name in PLAIN[type(thing)])
    return {name: value for name, value in found if value != getattr(blank, name)}


def keep(thing: Machine | Scope | Fork, data: Mapping[str, Any]) -> None:
    """The inverse of ``told``."""
    for name in PLAIN[type(thing)]:
        if name in data:
            setattr(thing, name, data[name])
