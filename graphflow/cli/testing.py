"""``graphflow test``: the properties that every graph should have, without a line of test."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.inputs import some_fields
from graphflow.cli.options import amount
from graphflow.cli.output import counted, error_data, print_data, print_json
from graphflow.cli.trying import Mutated, add_further, mutated, simulated
from graphflow.errors import CommandError, DeclarationError, GraphError, ImportFailed, TargetNotFound
from graphflow.service.targets import Target, files_in, import_target, load_all, split

if TYPE_CHECKING:
    from graphflow.testing.suites.coverage import Watch
    from graphflow.testing.suites.coverage_report import GraphCoverage
    from graphflow.testing.suites.known_failures import KnownFailures
    from graphflow.testing.suites.suite import Outcome

_DESCRIPTION = """\
Test graphs without a line of test: check them, walk them at random with agents
that answer anything valid, and explore every way within bounds. Each property
that does not hold is shown as the shortest run that was found, and as a line
that plays it again. Function nodes are called for real; there is no network.

What has no default is made up anew for each walk, and so is what no node writes
and something looks at; all else starts as declared. --start says otherwise.

Failures are kept in .graphflow in this folder, and tried first the next time."""

_EXAMPLES = (
    "graphflow test graphs/essay.py",
    "graphflow test graphs/ --profile ci",
    "graphflow test graphs/map_reduce.py --start documents=@graphs/texts/market.txt",
    "graphflow test graphs/essay.py --cov --cov-svg pictures",
    "graphflow test graphs/essay.py --simulate 1000 --mutate",
    "graphflow test graphs/essay.py --json",
)


def make_parser() -> Parser:
    """The arguments of ``graphflow test``."""
    parser = Parser("test TARGET ...", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("targets", metavar="TARGET", nargs="+", help="a folder, FILE[:NAME] or MODULE[:NAME]")
    parser.add_argument(
        "--profile",
        choices=("quick", "ci", "nightly"),
        default="quick",
        help="how hard to try: 50 walks (the default), 300 with faults, 10,000 with faults",
    )
    parser.add_argument(
        "--start",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="fields that every run starts with, as for run; or a JSON object, or @FILE with one",
    )
    parser.add_argument("--cov", action="store_true", help="tell which parts of the graphs the walks went through")
    parser.add_argument("--cov-fail-under", metavar="PERCENT", type=amount, help="exit 1 if that was less")
    parser.add_argument("--cov-svg", metavar="DIR", help="draw it, one SVG per graph")
    add_further(parser)
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the command out. Returns its exit code."""
    if find_spec("hypothesis") is None:
        raise CommandError(
            "Tests of graphs need Hypothesis, which is not installed",
            why="It chooses what agents answer, and makes what it finds as short as can be.",
            fix="pip install 'graphflow-agents[test]'",
        )
    from graphflow.testing.suites.coverage import Watch

    has_coverage = given.cov or given.cov_fail_under is not None or given.cov_svg is not None
    watch = Watch() if has_coverage else None
    targets, tested = _found(given.targets)
    for one in tested if not given.json else ():
        print_data(_block(one))
    starts = [_start(target, given.start) for target in targets]
    tested += _try(targets, starts, given, watch)
    return _told(given, tested, _coverages(watch, given.cov_svg))


@dataclass(frozen=True, slots=True)
class _Tested:
    """What came of one graph, or of a file that cannot be imported."""

    place: str
    graph: str
    outcomes: Sequence[Outcome]
    start: str = ""
    mutated: Mutated | None = None

    def of(self, status: str) -> list[Outcome]:
        return [one for one in self.outcomes if one.status == status]


def _found(texts: list[str]) -> tuple[list[Target], list[_Tested]]:
    """The graphs of all targets, each once, and the files that hold none because they cannot be imported."""
    from graphflow.testing.suites.suite import STRUCTURE, Outcome

    found: list[Target] = []
    broken: list[_Tested] = []
    for text in texts:
        before = len(found) + len(broken)
        for file in files_in(Path(text)) if Path(text).is_dir() else [text]:
            try:
                found += [one for one in load_all(file) if not any(one.graph is other.graph for other in found)]
            except (DeclarationError, GraphError, ImportFailed) as error:
                broken.append(_Tested(file, "", (Outcome(STRUCTURE, "fails", error),)))
        if len(found) + len(broken) == before:
            raise TargetNotFound(
                f"There is no graph in {text}",
                why="A graph is found if it is held by a module-level variable.",
                fix="graph = Graph(...) at module level, or name another target.",
            )
    return found, broken


def _start(target: Target, arguments: list[str]) -> dict[str, Any] | None:
    """What every run of a graph starts with. Raises UsageError, TargetNotFound, InputInvalid."""
    if not arguments:
        return None
    from graphflow.testing.values.inputs import check_given

    plan = target.graph.plan()
    fields = some_fields(plan, arguments)
    check_given(plan, fields)
    return fields


