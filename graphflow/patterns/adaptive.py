"""B2a: a supervisor that decides after each result what is done next, until it is done or the steps are used up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, create_model, model_validator
from typing_extensions import TypeVar

from graphflow.agents.agent import Agent
from graphflow.core.plan import Limit, Limits
from graphflow.core.reducers import append
from graphflow.errors import UpdateInvalid, unknown_name
from graphflow.flow import Graph
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from graphflow.graph.handles import Handle
from graphflow.graph.mistakes import mistake
from graphflow.graph.options import check_choice
from graphflow.graph.places import at_the_line, caller
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

DONE = "done"
"""What a supervisor names instead of a worker when the answer is there."""

OnRepeat = Literal["ask again", "stop", "allow"]
"""What happens when a supervisor names a worker and a task that it has named before."""

_REMINDERS = 2  # of a supervisor that goes on repeating itself, until it is stopped


class Decision(BaseModel):
    """What is done next: a worker and its task, or "done" with the answer."""

    worker: str
    task: str = Field(default="", description="What the worker is to do, in one sentence; nothing if done")
    answer: str = Field(default="", description="The answer as far as it is known; the whole of it if done")

    @model_validator(mode="after")
    def says_enough(self) -> Self:
        """A worker needs a task, and the end an answer."""
        if self.worker == DONE and not self.answer.strip():
            raise ValueError("done needs the answer")
        if self.worker != DONE and not self.task.strip():
            raise ValueError(f"{self.worker} needs a task")
        return self


def or_before(before: str, now: str) -> str:
    """A reducer: an empty text leaves what was there."""
    return now or before


class Adaptive(BaseModel):
    """The state of an adaptive supervisor: ``request`` goes in, ``answer`` and ``outcome`` come out.

    The supervisor and its workers read ``so_far``: what was done and found, each cut. ``history`` holds it whole. With an
    ``outcome`` other than "done" the ``answer`` is as far as the supervisor had come, and may be empty.
    """

    request: str = Field(description="What is wanted")
    worker: str = Field(default="", description="Whose turn it is")
    task: str = Field(default="", description="What the worker is to do now")
    result: str = Field(default="", description="What the worker has just found")
    so_far: list[Move] = Field(default=[], description="What was done and found, each result cut")
    history: Annotated[list[Move], append] = Field(default=[], description="What was done and found, whole")
    answer: Annotated[str, or_before] = Field(default="", description="The answer, as far as it is known")
    outcome: Literal["", "done", "limit", "repeated"] = Field(default="", description="How it came to its end")


S = TypeVar("S", bound=BaseModel, default=Adaptive)


@at_the_line
def adaptive_supervisor(
    *,
    supervisor: Agent[Any] | Callable[..., Any],
    workers: Sequence[Work] | Mapping[Any, str | Role],
    max_steps: int = 10,
    on_repeat: OnRepeat = "ask again",
    chars: int = 2_000,
    state: type[S] | None = None,
    name: str = "adaptive supervisor",
    limits: Limits = LIMITS,
) -> Graph[S]:
    """A ``supervisor`` names a worker and a task, sees the result, names the next, until it says "done".

    - ``supervisor``: an agent, whatever its own output is: it is asked for a ``Decision`` whose worker is one of those
      given, or "done" with an answer. A function returns a Decision. It has no tools.
    - ``workers``: a list, or a dict {worker: what it is for}, which the supervisor is told.
    - ``max_steps``: how many workers run, at most. Then ``outcome`` is "limit", and ``answer`` what was known by then.
    - ``on_repeat``: when it names a worker and task that it has named before: "ask again", twice at most, telling it so
      in ``so_far``; "stop", with the outcome "repeated"; or "allow".
    - ``chars``: what each result is cut to in ``so_far``, in characters.
    - ``state``: ``Adaptive``, or a class of yours with its fields.

        patterns.adaptive_supervisor(supervisor=lead, workers={searcher: "Looks things up"}, max_steps=6)

    Raises DeclarationError at your line.

    >>> def lead(state: Adaptive) -> Decision:
    ...     known = len(state.history)
    ...     if known == 2:
    ...         return Decision(worker="done", answer=f"{known} of them")
    ...     return Decision(worker="look", task=f"number {known}")
    >>> def look(state: Adaptive) -> str:
    ...     return f"{state.task} is there"
    >>> run = adaptive_supervisor(supervisor=lead, workers=[look]).run_sync(Adaptive(request="how many?"))
    >>> run.state.outcome, run.state.answer, [move.result for move in run.state.history]
    ('done', '2 of them', ['number 0 is there', 'number 1 is there'])
    """
    members = members_of(workers, pattern="adaptive_supervisor")
    refuse_conditions(members, "adaptive_supervisor")
    most, chars = count("max_steps", max_steps, least=0), count("chars", chars, least=1)
    check_choice("on_repeat", on_repeat, ("ask again", "stop", "allow"), caller())
    refuse_tools(supervisor, "supervisor")
    _refuse_done(members)
    chosen = state_of(state, Adaptive, "adaptive_supervisor", uses=tuple(Adaptive.model_fields)[1:])
    graph: Graph[S] = Graph(name, chosen, limits=limits, purpose="decides after each result")
    must_read(supervisor, "supervisor", "so_far", "history")
    decide = _decide_node(graph, supervisor, members)
    nodes = [
        add_worker(graph, one.work, name=one.name, field="result", kept=as_text, writes=one.role.writes)
        for one in members
    ]
    note = graph.node(
        _noting(chars), name="note", reads=("worker", "task", "result", "history"), writes=("history", "so_far", "result"),
        purpose="keeps what was found",
    )  # fmt: skip
    stop = graph.node(
        _stopping(most),
        name="stop",
        reads=("worker", "task", "history"),
        writes="outcome",
        purpose="says why it ends here",
    )
    at: Any = fields(graph.state)
    graph.edge(START, decide)
    graph.edge(decide, END, when=at.worker == DONE)
    if on_repeat != "allow":
        _refuse_repeats(graph, decide, stop, most, reminds=on_repeat == "ask again")
    limit = Limit(most, name="steps")
    for member, node in zip(members, nodes, strict=True):
        graph.edge(decide, node, when=at.worker == member.name, at_most=limit)
        graph.edge(node, note)
    graph.edge(decide, stop)
    graph.edge(note, decide)
    graph.edge(stop, END)
    return graph


def _decide_node(graph: Graph[Any], supervisor: object, members: Sequence[Member]) -> Handle:
    """The node that decides. What it writes names a worker that there is, or the end (S3.3)."""
    work = agent_or_function(supervisor, "supervisor")
    known = [*(member.name for member in members), DONE]
    if is_agent(work):
        told = Field(description=f"Who works next. {described(members)}. {DONE}: the answer is there.")
        which: Any = one_of(known)
        decision: Any = create_model("Decision", __base__=Decision, __doc__=Decision.__doc__, worker=(which, told))
        work = work.giving(decision)

    def worker(decision: Any) -> str:
        if decision.worker not in known:
            raise UpdateInvalid(
                f"The supervisor names a worker {decision.worker!r}",
                why="It names one of its workers, or the end.",
                fix=unknown_name(decision.worker, known),
            )
        return str(decision.worker)

    def outcome(decision: Any) -> str:
        return DONE if decision.worker == DONE else ""

    writes: dict[str, Any] = {"worker": worker, "task": "task", "answer": "answer", "outcome": outcome}
    handle: Handle = graph.node(work, name="decide", writes=writes, role="supervisor")
    return handle


def _refuse_repeats(graph: Graph[Any], decide: Handle, stop: Handle, most: int, *, reminds: bool) -> None:
    """What was named before leads to a reminder, as long as there are some, and then to the end."""
    if reminds:
        remind = graph.node(
            _remind, reads=("worker", "task", "so_far"), writes="so_far", name="remind", purpose="that was done before"
        )
        graph.edge(decide, remind, when=_asked_before(most), at_most=_REMINDERS)
        graph.edge(remind, decide)
    graph.edge(decide, stop, when=_asked_before(most))


def _noting(chars: int) -> Callable[..., Any]:
    def note(state: Any) -> tuple[Move, list[Move], str]:
        """Adds what was found to the history, and to what others read of it."""
        move = Move(worker=state.worker, task=state.task, result=state.result)
        return move, [one.within(chars) for one in [*state.history, move]], ""

    return note


def _remind(state: Any) -> list[Move]:
    """Tells the supervisor that it repeats itself."""
    told = f"Not done again: the result is above. Name something else, or {DONE}."
    return [*state.so_far, Move(worker=state.worker, task=state.task, result=told)]


def _asked_before(most: int) -> Callable[[Any], bool]:
    def asked_before(state: Any) -> bool:
        history: list[Move] = state.history
        is_known = any(move.worker == state.worker and move.task.strip() == state.task.strip() for move in history)
        return is_known and len(history) < most

    return asked_before


def _stopping(most: int) -> Callable[..., Any]:
    def stop(state: Any) -> Literal["limit", "repeated"]:
        """Says why it ends without being done."""
        return "limit" if len(state.history) >= most else "repeated"

    return stop


def _refuse_done(members: Sequence[Member]) -> None:
    if any(member.name == DONE for member in members):
        raise mistake(
            "GF137",
            f"A worker of adaptive_supervisor is called {DONE!r}",
            "That is what the supervisor says when the answer is there.",
            "Give the agent or function another name.",
        )
