"""``fallback``: one worker, and another one if it fails with an error that was declared.

The second starts from the state as the first one saw it: a failed attempt leaves nothing behind (S8.2). A tripped guardrail
is a verdict about the content and cancellation a wish of somebody's: neither is an outage, and no second opinion is
asked. A bug is none either, unless its class is declared.
"""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar, cast, overload

from pydantic import BaseModel, Field

from graphflow.core.plan import Limits
from graphflow.errors import GuardrailTripped, ModelError, shown
from graphflow.flow import Graph
from graphflow.graph.ends import END, START
from graphflow.graph.handles import Handle
from graphflow.graph.mistakes import mistake
from graphflow.graph.places import at_the_line
from graphflow.patterns.workers import LIMITS, Work, add_worker, always, name_of_work, state_of

S = TypeVar("S", bound=BaseModel)

Errors: TypeAlias = type[Exception] | tuple[type[Exception], ...]


class Answered(BaseModel):
    """The state of a fallback: the request goes in; the ``answer`` comes out, and who gave it."""

    request: str = Field(description="What is asked")
    answer: str = ""
    answered_by: str = ""


@overload
def fallback(
    primary: Work, *, otherwise: Work, on: Errors = ModelError, name: str = "fallback", limits: Limits = LIMITS
) -> Graph[Answered]: ...
@overload
def fallback(
    primary: Work,
    *,
    otherwise: Work,
    state: type[S],
    on: Errors = ModelError,
    writes: object = None,
    name: str = "fallback",
    limits: Limits = LIMITS,
) -> Graph[S]: ...
@at_the_line
def fallback(
    primary: Work,
    *,
    otherwise: Work,
    state: type[Any] | None = None,
    on: Errors = ModelError,
    writes: object = None,
    name: str = "fallback",
    limits: Limits = LIMITS,
) -> Graph[Any]:
    """One worker, and another one if the first has failed for good with an error of a declared class.

    - ``primary``, ``otherwise``: what works, with their own retries; ``otherwise`` at most once, on the original input. It
      may be a fallback itself. A function may read why as ``ctx.error``.
    - ``on``: the error classes to fall back on. Any other error fails the run.
    - ``state``: a state class of yours; ``writes`` says where the answer goes in it, unless it has an ``answer``.
    - ``name``, ``limits``: as for ``Graph``.

    If both fail, the second error is the run's, and has the first one as its context. Raises DeclarationError.

    >>> def remote(state: Answered) -> str:
    ...     raise ConnectionError("the line is dead")
    >>> def local(state: Answered) -> str:
    ...     return "From memory: owls."
    >>> run = fallback(remote, otherwise=local, on=ConnectionError).run_sync(Answered(request="Who hunts at night?"))
    >>> run.state.answer, run.state.answered_by
    ('From memory: owls.', 'local')
    """
    classes = _declared(on)
    chosen = state_of(state, Answered, "fallback", uses=())
    graph: Graph[Any] = Graph(name, chosen, limits=limits, purpose="if the first fails, the second")
    first = _add(graph, primary, "primary", writes)
    second = _add(graph, otherwise, "otherwise", writes)
    graph.edge(START, first)
    graph.edge(first, END)
    graph.edge(first, second, on_error=classes)
    graph.edge(second, END)
    return graph


def _add(graph: Graph[Any], work: Work, option: str, writes: object) -> Handle:
    name = name_of_work(work, option)
    return add_worker(graph, work, name=name, field="answer", also={"answered_by": always(name)}, writes=writes)


def _declared(on: object) -> Errors:
    """The classes to fall back on, none so wide that it takes a guardrail in."""
    given: Any = on
    if on is None or on == ():
        what, why = f"on={shown(given)} names no errors", "A fallback is for errors that were declared. (S8.2)"
        raise mistake("GF129", what, why, "Write on=ModelError, or leave on= out.")
    for one in given if isinstance(on, tuple) else (on,):
        if isinstance(one, type) and (issubclass(GuardrailTripped, one) or issubclass(one, GuardrailTripped)):
            raise mistake(
                "GF129",
                f"on={shown(one)} would fall back on a tripped guardrail",
                "A guardrail's no is about the content; asking somebody else would go around it. (S8.4)",
                "Name the errors that another worker can mend: on=ModelError, or on=(ModelError, ConnectionError).",
            )
    return cast("Errors", on)
