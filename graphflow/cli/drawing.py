"""``graphflow draw``: the picture of a graph, on the terminal or in a file; or the pictures of a folder of graphs."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.output import print_data, print_json
from graphflow.cli.targets import files_in, load, load_all
from graphflow.errors import TargetNotFound, UsageError
from graphflow.flow import Graph
from graphflow.views.diagram import Diagram

_DESCRIPTION = """\
Draw a graph from its declared edges. Without -o it is written to stdout, as
text unless --format says otherwise.

A folder stands for every graph in it; -o is a folder, too, which gets an SVG
for each, named as the graph's file.

Pictures (svg, png, pdf) are laid out by Graphviz: its dot, or the one that
pip install graphflow-agents[viz] brings. Text, dot and mmd (Mermaid) need
nothing. Nothing is sent anywhere."""

_EXAMPLES = (
    "graphflow draw graphs/essay.py",
    "graphflow draw graphs/essay.py -o essay.svg",
    "graphflow draw graphs/intel.py -o intel.png --theme dark --direction LR --expand 1",
    "graphflow draw graphs/essay.py --format mermaid >> README.md",
    "graphflow draw graphs/ -o pictures/ --detail names --width 420",
)


def make_parser() -> Parser:
    """The arguments of ``graphflow draw``."""
    parser = Parser("draw TARGET", _DESCRIPTION, _EXAMPLES)
    help_ = "a folder, FILE[:NAME] or MODULE[:NAME]; NAME is the variable that holds the graph (default: graph)"
    parser.add_argument("target", metavar="TARGET", help=help_)
    where = parser.add_mutually_exclusive_group()
    help_ = "write to FILE: .svg .png .pdf .dot .mmd or .txt; for a folder of graphs, a folder"
    where.add_argument("-o", dest="output", metavar="FILE", help=help_)
    where.add_argument("--format", choices=("text", "dot", "mermaid", "svg"), help="what to write to stdout")
    parser.add_argument("--theme", default="auto", help="auto, light, dark or contrast")
    parser.add_argument("--direction", default="auto", help="auto, TB (down) or LR (to the right)")
    help_ = "points; a picture that would be wider is drawn in the other direction if it is narrower then"
    parser.add_argument("--width", metavar="N", type=int, help=help_)
    parser.add_argument("--expand", metavar="N", default="0", help="unfold sub-graphs: a depth, or names with commas")
    parser.add_argument("--detail", default="cards", help="names, cards or full (with what nodes read and write)")
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the command out. Returns its exit code."""
    if Path(given.target).is_dir():
        return _draw_folder(Path(given.target), given)
    graph = load(given.target).graph
    diagram = _drawn(graph, given)
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


def _draw_folder(folder: Path, given: argparse.Namespace) -> int:
    """An SVG for every graph of a folder. All are drawn before the first is written."""
    if not given.output or Path(given.output).suffix:
        raise UsageError(
            f"{given.target!r} is a folder, and so -o has to be",
            why="It may hold any number of graphs; each gets a file of its own.",
            fix=f"graphflow draw {given.target} -o pictures/",
        )
    into = Path(given.output)
    diagrams = dict(_diagrams(folder, given))
    if not diagrams:
        raise TargetNotFound(
            f"There is no graph in {given.target}",
            why="A graph is found if it is held by a module-level variable.",
            fix="graph = Graph(...) at module level, or name another folder.",
        )
    pictures = [(into / f"{name}.svg", diagram, diagram.svg) for name, diagram in diagrams.items()]
    into.mkdir(parents=True, exist_ok=True)
    files = [str(diagram.save(file)) for file, diagram, _ in pictures]
    if given.json:
        print_json({"schema": "graphflow.draw/1", "files": files})
    else:
        print(f"wrote {len(files)} pictures to {into}", file=sys.stderr)
    return exits.DONE


def _diagrams(folder: Path, given: argparse.Namespace) -> list[tuple[str, Diagram]]:
    """The drawing of each graph of a folder, with its name: its file's, and its variable's if the file has several."""
    found: list[tuple[str, Diagram]] = []
    seen: set[int] = set()
    for file in files_in(folder):
        targets = [target for target in load_all(file) if id(target.graph) not in seen]
        seen |= {id(target.graph) for target in targets}
        stem = "-".join(Path(file).relative_to(folder).with_suffix("").parts)
        for target in targets:
            name = stem if len(targets) == 1 else f"{stem}-{target.name}"
            found.append((name, _drawn(target.graph, given)))
    return found


def _drawn(graph: Graph[Any], given: argparse.Namespace) -> Diagram:
    """The drawing as the options want it; turned if it is too wide, and narrower the other way."""
    names = [name.strip() for name in given.expand.split(",")]
    expand = int(given.expand) if given.expand.isdecimal() else names

    def draw(direction: Any) -> Diagram:  # as typed; what there is not is refused where it is drawn
        return graph.draw(detail=given.detail, direction=direction, expand=expand, theme=given.theme)

    diagram = draw(given.direction)
    if given.width is None or width_of(diagram) <= given.width:
        return diagram
    turned = draw("TB" if diagram.drawing.direction == "LR" else "LR")
    return min(diagram, turned, key=width_of)


def width_of(diagram: Diagram) -> float:
    """How wide its picture is, in points. Raises DrawingError without Graphviz."""
    found = re.search(r'<svg[^>]* width="([\d.]+)pt"', diagram.svg)
    return float(found[1]) if found else 0.0
