"""``graphflow runs diff``: where two runs part, which fields of their states differ, what each spent."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.opening import OPENING_HELP, add_store, opened
from graphflow.cli.output import counted, is_unicode, one_line, print_data, print_json
from graphflow.cli.tables import plain_table
from graphflow.core.tokens import masked
from graphflow.service.differing import difference
from graphflow.service.spots import spot_of
from graphflow.service.stored_runs import read_run
from graphflow.stores.ciphers import VARIABLE as KEY
from graphflow.views.comparison import compare_runs

_DESCRIPTION = """\
Tell where two runs part: the first step that went another way or wrote
something else, the fields of the state that differ, and what each spent.

Times are not compared. Neither graph is imported."""

_EXAMPLES = (
    "graphflow runs diff owls-1 owls-2 --store runs.db",
    "graphflow runs diff owls-1 owls-2 --store runs.db --exit-code --json",
    "graphflow runs diff owls-1 owls-2 --store runs.db -o diff.svg",
)


def make_parser() -> Parser:
    """The arguments of ``graphflow runs diff``."""
    parser = Parser("runs diff A B", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("first", metavar="A", help="a run")
    parser.add_argument("second", metavar="B", help="the run to compare it with")
    parser.add_argument("--exit-code", action="store_true", help="end with 1 if they differ, as diff does")
    help_ = "draw both runs on their graph, with what differs: .svg .png .pdf .dot .mmd or .txt"
    parser.add_argument("-o", dest="output", metavar="FILE", help=help_)
    add_store(parser, OPENING_HELP)
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    with opened(given.store) as store:  # without the key of a secret it stays sealed, and is not compared
        kept = (read_run(store, given.first), read_run(store, given.second))
    data = difference(*kept)
    if given.output:
        file = compare_runs(kept[0].run(), kept[1].run()).draw().save(given.output)
        print(f"wrote {file}", file=sys.stderr)
    if given.json:
        print_json({"schema": "graphflow.diff/1"} | data)
    else:
        print_data(_text(data))
    return exits.FAILED if given.exit_code and not data["is_equal"] else exits.DONE


def _text(data: dict[str, Any]) -> str:
    names, arrow = data["runs"], "→" if is_unicode(sys.stdout) else "->"
    rows = [("", *names), ("graph", *data["graphs"]), ("status", *data["status"])]
    for name, pair in data["counts"].items():
        if any(pair) or name == "steps":
            rows.append((name.replace("_", " "), *("unknown" if one is None else f"{one:,g}" for one in pair)))
    blocks = [plain_table(rows[0], rows[1:])]
    if not data["secrets_compared"]:
        blocks[0] += f"\n\nSecrets are sealed, and were not compared: that needs their key, in {KEY}."
    if data["is_equal"]:
        return blocks[0] + "\n\nThe runs are equal: same steps, same state."
    blocks.append(_parting(data, arrow))
    if data["state"]:
        lines = [f"{counted(len(data['state']), 'field')} of the state differ{'s' if len(data['state']) == 1 else ''}:"]
        for name, pair in data["state"].items():
            lines += [f"  {name}", *(f"    {run}: {_short(one)}" for run, one in zip(names, pair, strict=True))]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _parting(data: dict[str, Any], arrow: str) -> str:
    found = data["first_difference"]
    if found is None:
        return "They went the same way."
    after = f", after {spot_of(found['after'])}" if found["after"] else ""
    lines = [f"They part at step {found['number']}{after}:"]
    for name, step in zip(data["runs"], found["steps"], strict=True):
        lines.append(f"  {name}: {_step(step, arrow)}")
    return "\n".join(lines)


def _step(step: dict[str, Any] | None, arrow: str) -> str:
    if step is None:
        return "has no further step"
    written = "; ".join(
        f"{name.lstrip('=')} = {_short(value)}" for update in step["updates"] for name, value in update.items()
    )
    to = f"  {arrow} {', '.join(step['to'])}" if step["to"] else ""
    return f"{spot_of(step['at'])}{to}{f'   {written}' if written else ''}"


def _short(value: Any) -> str:
    value = masked(value)
    return one_line(value if isinstance(value, str) else repr(value), 100)