def _try(
    targets: list[Target],
    starts: Sequence[Mapping[str, Any] | None],
    given: argparse.Namespace,
    watch: Watch | None,
) -> list[_Tested]:
    from graphflow.testing.suites.known_failures import KnownFailures
    from graphflow.testing.suites.profiles import profile_of
    from graphflow.testing.suites.suite import Suite

    known, tested = KnownFailures(Path.cwd()), list[_Tested]()
    if watch is not None:
        watch.start()
    try:
        for target, start in zip(targets, starts, strict=True):
            place = f"{split(target.text)[0]}:{target.name}"
            names = vars(import_target(split(target.text)[0]))
            suite = Suite(target.graph, profile_of(given.profile), place, names, known, watch, start)
            with redirect_stdout(io.StringIO()):  # what nodes print, thousands of times
                outcomes = list(suite.outcomes())
                with nullcontext() if watch is None else watch.pause():
                    outcomes += [simulated(target.graph, start, given.simulate)] if given.simulate else []
                    changed = mutated(target.graph, start) if given.mutate else None
            tested.append(_Tested(place, target.graph.name, outcomes, suite.started, changed))
            if not given.json:
                print_data(_block(tested[-1]))
    finally:
        if watch is not None:
            watch.stop()
        _keep(known)
    return tested


def _keep(known: KnownFailures) -> None:
    try:
        known.save()
    except OSError as error:  # a folder that cannot be written to is no reason to lose what was found
        print(f"What failed could not be kept for the next time: {error}", file=sys.stderr)


def _block(tested: _Tested) -> str:
    failing, holding = tested.of("fails"), tested.of("holds")
    notes = ", ".join(dict.fromkeys(one.note for one in holding if one.note))
    head = f"{'fails' if failing else 'holds':<9}{tested.place}"
    if tested.graph:
        head += f"   {len(holding)} of {len(tested.outcomes)} properties" + (f"   {notes}" if notes else "")
    lines = [head, *([f"{'':<9}start: {tested.start}"] if tested.start else [])]
    for one in failing:
        lines += ["", f"{one.name}{f' ({one.note})' if one.note else ''}", *_indented(one.text)]
    lines += [f"{'skipped':<9}{note}" for note in dict.fromkeys(one.note for one in tested.of("skipped"))]
    lines += [
        f"{'changed':<9}{line}" if not number else f"{'':<9}{line}" for number, line in enumerate(_changed(tested))
    ]
    return "\n".join([*lines, ""] if failing else lines)


def _changed(tested: _Tested) -> list[str]:
    return [] if tested.mutated is None else tested.mutated.text.splitlines()


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


def _coverages(watch: Watch | None, folder: str | None) -> list[GraphCoverage]:
    if watch is None:
        return []
    from graphflow.testing.suites.coverage_report import report, save_pictures

    found = [report(seen) for seen in watch.seen]
    if folder is not None:
        save_pictures(found, Path(folder))
    return found


def _told(given: argparse.Namespace, tested: list[_Tested], coverages: list[GraphCoverage]) -> int:
    """What was found of all of them, and the exit code."""
    from graphflow.testing.suites.coverage_report import percent_of, texts_of

    failing = sum(len(one.of("fails")) for one in tested)
    percent = percent_of(part for one in coverages for part in one.parts)
    least = given.cov_fail_under
    is_too_little = least is not None and percent < least
    if given.json:
        graphs = [_data(one) for one in tested]
        data: dict[str, Any] = {"schema": "graphflow.test/1", "profile": given.profile, "graphs": graphs}
        if coverages:
            data["coverage"] = {"percent": round(percent, 1), "graphs": [one.as_json() for one in coverages]}
        print_json(data)
    else:
        for text in texts_of(coverages):
            print_data(text)
        if coverages:
            print_data(f"{'covered':<9}{percent:.0f}% of {counted(len(coverages), 'graph')}")
        if is_too_little:
            print_data(f"{'fails':<9}less than the {least:g}% that were asked for")
        if len(tested) > 1:
            print_data(f"{'found' if failing else 'clean':<9}{counted(failing, 'failure')} in {len(tested)} graphs")
    return exits.FAILED if failing or is_too_little else exits.DONE


def _data(tested: _Tested) -> dict[str, object]:
    properties = [
        {"name": one.name, "status": one.status, "note": one.note, "error": _error(one)} for one in tested.outcomes
    ]
    return {
        "graph": tested.graph or None,
        "target": tested.place,
        "start": tested.start or None,
        "properties": properties,
        **({} if tested.mutated is None else {"mutations": tested.mutated.data}),
    }


def _error(one: Outcome) -> dict[str, object] | None:
    """As for any command, and the run that shows it."""
    data = error_data(one.error)
    if data is not None:
        data["story"] = getattr(one.error, "story", "")
        data["replay"] = getattr(one.error, "replay", "")
    return data
