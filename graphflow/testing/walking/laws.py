"""The properties that every graph should have, without being told: each has a name and can be turned off.

A law is asked after every move (``step``) and when a walk has come to rest (``end``); it answers with a ``Breach`` where it
is broken. What fails because of a fault that was injected breaks none, unless somebody declared to deal with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import graphflow
from graphflow.core import reading
from graphflow.core.deciding import why_not
from graphflow.core.journal import Entry, decode
from graphflow.core.plan import Edge, Node
from graphflow.errors import Place, slip_of, unknown_name
from graphflow.errors.testing import PropertyInvalid
from graphflow.testing.walking.lassos import goes_round, goes_round_alone
from graphflow.testing.walking.scrutiny import asks_twice, depends_on_order, replays, survives_json
from graphflow.testing.walking.unused import PROVED
from graphflow.testing.walking.walk import REORDERED, SCRUTINISED, Ask, Breach, Took, Walk


@dataclass(frozen=True, slots=True)
class Law:
    """One default property. ``says`` is what it means, in one line."""

    name: str
    says: str
    step: Ask | None = None
    end: Ask | None = None
    is_about_failures: bool = False  # asked after moves that led to a failure
    is_about_faults: bool = False  # asked after what went wrong on purpose
    is_about_rounds: bool = False  # asked where an edge is unbounded
    style: int = 0  # asked on walks of that style only


def laws(without: Mapping[str, Any] | tuple[str, ...] | set[str] | frozenset[str] | str = ()) -> tuple[Law, ...]:
    """The default properties but for those named. Raises PropertyInvalid for a name that there is not."""
    named = {without} if isinstance(without, str) else set(without)
    known = {*PROVED.values(), *(law.name for law in LAWS)}
    for name in named:
        if name not in known:
            raise PropertyInvalid(
                f"There is no default property {name!r} to leave out",
                why=f"They are {', '.join(sorted(known))}.",
                fix=unknown_name(name, known),
            )
    return tuple(law for law in LAWS if law.name not in named)


# -- what failed -------------------------------------------------------------------------------------------------------


def _is_settled(entry: Entry) -> bool:
    """An error edge was there for it."""
    return "edge" in entry


def _failed_with(walk: Walk, codes: tuple[str, ...], *, also_settled: bool = False) -> Entry | None:
    for entry in walk.took[-1].failed:
        if entry["error"].get("code") in codes and (also_settled or not _is_settled(entry)):
            return entry
    return None


def _stuck(walk: Walk) -> Breach | None:
    entry = _failed_with(walk, ("GF204",))
    if entry is not None:
        node = reading.node_at(walk.plan, entry["at"])
        why = [line for line in entry["error"]["why"].splitlines() if line.startswith(("->", "It has no edge"))]
        lines = (f"no way out of {node.name if node else entry['at']!r}:", *_aligned(why))
        return Breach(lines, "add an edge without a condition, or widen one of these")
    entry = _failed_with(walk, ("GF208",))
    if entry is not None and not walk.took[-1].is_fault and "has no handoff to choose" in entry["error"]["what"]:
        why = [line for line in entry["error"]["why"].splitlines() if line.startswith("->")]
        lines = (entry["error"]["what"] + ":", *(f"   {line}" for line in why))
        return Breach(lines, entry["error"]["fix"])
    return None


def _aligned(why: Sequence[str]) -> list[str]:
    """``-> END  needs score > 7``, one below the other."""
    parts = [line.partition("  ") for line in why]
    width = max((len(edge) for edge, gap, _ in parts if gap), default=0)
    return [f"   {edge:<{width}}{gap}{needs}" if gap else f"   {edge}" for edge, gap, needs in parts]


def _stands_still(walk: Walk) -> Breach | None:
    if walk.play.machine.status != "running" or walk.play.machine.idle or walk.play.open():
        return None
    return Breach(("nothing is under way, and the run has not ended (a bug in graphflow, S6.8)",), "Please report it.")


def _guards(walk: Walk) -> Breach | None:
    entry = _failed_with(walk, ("GF205",))
    return None if entry is None else _told(entry)


def _invalid(walk: Walk) -> Breach | None:
    if walk.took and walk.took[-1].is_fault:
        return None
    entry = _failed_with(walk, ("GF202", "GF203", "GF210", "GF213"), also_settled=False)
    return None if entry is None else _told(entry)


def _conflicts(walk: Walk) -> Breach | None:
    entry = _failed_with(walk, ("GF207",), also_settled=True)
    return None if entry is None else _told(entry)


_SAID_ELSEWHERE = frozenset(
    ("GF202", "GF203", "GF204", "GF205", "GF207", "GF210", "GF211", "GF213", "GF216", "GF219", "GF423")
)


def _crash(walk: Walk) -> Breach | None:
    """The run failed, nothing had gone wrong on purpose, and the graph did not mean to (FAIL, a guardrail)."""
    machine = walk.play.machine
    error = machine.error
    if machine.status != "failed" or error is None or walk.has_faults:
        return None
    code = getattr(error, "code", "")
    if code in _SAID_ELSEWHERE or any(move.kind == "fail" and move.value is error for move in walk.said.values()):
        return None
    node = reading.node_at(walk.plan, machine.error_at)
    what = getattr(error, "what", "") or str(error)
    kind = getattr(error, "type", type(error).__name__)
    # what graphflow itself says names the node, or the join that could not fire
    where = node.name if node else machine.error_at
    lines = [what if code else f"nobody deals with the {kind} that {where!r} raises, so the run fails"]
    lines += [f"   {line}" for line in str(getattr(error, "why", "")).splitlines()]
    lines += [f"   {line}" for line in _source_of(error)]
    name = "it" if node is None else node.name if node.name.isidentifier() else repr(node.name)
    fix = (
        getattr(error, "fix", "")
        or slip_of(error)  # a misspelt name: no edge leads on from a bug
        or f"let {name} cope with that, or lead on from there: graph.edge({name}, ..., on_error={kind})"
    )
    return Breach(tuple(lines), fix)


def _source_of(error: BaseException) -> list[str]:
    """The line of the user's code that raised."""
    trace = error.__traceback__
    found: Place | None = None
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(_OURS) and "/asyncio/" not in file:
            found = Place(file, trace.tb_lineno)
        trace = trace.tb_next
    return [] if found is None else [f"at {found}   {found.text}".rstrip()]


