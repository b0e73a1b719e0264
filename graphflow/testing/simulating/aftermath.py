"""What has to hold of a simulated run when it is over, besides what holds of every run.

A law looks at a run as it was trial, and at the same run undisturbed or on the machine alone; where timing may
matter (S15.4) it has nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

from graphflow.core import reading
from graphflow.core.journal import Entry, decode
from graphflow.core.plan import Plan
from graphflow.errors import GraphflowError, shown
from graphflow.testing.simulating.runs import Trial
from graphflow.testing.simulating.staging import Happened
from graphflow.testing.values.answers import Cast
from graphflow.testing.walking.walk import Breach

_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What two equal runs share (S15.4), and what they did to deps."""

    status: str
    values: Mapping[str, Any]
    path: tuple[str, ...]
    deps: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a seed besides its run: the same run on the machine, and undisturbed; None where timing matters."""

    machine: Outcome | None = None
    undisturbed: Outcome | None = None


Question = Callable[[Trial, Known], "Breach | None"]


@dataclass(frozen=True, slots=True)
class AfterLaw:
    """One property of simulated runs. ``says`` is what it means, in one line."""

    name: str
    says: str
    ask: Question


# -- what is left ------------------------------------------------------------------------------------------------------


def _left_running(trial: Trial, known: Known) -> Breach | None:
    for one in trial.stage.log:
        if one.what == "is forgotten":
            return Breach((f"{one.node!r} was cut off, and nobody told it so: it went on (S14.2)",), _REPORT)
    if not trial.left:
        return None
    lines = ("the run has come to rest, and something has not (S14.2):", *(f"   {one}" for one in trial.left))
    return Breach(lines, "await what a node starts before it returns, or use asyncio.TaskGroup")


def _swallowed(trial: Trial, known: Known) -> Breach | None:
    for one in trial.stage.log:
        if one.what == "swallows":
            return Breach(
                (f"{one.node!r} was cancelled, swallowed that, and returned as if nothing had been (S14.2)",),
                "let asyncio.CancelledError through: tidy up in finally, or raise it again",
            )
    return None


def _breaks(trial: Trial, known: Known) -> Breach | None:
    error = trial.broken
    if error is None:
        return None
    what = error.what if isinstance(error, GraphflowError) else str(error)
    return Breach((f"the driver broke: {type(error).__name__}" + (f": {what}" if what else ""),), _REPORT)


def _hangs(trial: Trial, known: Known) -> Breach | None:
    if not trial.is_hung:
        return None
    left = dict.fromkeys(one.node for one in _unfinished(trial.stage.log))
    where = f": {' and '.join(map(repr, left))} {'do' if len(left) > 1 else 'does'} not end" if left else ""
    return Breach((f"the run never comes to rest{where}",), "wait for nothing that only another node can do")


def _unfinished(log: list[Happened]) -> Iterator[Happened]:
    open_ones: dict[tuple[str, int], Happened] = {}
    for one in log:
        if one.what == "begins":
            open_ones[one.cursor, one.life] = one
        elif one.what not in ("note", "swallows", "takes too long"):
            open_ones.pop((one.cursor, one.life), None)
    yield from open_ones.values()


# -- what was done -----------------------------------------------------------------------------------------------------


def _lost(trial: Trial, known: Known) -> Breach | None:
    safe, found, journal = trial.safe, trial.found, trial.journal
    if trial.is_misled:
        return Breach(("a process went on from a journal that had gone on meanwhile (S18)",), _REPORT)
    if found[: len(safe)] != safe:
        return Breach((f"{len(safe)} entries were safe, and the next process did not find them (S18)",), _REPORT)
    if journal[: len(found)] != found:
        return Breach((f"{len(found)} entries were committed, and are not what they were (S15.2)",), _REPORT)
    return None


_REPORT = "Please report it, if the store is one of graphflow's."


def _repeated(trial: Trial, known: Known) -> Breach | None:
    for one in trial.stage.log[trial.mark :]:
        if trial.mark and one.what == "begins" and one.cursor in trial.finished:
            return Breach((f"{one.cursor!r} was done, and was performed again after the resume (S14.3)",), _REPORT)
    return None


def _effects(trial: Trial, known: Known) -> Breach | None:
    """A node was cut off and called again: what it did past its context was done twice."""
    before = known.undisturbed
    if not trial.mark or before is None or trial.open_calls or _is_unwritten(trial):
        return None
    twice = _begun_twice(trial)
    after = tally(trial.deps)
    changed = [name for name in before.deps if before.deps[name] != after.get(name)]
    if not changed or not twice:
        return None
    name = changed[0]
    return Breach(
        (
            f"{', '.join(map(repr, twice))} was cut off and called again, and {name} is not what it is without that:",
            f"   {shown(after.get(name))} here, {shown(before.deps[name])} undisturbed",
            "   what a node does to ctx.deps by itself is not recorded, so it is done again (S11.1)",
        ),
        'record it: await ctx.once("pay", lambda: ctx.deps.pay(...))',
    )


def _is_unwritten(trial: Trial) -> bool:
    """Whether a call was done, and the process died before that could be written: S11.1 promises no more."""
    entries = map(decode, trial.found)
    written = {(entry["at"], entry["key"]) for entry in entries if entry["kind"] == "effect"}
    return any(one not in written for one in trial.effects)


def _begun_twice(trial: Trial) -> list[str]:
    first = {(one.cursor, one.attempt) for one in trial.stage.log[: trial.mark] if one.what == "begins"}
    again = [one for one in trial.stage.log[trial.mark :] if one.what == "begins"]
    return list(dict.fromkeys(one.node for one in again if (one.cursor, one.attempt) in first))


# -- what it came to ---------------------------------------------------------------------------------------------------


def _same_as_machine(trial: Trial, known: Known) -> Breach | None:
    if known.machine is None or trial.script.disturbance != "nothing":
        return None
    difference = _difference(outcome_of(trial), known.machine)
    if not difference:
        return None
    return Breach(
        ("the same answers in another order make another run (S15.4):", f"   {difference} one after the other"),
        "let branches share nothing but the state",
    )


def _recovers(trial: Trial, known: Known) -> Breach | None:
    if known.undisturbed is None or not trial.mark:
        return None
    difference = _difference(outcome_of(trial), known.undisturbed)
    if not difference:
        return None
    return Breach(
        ("the run that was cut off and resumed is not the run that it would have been (S14.2, S15.4):",
         f"   {difference} undisturbed"),
        "let nodes look at nothing but the state; what they learn elsewhere is recorded by ctx.once",
    )  # fmt: skip


def _races(trial: Trial, known: Known) -> Breach | None:
    if known.machine is None or trial.script.disturbance != "nothing":
        return None
    after, before = tally(trial.deps), known.machine.deps
    for name in before:
        if before[name] != after.get(name):
            at_once = f"{name} is {shown(after.get(name))} here, and {shown(before[name])} where nodes go one by one"
            return Breach(
                ("nodes that are at work at once share deps, and who goes first decides what they hold:",
                 f"   {at_once}"),
                "keep it in the state, under a reducer; or change it without an await in between, or under a lock",
            )  # fmt: skip
    return None


def _difference(one: Outcome, other: Outcome) -> str:
    if one.status != other.status:
        return f"it is {one.status} here, and {other.status}"
    for name, value in one.values.items():
        if other.values[name] != value:
            return f"{name} is {shown(value)} here, and {shown(other.values[name])}"
    if one.path != other.path:
        return f"its way is {shown(one.path)} here, and {shown(other.path)}"
    return ""


def outcome_of(trial: Trial) -> Outcome:
    """What a run came to."""
    machine = trial.machine
    assert machine is not None
    path = reading.path(trial.entries)
    status = "waiting" if machine.status == "running" else machine.status
    return Outcome(status, dict(machine.root.read()), path, tally(trial.deps))


# -- where timing may matter -------------------------------------------------------------------------------------------


def may_compare(cast: Cast, journal: list[Entry]) -> bool:
    """Whether timing cannot matter by S15.4: no other needs, timers, shared state, failures, budgets, cancellations."""
    if "timed" not in cast.notes:
        cast.notes["timed"] = any(map(_is_timed, cast.plans))
    kinds = {entry["kind"] for entry in journal}
    if cast.notes["timed"] or kinds & {"failed", "timer", "cancelled", "wrapped", "early", "refused"}:
        return False
    return any(entry["kind"] == "ended" and entry["status"] == "done" for entry in journal)


def _is_timed(plan: Plan) -> bool:
    forks = [edge for edge in plan.edges if edge.join is not None]
    return any(edge.shared or edge.need.kind != "all" or edge.need.within_s is not None for edge in forks)


# -- deps --------------------------------------------------------------------------------------------------------------


def tally(deps: object) -> dict[str, object]:
    """What deps hold, part by part: of lists only what is in them, as branches may come in any order.

    >>> tally({"sent": ["b", "a"]}) == tally({"sent": ["a", "b"]})
    True
    """
    if deps is None:
        return {}
    if isinstance(deps, Mapping):
        return {str(key): _counted(value, _DEEPEST) for key, value in _pairs(deps)}
    parts = _parts(deps)
    name = type(deps).__name__
    if parts is None:
        return {name: _counted(deps, _DEEPEST)}
    return {f"{name}.{key}": _counted(value, _DEEPEST) for key, value in parts.items()}


def _counted(value: Any, depth: int) -> object:
    if value is None or isinstance(value, int | float | str | bytes):
        return value
    if not depth:
        return type(value).__name__
    if isinstance(value, Mapping):
        return {repr(_counted(key, depth - 1)): _counted(one, depth - 1) for key, one in _pairs(value)}
    if isinstance(value, list | tuple | set | frozenset):
        return sorted((_counted(one, depth - 1) for one in cast("list[Any]", value)), key=repr)
    parts = _parts(value)
    if parts is None:
        return type(value).__name__
    return {"": type(value).__name__} | {key: _counted(one, depth - 1) for key, one in parts.items()}


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    found: Iterable[tuple[Any, Any]] = value.items()
    return found


def _parts(value: object) -> dict[str, Any] | None:
    found = getattr(value, "__dict__", None)
    return found if isinstance(found, dict) and not isinstance(value, type | Enum) else None  # pyright: ignore[reportUnknownVariableType]


AFTER_LAWS: tuple[AfterLaw, ...] = (
    AfterLaw("nothing breaks the driver", "whatever happens, the driver and its store bear it", _breaks),
    AfterLaw("comes to rest", "no run hangs", _hangs),
    AfterLaw("nothing is left running", "no task, timer, thread or lease outlives its run (S14.2)", _left_running),
    AfterLaw("cancels are passed on", "no node swallows that it was cancelled (S14.2)", _swallowed),
    AfterLaw("what is committed stays", "a crash loses nothing that was safe (S15.2, S18)", _lost),
    AfterLaw("what is done stays done", "no finished node is performed again (S14.3)", _repeated),
    AfterLaw("effects happen once", "what is cut off does nothing a second time (S11.1)", _effects),
    AfterLaw("recovers to the same run", "a run that is cut off comes to the same (S14.2, S15.4)", _recovers),
    AfterLaw(
        "order does not matter",
        "who finishes first changes nothing, where nothing says it may (S15.4)",
        _same_as_machine,
    ),
    AfterLaw("deps do not race", "who is quicker does not decide what deps hold", _races),
)
"""All default properties of simulated runs."""
