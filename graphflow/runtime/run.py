"""What comes out of a run: its state, status, path, usage, questions and failures, and every earlier moment of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any, Generic

from typing_extensions import TypeVar

from graphflow.agents.approvals import ToolRequest
from graphflow.core import answering, reading, timing
from graphflow.core.discretion import discreet_text
from graphflow.core.journal import Entry, decode, pruned_before
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.reasons import Reason, reasons
from graphflow.core.replay import pruned, replay
from graphflow.core.usage import Usage
from graphflow.errors import RunError, shown, unknown_name
from graphflow.graph.answers import Answer
from graphflow.runtime.pictures import picture_of

S = TypeVar("S", default=Any)


@dataclass(frozen=True, slots=True)
class Question:
    """An open question: answer it by ``id``, or by ``node`` while no other is open there (S10.1).

    ``call`` is the tool call that it is about, where it asks whether that may be made (S10.4): agent, tool, arguments as
    JSON-able data, and cursor. ``due`` is when it is withdrawn unless it is answered, in seconds since 1970; None if it stays open (S10.3).
    """

    id: str
    node: str
    text: str
    answer: Any  # the annotation an answer must fit
    due: float | None = None
    call: ToolRequest | None = None

    def reply(self, value: Any) -> Answer:
        """An answer to this very question: ``graph.resume(run, answers=[run.questions[0].reply(True)])``.

        >>> Question("clerk:1/pay:1", "clerk", "May it?", bool).reply(True)
        Answer(node='clerk:1/pay:1', value=True)
        """
        return Answer(self.id, value)


@dataclass(frozen=True, slots=True)
class Failure:
    """A node that failed for good: where, at which attempt, why, and what became of it.

    ``outcome`` is ``ended`` (the run failed), ``collected`` (data for the join), or ``caught`` (an error edge).
    """

    cursor: str
    node: str
    attempts: int
    error: dict[str, Any]
    outcome: str


class Run(Generic[S]):
    """A run as it rests, or as it was at an earlier entry (``run.at(seq)``). Reading it changes nothing.

    ``status`` is ``done``, ``failed``, ``waiting``, ``cancelled``, ``exhausted``, or ``running`` for a run that was
    stopped and can be resumed. ``path`` lists the cursors whose node is done, in order of their scope.
    """

    def __init__(
        self,
        plans: Mapping[str, Plan],
        machine: Machine,
        journal: Sequence[bytes],
        model: str = "",
        given_model: Any = None,
    ) -> None:
        self._plans = plans
        self._machine = machine
        self._journal = journal
        self.model = model
        self.given_model = given_model
        """What it was given as ``model=``, not journalled: a resume or rerun that names none goes on with it."""

    @property
    def id(self) -> str:
        return self._machine.run_id

    @property
    def graph(self) -> str:
        """The name of the graph."""
        return self._machine.plan.name

    @property
    def plan(self) -> Plan:
        """The plan it was driven under last."""
        return self._machine.plan

    @property
    def plans(self) -> dict[str, Plan]:
        """Every plan it was driven under, by fingerprint."""
        return dict(self._plans)

    @property
    def raw_journal(self) -> list[bytes]:
        """The entries as text, as a store keeps them."""
        return list(self._journal)

    @property
    def status(self) -> str:
        return self._machine.status

    @property
    def seq(self) -> int:
        """The number of the last entry."""
        return self._machine.seq

    @cached_property
    def pruned(self) -> int:
        """How many of its first entries were pruned: ``journal``, ``steps``, ``path`` and ``failures`` begin after them."""
        return pruned_before(self._journal[:1])

    @cached_property
    def state(self) -> S:
        """The shared state: an instance of its own."""
        state: S = reading.state_of(self._machine)
        return state

    @cached_property
    def journal(self) -> tuple[Entry, ...]:
        """Every entry so far, decoded."""
        return tuple(map(decode, self._journal))

    @cached_property
    def steps(self) -> tuple[reading.Step, ...]:
        """Every committed transition, in the order of commits."""
        return tuple(reading.steps(self._plans, self.journal))

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The cursors whose node is done, ordered by scope path: the same for every timing (S15.4)."""
        return reading.path(self.journal)

    @property
    def frontier(self) -> tuple[str, ...]:
        """Where the run stands: its live cursors."""
        return reading.frontier(self._machine)

    @property
    def usage(self) -> Usage:
        """What the run has spent, everything under it included."""
        spent = self._machine.spent
        return replace(spent.usage, steps=spent.steps)

    @property
    def usage_by_node(self) -> dict[str, Usage]:
        """What the model and tool calls of each node cost."""
        return dict(self._machine.usage_by_node)

    @property
    def seconds(self) -> float:
        """Seconds from the first entry to the last, those included in which it waited; of a rerun from its own first."""
        journal = self.journal
        return max(0.0, float(journal[-1]["t"] - self._machine.spent.began)) if journal else 0.0

    @property
    def working_seconds(self) -> float:
        """The seconds in which it was driven: without those in which it waited for a person, or for somebody to go on."""
        spent = self._machine.spent
        now = self._machine.now - spent.since if spent.since else 0.0  # of a driver that is at work
        return spent.seconds - spent.seconds_before + now

    @property
    def idle_seconds(self) -> float:
        """The rest of ``seconds``: nobody drove it, since it waited, was stopped, or had ended before it was resumed."""
        return max(0.0, self.seconds - self.working_seconds)

    @cached_property
    def rerun_of(self) -> tuple[str, int] | None:
        """The run that it is a rerun of, and the entry there from which it goes on (S15.3); None if it began anew.

        None as well once that entry was pruned. Entries up to there are those of the old run, with their times.
        """
        found = next((entry for entry in reversed(self.journal) if entry["kind"] == "rerun"), None)
        return None if found is None else (found["of"], found["seq"] - 1)

    @property
    def reason(self) -> str:
        """Why the run ended ``exhausted``, and what gives it more; empty for every other status (S13.2)."""
        machine = self._machine
        return f"{machine.reason}: give more with Budget({machine.bound}=...)" if machine.reason else ""

    @property
    def error(self) -> Exception | None:
        """What the run failed with, None if it did not."""
        return self._machine.error

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """The questions that are open."""
        return tuple(
            Question(
                one.id, one.scope.node.name, one.text, one.answer, timing.deadline(one.scope), _request(one, self.id)
            )
            for one in answering.open_questions(self._machine)
        )

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """The failures that no retry mended, in the order they happened."""
        found: list[Failure] = []
        for entry, plan in reading.under_plans(self._plans, self.journal):
            if entry["kind"] == "failed" and "due" not in entry:
                step = reading.step_of(plan, entry)
                outcome = "collected" if entry.get("collected") else "caught" if "edge" in entry else "ended"
                found.append(Failure(step.cursor, step.node, entry.get("attempt", 0), entry["error"], outcome))
        return tuple(found)

    def at(self, seq: int) -> Run[S]:
        """The run as it was after entry ``seq``: a fold of the journal, no node runs (S15.2).

        Raises RunError, and HistoryPruned for a moment that was pruned.
        """
        self.check_moment(seq)
        machine = replay(self._plans, self.journal, seq)
        return Run(self._plans, machine, self._journal[: seq - self.pruned], self.model, self.given_model)

    def check_moment(self, seq: int) -> None:
        """Raises RunError unless there is an entry ``seq``, and HistoryPruned for one that was pruned."""
        if not 1 <= seq <= self.seq:
            raise RunError(
                f"Run {self.id!r} has no entry {seq}",
                why=f"Its entries are 1 to {self.seq}.",
                fix="run.steps lists them.",
            )
        if self.pruned and seq <= self.pruned:
            raise pruned(self.id, seq, self.pruned + 1)

    def why(self, seq: int) -> tuple[Reason, ...]:
        """Why the run went on as it did at entry ``seq``: every edge considered there, in the order they were tried (S4.2).

        Each says where it leads, its condition, the values that saw, and what came of it; printed it is one line. Empty
        for an entry that took no edge. Raises RunError, and HistoryPruned for a moment that was pruned.
        """
        self.check_moment(seq)
        return reasons(self._plans, self.journal, {seq}).get(seq, ())

    def story(self, node: str) -> tuple[reading.Step, ...]:
        """The transitions that explain a node: its own, and those that led to it. Raises RunError for unknown nodes."""
        names = {known.name for plan in self._machine.plans() for known in plan.nodes}
        if node not in names:
            raise RunError(
                f"Graph {self.graph!r} has no node {node!r}",
                why="A story is told of a node of the graph.",
                fix=unknown_name(node, names),
            )
        return tuple(step for step in self.steps if step.node == node or node in step.to)

    def without_secrets(self, text: str) -> str:
        """A text in which no secret of the run's state stands: for what is told of it elsewhere."""
        return discreet_text(text, self._machine.scopes())

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.graph}: {self.status}, {self._machine.spent.steps} step{'' if self._machine.spent.steps == 1 else 's'}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        rows = {
            "run": self.id,
            "graph": self.graph,
            "status": self.status,
            "path": " → ".join(self.path[:40]) + (" …" if len(self.path) > 40 else ""),
            "steps": str(self.usage.steps),
            "model": self.model or "none",
            "state": shown(self.state),
        }
        body = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows.items())
        picture = picture_of(self).get("text/html", "")
        return {"text/plain": repr(self), "text/html": f"<table>{body}</table>{picture}"}


def _request(question: answering.OpenQuestion, run_id: str) -> ToolRequest | None:
    return None if question.call is None else ToolRequest(**question.call, run_id=run_id)
