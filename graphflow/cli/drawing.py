"""``graphflow draw``: the picture of a graph, on the terminal or in a file."""

from __future__ import annotations

import argparse
import sys

from graphflow.cli import exits
from graphflow.cli.arguments import TARGET_HELP, Parser, add_common
from graphflow.cli.output import print_data, print_json
from graphflow.cli.targets import load

_DESCRIPTION = """\
Draw a graph from its declared edges. Without -o it is written to stdout, as
text unless --format says otherwise.

Pictures (svg, png, pdf) are laid out by Graphviz: its dot, or the one that
pip install graphflow-agents[viz] brings. Text, dot and mmd (Mermaid) need
nothing. Nothing is sent anywhere."""

_EXAMPLES = (
    "graphflow draw graphs/essay.py",
    "graphflow draw graphs/essay.py -o essay.svg",
    "graphflow draw graphs/intel.py -o intel.png --theme dark --direction LR --expand 1",
    "graphflow draw graphs/essay.py --format mermaid >> README.md",
)


def make_parser() -> Parser:
    """The arguments of ``graphflow draw``."""
    parser = Parser("draw TARGET", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("target", metavar="TARGET", help=TARGET_HELP)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-o", dest="output", metavar="FILE", help="write to FILE: .svg .png .pdf .dot .mmd or .txt")
    where.add_argument("--format", choices=("text", "dot", "mermaid", "svg"), help="what to write to stdout")
    parser.add_argument("--theme", default="auto", help="auto, light, dark or contrast")
    parser.add_argument("--direction", default="auto", help="auto, TB (down) or LR (to the right)")
    parser.add_argument("--expand", metavar="N", default="0", help="unfold sub-graphs: a depth, or names with commas")
    parser.add_argument("--detail", default="cards", help="names, cards or full (with what nodes read and write)")
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the command out. Returns its exit code."""
    graph = load(given.target).graph
    names = [name.strip() for name in given.expand.split(",")]
    expand = int(given.expand) if given.expand.isdecimal() else names
    diagram = graph.draw(detail=given.detail, direction=given.direction, expand=expand, theme=given.theme)
    kind = given.format or "text"
    if given.output:
        file = diagram.save(given.output)
        if given.json:
            print_json({"schema": "graphflow.draw/1", "graph": graph.name, "file": str(file)})
        else:
            print(f"wrote {file}", file=sys.stderr)
        return exits.DONE
    drawn = str(getattr(diagram, kind)).rstrip("\n")
    if given.json:
        print_json({"schema": "graphflow.draw/1", "graph": graph.name, "format": kind, "drawing": drawn})
    else:
        print_data(drawn)
    return exits.DONE
