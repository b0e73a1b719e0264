"""``graphflow run``: drive a graph from the command line, answer its questions, say what came out."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from graphflow.cli import exits
from graphflow.cli.arguments import TARGET_HELP, Parser, add_common
from graphflow.cli.driving import drive, stopped_run
from graphflow.cli.inputs import start_state
from graphflow.cli.output import counted, print_data, print_json
from graphflow.cli.progress import Progress
from graphflow.cli.questions import Answers, TimeOver, may_prompt, prompt
from graphflow.cli.reports import failure_text, result_text, run_data, say_summary, waiting_text
from graphflow.cli.screen import Screen, open_screen, warnings_on
from graphflow.cli.targets import Target, load
from graphflow.core.usage import Budget
from graphflow.errors import AnswerInvalid, RunFailed
from graphflow.graph.answers import Answer
from graphflow.runtime.run import Run
from graphflow.stores.memory import MemoryStore

_DESCRIPTION = """\
Run a graph from the state given as key=value, and print the fields it changed.

The state goes to stdout, progress to stderr; so does whatever the nodes print.
A field that is a text takes the value as it is, a list takes one element per
key=value, any other takes JSON. key=@file takes the text of a file, key=@-
that of standard input, key=@@text a text that begins with @.

A question of the graph is answered with --answer, or asked on the terminal if
there is one. Nothing is kept of a run."""

_EXAMPLES = (
    "graphflow run graphs/essay.py topic='night owls' notes='Owls hear a mouse under the snow.'",
    "graphflow run graphs/pipeline.py question='what limits hydro' text=@graphs/texts/beyond_batteries.txt",
    "cat graphs/texts/market.txt | graphflow run graphs/pipeline.py question='who leads' text=@- --json",
    "graphflow run graphs/intel.py topic=power passages=@graphs/texts/batteries.txt \\\n"
    "      passages=@graphs/texts/beyond_batteries.txt > brief.txt",
    "graphflow run graphs/essay.py topic=owls notes='They hunt at night.' --budget-usd 0.50 --budget-seconds 120",
)

_NO_MODEL = "no language model: it picks from the text it is given; for one, see --model"


def make_parser() -> Parser:
    """The arguments of ``graphflow run``."""
    parser = Parser("run TARGET [key=value ...]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("target", metavar="TARGET", help=TARGET_HELP)
    parser.add_argument("values", metavar="key=value", nargs="*", help="a field of the state to start with")
    parser.add_argument("--input", metavar="FILE", help="a JSON object of fields, - for standard input; key=value wins")
    parser.add_argument(
        "--answer", metavar="NODE=VALUE", action="append", default=[], help="answer a question; again for the next one"
    )
    parser.add_argument("--model", metavar="NAME", help="the model of agents that name none, as provider/model")
    parser.add_argument("--budget-steps", metavar="N", type=_count, help="at most so many steps")
    parser.add_argument("--budget-model-calls", metavar="N", type=_count, help="at most so many model calls")
    parser.add_argument("--budget-tokens", metavar="N", type=_count, help="at most so many tokens, in and out")
    parser.add_argument("--budget-usd", metavar="X", type=_amount, help="at most so many dollars")
    parser.add_argument("--budget-seconds", metavar="S", type=_amount, help="at most so many seconds")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr, errors only")
    add_common(parser)
    return parser


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 0")
    return number


def _amount(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of at least 0")
    return number


def run(given: argparse.Namespace) -> int:
    """Carry the command out. Returns its exit code."""
    target = load(given.target)
    plan = target.graph.plan()
    state = start_state(plan, given.values, given.input)
    answers = Answers(plan, given.answer)
    screen = open_screen(Progress(plan), given.quiet)
    session = _Session(target, screen, answers, may_prompt=not given.json and given.input != "-" and may_prompt())
    with warnings_on(screen), contextlib.redirect_stdout(sys.stderr):
        session.carry_out(state, _budget(given), given.model)
    return _report(session, given)


def _budget(given: argparse.Namespace) -> Budget | None:
    names = ("steps", "model_calls", "tokens", "usd", "seconds")
    bounds = {name: value for name in names if (value := getattr(given, f"budget_{name}")) is not None}
    return Budget(**bounds) if bounds else None


class _Session:
    """One run of one graph: driven, answered and driven on, until it rests for good."""

    def __init__(self, target: Target, screen: Screen, answers: Answers, *, may_prompt: bool) -> None:
        self.target = target
        self.screen = screen
        self.answers = answers
        self.may_prompt = may_prompt
        self.error: RunFailed | None = None
        self.is_interrupted = False
        self._store = MemoryStore()
        self._model: str | None = None

    @property
    def outcome(self) -> Run[Any]:
        """The run as it rests."""
        return self._run

    def carry_out(self, state: dict[str, Any], budget: Budget | None, model: str | None) -> None:
        """Start the run and see it through. Raises GraphError, InputInvalid and ModelUnavailable before it starts."""
        self._model = model
        graph = self.target.graph
        live = graph.start(state, store=self._store, budget=budget, model=model, observers=[self.screen.observe])
        self._run: Run[Any] = live.run
        self._say_first(model)
        self._drive(live.drive)
        while self._run.status == "waiting" and not self.is_interrupted:
            found = self._next_answers()
            if found is None or not self._resume(found):
                return

    def _say_first(self, model: str | None) -> None:
        name = self._run.model
        if name:
            self.screen.say("model", f"{name} ({_NO_MODEL})" if name.startswith("offline") else name)
        elif model:
            self.screen.say("model", f"none: the graph has no agents, so --model {model} is not used", "attention")
        warned = sum(finding.severity == "warning" for finding in self.target.graph.check())
        if warned:
            text = f"{counted(warned, 'warning')}: graphflow check {self.target.text} tells more"
            self.screen.say("check", text, "attention")

    def _resume(self, answers: list[Answer]) -> bool:
        """Go on with answers. False if one was not taken: then it was said, and nothing changed."""
        observers = [self.screen.observe]
        try:
            going_on = self.target.graph.resume(
                self._run, store=self._store, answers=answers, model=self._model, observers=observers
            )
        except AnswerInvalid as error:
            self.screen.say("answer", str(error), "bad")
            return self.may_prompt
        self._drive(lambda: going_on)
        return True

    def _drive(self, work: Callable[[], Coroutine[Any, Any, Run[Any]]]) -> None:
        known = self._run
        try:
            with self.screen.watching():
                self._run = drive(work())
        except RunFailed as failed:
            self.error, self._run = failed, failed.run
        except KeyboardInterrupt:
            self._run = stopped_run(self._store, known.id, known.model)
            self.is_interrupted = True

    def _next_answers(self) -> list[Answer] | None:
        """Answers to the open questions: those given beforehand, else from the terminal. None if there are none.

        At the first deadline of all, asking ends: the run goes on, with its timer and what was answered before.
        """
        questions = self._run.questions
        found = [answer for question in questions if (answer := self.answers.take(question)) is not None]
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


def _report(session: _Session, given: argparse.Namespace) -> int:
    """Say what came out. Returns the exit code."""
    run, screen = session.outcome, session.screen
    say_summary(screen, run, is_interrupted=session.is_interrupted)
    for name in session.answers.left():
        screen.say("answer", f"what was given for {name!r} was not asked for", "attention")
    if given.json:
        print_json(run_data(run, session.error))
    elif run.status in ("done", "exhausted", "waiting") and not session.is_interrupted:
        _print_result(run)
    if session.error is not None and not given.json:
        print(failure_text(session.error, given.debug), file=sys.stderr)
    if run.status == "waiting" and not given.json and not session.is_interrupted:
        print("\n" + waiting_text(run.questions, given.target), file=sys.stderr)
    return exits.INTERRUPTED if session.is_interrupted else exits.exit_of_status(run.status)


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
