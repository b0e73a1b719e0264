"""What users say of all runs: ``never``, ``always``, ``eventually``, ``sometimes``, ``leads_to`` (testing of transitions).

A claim is an expression over ``fields(State)``, or a predicate of the state. It is asked about the run's own state
after every event: what branches write counts once their join has fired (S6.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graphflow.core.plan import Guard, Plan
from graphflow.errors import Place, shown
from graphflow.errors.testing import PropertyInvalid
from graphflow.graph.expressions import guard_of
from graphflow.graph.operators import Expression
from graphflow.graph.places import caller

Claim = Any
"""An expression over ``fields(State)``, typed as the field's own bool, or a predicate of the state."""

PropertyKind = Literal["never", "always", "eventually", "sometimes", "leads to"]


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """Something that holds for all runs; of ``sometimes``, for at least one. ``then`` is the second claim of leads_to."""

    kind: PropertyKind
    claim: Claim
    place: Place
    then: Claim = None

    def on(self, plan: Plan) -> Bound:
        """The property of one graph. Raises DeclarationError for a claim about another state."""
        first = guard_of(self.claim, plan.state, self.place)
        second = None if self.kind != "leads to" else guard_of(self.then, plan.state, self.place)
        return Bound(self.kind, first, second, self.place)


@dataclass(frozen=True, slots=True)
class Bound:
    """A property of one graph, ready to be asked."""

    kind: PropertyKind
    claim: Guard
    then: Guard | None
    place: Place

    @property
    def name(self) -> str:
        """``never(published and score < 7)``, as messages show it."""
        if self.then is not None:
            return f"leads_to({self.claim.label}, {self.then.label})"
        return f"{self.kind}({self.claim.label})"

    def holds(self, guard: Guard, values: Mapping[str, Any]) -> bool:
        """Ask a claim about a state. Raises PropertyInvalid if it raises: a claim answers for every state (S5.4)."""
        try:
            return bool(guard.test(values, ()))
        except Exception as error:
            raise PropertyInvalid(
                f"The property {self.name} raised {type(error).__name__}: {error}",
                why=f"It was asked about {shown(dict(values))}. A property answers for every state.",
                fix="Say what it means there, e.g. by asking for None first.",
                where=(self.place,),
            ) from error


def never(claim: Claim) -> Property:
    """No run ever comes to a state where it holds: ``never(news.published & (news.score < 7))``.

    >>> from pydantic import BaseModel
    >>> from graphflow import fields
    >>> class News(BaseModel):
    ...     score: int = 0
    >>> never(fields(News).score > 10).kind
    'never'
    """
    return _property("never", claim)


def always(claim: Claim) -> Property:
    """It holds in every state of every run, the first one included: ``always(news.rounds <= 3)``."""
    return _property("always", claim)


def eventually(claim: Claim) -> Property:
    """Every run that comes to its end has been in a state where it holds: ``eventually(news.published | news.rejected)``.

    Runs that wait for an answer which nobody gives, and those that failed or were cancelled, have not come to it.
    """
    return _property("eventually", claim)


def sometimes(claim: Claim) -> Property:
    """Some run comes to a state where it holds: ``sometimes(news.rounds == 3)``. Says that a test tests something."""
    return _property("sometimes", claim)


def leads_to(claim: Claim, then: Claim) -> Property:
    """Whenever the first holds, the second holds then or later in that run: ``leads_to(news.score >= 7, news.published)``."""
    return _property("leads to", claim, then)


def _property(kind: PropertyKind, claim: Claim, then: Claim = None) -> Property:
    place = caller()
    for one in (claim, then) if kind == "leads to" else (claim,):
        _refuse(kind, one, place)
    return Property(kind, claim, place, then)


def _refuse(kind: str, claim: object, place: Place) -> None:
    if isinstance(claim, Expression | Guard) or (isinstance(claim, Callable) and not isinstance(claim, type)):  # type: ignore[arg-type]
        return
    was = "was worked out at once" if isinstance(claim, bool) else "says nothing of a state"
    raise PropertyInvalid(
        f"{kind.replace(' ', '_')}({shown(claim)}) {was}",
        why="A property is an expression over fields(State), or a predicate of the state, so that it can be asked of every one.",
        fix=f"Write {kind.replace(' ', '_')}(fields(State).score > 10), or {kind.replace(' ', '_')}(lambda state: ...).",
        where=(place,),
    )
