"""``graphflow run``: drive a graph from the command line, answer its questions, say what came out."""

from __future__ import annotations

import argparse
from contextlib import nullcontext

from graphflow.cli.arguments import TARGET_HELP, Parser
from graphflow.cli.inputs import start_state
from graphflow.cli.opening import opened, store_name
from graphflow.cli.options import add_driving, budget_of
from graphflow.cli.session import Session, setting_of
from graphflow.errors import UsageError
from graphflow.service.naming import WORDS, is_run_id
from graphflow.service.targets import load

_DESCRIPTION = """\
Run a graph from the state given as key=value, and print the fields it changed.

The state goes to stdout, progress to stderr; so does whatever the nodes print.
A field that is a text takes the value as it is, a list takes one element per
key=value, any other takes JSON. key=@file takes the text of a file, key=@-
that of standard input, key=@@text a text that begins with @.

A question of the graph is answered with --answer, or asked on the terminal if
there is one. With --store the run is kept: after Ctrl-C, a crash, a failure, a
question or a used-up budget, graphflow runs resume ID goes on from there."""

_EXAMPLES = (
    "graphflow run graphs/essay.py topic='night owls' notes='Owls hear a mouse under the snow.'",
    "graphflow run graphs/pipeline.py question='what limits hydro' text=@graphs/texts/beyond_batteries.txt",
    "cat graphs/texts/market.txt | graphflow run graphs/pipeline.py question='who leads' text=@- --json",
    "graphflow run graphs/intel.py topic=power passages=@graphs/texts/batteries.txt \\\n"
    "      passages=@graphs/texts/beyond_batteries.txt > brief.txt",
    "graphflow run graphs/essay.py topic=owls notes='They hunt at night.' --budget-usd 0.50 --budget-seconds 120",
    "graphflow run graphs/essay.py topic=owls notes='They hunt at night.' --store runs.db --run-id owls-1",
)


def make_parser() -> Parser:
    """The arguments of ``graphflow run``."""
    parser = Parser("run TARGET [key=value ...]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("target", metavar="TARGET", help=TARGET_HELP)
    parser.add_argument("values", metavar="key=value", nargs="*", help="a field of the state to start with")
    parser.add_argument("--input", metavar="FILE", help="a JSON object of fields, - for standard input; key=value wins")
    parser.add_argument("--run-id", metavar="ID", type=run_id, help="what the run is called (default: r- and 8 digits)")
    add_driving(parser)
    return parser


def run_id(text: str) -> str:
    """What a run can be called, for argparse: a word that can be typed again."""
    if not is_run_id(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no run id: {WORDS}")
    return text


def run(given: argparse.Namespace) -> int:
    """Carry the command out. Returns its exit code."""
    is_kept = store_name(given.store) is not None
    if given.durability and not is_kept:
        raise UsageError(
            f"--durability {given.durability} needs a store",
            why="It says when steps are safe in a store, and none is named.",
            fix="Add --store runs.db, or leave it out.",
        )
    target = load(given.target)
    state = start_state(target.graph.plan(), given.values, given.input)
    with opened(given.store, may_make=True) if is_kept else nullcontext() as store:
        setting = setting_of(given, store, budget_of(given), given.model)
        session = Session(target, setting, given, may_ask=given.input != "-")
        session.start(state, given.run_id)
        return session.report()
