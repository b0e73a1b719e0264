"""``debate``: two sides argue in turn, a judge decides.

The judge speaks once and last; with 0 rounds it decides on the topic alone. A speaker that fails stops the debate before
the next one speaks, and a resumed run goes on with that turn: nothing that was said is said again (S14.3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar, overload

from pydantic import BaseModel, Field

from graphflow.core.plan import Limits
from graphflow.core.reducers import append
from graphflow.flow import Graph
from graphflow.graph.connecting import Condition
from graphflow.graph.ends import END, START
from graphflow.graph.options import check_count
from graphflow.graph.places import at_the_line, caller
from graphflow.patterns.workers import LIMITS, Work, add_worker, as_text, state_of

S = TypeVar("S", bound=BaseModel)


class Turn(BaseModel):
    """What one side said in one turn."""

    speaker: str = Field(description='"pro" or "con"')
    text: str = Field(description="What it said")


class Debate(BaseModel):
    """The state of a debate: the topic goes in, the verdict comes out. ``turns`` alternate, beginning with pro."""

    topic: str = Field(description="What is debated")
    turns: Annotated[list[Turn], append] = []
    verdict: str = ""


@overload
def debate(
    *,
    pro: Work,
    con: Work,
    judge: Work,
    rounds: int = 2,
    consensus: Condition[Debate] | None = None,
    name: str = "debate",
    limits: Limits = LIMITS,
) -> Graph[Debate]: ...
@overload
def debate(
    *,
    pro: Work,
    con: Work,
    judge: Work,
    state: type[S],
    rounds: int = 2,
    consensus: Condition[S] | None = None,
    name: str = "debate",
    limits: Limits = LIMITS,
) -> Graph[S]: ...
@at_the_line
def debate(
    *,
    pro: Work,
    con: Work,
    judge: Work,
    state: type[Any] | None = None,
    rounds: int = 2,
    consensus: Condition[Any] | None = None,
    name: str = "debate",
    limits: Limits = LIMITS,
) -> Graph[Any]:
    """Two sides argue in turn, a judge decides: 2 x ``rounds`` turns and a verdict.

    - ``pro``, ``con``: what speaks. Prompts may name {topic} and {turns}, which holds exactly what was said before.
    - ``judge``: what decides, once and last; its result is the ``verdict``.
    - ``rounds``: how often both sides speak, at least 0.
    - ``consensus``: a condition of the state that ends the debate early, after both sides have spoken.
    - ``state``: a state class of yours, with ``turns`` and ``verdict``; it may extend ``Debate``.
    - ``name``, ``limits``: as for ``Graph``.

    Raises DeclarationError.

    >>> def owl(state: Debate) -> str:
    ...     return "Owls are quiet."
    >>> def mouse(state: Debate) -> str:
    ...     return f"I have heard {len(state.turns)} of them."
    >>> def judge(state: Debate) -> str:
    ...     return f"After {len(state.turns)} turns: owls are heard."
    >>> run = debate(pro=owl, con=mouse, judge=judge).run_sync(Debate(topic="Are owls quiet?"))
    >>> [turn.speaker for turn in run.state.turns]
    ['pro', 'con', 'pro', 'con']
    >>> run.state.verdict
    'After 4 turns: owls are heard.'
    """
    check_count("rounds", rounds, caller(), least=0)
    chosen = state_of(state, Debate, "debate", uses=("turns",), has=("verdict",))
    graph: Graph[Any] = Graph(name, chosen, limits=limits, purpose="both sides speak, then the judge")
    if rounds == 0:
        graph.chain(START, add_worker(graph, judge, name="judge", field="verdict"), END)
        return graph
    first = add_worker(graph, pro, name="pro", field="turns", kept=said_by("pro"), purpose="speaks for it")
    second = add_worker(graph, con, name="con", field="turns", kept=said_by("con"), purpose="speaks against it")
    last = add_worker(graph, judge, name="judge", field="verdict")
    graph.chain(START, first, second)
    if rounds > 1:
        if consensus is not None:
            graph.edge(second, last, when=consensus, note="they agree")
        graph.edge(second, first, at_most=rounds - 1)
    graph.chain(second, last, END)
    return graph


def said_by(speaker: str) -> Callable[[Any], Turn]:
    """Makes a worker's result a turn of that side."""

    def turn(result: Any) -> Turn:
        return Turn(speaker=speaker, text=as_text(result))

    return turn
