"""``simulate``: the real driver, on a clock that takes no time, in an order that a seed decides, struck on the way.

A seed is a run: what agents answer, how long everything takes, who goes first, and whether and where the process dies,
its driver is stopped, the run cancelled, or the store fails. Struck runs are made twice, undisturbed first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from graphflow.core.usage import Budget
from graphflow.errors import GraphError, JournalInvalid, shown, unknown_name
from graphflow.errors.testing import PropertyFailed, PropertyInvalid, TestingError
from graphflow.graph.declaration import Declaration
from graphflow.stores.store import Store
from graphflow.testing import faults as faults_
from graphflow.testing.faults import Faults
from graphflow.testing.playing.naming import plan_and_name
from graphflow.testing.playing.replaying import Names, factory_of
from graphflow.testing.playing.still import apart
from graphflow.testing.properties import Property
from graphflow.testing.proving.prove import plan_of
from graphflow.testing.simulating.accounts import account
from graphflow.testing.simulating.aftermath import AFTER_LAWS, AfterLaw, Known, Outcome, may_compare, outcome_of
from graphflow.testing.simulating.calls import Call, calls, fails_again
from graphflow.testing.simulating.draws import Draws, chance
from graphflow.testing.simulating.retracing import on_machine, retrace, retraced_laws
from graphflow.testing.simulating.runs import Disturbance, Opener, Script, Simulation, Trial
from graphflow.testing.simulating.staging import Stage, Theatre
from graphflow.testing.values.answers import Agents, Cast
from graphflow.testing.values.chosen import Values
from graphflow.testing.values.starts import start_values
from graphflow.testing.walking.claims import ClaimLaw, claim_laws
from graphflow.testing.walking.laws import LAWS, Law
from graphflow.testing.walking.telling import labelled
from graphflow.testing.walking.walk import Breach, Broken, Setting

StoreKind = Literal["memory", "sqlite"]

STRUCK = faults_.crash() + faults_.cancel() + faults_.store()
"""What strikes unless told otherwise: one of these in each run, or none."""

_BY_FAULT: dict[str, tuple[Disturbance, ...]] = {
    "crash": ("crash before", "crash behind"),
    "cancel": ("stopped", "cancelled"),
    "store": ("refused", "fenced", "unanswered", "stale"),
}
_SPREAD = 0.6180339887498949  # by which the points of following seeds lie evenly over a run, however many there are
_JUMPS_S = (0.0, -3_600.0, 31_536_000.0)


@dataclass(frozen=True, slots=True)
class Simulated:
    """What holds: the names of the properties; how many seeds were played, in how many runs and processes."""

    graph: str
    seeds: int
    runs: int
    processes: int
    properties: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.graph}: {len(self.properties)} properties hold for {self.seeds:,} seeds "
            f"({self.runs:,} runs in {self.processes:,} processes)"
        )


@dataclass(slots=True, eq=False)
class _Question:
    """What ``simulate`` was asked. ``makes`` gives deps, new ones for each run."""

    graph: Declaration[Any]
    setting: Setting
    after: tuple[AfterLaw, ...]
    claims: tuple[ClaimLaw, ...]
    start: Values
    faults: Faults
    budget: Budget | None
    makes: Callable[[], Any] | None
    given: dict[str, Any]  # the further arguments, for the line that plays a seed again
    disturbances: tuple[Disturbance, ...] = ("nothing",)
    theatre: Theatre = field(init=False)
    runs: int = 0
    processes: int = 0


def simulate(
    graph: Declaration[Any],
    *,
    seeds: int | Iterable[int] = range(200),
    properties: Iterable[Property] = (),
    agents: Agents | None = None,
    faults: Faults = STRUCK,
    start: Any = None,
    without: Names = (),
    budget: Budget | None = None,
    deps: Any = None,
    store: StoreKind | Callable[[], Store] = "memory",
) -> Simulated:
    """Run a graph on the real asyncio driver, once for each seed, on a clock that takes no time, and strike it.

    Afterwards nothing may be left running (task, timer, thread, lease), nothing that was committed may be lost, no
    finished node be repeated and no effect be made twice; a run that was cut off comes to the same as one that was not,
    and both to the same as the machine, where timing cannot matter (S15.4). Default properties that a journal can tell
    of, and ``properties``, are asked as well. The same seed is the same run, as long as nodes look at nothing that no seed
    decides (``time.time()``, ``random``); whether what is found is found again is tried before it is told.

    - ``seeds``: a range, a list, or so many.
    - ``agents``, ``start``, ``budget``, ``deps``, ``without``: as ``verify`` takes them.
    - ``faults``: of ``crash()`` (at a commit, before it is written or right behind it), ``cancel()`` (at any turn of the
      event loop: the run is cancelled, or its driver stopped, and resumed by another) and ``store()`` (a commit is
      refused, its answer lost, the lease lost, a stale copy read) one strikes a run, or none; these three unless told
      otherwise. Where it strikes moves on from seed to seed: as many seeds as a run has turns leave little out. What
      else may be given strikes nodes: ``slow()``, ``raising(...)``, ``all()``.
    - ``store``: ``"memory"``, ``"sqlite"`` (a file in a temporary folder, opened again by each process), or a function
      that opens one, the same at each call.

    Raises PropertyFailed (an AssertionError), with the run and ``simulate(graph, seeds=[17])``, GraphError, TestingError.

    >>> import asyncio
    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Graph, fields
    >>> class News(BaseModel):
    ...     fact: str = ""
    >>> newsroom = Graph("newsroom", News)
    >>> @newsroom.node(writes=fields(News).fact)
    ... async def web(state: News) -> str:
    ...     asyncio.create_task(asyncio.sleep(5))
    ...     return "owls hear mice"
    >>> newsroom.chain(START, web, END)
    >>> simulate(newsroom)
    Traceback (most recent call last):
    graphflow.errors.testing.PropertyFailed: [GF610] 'nothing is left running' does not hold in graph 'newsroom'
          1. web  fact='owls hear mice'
      the run has come to rest, and something has not (S14.2):
         the task sleep(), started by 'web:1', is still running
      fix     await what a node starts before it returns, or use asyncio.TaskGroup
      replay  simulate(newsroom, seeds=[0])
    """
    __tracebackhide__ = True
    chosen = _seeds_of(seeds)
    claimed = tuple(properties)
    given = {"properties": claimed, "agents": agents, "faults": faults, "start": start, "without": without}
    question = _question_of(graph, {**given, "budget": budget, "deps": deps, "store": store})
    return apart(lambda: _simulated(question, chosen))


def _question_of(graph: Declaration[Any], given: dict[str, Any]) -> _Question:
    plan = plan_of(graph, "simulate")
    errors = [finding for finding in graph.check() if finding.severity == "error"]
    if errors:
        raise GraphError(plan.name, errors)
    faults: Faults = given["faults"]
    claims = claim_laws(plan, given["properties"])
    walked, after = _laws_of(given["without"])
    guards = tuple(guard for claim in claims for guard in (claim.bound.claim, claim.bound.then) if guard is not None)
    people = Cast(plan, given["agents"], guards)
    values = start_values(
        plan, given["start"], people.maker(plan), people.looked_at(guards).intersection(people.inputs())
    )
    makes, budget = factory_of(given["deps"]), given["budget"]
    setting = Setting(plan, people, values, faults, budget, makes, (*walked, *claims))
    question = _Question(graph, setting, after, claims, values, faults, budget, makes, given)
    question.disturbances = ("nothing", *(one for name, _ in faults.kinds for one in _BY_FAULT.get(name, ())))
    question.theatre = Theatre(plan, lambda staged: Cast(staged, given["agents"], guards))
    return question


def _simulated(question: _Question, seeds: tuple[int, ...]) -> Simulated:
    __tracebackhide__ = True
    try:
        _play_all(question, seeds)
    except _Found as found:
        raise _told(question, found.seed, found.failure) from None
    names = [*(law.name for law in question.setting.laws), *(law.name for law in question.after)]
    plan = question.setting.plan
    return Simulated(plan.name, len(seeds), question.runs, question.processes, tuple(dict.fromkeys(names)))


class _Found(Exception):
    """A seed at which something does not hold."""

    def __init__(self, seed: int, failure: PropertyFailed) -> None:
        super().__init__(seed)
        self.seed = seed
        self.failure = failure


def _play_all(question: _Question, seeds: tuple[int, ...]) -> None:
    """Raises _Found, and PropertyFailed where what should be seen at times is not seen for any seed."""
    __tracebackhide__ = True
    with _opener(question.given["store"]) as opens:
        simulation = Simulation(question.theatre, opens)
        for seed in seeds:
            try:
                _play(question, simulation, seed)
            except PropertyFailed as failure:
                raise _Found(seed, failure) from None
            finally:
                simulation.bury()
    unseen = [claim for claim in question.claims if claim.bound.kind == "sometimes" and not claim.was_seen]
    if unseen:
        name, graph = unseen[0].name, question.setting.plan.name
        label = unseen[0].bound.claim.label
        text = f"{name!r} does not hold in graph {graph!r}\n  for {len(seeds):,} seeds {label} never held"
        raise PropertyFailed(text.splitlines()[0], story=text, name=name)


def _told(question: _Question, seed: int, failure: PropertyFailed) -> PropertyFailed:
    """The failure with the line that plays it again, if it was seen to do so."""
    plan, known_as = plan_and_name(question.graph)
    unlike = {name: value for name, value in question.given.items() if not _is_usual(name, value)}
    for call in calls(plan, known_as, seed, unlike):
        names = {**call.names, known_as: question.graph}
        if fails_again(call.text, names, failure.name, _play_again):
            lines = labelled("replay", call.text)
            break
    else:
        call, names = Call("", {}), {}
        lines = labelled("replay", f"seed {seed} does not fail like that again: nodes look at what no seed decides\n"
                                   "(the clock, chance, what an earlier run has left behind)")  # fmt: skip
    story = "\n".join([failure.story, *lines])
    if names:
        names["simulate"] = simulate
    return PropertyFailed(failure.what, story=story, replay=call.text, name=failure.name, fix=failure.fix, names=names)


def _play_again(graph: Declaration[Any], *, seeds: list[int], **given: Any) -> None:
    """What stands for ``simulate`` in a line that is tried. Raises PropertyFailed."""
    question = _question_of(graph, {**_USUAL, **given})
    try:
        _play_all(question, tuple(seeds))
    except _Found as found:
        raise found.failure from None


def _is_usual(name: str, value: Any) -> bool:
    usual = _USUAL[name]
    return value is usual or (isinstance(value, str | tuple) and bool(value == usual))


_USUAL: dict[str, Any] = {
    "properties": (),
    "agents": None,
    "faults": STRUCK,
    "start": None,
    "without": (),
    "budget": None,
    "deps": None,
    "store": "memory",
}


def _play(question: _Question, simulation: Simulation, seed: int) -> None:
    """One seed: a run undisturbed, and unless it is to stay so, the same one struck. Raises PropertyFailed."""
    __tracebackhide__ = True
    kinds, round_ = question.disturbances, seed // len(question.disturbances)
    kind = kinds[seed % len(kinds)]
    start = question.start.draw(Draws(seed, "start").data)
    is_plain = kind == "nothing" and question.given["store"] == "memory" and round_ % 2 == 0
    quiet = _tried(question, simulation, Script(start, seed, budget=question.budget, is_plain=is_plain))
    is_comparable = (
        not (quiet.broken or quiet.is_hung or quiet.stage.injected or question.budget)
        and may_compare(question.setting.cast, quiet.entries)
    )  # fmt: skip
    machine = _on_machine(question, quiet) if is_comparable else None
    _ask(question, quiet, Known(machine))
    if kind == "nothing":
        return
    points = quiet.turns if kind in ("stopped", "cancelled") else quiet.commits
    jump_s = chance(seed, "jump").choice(_JUMPS_S) if quiet.stage.has("clock") else 0.0
    point = 1 + int(round_ * _SPREAD % 1 * points)
    script = Script(start, seed, kind, point, question.budget, jump_s)
    struck = _tried(question, simulation, script)
    is_alike = is_comparable and kind != "cancelled" and not (struck.broken or struck.stage.injected)
    _ask(question, struck, Known(machine, outcome_of(quiet) if is_alike else None))


def _tried(question: _Question, simulation: Simulation, script: Script) -> Trial:
    stage = Stage(simulation.theatre.cast, question.faults, script.seed, is_paced=script.seed % 4 != 3)
    trial = simulation.play(script, stage, None if question.makes is None else question.makes())
    question.runs += 1
    question.processes += trial.lives
    return trial


def _on_machine(question: _Question, quiet: Trial) -> Outcome | None:
    deps = None if question.makes is None else question.makes()
    return on_machine(question.setting.plan, question.setting.cast, quiet, deps)


def _ask(question: _Question, trial: Trial, known: Known) -> None:
    """Raises PropertyFailed."""
    __tracebackhide__ = True
    for law in question.after:
        breach = law.ask(trial, known)
        if breach is not None:
            raise _failed(question, trial, law.name, breach)
    try:
        retrace(question.setting, trial)
    except Broken as found:
        raise _failed(question, trial, found.name, found.breach) from None
    except JournalInvalid as error:
        breach = Breach((f"the journal cannot be read: {error.what}",), "Please report it.")
        raise _failed(question, trial, "replay equals run", breach) from error


def _failed(question: _Question, trial: Trial, name: str, breach: Breach) -> PropertyFailed:
    plan = question.setting.plan
    what = f"{name!r} does not hold in graph {plan.name!r}"
    return PropertyFailed(what, story=account(plan, name, breach, trial), name=name, fix=breach.fix)


# -- what was asked ----------------------------------------------------------------------------------------------------


def _seeds_of(given: object) -> tuple[int, ...]:
    numbers = range(given) if isinstance(given, int) and not isinstance(given, bool) else given
    found = tuple(cast("Any", numbers)) if isinstance(numbers, Iterable) and not isinstance(given, str) else ()
    if not found or any(type(one) is not int or one < 0 for one in found):
        raise TestingError(
            f"seeds={shown(given)} {'is no number of seeds' if isinstance(given, int | str) else 'are no seeds'}",
            why="A seed is a whole number of at least 0, and each is one run.",
            fix="Write seeds=range(100), seeds=1_000 for so many, or seeds=[17].",
        )
    return found


def _laws_of(without: Names) -> tuple[tuple[Law, ...], tuple[AfterLaw, ...]]:
    """The default properties but for those named. Raises PropertyInvalid for a name that there is not."""
    named = {without} if isinstance(without, str) else set(without)
    known = {*(law.name for law in LAWS), *(law.name for law in AFTER_LAWS)}
    for name in named - known:
        raise PropertyInvalid(
            f"There is no default property {name!r} to leave out",
            why=f"They are {', '.join(sorted(known))}.",
            fix=unknown_name(name, known),
        )
    walked = tuple(law for law in retraced_laws(LAWS) if law.name not in named)
    return walked, tuple(law for law in AFTER_LAWS if law.name not in named)


@contextmanager
def _opener(store: Any) -> Generator[Opener | None]:
    if store == "memory":
        yield None
    elif store == "sqlite":
        from graphflow.stores.sqlite import SQLiteStore

        with tempfile.TemporaryDirectory(prefix="graphflow-") as folder:
            path = Path(folder) / "runs.db"
            yield lambda: SQLiteStore(path, is_power_safe=False)
    elif callable(store):
        yield cast("Opener", store)
    else:
        raise TestingError(
            f"store={shown(store)} is no store to simulate with",
            why="Each simulated process opens the store anew.",
            fix='Write store="memory", store="sqlite", or a function that opens one: store=lambda: PostgresStore(...).',
        )
