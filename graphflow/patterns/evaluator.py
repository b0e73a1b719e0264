"""Evaluator and optimiser: a generator writes, a judge scores and says what to change, the generator writes again."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field
from typing_extensions import TypeVar

from graphflow.core.plan import Limits
from graphflow.core.reducers import append
from graphflow.flow import Graph
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from graphflow.graph.places import at_the_line
from graphflow.patterns.asking import agent_or_function, count, is_agent, must_read
from graphflow.patterns.workers import LIMITS, Work, add_worker, as_text, state_of


class Verdict(BaseModel):
    """What a judge says of a draft."""

    score: int = Field(ge=0, le=10, description="How good it is, from 0 to 10, 10 is best")
    comments: str = Field(default="", description="What to change")


class Evaluated(BaseModel):
    """The state of an evaluator: ``task`` goes in, ``answer`` and its ``score`` come out.

    The generator reads ``task``, ``draft`` and ``comments``, the judge ``task`` and ``draft``.
    """

    task: str = Field(description="What is wanted")
    draft: str = Field(default="", description="The latest draft")
    drafts: Annotated[list[str], append] = Field(default=[], description="All drafts, the first one first")
    scores: Annotated[list[int], append] = Field(default=[], description="Their scores")
    comments: Annotated[list[str], append] = Field(default=[], description="What the judge has said so far")
    score: int = Field(default=0, description="The score of the latest draft; at the end that of the answer")
    answer: str = Field(default="", description="The draft that was good enough, else the best one")


S = TypeVar("S", bound=BaseModel, default=Evaluated)


@at_the_line
def evaluator(
    *,
    generator: Work,
    judge: Work,
    rounds: int = 3,
    enough: int = 7,
    state: type[S] | None = None,
    name: str = "evaluator",
    limits: Limits = LIMITS,
) -> Graph[S]:
    """``generator`` writes a draft, ``judge`` scores it; again with the comments until it is good ``enough``.

    - ``judge``: an agent that gives text is asked for a ``Verdict``; a function returns one.
    - ``rounds``: how many drafts are written, at most. Then the best of them is the answer, of two alike the later one.
    - ``enough``: the score from which a draft is the answer at once.
    - ``state``: ``Evaluated``, or a class of yours with its fields.

        patterns.evaluator(generator=writer, judge=critic, rounds=4, enough=8)

    Raises DeclarationError at your line.

    >>> def write(state: Evaluated) -> str:
    ...     return state.draft + "x"
    >>> def judge(state: Evaluated) -> Verdict:
    ...     return Verdict(score=3 * len(state.draft), comments="longer")
    >>> run = evaluator(generator=write, judge=judge).run_sync(Evaluated(task="a line"))
    >>> run.state.answer, run.state.scores
    ('xxx', [3, 6, 9])
    """
    again = count("rounds", rounds, least=1) - 1
    enough = count("enough", enough, least=0)
    uses = tuple(Evaluated.model_fields)[1:]
    graph: Graph[S] = Graph(
        name, state_of(state, Evaluated, "evaluator", uses=uses), limits=limits, purpose="writes, judges, writes again"
    )
    must_read(judge, "judge", "draft", "drafts")
    if again:
        must_read(generator, "generator", "comments")
    generate = add_worker(graph, generator, name="generate", field="draft", kept=as_text, also={"drafts": as_text})
    writes: dict[str, Any] = {"score": "score", "scores": "score", "comments": "comments"}
    judging = agent_or_function(judge, "judge")
    if is_agent(judging) and judging.output is str:
        judging = judging.giving(Verdict)
    judged = graph.node(judging, name="judge", writes=writes, role="judge")
    choose = graph.node(
        _best, name="choose", reads=("drafts", "scores"), writes=("answer", "score"), purpose="keeps the best draft"
    )
    at: Any = fields(graph.state)
    graph.chain(START, generate, judged)
    graph.edge(judged, choose, when=at.score >= enough)
    graph.edge(judged, generate, at_most=again)
    graph.edge(judged, choose)
    graph.edge(choose, END)
    return graph


def _best(state: Any) -> tuple[str, int]:
    """The draft with the highest score, the later one of two."""
    score, index = max((score, index) for index, score in enumerate(state.scores))
    return state.drafts[index], score
