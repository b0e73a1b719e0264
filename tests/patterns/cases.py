"""Every pattern, as the laws see it: a graph and a state to start from.

The graphs of ``graphs/`` are found by themselves, and a builder of ``graphflow.patterns`` without a case fails a test:
what is added is held to the laws at once.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from graphflow import Agent, Context, Graph, Handoff, Retry, fields, patterns, size
from graphflow.errors import ModelError
from graphflow.patterns import (
    Adaptive,
    Answered,
    BestOf,
    Candidate,
    Choice,
    Debate,
    Decision,
    Evaluated,
    FanOut,
    Parallel,
    Pick,
    Pipeline,
    Role,
    Routed,
    Stages,
    Step,
    Supervised,
    Team,
)
from tests.patterns.ready import ROOT, ready

TEXT = "canary {name}: an owl of 12 ounces hunts at night. In 1999 a mouse cost $3, a vole 40% more."
NAMED: dict[str, dict[str, Any]] = {"stages": {"stages": ["headline", "facts", "figures"]}}
"""Start states whose values mean something; all others follow from the types."""


@dataclass(frozen=True)
class Case:
    """A pattern to be put to the laws. ``start`` gives the fields of a start state."""

    name: str
    make: Callable[[], Graph[Any]]
    given: Callable[[], dict[str, Any]]
    builder: str = ""

    @functools.cached_property
    def graph(self) -> Graph[Any]:
        return self.make()

    def start(self) -> Any:
        return self.graph.state(**self.given())


def filled(state: type[BaseModel]) -> dict[str, Any]:
    """The fields that a state needs, each with what its type takes, and its name in every text."""
    return {name: _value(name, info.annotation) for name, info in state.model_fields.items() if info.is_required()}


def _value(name: str, annotation: Any) -> Any:
    plain: dict[Any, Any] = {int: 2, float: 0.5, bool: True}
    if annotation in plain:
        return plain[annotation]
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    if get_origin(annotation) is list:
        return [_value(f"{name} {number}", get_args(annotation)[0]) for number in (1, 2, 3)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return filled(annotation)
    return TEXT.format(name=name)


# -- builders, with agents and with functions, also with nothing to do -------------------------------------------------


def agent(name: str, prompt: str, **options: Any) -> Agent[Any]:
    return Agent(name, name, prompt=prompt, max_turns=4, **options)


def note(kept: list[str], ctx: Context) -> str:
    """Keeps notes; refuses to keep none."""
    if not kept:
        raise LookupError("nothing to keep")
    return f"kept {len(kept)}"


def _adaptive(max_steps: int = 4) -> Graph[Any]:
    lead = agent("lead", "{request}\n{so_far:2000}")
    workers = [agent("look", "{task}", tools=[note]), agent("sum", "{so_far:2000}\n{task}")]
    return patterns.adaptive_supervisor(supervisor=lead, workers=workers, max_steps=max_steps)


def _adaptive_functions() -> Graph[Any]:
    def lead(state: Adaptive) -> Decision:
        return Decision(worker="look", task="the same again")

    def look(state: Adaptive) -> str:
        raise ConnectionError("nobody there") if len(state.history) > 1 else LookupError("nothing")

    return patterns.adaptive_supervisor(supervisor=lead, workers=[look], on_repeat="stop")


def _best_of(**options: Any) -> Graph[Any]:
    writer, judge = agent("writer", "{task}\n{item}"), agent("judge", "{task}\n{candidates:4000}")
    return patterns.best_of(generator=writer, judge=judge, **options)


def _best_of_functions() -> Graph[Any]:
    def write(state: BestOf, item: str) -> str:
        if item == "b":
            raise ConnectionError(item)
        return item

    def judge(state: BestOf) -> Pick:
        picked: list[Candidate] = state.candidates
        return Pick(number=picked[-1].number)

    return patterns.best_of(generator=write, judge=judge, angles=["a", "b", "c"], at_once=1)


def _debate(rounds: int = 2, **options: Any) -> Graph[Any]:
    pro, con, judge = (agent(name, "{topic}\n{turns:6000}") for name in ("pro", "con", "judge"))
    return patterns.debate(pro=pro, con=con, judge=judge, rounds=rounds, **options)


def _evaluator(rounds: int = 3) -> Graph[Any]:
    writer = agent("writer", "{task}\n{comments}" if rounds > 1 else "{task}")
    return patterns.evaluator(generator=writer, judge=agent("judge", "{task}\n{draft:4000}"), rounds=rounds)


def _fallback() -> Graph[Any]:
    first = patterns.fallback(agent("first", "{request}"), otherwise=agent("second", "{request}"), name="first two")
    return patterns.fallback(first, otherwise=agent("third", "{request}", retry=None))


def _fan_out(**options: Any) -> Graph[Any]:
    return patterns.fan_out(worker=agent("work", "{task}\n{item}"), at_once=2, **options)


def _fan_out_synthesis() -> Graph[Any]:
    editor = agent("editor", "{task}\n{results:4000}\nMissing: {missing}")
    rest = agent("rest", "{task}")
    retry = Retry(attempts=2, first_s=5, on=ModelError)
    return _fan_out(synthesiser=editor, otherwise=rest, at_least=2, retry=retry)


def _parallel(**options: Any) -> Graph[Any]:
    workers = [agent(name, "{task}", tools=[note]) for name in ("ant", "bee", "cat")]
    return patterns.parallel(workers=workers, **options)


def _pipeline() -> Graph[Any]:
    reader, thinker = agent("read", "{task}\n{text:4000}"), agent("think", "{task}\n{result:4000}", output=list[str])
    return patterns.pipeline(workers=[reader, thinker, agent("write", "{task}\n{result:4000}")])


def _router() -> Graph[Any]:
    workers: dict[Any, str | Role] = {
        agent("bills", "{request}"): "Invoices",
        agent("tech", "{request}"): Role("Errors"),
    }
    return patterns.router(agent("router", "{request}"), workers=workers, otherwise=agent("person", "{request}"))


def _router_functions() -> Graph[Any]:
    """One who invents routes, and carries what is no data of the handoff."""

    def sort(state: Routed) -> str:
        return "admin"

    def bills(state: Routed) -> str:
        return "paid"

    return patterns.router(sort, workers={bills: "Invoices"}, otherwise=bills)


def _stages() -> Graph[Any]:
    return patterns.stages(workers=[agent(name, "{task}\n{work:2000}") for name in ("wash", "dry", "put away")])


def _supervisor(**options: Any) -> Graph[Any]:
    workers = {agent("cost", "{task}\n{so_far:2000}"): "Prices", agent("risk", "{task}", tools=[note]): "Dangers"}
    planner, editor = agent("planner", "{request}"), agent("editor", "{request}\n{so_far:4000}")
    return patterns.supervisor(planner=planner, workers=workers, synthesiser=editor, **options)


def _supervisor_functions() -> Graph[Any]:
    def plan(state: Supervised) -> list[Step]:
        return [Step(worker="nobody", task="at all")]

    def work(state: Supervised) -> str:
        return "done"

    return patterns.supervisor(planner=plan, workers=[work], synthesiser=work)


def _team(rounds: int = 5) -> Graph[Any]:
    team = fields(Team)
    workers: dict[Any, str | Role] = {
        agent("look", "{task}", tools=[note]): "Finds out",
        agent("write", "{task}\n{work:2000}"): Role("Writes", when=size(team.work) > 0),
    }
    return patterns.team(agent("lead", "{task}\n{work:2000}"), workers=workers, rounds=rounds)


def _team_functions() -> Graph[Any]:
    """A coordinator that hands off to nobody that there is."""

    def lead(state: Team) -> Handoff:
        return Handoff("look") if not state.work else Handoff("nobody", data=Choice())

    def look(state: Team) -> str:
        return "seen"

    return patterns.team(lead, workers={look: "Looks"}, until=fields(Team).answer != "")


def _team_not_offered() -> Graph[Any]:
    """A coordinator that hands off to one whose condition does not hold."""

    def lead(state: Team) -> Handoff:
        return Handoff("write" if state.work else "look")

    def look(state: Team) -> str:
        return "seen"

    def write(state: Team) -> str:
        return "written"

    role = Role("Writes", when=size(fields(Team).work) > 1)
    return patterns.team(lead, workers={look: "Looks", write: role})


MADE: dict[str, tuple[str, Callable[[], Graph[Any]], type[BaseModel], dict[str, Any]]] = {
    "adaptive_supervisor": ("adaptive_supervisor", _adaptive, Adaptive, {}),
    "adaptive_supervisor with no steps": ("adaptive_supervisor", lambda: _adaptive(max_steps=0), Adaptive, {}),
    "adaptive_supervisor that repeats": ("adaptive_supervisor", _adaptive_functions, Adaptive, {}),
    "best_of": ("best_of", _best_of, BestOf, {}),
    "best_of one": ("best_of", lambda: _best_of(n=1), BestOf, {}),
    "best_of functions": ("best_of", _best_of_functions, BestOf, {}),
    "debate": ("debate", _debate, Debate, {}),
    "debate without rounds": ("debate", lambda: _debate(0), Debate, {}),
    "debate that agrees": ("debate", lambda: _debate(9, consensus=size(fields(Debate).turns) > 3), Debate, {}),
    "evaluator": ("evaluator", _evaluator, Evaluated, {}),
    "evaluator once": ("evaluator", lambda: _evaluator(1), Evaluated, {}),
    "fallback": ("fallback", _fallback, Answered, {}),
    "fan_out": ("fan_out", _fan_out, FanOut, {}),
    "fan_out over nothing": ("fan_out", _fan_out, FanOut, {"items": []}),
    "fan_out with synthesis": ("fan_out", _fan_out_synthesis, FanOut, {}),
    "fan_out in time": ("fan_out", lambda: _fan_out(within_s=1.5, timeout_s=1), FanOut, {}),
    "parallel": ("parallel", _parallel, Parallel, {}),
    "parallel of which none has to succeed": ("parallel", lambda: _parallel(at_least=0, at_once=1), Parallel, {}),
    "parallel that stops": ("parallel", lambda: _parallel(at_least=3, timeout_s=1.2), Parallel, {}),
    "pipeline": ("pipeline", _pipeline, Pipeline, {}),
    "router": ("router", _router, Routed, {}),
    "router functions": ("router", _router_functions, Routed, {}),
    "stages": ("stages", _stages, Stages, {"stages": ["dry", "wash", "dry"]}),
    "stages of which there are none": ("stages", _stages, Stages, {"stages": []}),
    "stages that are not there": ("stages", _stages, Stages, {"stages": ["wash", "fly"]}),
    "supervisor": ("supervisor", _supervisor, Supervised, {}),
    "supervisor with one step": ("supervisor", lambda: _supervisor(max_steps=1), Supervised, {}),
    "supervisor with an unknown worker": ("supervisor", _supervisor_functions, Supervised, {}),
    "team": ("team", _team, Team, {}),
    "team without rounds": ("team", lambda: _team(0), Team, {}),
    "team functions": ("team", _team_functions, Team, {}),
    "team that chooses one who is not offered": ("team", _team_not_offered, Team, {}),
}

TIMED = frozenset(("fan_out in time", "parallel that stops"))
"""Patterns in which a timeout is near, so that time decides (S15.4)."""

BUILDERS = tuple(sorted(name for name in patterns.__all__ if inspect.isroutine(getattr(patterns, name))))
READY = tuple(sorted(path.stem for path in Path(ROOT).glob("*.py")))


def _ready_case(name: str) -> Case:
    def given() -> dict[str, Any]:
        return filled(ready(name).graph.state) | NAMED.get(name, {})

    return Case(f"graphs/{name}", lambda: ready(name).graph, given)


def _made_case(name: str) -> Case:
    builder, make, state, given = MADE[name]
    return Case(name, make, lambda: filled(state) | given, builder)


CASES = {case.name: case for case in (*map(_ready_case, READY), *map(_made_case, MADE))}
