"""Best of n: several candidates side by side, and a judge that picks one of those that came about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, Field, create_model
from typing_extensions import TypeVar

from graphflow.agents.agent import Agent
from graphflow.core.plan import Limits
from graphflow.core.reducers import append
from graphflow.errors import JoinFailed, UpdateInvalid
from graphflow.flow import Graph
from graphflow.graph.context import Context
from graphflow.graph.ends import END, FAIL, START
from graphflow.graph.handles import Handle
from graphflow.graph.mistakes import mistake
from graphflow.graph.needs import best_effort
from graphflow.graph.places import at_the_line
from graphflow.patterns.asking import Asked, agent_or_function, count, is_agent, must_read, one_of
from graphflow.patterns.workers import LIMITS, Work, add_worker, as_text, state_of


class Candidate(BaseModel):
    """One candidate, with the number by which a judge picks it. ``angle`` is what it was asked for, if anything."""

    number: int
    angle: str
    text: str


class Pick(BaseModel):
    """What a judge picks."""

    number: int = Field(description="The number of the best candidate")
    reason: str = Field(default="", description="Why it is the best")


class BestOf(BaseModel):
    """The state of best of n: ``task`` goes in, ``answer`` and the judge's ``reason`` come out.

    The generator reads ``task`` and its ``{item}``, the judge ``task`` and ``candidates``, which have numbers from 1.
    """

    task: str = Field(description="What is wanted")
    texts: Annotated[list[str], append] = Field(default=[], description="What the branches have made")
    candidates: list[Candidate] = Field(default=[], description="Those that came about, in order of their numbers")
    number: int = Field(default=0, description="The number of the one picked")
    reason: str = Field(default="", description="Why it is the best")
    answer: str = Field(default="", description="The one picked")


S = TypeVar("S", bound=BaseModel, default=BestOf)


@at_the_line
def best_of(
    *,
    generator: Work,
    judge: Agent[Any] | Callable[..., Any],
    n: int | None = None,
    angles: Sequence[str] = (),
    at_once: int = 5,
    state: type[S] | None = None,
    name: str = "best of",
    limits: Limits = LIMITS,
) -> Graph[S]:
    """``generator`` makes ``n`` candidates side by side, ``judge`` picks one of those that came about.

    - ``judge``: an agent, whatever its own output is: it is asked for a ``Pick`` of a candidate that there is. A function
      returns one.
    - ``n``: how many candidates, 3 unless said. A model asked the same thing three times may say the same three times;
    - ``angles``: is what makes the candidates different, one text for each, ``{item}`` in the generator's prompt.
    - ``at_once``: how many are made at a time.
    - ``state``: ``BestOf``, or a class of yours with its fields.

    Candidates that fail are left out; if none is left, the run fails.

        patterns.best_of(generator=writer, judge=editor, angles=["in numbers", "as a story", "for a child"])

    Raises DeclarationError at your line.

    >>> def write(state: BestOf, item: str) -> str:
    ...     return f"{state.task} {item}"
    >>> def longest(state: BestOf) -> Pick:
    ...     return Pick(number=max(state.candidates, key=lambda one: len(one.text)).number)
    >>> graph = best_of(generator=write, judge=longest, angles=["fly", "hunt", "nest"])
    >>> graph.run_sync(BestOf(task="owls")).state.answer
    'owls hunt'
    """
    items = _items(n, angles)
    uses = tuple(BestOf.model_fields)[1:]
    graph: Graph[S] = Graph(
        name, state_of(state, BestOf, "best_of", uses=uses), limits=limits, purpose=f"the best of {len(items)}"
    )
    must_read(judge, "judge", "candidates")
    generate = add_worker(graph, generator, name="generate", field="texts", kept=as_text)
    gather = graph.node(
        _gatherer(len(angles) > 0), name="gather", reads=(), writes="candidates", purpose="those that came about"
    )
    judged = _judge_node(graph, judge)
    choose = graph.node(
        _chosen, name="choose", reads=("candidates", "number"), writes="answer", purpose="the one picked"
    )

    def candidates(state: Any) -> list[str]:
        return list(items)

    graph.map(START, generate, over=candidates, join=gather, at_once=at_once, need=best_effort(at_least=1))
    graph.edge(gather, FAIL("no candidate came about"), on_error=JoinFailed)
    graph.chain(gather, judged, choose, END)
    return graph


def _items(n: int | None, angles: Sequence[str]) -> tuple[str, ...]:
    """What tells the candidates apart: an angle, or a number."""
    if n is not None:
        count("n", n, least=1)
    if isinstance(angles, str) or (angles and n is not None and n != len(angles)):
        raise mistake(
            "GF137",
            f"angles={angles!r} is a text" if isinstance(angles, str) else f"n={n} and {len(angles)} angles disagree",
            "Each angle is one candidate.",
            f"Write angles=[{angles!r}]." if isinstance(angles, str) else "Leave n= out.",
        )
    return tuple(angles) or tuple(str(number) for number in range(1, (n or 3) + 1))


def _gatherer(has_angles: bool) -> Callable[..., Any]:
    def gather(ctx: Context) -> list[Candidate]:
        """Keeps the candidates that came about, with their numbers."""
        return [
            Candidate(number=one.index + 1, angle=one.item if has_angles else "", text=one.state.texts[-1])
            for one in ctx.branches
            if one.status == "done" and one.state.texts
        ]

    return gather


def _judge_node(graph: Graph[Any], judge: object) -> Handle:
    work = agent_or_function(judge, "judge")
    if is_agent(work):
        work = Asked(work, _pick_for, usual=Pick)
    handle: Handle = graph.node(work, name="judge", writes={"number": "number", "reason": "reason"}, role="judge")
    return handle


def _pick_for(view: Any) -> Any:
    """A pick of one of the candidates that there are."""
    return _pick(tuple(one.number for one in view.candidates))


@lru_cache
def _pick(numbers: tuple[int, ...]) -> Any:
    which: Any = one_of(numbers)
    return create_model("Pick", __base__=Pick, __doc__=Pick.__doc__, number=(which, Pick.model_fields["number"]))


def _chosen(state: Any) -> str:
    """The text of the candidate that was picked."""
    found = next((one.text for one in state.candidates if one.number == state.number), None)
    if found is None:
        raise UpdateInvalid(
            f"The judge picked candidate {state.number}",
            why=f"There are {', '.join(str(one.number) for one in state.candidates)}.",
            fix="Return the number of a candidate.",
        )
    return str(found)
