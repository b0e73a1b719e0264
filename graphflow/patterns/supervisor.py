"""B2: a planner makes the whole plan, workers go through it step by step, a synthesiser writes the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field, create_model
from typing_extensions import TypeVar

from graphflow.agents.agent import Agent
from graphflow.core.plan import Limit, Limits
from graphflow.core.reducers import append
from graphflow.errors import UpdateInvalid, unknown_name
from graphflow.flow import Graph
from graphflow.graph.context import Context
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from graphflow.graph.handles import Handle
from graphflow.graph.places import at_the_line
from graphflow.patterns.asking import (
    agent_or_function,
    count,
    described,
    is_agent,
    must_read,
    one_of,
    refuse_conditions,
    refuse_tools,
)
from graphflow.patterns.moves import Move
from graphflow.patterns.workers import LIMITS, Member, Role, Work, add_worker, as_text, members_of, state_of


class Step(BaseModel):
    """One step of a plan: which worker is to do what."""

    worker: str
    task: str = Field(min_length=1, description="What the worker is to do, in one sentence")


class Supervised(BaseModel):
    """The state of a supervisor: ``request`` goes in, ``answer`` comes out.

    A worker reads ``task``, and ``so_far``: what the steps before it have found, each cut. ``results`` holds it whole, in
    the order of the ``plan``.
    """

    request: str = Field(description="What is wanted")
    plan: list[Step] = Field(default=[], description="The steps, in order")
    worker: str = Field(default="", description="Whose turn it is")
    task: str = Field(default="", description="What the worker is to do now")
    so_far: list[Move] = Field(default=[], description="What was done and found so far, each result cut")
    results: Annotated[list[str], append] = Field(default=[], description="What the workers found, whole")
    answer: str = Field(default="", description="What the synthesiser made of it")


S = TypeVar("S", bound=BaseModel, default=Supervised)


@at_the_line
def supervisor(
    *,
    planner: Agent[Any] | Callable[..., Any],
    workers: Sequence[Work] | Mapping[Any, str | Role],
    synthesiser: Work,
    max_steps: int = 10,
    chars: int = 2_000,
    state: type[S] | None = None,
    name: str = "supervisor",
    limits: Limits = LIMITS,
) -> Graph[S]:
    """A ``planner`` names the steps, each for one of the ``workers``; they are done in order; ``synthesiser`` answers.

    - ``planner``: an agent, whatever its own output is: it is asked for a list of ``Step`` whose worker is one of those
      given. A plan that is not valid as a whole goes back to it before anybody works. A function returns that list. It
      has no tools.
    - ``workers``: a list, or a dict {worker: what it is for}, which the planner is told.
    - ``max_steps``: the steps of a plan, at most.
    - ``chars``: what each earlier result is cut to where others read it, in characters, as ``{so_far}``.
    - ``state``: ``Supervised``, or a class of yours with its fields.

        patterns.supervisor(planner=lead, workers={chemist: "Materials", economist: "Prices"}, synthesiser=editor)

    Raises DeclarationError at your line.

    >>> def lead(state: Supervised) -> list[Step]:
    ...     return [Step(worker="count", task=word) for word in state.request.split()]
    >>> def count(state: Supervised) -> str:
    ...     return f"{len(state.task)} letters"
    >>> def merge(state: Supervised) -> str:
    ...     return ", ".join(f"{one.task}: {one.result}" for one in state.so_far)
    >>> graph = supervisor(planner=lead, workers=[count], synthesiser=merge)
    >>> graph.run_sync(Supervised(request="owls fly")).state.answer
    'owls: 4 letters, fly: 3 letters'
    """
    members = members_of(workers, pattern="supervisor")
    refuse_conditions(members, "supervisor")
    most = count("max_steps", max_steps, least=0)
    chars = count("chars", chars, least=1)
    refuse_tools(planner, "planner")
    uses = ("plan", "worker", "task", "so_far", "results")
    graph: Graph[S] = Graph(
        name, state_of(state, Supervised, "supervisor", uses=uses), limits=limits, purpose="plans once, works, sums up"
    )
    must_read(synthesiser, "synthesiser", "so_far", "results")
    plan = _plan_node(graph, planner, members, most)
    dispatch = graph.node(
        _dispatcher(chars), name="dispatch", reads=("plan", "results"), writes=("worker", "task", "so_far"),
        purpose="whose turn it is",
    )  # fmt: skip
    at: Any = fields(graph.state)
    limit = Limit(most, name="steps")
    graph.chain(START, plan, dispatch)
    nodes = [
        add_worker(graph, one.work, name=one.name, field="results", kept=as_text, writes=one.role.writes)
        for one in members
    ]
    for member, node in zip(members, nodes, strict=True):
        graph.edge(dispatch, node, when=at.worker == member.name, at_most=limit)
        graph.edge(node, dispatch)
    last = add_worker(graph, synthesiser, name="synthesise", field="answer", kept=as_text)
    graph.edge(dispatch, last)
    graph.edge(last, END)
    return graph


def _plan_node(graph: Graph[Any], planner: object, members: Sequence[Member], most: int) -> Handle:
    """The node that makes the plan. What it writes has been found valid as a whole (S3.3)."""
    work = agent_or_function(planner, "planner")
    kept = _kept_plan([member.name for member in members], most)
    if is_agent(work):
        work = work.giving(_plan_type(members, most))
    handle: Handle = graph.node(work, name="plan", writes={"plan": kept}, role="supervisor")
    return handle


def _plan_type(members: Sequence[Member], most: int) -> Any:
    """A list of steps, each for a worker that there is, as the planner's model is asked for it."""
    which: Any = one_of([member.name for member in members])
    told = Field(description=f"Who does it. {described(members)}.")
    step: Any = create_model("Step", __base__=Step, __doc__=Step.__doc__, worker=(which, told))
    return Annotated[list[step], Field(min_length=min(1, most), max_length=most)]


def _kept_plan(names: Sequence[str], most: int) -> Callable[[Any], list[Step]]:
    """Makes what the planner gave a plan of plain steps. A function may have named anybody."""

    def steps(given: Any) -> list[Step]:
        plan = [Step(worker=one.worker, task=one.task) for one in given]
        unknown = next((step.worker for step in plan if step.worker not in names), None)
        if unknown is not None:
            raise UpdateInvalid(
                f"The plan names a worker {unknown!r}",
                why="The whole plan is valid before the first worker runs.",
                fix=unknown_name(unknown, names),
            )
        if len(plan) > most:
            raise UpdateInvalid(
                f"The plan has {len(plan)} steps", why=f"max_steps={most}.", fix="Plan fewer, or raise max_steps."
            )
        return plan

    return steps


def _dispatcher(chars: int) -> Callable[..., Any]:
    def dispatch(state: Any, ctx: Context) -> tuple[str, str, list[Move]]:
        """Says whose turn it is, and what the steps before have found."""
        plan: list[Step] = state.plan
        results: list[str] = state.results
        if len(results) != ctx.visit - 1:
            raise UpdateInvalid(
                f"The worker {plan[ctx.visit - 2].worker!r} gave {len(results) - ctx.visit + 2} results",
                why="Each step of the plan has one, in results, in the order of the plan.",
                fix="A graph as a worker appends its result to results.",
            )
        done = zip(plan, results, strict=False)
        so_far = [Move(worker=step.worker, task=step.task, result=result).within(chars) for step, result in done]
        if len(results) == len(plan):
            return "", "", so_far
        return plan[len(results)].worker, plan[len(results)].task, so_far

    return dispatch
