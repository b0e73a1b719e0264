"""One run, seen through on the command line: driven, its questions answered, driven on, until it rests for good."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from graphflow.agents.reached import own_models
from graphflow.cli import exits
from graphflow.cli.driving import drive
from graphflow.cli.giving import deps_of
from graphflow.cli.opening import shown_store, store_name, store_option
from graphflow.cli.output import counted, print_data, print_json
from graphflow.cli.progress import Progress
from graphflow.cli.questions import Answers, TimeOver, may_prompt, prompt
from graphflow.cli.reports import GoingOn, failure_text, result_text, run_data, say_summary, waiting_text
from graphflow.cli.screen import Screen, open_screen, warnings_on
from graphflow.cli.story import told
from graphflow.core.usage import Budget
from graphflow.errors import AnswerInvalid, RunFailed
from graphflow.graph.answers import Answer
from graphflow.runtime.events import RunEnded
from graphflow.runtime.outbox import Durability
from graphflow.runtime.run import Run
from graphflow.service.stored_runs import stored_run
from graphflow.service.targets import Target
from graphflow.stores.memory import MemoryStore
from graphflow.stores.store import Store

_NO_MODEL = "no language model: it picks from the text it is given; for one, see --model"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is driven with. ``place`` is the store as hints name it, empty if nothing is kept."""

    store: Store
    place: str = ""
    option: str = ""
    model: str | None = None
    budget: Budget | None = None
    durability: Durability = "step"
    deps: Any = None

    def going_on(self, run_id: str) -> GoingOn | None:
        """How to go on with a run that rests; None if nothing is kept of it."""
        return GoingOn(run_id, self.option) if self.place else None


def setting_of(given: argparse.Namespace, store: Store | None, budget: Budget | None, model: str | None) -> Setting:
    """What was asked for on the command line; without a store the run is kept in memory."""
    if store is None:
        return Setting(MemoryStore(), model=model, budget=budget, deps=deps_of(given.deps))
    place = shown_store(store_name(given.store) or "")
    return Setting(
        store, place, store_option(given.store), model, budget, given.durability or "step", deps_of(given.deps)
    )


