"""A simulated run looked at entry by entry: every default property that can be told from its journal, and the user's.

And the same run where nothing happens at once: on the machine alone, with the same answers.
"""

from __future__ import annotations

from typing import Any

from graphflow.core import reading
from graphflow.core.journal import Entry
from graphflow.core.plan import Plan
from graphflow.core.replay import fold, replay
from graphflow.errors import AnswerInvalid, RunError
from graphflow.errors.testing import NothingGenerated, OutsideReached
from graphflow.testing.playing.play import Move, Option, Play
from graphflow.testing.simulating.aftermath import Outcome, tally
from graphflow.testing.simulating.draws import Draws
from graphflow.testing.simulating.runs import RUN_ID, Trial
from graphflow.testing.values.answers import Cast
from graphflow.testing.walking.laws import Law
from graphflow.testing.walking.walk import SCRUTINISED, Setting, Took, Walk

RETRACED = (
    "no stuck state",
    "conditions answer",
    "updates are valid",
    "parallel writes have reducers",
    "no crash",
    "joins fire once",
    "survives JSON",
    "replay equals run",
    "steps suffice",
    "budgets are kept",
)
"""The default properties of walks that a journal can tell of."""

_MOST_MOVES = 2_000
_SCRUTINY = 8  # one run in so many: a second look costs as much as the run


def retraced_laws(every: tuple[Law, ...]) -> tuple[Law, ...]:
    """Those of the default properties that a journal can tell of."""
    return tuple(law for law in every if law.name in RETRACED)


def retrace(setting: Setting, trial: Trial) -> None:
    """Ask the laws at every entry. Raises Broken."""
    entries = trial.entries
    play = _standing(setting.plan, trial, entries[0])
    style = 0 if trial.script.seed % _SCRUTINY else SCRUTINISED
    walk = Walk(setting, play, trial.script.start, style, said=dict(trial.stage.said))
    walk.check("step")
    for number, entry in enumerate(entries[1:], 1):
        fold(play.machine, entry)
        play.texts.append(trial.journal[number])
        walk.took.append(_took(trial, entry, number))
        walk.check("step")
    if trial.machine is not None and not trial.is_hung:
        play.machine = trial.machine
        walk.check("end")


def _standing(plan: Plan, trial: Trial, started: Entry) -> Play:
    """A play that stands where a journal begins."""
    play = Play.__new__(Play)
    play.plan, play.start, play.deps, play.keeps_journal = plan, trial.script.start, trial.deps, True
    play.machine = replay(plan, [started])
    play.moves, play.texts, play.last, play.touched = [], [trial.journal[0]], [], {}
    return play


def _took(trial: Trial, entry: Entry, number: int) -> Took:
    cursor = str(entry.get("at", ""))
    move = Move("fail" if entry["kind"] == "failed" else "reply", cursor)
    is_fault = cursor in trial.stage.failing
    failed = (entry,) if entry["kind"] == "failed" and "due" not in entry else ()
    return Took(move, None, number, number + 1, is_fault=is_fault, failed=failed)


# -- one after the other -----------------------------------------------------------------------------------------------


def on_machine(plan: Plan, cast: Cast, trial: Trial, deps: Any) -> Outcome | None:
    """What the answers of a run come to where one node goes after the other; None where time would have to pass."""
    play = Play(plan, trial.script.start, budget=trial.script.budget, deps=deps)
    play.machine.run_id = RUN_ID  # of which idempotency keys are made
    for _ in range(_MOST_MOVES):
        options = play.open()
        option = next((one for one in options if one.kind != "timer"), None)
        if option is None:
            break
        try:
            play.make(_move(play, cast, trial, option), option.scope)
        except (AnswerInvalid, NothingGenerated, OutsideReached, RunError):
            return None
    else:
        return None
    return Outcome(play.status, dict(play.values), reading.path(play.journal), tally(deps))


def _move(play: Play, cast: Cast, trial: Trial, option: Option) -> Move:
    scope, seed = option.scope, trial.script.seed
    said = trial.stage.said.get((option.cursor, scope.attempt))
    if said is not None:
        return said
    if option.kind == "question":
        value = cast.reply(Draws(seed, "answer", option.cursor).data, scope).value
        return Move("answer", option.cursor, option.node.name, value)
    if cast.is_called(option.node):
        return play.perform(option)
    return cast.answer(Draws(seed, option.cursor, scope.attempt).data, play, scope)[0]