_OURS = f"{Path(graphflow.__file__).parent}/"


def _declared(walk: Walk) -> Breach | None:
    """A fault that an error edge is there for ended the run all the same."""
    machine = walk.play.machine
    if machine.status != "failed" or machine.error is None:
        return None
    for took in walk.took:
        error = took.move.value
        if took.move.kind == "fail" and took.is_fault and took.move.cursor == machine.error_at:
            declared = [kind for kind in took.declared if isinstance(error, kind)]
            if declared and isinstance(machine.error, type(error)) and _edges_for(took, error):
                lines = [f"{took.move.node!r} raised {type(error).__name__}, and that ended the run:"]
                lines += [f"   {_unused(edge, took)}" for edge in _edges_for(took, error)]
                return Breach(tuple(lines), "add an error edge without condition and limit, declared last")
    return None


def _edges_for(took: Took, error: BaseException) -> list[Edge]:
    node = took.scope.node if took.scope is not None and took.scope.node.name == took.move.node else None
    return [] if node is None else [edge for edge in node.error_edges if isinstance(error, edge.errors)]


def _unused(edge: Edge, took: Took) -> str:
    """Why an error edge was not taken."""
    assert took.scope is not None
    target = took.scope.plan.nodes[edge.target].name
    name = " or ".join(kind.__name__ for kind in edge.errors)
    return f"-> {target}  is there for {name}, but {why_not(edge, took.scope)}"


def _told(entry: Entry) -> Breach:
    error = entry["error"]
    lines = [error["what"], *(f"   {line}" for line in error.get("why", "").splitlines())]
    return Breach(tuple(lines), error.get("fix", ""))


# -- what nodes do -----------------------------------------------------------------------------------------------------


