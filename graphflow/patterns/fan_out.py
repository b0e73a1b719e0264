"""B3: one worker over many items side by side; an outcome for each of them, and a synthesis if enough succeeded."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from typing_extensions import TypeVar

from graphflow.core.plan import Limits, Retry
from graphflow.core.reducers import append
from graphflow.core.remembered import describe
from graphflow.errors import JoinFailed
from graphflow.flow import Graph
from graphflow.graph.context import Branch, Context
from graphflow.graph.ends import END, FAIL, START, End, Fail
from graphflow.graph.expressions import fields, size
from graphflow.graph.handles import Handle
from graphflow.graph.needs import best_effort
from graphflow.graph.places import at_the_line
from graphflow.patterns.asking import count, must_read
from graphflow.patterns.workers import LIMITS, Work, add_worker, as_text, state_of


class Outcome(BaseModel):
    """What became of one item. ``error`` is the name of the error's class: its text may hold what prompts must not."""

    index: int
    item: str
    status: Literal["done", "failed", "cancelled"]
    result: str = ""
    error: str = ""
    attempts: int = 1


class FanOut(BaseModel):
    """The state of a fan-out: ``task`` and ``items`` go in; ``outcomes`` come out, one for each item, in their order.

    The worker reads ``{item}`` and ``task``; the synthesiser ``results``, those of the items that succeeded, and
    ``missing``, the others.
    """

    task: str = Field(description="What is wanted")
    items: list[str] = Field(description="What the worker is to do it for, one branch each")
    outcomes: list[Outcome] = Field(default=[], description="What became of each item")
    results: Annotated[list[str], append] = Field(default=[], description="What was found, in the order of the items")
    missing: list[str] = Field(default=[], description="The items for which nothing was found")
    answer: str = Field(default="", description="What the synthesiser made of it")


S = TypeVar("S", bound=BaseModel, default=FanOut)


@at_the_line
def fan_out(
    *,
    worker: Work,
    synthesiser: Work | None = None,
    otherwise: Work | None = None,
    at_least: int | None = None,
    within_s: float | None = None,
    at_once: int = 5,
    retry: Retry | None = None,
    timeout_s: float | None = None,
    state: type[S] | None = None,
    name: str = "fan out",
    limits: Limits = LIMITS,
) -> Graph[S]:
    """``worker`` once for each of the ``items``, side by side; each has an outcome; ``synthesiser`` sums up.

    - ``synthesiser``: writes ``answer`` from ``results``, knowing what is ``missing``. Without one the outcomes are all.
    - ``at_least``: so many items must succeed, 1 if there is a synthesiser, else 0. With fewer it goes to ``otherwise``, or
      fails if there is none, and the outcomes are kept: nothing is written from nothing.
    - ``within_s``: seconds, after which items still at work are cancelled.
    - ``at_once``: how many run at a time.
    - ``retry``, ``timeout_s``: of one item's worker, as for ``graph.node``.
    - ``state``: ``FanOut``, or a class of yours with its fields; there ``items`` and ``results`` may be of any type.

        patterns.fan_out(worker=researcher, synthesiser=editor, at_least=3, retry=Retry(attempts=3, on=ModelError))

    No items go straight on. Raises DeclarationError at your line.

    >>> def measure(state: FanOut, item: str) -> str:
    ...     return f"{1 / len(item):.2f}"
    >>> run = fan_out(worker=measure).run_sync(FanOut(task="measure", items=["owl", "", "mouse"]))
    >>> [(one.item, one.status, one.result or one.error) for one in run.state.outcomes]
    [('owl', 'done', '0.33'), ('', 'failed', 'ZeroDivisionError'), ('mouse', 'done', '0.20')]
    """
    least = (0 if synthesiser is None else 1) if at_least is None else count("at_least", at_least, least=0)
    uses = ("outcomes", "missing", *_lacking(state))
    chosen = state_of(state, FanOut, "fan_out", uses=uses)
    graph: Graph[S] = Graph(name, chosen, limits=limits, purpose="one worker over many items")
    must_read(synthesiser, "synthesiser", "results", "outcomes")
    kept = as_text if chosen.model_fields["results"].annotation == list[str] else None
    work = add_worker(graph, worker, name="work", field="results", kept=kept, retry=retry, timeout_s=timeout_s)
    collect = graph.node(
        _collect,
        name="collect",
        reads=(),
        writes=("outcomes", "missing"),
        purpose="an outcome for each item",
    )
    at: Any = fields(graph.state)
    need = best_effort(at_least=0, within_s=within_s)  # it is collected in any case: what was found is kept
    graph.map(START, work, over=at.items, join=collect, at_once=at_once, need=need)
    if least:
        few = _way_out(graph, otherwise, least)
        graph.edge(collect, few, on_error=JoinFailed)
        graph.edge(collect, few, when=size(at.results) < least)
    if synthesiser is None:
        graph.edge(collect, END)
    else:
        graph.chain(collect, add_worker(graph, synthesiser, name="synthesise", field="answer", kept=as_text), END)
    return graph


def _lacking(state: type[BaseModel] | None) -> list[str]:
    """Fields that a state of the user's does not have, of those that may be of any type."""
    return [] if state is None else [name for name in ("items", "results") if name not in state.model_fields]


def _way_out(graph: Graph[Any], otherwise: Work | None, least: int) -> Handle | End | Fail:
    """Where it goes if too few items succeeded."""
    if otherwise is None:
        return FAIL("no item succeeded" if least == 1 else f"fewer than {least} items succeeded")
    node = add_worker(graph, otherwise, name="otherwise", field="answer", kept=as_text)
    graph.edge(node, END)
    return node


def _collect(ctx: Context) -> tuple[list[Outcome], list[str]]:
    """One outcome for each item, whoever came first; and what is missing."""
    outcomes = [_outcome(branch) for branch in ctx.branches]
    return outcomes, [one.item for one in outcomes if one.status != "done"]


def _outcome(branch: Branch) -> Outcome:
    found: list[Any] = branch.state.results[-1:] if branch.status == "done" else []
    return Outcome(
        index=branch.index,
        item=as_text(branch.item),
        status=branch.status,
        result=as_text(found[0]) if found else "",
        error="" if branch.error is None else str(describe(branch.error)["type"]),
        attempts=branch.attempts,
    )
