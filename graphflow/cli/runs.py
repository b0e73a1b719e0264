"""``graphflow runs``: what is kept in a store. One module per action; this one finds it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, cast

from graphflow.cli import exits
from graphflow.cli.arguments import Parser
from graphflow.cli.opening import VARIABLE
from graphflow.errors import UsageError, unknown_name

_DESCRIPTION = f"""\
Look at the runs that a store keeps, go on with them, answer their questions.

A run is kept with graphflow run --store runs.db, or graph.run(store="runs.db").
Every action takes --store; {VARIABLE} names one for all."""

_EXAMPLES = (
    "graphflow runs list --store runs.db",
    "graphflow runs show owls-1 --store runs.db",
    "graphflow runs resume owls-1 --store runs.db",
)

ACTIONS = {  # name -> what it does, its module
    "list": ("the runs, newest first", "listing"),
    "show": ("one run: path, steps, questions, usage, what ran how often", "showing"),
    "tail": ("follow a run that another process drives", "following"),
    "resume": ("go on with a stopped, waiting, failed or exhausted run", "resuming"),
    "answer": ("answer an open question", "answering"),
    "rerun": ("a new run from an earlier moment of an old one", "rerunning"),
    "diff": ("where two runs differ", "comparing"),
    "export": ("a run as JSON lines", "exporting"),
    "import": ("a run from JSON lines", "importing"),
    "rm": ("forget runs", "removing"),
    "prune": ("forget runs that are over, or the history of others", "pruning"),
}


class _Actions(Parser):
    """Reads the name of an action, and leaves the rest to the action's own parser."""

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        typed = list(arguments)
        if not typed or typed[0] in ("-h", "--help", "help"):
            print(help_text(), file=sys.stdout if typed else sys.stderr)
            raise SystemExit(exits.DONE if typed else exits.USAGE)
        if typed[0] not in ACTIONS:
            raise UsageError(
                f"graphflow runs: there is no action {typed[0]!r}",
                why="usage: graphflow runs ACTION ...",
                fix=unknown_name(typed[0], ACTIONS),
            )
        module = cast("Any", import_module(f"graphflow.cli.{ACTIONS[typed[0]][1]}"))
        given: argparse.Namespace = module.make_parser().read(typed[1:])
        given.carry_out = module.run
        return given


def make_parser() -> Parser:
    """The arguments of ``graphflow runs``."""
    return _Actions("runs ACTION ...", _DESCRIPTION, _EXAMPLES)


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    carry_out: Callable[[argparse.Namespace], int] = given.carry_out
    return carry_out(given)


def help_text() -> str:
    """What ``graphflow runs --help`` prints."""
    lines = [
        "usage: graphflow runs ACTION ...",
        "",
        _DESCRIPTION,
        "",
        "actions:",
        *(f"  {name:<10}{summary}" for name, (summary, _) in ACTIONS.items()),
        "",
        "graphflow runs ACTION --help tells more of one.",
        "",
        "examples:",
        *(f"  {example}" for example in _EXAMPLES),
        "",
        exits.HELP,
    ]
    return "\n".join(lines)