def _in_place(walk: Walk) -> Breach | None:
    if not walk.took or not walk.took[-1].altered:
        return None
    took = walk.took[-1]
    assert took.scope is not None
    node = next((one for one in took.scope.plan.nodes if one.name == took.move.node), None)
    lost = [name for name in took.altered if node is None or name not in _written(node, took)]
    if not lost or took.move.kind == "fail":
        return None
    fields = ", ".join(f"state.{name}" for name in lost)
    return Breach(
        (f"{took.move.node!r} changes {fields} in place: the view is its own copy, so that is lost (S3.6)",),
        f"return what changes: return {{{lost[0]!r}: ...}}",
    )


def _written(node: Node, took: Took) -> set[str]:
    """The fields that a node's result gives."""
    value: Any = getattr(took.move.value, "update", took.move.value)
    found = {name for changes in took.move.pending for name in changes}
    writes = node.writes
    if writes.kind in ("value", "tuple"):
        return found | set(writes.fields)
    if writes.kind == "mapped":
        return found | {name for name, _ in writes.sources}
    if isinstance(value, Mapping):
        return found | {str(name) for name in value}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return found | set(getattr(value.__class__, "model_fields", ()))


# -- how runs end ------------------------------------------------------------------------------------------------------


def _left_over(walk: Walk) -> Breach | None:
    if walk.play.machine.status in ("done", "cancelled") and (left := walk.play.machine.scopes()):
        return Breach(
            (f"the run is {walk.play.status}, and {left[0].path!r} is left over (S6.8)",), "Please report it."
        )
    joined: dict[tuple[str, int], int] = {}
    for text in walk.play.texts:
        if type(text) is bytes and text.startswith(b'{"kind":"joined"'):
            entry = decode(text)
            key = (entry["at"], entry["edge"])
            joined[key] = joined.get(key, 0) + 1
            if joined[key] > 1:
                return Breach((f"the join of {entry['at']!r} fired twice (S6.8)",), "Please report it.")
    return None


def _budget(walk: Walk) -> Breach | None:
    budget, machine = walk.setting.budget, walk.play.machine
    most = walk.plan.limits.steps if budget is None or budget.steps is None else budget.steps
    if machine.is_wrapped:
        most += 0 if budget is None else budget.reserve_steps
    if machine.spent.steps <= most:
        return None
    return Breach((f"{machine.spent.steps} steps were taken, {most} were given (S13.2)",), "Please report it.")


def _attempts(walk: Walk) -> Breach | None:
    for entry in walk.took[-1].failed:
        node = reading.node_at(walk.plan, entry["at"])
        most = 1 if node is None or node.retry is None else node.retry.attempts
        if node is not None and entry.get("attempt", 0) > most:
            what = f"{node.name!r} was tried {entry['attempt']} times, and may be {most} (S8.1)"
            return Breach((what,), "Please report it.")
    return None


def _cancelled(walk: Walk) -> Breach | None:
    if not walk.took or walk.took[-1].move.kind != "cancel":
        return None
    machine, path = walk.play.machine, walk.took[-1].move.cursor
    left = [scope.path for scope in machine.scopes() if not path or scope.path.startswith(f"{path}/")]
    if left and not machine.plan.on_budget:
        return Breach((f"{path or 'the run'} was cancelled, and {left[0]!r} goes on (S14.2)",), "Please report it.")
    return None


def _again(walk: Walk) -> Breach | None:
    """What was delivered twice changed nothing (S15.5)."""
    took = walk.took[-1] if walk.took else None
    if took is None or took.move.kind != "again" or took.last == took.first:
        return None
    return Breach(
        (f"what happened at {took.move.cursor!r} was told twice, and counted twice (S15.5)",), "Please report it."
    )


def _repeated(walk: Walk) -> Breach | None:
    """A node was called, the process died, and it was called again: what it did past its context was done twice."""
    took, touched = walk.took[-1] if walk.took else None, walk.play.touched
    if not touched or took is None or not took.is_called:
        return None
    calls = touched.get(took.move.cursor, [])
    twice = [name for name in calls[-1] if name in calls[-2]] if len(calls) > 1 else []
    if not twice or not any(one.move.kind == "crash" and one.move.cursor == took.move.cursor for one in walk.took):
        return None
    return Breach(
        (
            f"{took.move.node!r} was called again after the crash, and changed {', '.join(twice)} both times:",
            "   what it does to ctx.deps by itself is not recorded, so it is done again (S11.1)",
        ),
        'record it: await ctx.once("pay", lambda: ctx.deps.pay(...))',
    )


