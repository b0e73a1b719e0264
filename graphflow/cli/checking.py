"""``graphflow check``: everything that can be told of graphs without running them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.output import counted, finding_data, print_data, print_json
from graphflow.errors import DeclarationError, Finding, GraphError, GraphflowError, ImportFailed, TargetNotFound
from graphflow.service.targets import files_in, load_all, split

_DESCRIPTION = """\
Check graphs without running them: dead ends, loops without limit, joins that
can wait for ever, fields read before they are written, and more. Needs no model
and no key.

A folder stands for every Python file in it that names graphflow, a file for
every graph at its module level. Files are imported, which runs their lines.

Errors and warnings fail the check (exit 1); advice alone does not."""

_EXAMPLES = (
    "graphflow check graphs/",
    "graphflow check graphs/essay.py graphs/intel.py:graph",
    "graphflow check graphs.pipeline --json",
)


@dataclass(slots=True)
class _Checked:
    """What was found so far, over all targets."""

    findings: list[Finding] = field(default_factory=list[Finding])
    graphs: set[str] = field(default_factory=set[str])
    seen: set[int] = field(default_factory=set[int])


def make_parser() -> Parser:
    """The arguments of ``graphflow check``."""
    parser = Parser("check TARGET ...", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("targets", metavar="TARGET", nargs="+", help="a folder, FILE[:NAME] or MODULE[:NAME]")
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the command out. Returns its exit code."""
    checked = _Checked()
    for text in given.targets:
        files = files_in(Path(text)) if Path(text).is_dir() else [text]
        if not sum([_check(file, checked) for file in files]):
            raise TargetNotFound(
                f"There is no graph in {text}",
                why="A graph is found if it is held by a module-level variable.",
                fix="graph = Graph(...) at module level, or name another target.",
            )
    if given.json:
        print_json({"schema": "graphflow.check/1", "findings": [finding_data(one) for one in checked.findings]})
    else:
        print_data(_text(checked, given.targets))
    failing = [finding for finding in checked.findings if finding.severity != "advice"]
    return exits.FAILED if failing else exits.DONE


def _check(text: str, checked: _Checked) -> int:
    """Check the graphs of one target; returns how many. One that cannot be imported is a finding, and counts as one."""
    try:
        targets = load_all(text)
    except (DeclarationError, GraphError, ImportFailed) as error:
        checked.findings += _findings_of(error, text)
        return 1
    for target in targets:
        graph = target.graph
        if id(graph) not in checked.seen:  # one file may import the graph of another
            checked.seen.add(id(graph))
            checked.graphs.add(f"{split(text)[0]}:{target.name}")
            checked.findings += graph.check()
    return len(targets)


def _findings_of(error: GraphflowError, text: str) -> Sequence[Finding]:
    if isinstance(error, GraphError):
        return error.findings
    return [Finding(error.code, "error", split(text)[0], error.what, error.why, error.fix, error.where)]


def _text(checked: _Checked, targets: Sequence[str]) -> str:
    findings = sorted(checked.findings, key=lambda one: ("error", "warning", "advice").index(one.severity))
    places = ", ".join(targets)
    where = f"{counted(len(checked.graphs), 'graph')} in {places}" if checked.graphs else places
    if not findings:
        return f"clean    {where}"
    blocks = [f"{finding.severity} in {finding.graph!r}\n{finding.text}" for finding in findings]
    counts = [
        counted(count, noun) if noun != "advice" else f"{count} advice"
        for noun in ("error", "warning", "advice")
        if (count := sum(finding.severity == noun for finding in findings))
    ]
    is_clean = all(finding.severity == "advice" for finding in findings)
    return "\n\n".join([*blocks, f"{'clean' if is_clean else 'found':<9}{', '.join(counts)} · {where}"])
