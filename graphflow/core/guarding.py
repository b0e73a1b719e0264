"""Guardrails as the machine asks them: on edges and on graphs (S8.4). Those of other nodes are part of what is called.

In doubt nothing passes: a guardrail that raises, or answers with anything but None or a text, has tripped. What a
step would change is tried on a copy, so that nothing of it is in the state when its edge says no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphflow.core import deciding
from graphflow.core.plan import Edge, Rail
from graphflow.core.schema import Update
from graphflow.core.scopes import Scope
from graphflow.core.view import view_of
from graphflow.errors import GuardrailTripped, ModelError, Place, RunError

_LONGEST = 500  # characters of what a guardrail says


def judge(rail: Rail, answer: object, of: str, place: Place | None = None) -> None:
    """Read the answer of a guardrail. Raises GuardrailTripped unless it is None."""
    if answer is None:
        return
    if isinstance(answer, str) and answer.strip():
        said = answer.strip()
        raise tripped(rail, of, f"It says: {said[:_LONGEST]}{'…' if len(said) > _LONGEST else ''}", place)
    end = getattr(answer, "close", None) if hasattr(answer, "__await__") else None
    if end is not None:
        end()  # else Python complains later and elsewhere
    shown = repr(answer) if isinstance(answer, bool | str) else f"a {type(answer).__name__}"
    why = f"It answered {shown}; a guardrail answers None when all is well, or a text that says what is wrong."
    raise tripped(rail, of, why, place)


def is_no_verdict(error: Exception) -> bool:
    """Whether an error of a guardrail goes through as it is: a model that it asked cannot be reached, or has tripped."""
    return isinstance(error, ModelError | GuardrailTripped)


def raised(rail: Rail, error: Exception, of: str, place: Place | None = None) -> GuardrailTripped:
    """What a guardrail's own failure is to its node: a no. Its text is left out: it may hold what was looked at."""
    return tripped(rail, of, f"It raised {type(error).__name__}; in doubt nothing passes.", place)


def tripped(rail: Rail, of: str, why: str, place: Place | None = None) -> GuardrailTripped:
    """The error of a guardrail that says no. ``of`` is what it guards: ``node 'write'``."""
    return GuardrailTripped(
        f"Guardrail {rail.name!r} stopped {of}",
        guardrail=rail.name,
        of=of,
        why=f"{why} Nothing of it is in the state, and it is not tried again. (S8.4)",
        fix="Change what led here, or give the node a way out: graph.edge(..., on_error=GuardrailTripped).",
        where=tuple(place for place in (place, rail.place) if place is not None),
    )


def ask(rails: Sequence[Rail], on: str, view: Any, of: str, place: Place | None) -> None:
    """Ask the plain guardrails of one moment, in order. Raises GuardrailTripped."""
    for rail in rails:
        if rail.on != on:
            continue
        try:
            answer = rail.ask(view)
        except Exception as error:
            if is_no_verdict(error):
                raise
            raise raised(rail, error, of, place) from error
        judge(rail, answer, of, place)


def ask_graph(scope: Scope, on: str, plan: Any, values: Mapping[str, Any]) -> None:
    """Ask those of a graph's node, about the state it is given or the one it ended with. Raises GuardrailTripped."""
    node = scope.node
    if node.guardrails:
        ask(node.guardrails, on, view_of(plan.state, values), f"node {node.name!r}", node.place)


def ask_edge(scope: Scope, edge: Edge) -> None:
    """Ask the guardrails of a chosen edge about the state as it stands. Raises GuardrailTripped."""
    if edge.guardrails:
        of = f"the edge {deciding.edge_name(scope.plan, edge)}"
        ask(edge.guardrails, "output", view_of(scope.plan.state, scope.read()), of, edge.place)


def ask_way(scope: Scope, updates: Sequence[Update], altered: Mapping[str, Any], edge: Edge | None) -> None:
    """Before a step is taken: ask the guardrails of the edge it would lead to, on a copy. Raises GuardrailTripped.

    ``edge`` is the handoff that was chosen, None if the edge follows from the state. Where none can be chosen, or a
    condition raises, nothing is said here: the step itself finds that out (S3.2).
    """
    scratch = Scope(scope.plan, scope.node, scope.read().copy(), scope.prefix)
    scratch.visit, scratch.items, scratch.taken = scope.visit, scope.items, scope.taken
    for changes in updates:
        scratch.fold(changes)
    if altered:
        scratch.overwrite(dict(altered))
    if edge is None:
        try:
            edge = deciding.choose(scratch).edge
        except RunError:
            return
    ask_edge(scratch, edge)