def _waits(walk: Walk) -> Breach | None:
    """A question was left open on purpose, and no timer leads on."""
    silent = [took for took in walk.took if took.move.kind == "silence"]
    if walk.is_cut or not silent or walk.play.status != "waiting":
        return None
    still = [took for took in silent if any(one.cursor == took.move.cursor for one in walk.play.open())]
    if not still:
        return None
    name = still[0].move.node
    return Breach(
        (f"the run waits for ever: nobody answers {name!r}, and no timer leads on from there (S10.3)",),
        f"say what happens then: graph.edge({name}, ..., after_s=86_400)",
    )


def _suffice(walk: Walk) -> Breach | None:
    """A run came to the graph's own limit of steps, which is the last resort and not the design (S4.5)."""
    machine = walk.play.machine
    if walk.setting.budget is not None or machine.status != "exhausted":
        return None
    return Breach(
        (f"the run took all {walk.plan.limits.steps:,} steps of Limits.steps, and is not done (S17)",),
        "let its loops end before (at_most=), or allow more: limits=Limits(steps=...)",
    )


LAWS: tuple[Law, ...] = (
    Law(
        "no stuck state",
        "some edge can be taken wherever a run comes (S4.4)",
        _stuck,
        _stands_still,
        is_about_failures=True,
    ),
    Law("conditions answer", "no condition raises (S5.4)", _guards, is_about_failures=True),
    Law(
        "conditions are pure",
        "a condition asked twice says the same, and alters nothing (S5.1)",
        asks_twice,
        style=SCRUTINISED,
    ),
    Law(
        "updates are valid",
        "what nodes return fits the state and what they declared (S3.3, S3.5)",
        _invalid,
        is_about_failures=True,
    ),
    Law("no change in place", "no node alters its view and expects that to count (S3.6)", _in_place),
    Law(
        "parallel writes have reducers",
        "no two branches write a field that has none (S6.5)",
        _conflicts,
        is_about_failures=True,
    ),
    Law("no crash", "no valid answer makes a node raise what nobody catches", None, _crash),
    Law("terminates", "no agent can keep a run going for ever (S4.5)", goes_round, is_about_rounds=True),
    Law("no livelock", "no run goes round for ever by itself", goes_round_alone, is_about_rounds=True),
    Law("joins fire once", "a join fires once, and no cursor is left over (S6.8)", None, _left_over),
    Law(
        "order does not matter",
        "who finishes first changes nothing, where nothing says it may (S15.4)",
        None,
        depends_on_order,
        style=REORDERED,
    ),
    Law("survives JSON", "every state is the same after a way through JSON (S1.1)", survives_json, style=SCRUTINISED),
    Law(
        "replay equals run",
        "a run folded from its journal stands where it stood (S15.2)",
        None,
        replays,
        style=SCRUTINISED,
    ),
    Law("declared faults are handled", "what an error edge is there for does not end the run (S8.2)", None, _declared),
    Law("effects happen once", "a call that a crash cut off does nothing a second time (S11.1)", _repeated),
    Law("nobody waits for ever", "a question that is never answered has a timer (S10.3)", None, _waits),
    Law("steps suffice", "no run comes to the graph's own limit of steps (S4.5, S17)", None, _suffice),
    Law("nothing counts twice", "a late or duplicate result changes nothing (S15.5)", _again, is_about_faults=True),
    Law(
        "budgets are kept",
        "no run takes more steps, and no node more attempts, than given (S13.2, S8.1)",
        _attempts,
        _budget,
        is_about_failures=True,
    ),
    Law("cancel leaves nothing", "what is cancelled does not go on (S14.2)", _cancelled, is_about_faults=True),
)
"""All default properties."""
