"""The properties that users state, as laws of a walk."""

from __future__ import annotations

from collections.abc import Iterable

from graphflow.core.plan import Plan
from graphflow.errors import shown
from graphflow.errors.testing import PropertyInvalid
from graphflow.testing.properties import Bound, Property
from graphflow.testing.walking.walk import Breach, Walk


class ClaimLaw:
    """One property of a user's; ``was_seen``: of ``sometimes``, whether any walk came to such a state."""

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self.name = bound.name
        self.says = bound.kind
        self.was_seen = False

    def step(self, walk: Walk) -> Breach | None:
        """Ask it about the state that the run is in now."""
        bound, values = self.bound, walk.play.values
        holds = bound.holds(bound.claim, values)
        match bound.kind:
            case "never" if holds:
                return Breach((f"{bound.claim.label} holds  (is {self._seen(walk)})",))
            case "always" if not holds:
                return Breach((f"{bound.claim.label} does not hold  (is {self._seen(walk)})",))
            case "sometimes" | "eventually" if holds:
                self.was_seen = True
                walk.notes[self.name] = True
            case "leads to":
                self._follow(walk, holds)
            case _:
                pass
        return None

    def end(self, walk: Walk) -> Breach | None:
        """Ask what a whole run has to show, if it came to its end."""
        if walk.play.machine.status != "done":
            return None
        bound = self.bound
        if bound.kind == "eventually" and self.name not in walk.notes:
            return Breach((f"the run is done, and {bound.claim.label} never held  (is {self._seen(walk)})",))
        if bound.kind == "leads to" and (since := walk.notes.get(self.name)) is not None:
            assert bound.then is not None
            when = f"after step {since}" if since else "at the start"
            return Breach(
                (f"{bound.claim.label} held {when}, and {bound.then.label} never since  (is {self._seen(walk)})",)
            )
        return None

    def _follow(self, walk: Walk, holds: bool) -> None:
        assert self.bound.then is not None
        if self.bound.holds(self.bound.then, walk.play.values):
            walk.notes.pop(self.name, None)
        elif holds:
            walk.notes.setdefault(self.name, len(walk.took))

    def _seen(self, walk: Walk) -> str:
        """The values that it looks at."""
        guards = (self.bound.claim, *(() if self.bound.then is None else (self.bound.then,)))
        reads: set[str] | None = set()
        for guard in guards:
            reads = None if guard.reads is None or reads is None else reads | guard.reads
        values = walk.play.values
        return ", ".join(f"{name}={shown(values[name])}" for name in values if reads is None or name in reads)


def claim_laws(plan: Plan, properties: Iterable[Property]) -> tuple[ClaimLaw, ...]:
    """The properties as laws of a graph. Raises PropertyInvalid for what is none."""
    found: list[ClaimLaw] = []
    for one in properties:
        if not isinstance(one, Property):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PropertyInvalid(
                f"properties= has {shown(one)}, which is no property",
                why="A bare condition does not say when it should hold.",
                fix="Write never(...), always(...), eventually(...), sometimes(...) or leads_to(a, b) around it.",
            )
        found.append(ClaimLaw(one.on(plan)))
    return tuple(found)