class Session:
    """One run of one graph. ``start``, ``resume`` or ``rerun`` it, then ``report``."""

    def __init__(self, target: Target, setting: Setting, given: argparse.Namespace, *, may_ask: bool = True) -> None:
        plan = target.graph.plan()
        self.target = target
        self.setting = setting
        self.answers = Answers(plan, given.answer)
        self.progress = Progress(plan)
        self.screen: Screen = open_screen(self.progress, given.quiet)
        self.may_prompt = may_ask and not given.json and may_prompt()
        self.error: RunFailed | None = None
        self.is_interrupted = False
        self._given = given

    @property
    def outcome(self) -> Run[Any]:
        """The run as it rests."""
        return self._run

    def start(self, state: dict[str, Any], run_id: str | None) -> None:
        """A new run. Raises GraphError, InputInvalid, StoreError and ModelUnavailable before it starts."""
        setting = self.setting
        with self._shown():
            live = self.target.graph.start(
                state, store=setting.store, durability=setting.durability, budget=setting.budget, model=setting.model, deps=setting.deps,
                run_id=run_id, observers=[self.screen.observe],
            )  # fmt: skip
            self._run: Run[Any] = live.run
            self._say_first()
            self._see_through(live.drive)

    def resume(self, run: Run[Any]) -> None:
        """Go on with a run. Raises GraphChanged, AnswerInvalid, RunBusy and RunError; then it is as it was."""
        with self._shown():
            self._run = run
            with contextlib.closing(self._resumed(self._given_answers(), self.setting.budget)) as going_on:
                self._say_first()
                self._catch_up()
                self._see_through(lambda: going_on)

    def rerun(self, run: Run[Any], at: int, state: Mapping[str, Any], run_id: str) -> None:
        """A new run from an entry of an old one (S15.3). Raises RunError, GraphChanged and StoreError."""
        setting = self.setting
        with self._shown():
            going_on = self.target.graph.rerun(
                run, at=at, state=state, store=setting.store, durability=setting.durability, budget=setting.budget,
                model=setting.model, deps=setting.deps, run_id=run_id, observers=[self.screen.observe],
            )  # fmt: skip
            with contextlib.closing(going_on):
                self._run = stored_run(setting.store, run_id, self.target.graph.plan(), run.model)
                self._say_first(run_id)  # until it is driven its journal names the old one
                self._catch_up(run_id, f"a rerun of {run.id} from entry {at}")
                self._see_through(lambda: going_on)

    @contextlib.contextmanager
    def _shown(self) -> Generator[None, None, None]:
        with warnings_on(self.screen), contextlib.redirect_stdout(sys.stderr):
            yield

    def _say_first(self, run_id: str = "") -> None:
        name, model, screen = self._run.model, self.setting.model, self.screen
        if self.setting.place:
            screen.say("store", f"{self.setting.place}, as {run_id or self._run.id}")
        if name:
            screen.say("model", f"{name} ({_NO_MODEL})" if name.startswith("offline") else name)
        elif own := own_models(self.target.graph.plan()):
            unused = f", so --model {model} is not used" if self._given.model else ""
            screen.say("model", f"the agents' own: {', '.join(own)}{unused}", "attention" if unused else "plain")
        elif self._given.model:
            screen.say("model", f"none: the graph has no agents, so --model {model} is not used", "attention")
        warned = sum(finding.severity == "warning" for finding in self.target.graph.check())
        if warned:
            text = f"{counted(warned, 'warning')}: graphflow check {self.target.text} tells more"
            screen.say("check", text, "attention")

    def _catch_up(self, run_id: str = "", origin: str = "") -> None:
        """What happened before is known to the tree, and not told again. The clock begins anew."""
        run = self._run
        self.screen.say("run", f"{run_id or run.id}  {run.graph}, {origin or f'from entry {run.seq}'}")
        if run.plan.fingerprint == self.progress.plan.fingerprint and len(run.plans) == 1:
            for _, event in told(run):
                if not isinstance(event, RunEnded):
                    self.progress.observe(event)
        self.progress.go_on(run_id or run.id, run.usage.steps, time.time())

    def _see_through(self, work: Callable[[], Coroutine[Any, Any, Run[Any]]]) -> None:
        self._drive(work)
        while self._run.status == "waiting" and not self.is_interrupted:
            found = self._next_answers()
            if found is None or not self._go_on(found):
                return

    def _go_on(self, answers: list[Answer]) -> bool:
        """Go on with answers. False if one was not taken: then it was said, and nothing changed."""
        try:
            going_on = self._resumed(answers, None)
        except AnswerInvalid as error:
            self.screen.say("answer", str(error), "bad")
            return self.may_prompt
        self._drive(lambda: going_on)
        return True

    def _resumed(self, answers: list[Answer], budget: Budget | None) -> Coroutine[Any, Any, Run[Any]]:
        setting = self.setting
        return self.target.graph.resume(
            self._run.id, store=setting.store, durability=setting.durability, answers=answers, budget=budget,
            model=setting.model, deps=setting.deps, observers=[self.screen.observe],
        )  # fmt: skip

    def _drive(self, work: Callable[[], Coroutine[Any, Any, Run[Any]]]) -> None:
        known = self._run
        try:
            with self.screen.watching():
                self._run = drive(work())
        except RunFailed as failed:
            self.error, self._run = failed, failed.run
        except KeyboardInterrupt:
            self._run = stored_run(self.setting.store, known.id, self.target.graph.plan(), known.model)
            self.is_interrupted = self._run.status != "done"  # it may have come to its end before it could be stopped

    def _given_answers(self) -> list[Answer]:
        """Answers given beforehand to the questions that are open, and not answered in the store already."""
        left = {answer.key for answer in self.setting.store.answers(self._run.id)}
        open_ones = [question for question in self._run.questions if not {question.id, question.node} & left]
        return [answer for question in open_ones if (answer := self.answers.take(question)) is not None]

    def _next_answers(self) -> list[Answer] | None:
        """Answers to the open questions: those given beforehand, else from the terminal. None if there are none.

        At the first deadline of all, asking ends: the run goes on, with its timer and what was answered before.
        """
        questions = self._run.questions
        found = self._given_answers()
        if found or not self.may_prompt:
            return found or None
        until = min((question.due for question in questions if question.due is not None), default=None)
        try:
            for question in questions:
                answer = prompt(question, until)
                found += [] if answer is None else [answer]
        except TimeOver:
            return found
        except KeyboardInterrupt:
            self.is_interrupted = True
        return None if self.is_interrupted else found or None

    def report(self) -> int:
        """Say what came out. Returns the exit code."""
        run, screen, given = self._run, self.screen, self._given
        going_on = self.setting.going_on(run.id)
        say_summary(screen, run, going_on, is_interrupted=self.is_interrupted)
        for name in self.answers.left():
            screen.say("answer", f"what was given for {name!r} was not asked for", "attention")
        if given.json:
            print_json(run_data(run, self.error))
        elif run.status in ("done", "exhausted", "waiting") and not self.is_interrupted:
            _print_result(run)
        if self.error is not None and not given.json:
            print(failure_text(self.error, going_on, given.debug), file=sys.stderr)
        if run.status == "waiting" and not given.json and not self.is_interrupted:
            print("\n" + waiting_text(run.questions, self.target.text, going_on), file=sys.stderr)
        return exits.INTERRUPTED if self.is_interrupted else exits.exit_of_status(run.status)


def _print_result(run: Run[Any]) -> None:
    """The state, set off from the progress where both are on one terminal or in one pipe, and ended with a line break."""
    if _is_shared():
        print(file=sys.stderr)
    print_data(result_text(run).rstrip("\n"))
    sys.stdout.flush()  # what goes to stderr after it comes after it


def _is_shared() -> bool:
    """Whether stdout and stderr go to the same place."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):  # replaced by something that is no file
        return False
