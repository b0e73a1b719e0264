"""Laws that cost a second look at a walk: the way through JSON, a replay, conditions asked twice, another order.

They are asked on some walks only, those that say so (``Walk.style``): which ones is a choice like any other.
"""

from __future__ import annotations

from copy import deepcopy

from pydantic_core import from_json, to_json

from graphflow.core import reading
from graphflow.core.deciding import edge_name
from graphflow.core.plan import Guard, Plan
from graphflow.core.replay import replay
from graphflow.errors import shown
from graphflow.errors.testing import NotDeterministic
from graphflow.testing.exploring.control import guards_of
from graphflow.testing.playing.play import Move, Option, Play
from graphflow.testing.walking.chance import used_by
from graphflow.testing.walking.walk import Breach, Walk, begin


def survives_json(walk: Walk) -> Breach | None:
    """A state that JSON alters is another one after a resume (S1.1)."""
    schema, values = walk.plan.schema, walk.play.values
    try:
        back = schema.revive_state(from_json(to_json(schema.dump_state(values), inf_nan_mode="constants")))
    except Exception as error:
        return Breach((f"the state cannot go through JSON: {error}",), "hold plain data in the state")
    for name, value in values.items():
        if back[name] != value and value == value:
            return Breach(
                (f"{name} is {shown(value)}, and after a way through JSON {shown(back[name])} (S1.1)",),
                f"give {name} a type that says what it holds",
            )
    return None


def replays(walk: Walk) -> Breach | None:
    """The journal says all there is (S15.2)."""
    machine, again = walk.play.machine, replay(walk.plan, walk.play.journal)
    same = (dict(again.root.read()), again.status) == (dict(machine.root.read()), machine.status)
    if same and reading.frontier(again) == reading.frontier(machine):
        return None
    return Breach(
        (f"the run stands at {reading.frontier(machine)} with {shown(dict(machine.root.read()))},",
         f"folded from its journal at {reading.frontier(again)} with {shown(dict(again.root.read()))} (S15.2)"),
        "a reducer or validator gives different results for the same values, or a type is not the same after JSON",
    )  # fmt: skip


def asks_twice(walk: Walk) -> Breach | None:
    """A condition that is a plain predicate may look at more than the state, or alter it (S5.1)."""
    if not walk.took or walk.took[-1].scope is None:
        return None
    scope = walk.took[-1].scope
    for guard, edge in _opaque_guards(walk, scope.plan):
        named = f"the condition [{guard.label}] on {edge}"
        used = used_by(getattr(guard.test, "__wrapped__", None))
        if used:
            return Breach((f"{named} looks at {used}, and not at the state alone (S5.1)",), _LOOK)
        values = deepcopy(dict(scope.read()))
        before = repr(values)
        try:
            answers = [bool(guard.test(values, scope.items)) for _ in range(3)]
        except Exception:  # that is another law's
            continue
        if len(set(answers)) > 1:
            said = ", then ".join("yes" if answer else "no" for answer in answers)
            return Breach((f"{named} was asked three times about one state, and said {said} (S5.1)",), _LOOK)
        if repr(values) != before:
            return Breach((f"{named} alters the state that it is asked about (S5.1)",), "let it only look")
    return None


_LOOK = "let it look at nothing but the state: a node can put there what else is needed"


def _opaque_guards(walk: Walk, plan: Plan) -> list[tuple[Guard, str]]:
    """The plain predicates of a plan, each with the edge it was met on first."""
    notes = walk.setting.cast.notes
    key = ("opaque", id(plan))
    if key not in notes:
        guards = [guard for guard in guards_of(plan) if guard.expression is None and not guard.uses_item]
        notes[key] = [(guard, _edge_of(guard, plan)) for guard in guards]
    found: list[tuple[Guard, str]] = notes[key]
    return found


def _edge_of(guard: Guard, plan: Plan) -> str:
    for edge in plan.edges:
        if guard is edge.guard or guard in edge.branch_guards:
            return edge_name(plan, edge)
    return f"a join of {plan.name}"


# -- another order -----------------------------------------------------------------------------------------------------


def depends_on_order(walk: Walk) -> Breach | None:
    """The same answers, the last branch first: the same run (S15.4)."""
    if not walk.was_concurrent or not _may_not_matter(walk):
        return None
    other = _again(walk, last_first=True)
    if _outcome(other) == _outcome(walk.play):
        return None
    same = _again(walk, last_first=False)
    if _outcome(same) != _outcome(walk.play):
        raise NotDeterministic(
            f"The same run of graph {walk.plan.name!r}, played again, went another way",
            why=f"{_difference(walk.play, same, 'the first time', 'the second time')}. Nothing was chosen otherwise.",
            fix="A node, condition or reducer looks at more than the state: the clock, chance, a global. Record it with "
            "ctx.once, or say what the node answers: agents={...: says(...)}.",
        )
    return Breach(
        (
            "the same answers, with the branches in another order, make another run (S15.4):",
            f"   {_difference(walk.play, other, 'in this order', 'in the other')}",
        ),
        "let branches share nothing but the state",
    )


def _may_not_matter(walk: Walk) -> bool:
    """Where timing may matter by S15.4 nothing is said: other needs, timers, a shared state, failures, cancellations."""
    if walk.is_cut or walk.play.machine.status not in ("done", "running"):
        return False
    if any(took.is_fault or took.move.kind in ("fire", "fail") for took in walk.took):
        return False
    notes = walk.setting.cast.notes
    if "timed" not in notes:
        notes["timed"] = any(
            edge.join is not None and (edge.shared or edge.need.kind not in ("all", "best_effort"))
            for plan in walk.setting.cast.plans
            for edge in plan.edges
        )
    has_failed = any(type(text) is bytes and text.startswith(b'{"kind":"failed"') for text in walk.play.texts)
    return not notes["timed"] and not has_failed


def _again(walk: Walk, *, last_first: bool) -> Play:
    """The same answers by cursor, in another order, or in the same."""
    if not last_first:
        moves = [took.move for took in walk.took]
        play = begin(walk.setting, walk.start)
        for took, move in zip(walk.took, moves, strict=True):
            option = _option_at(play, move)
            play.make(play.perform(option) if took.is_called and option is not None else move)
        return play
    play = begin(walk.setting, walk.start)
    answers = {took.move.cursor: took.move for took in walk.took if took.move.kind == "answer"}
    for _ in range(2 * len(walk.took) + 10):
        options = [option for option in play.open() if option.kind == "node" or option.cursor in answers]
        if not options:
            break
        option = options[-1]
        if option.kind == "question":
            play.make(answers[option.cursor])
        elif (said := walk.said.get((option.cursor, option.scope.attempt))) is not None:
            play.make(said)
        elif walk.setting.cast.is_called(option.node):
            play.make(play.perform(option))
        else:
            break
    return play


def _option_at(play: Play, move: Move) -> Option | None:
    return next((one for one in play.open() if one.kind == "node" and one.cursor == move.cursor), None)


def _outcome(play: Play) -> tuple[object, ...]:
    return (play.status, dict(play.values), reading.path(play.journal))


def _difference(one: Play, other: Play, here: str, there: str) -> str:
    """The first thing in which two runs differ, as what it is in each."""
    if one.status != other.status:
        return f"it is {one.status} {here}, and {other.status} {there}"
    for name, value in one.values.items():
        if other.values[name] != value:
            return f"{name} is {shown(value)} {here}, and {shown(other.values[name])} {there}"
    return f"its way is {shown(reading.path(one.journal))} {here}, and {shown(reading.path(other.journal))} {there}"
