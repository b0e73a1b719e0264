"""What a fault is: a kind of thing that goes wrong, where it may, and how often. ``graphflow.testing.faults`` has them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from graphflow.core.plan import Node
from graphflow.core.scopes import Scope
from graphflow.errors import HandoffInvalid, JoinFailed, NodeError, NodeTimeout, shown
from graphflow.errors.testing import FaultInvalid
from graphflow.testing.playing.play import Move, Option, Play


class Mark:
    """What stands in the steps of a replay for something that is no answer of a node."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"faults.{self.name}"


At = Callable[[Play, Option], Iterable[Move]]
"""What may go wrong at an option, as moves in the place of the ordinary one."""


_USUALLY = {"cancel": 1, "silence": 1, "store": 1}
"""How often a kind strikes unless told otherwise, where that is not twice."""


@dataclass(frozen=True, slots=True, repr=False)
class Faults:
    """Kinds of faults by name, and how many of them one run may meet."""

    kinds: tuple[tuple[str, At], ...] = ()
    at_most: int = 2

    def __add__(self, other: object) -> Faults:
        if not isinstance(other, Faults):
            raise FaultInvalid(
                f"{shown(other)} is no fault",
                why="Faults are put together with others.",
                fix="Write faults.crash() + faults.raising(ConnectionError).",
            )
        return Faults((*self.kinds, *other.kinds), max(self.at_most, other.at_most))

    def at(self, play: Play, option: Option) -> list[Move]:
        """All that may go wrong here."""
        return [move for _, kind in self.kinds for move in kind(play, option)]

    def __repr__(self) -> str:
        """As it may be written, if its error classes are at hand: ``faults.crash() + faults.raising(KeyError)``."""
        names = [name if name.endswith(")") else f"{name}()" for name, _ in self.kinds]
        usual = max((_USUALLY.get(name, 2) for name, _ in self.kinds), default=0)
        if self.at_most != usual:
            names = [f"{name[:-1]}{'' if name.endswith('()') else ', '}at_most={self.at_most})" for name in names]
        return " + ".join(f"faults.{name}" for name in names) or "faults.none"

    def __bool__(self) -> bool:
        return bool(self.kinds) and self.at_most > 0


def fail(scope: Scope, error: Exception) -> Move:
    """A node that raises."""
    return Move("fail", scope.path, scope.node.name, error)


def made(kind: type[Exception]) -> Exception:
    """An instance of an error class, however it is built."""
    for arguments in (("made up by a test",), (), (0, "made up by a test")):
        try:
            return kind(*arguments)
        except Exception:  # a class of the user's with a way of its own
            continue
    error: Exception = kind.__new__(kind)
    error.args = ("made up by a test",)
    return error


def declared_errors(scope: Scope) -> list[type[Exception]]:
    """The error classes that the graph has said something about, for a node and for all that is around it (S8.3)."""
    found: dict[type[Exception], None] = {}
    at: Scope | None = scope
    while at is not None:
        for node in (at.node, *_joins_of(at)):
            found |= dict.fromkeys(_said_of(node))
        at = at.parent
    return [kind for kind in found if not issubclass(kind, JoinFailed | NodeTimeout | HandoffInvalid)]


def _joins_of(scope: Scope) -> list[Node]:
    return [scope.plan.nodes[scope.join]] if scope.join >= 0 else []


def _said_of(node: Node) -> Iterator[type[Exception]]:
    for edge in node.error_edges:
        yield from (kind for kind in edge.errors if issubclass(kind, Exception) and kind not in (Exception, NodeError))
    if node.retry is not None:
        on = node.retry.on if isinstance(node.retry.on, tuple) else (node.retry.on,)
        yield from (kind for kind in on if issubclass(kind, Exception) and kind is not Exception)


def number_of(at_most: int) -> int:
    given: object = at_most
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise FaultInvalid(
            f"at_most={at_most!r} is no number of faults",
            why="It says how many one run may meet.",
            fix="Write at_most=2.",
        )
    return at_most
