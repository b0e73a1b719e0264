"""``graphflow draw``: the picture of a graph, on the terminal or in a file; or the pictures of a folder of graphs."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.opening import STORE_HELP, add_store, opened
from graphflow.cli.output import counted, print_data, print_json
from graphflow.core.plan import Plan
from graphflow.errors import CipherKeyUnknown, CipherMissing, SecretDamaged, TargetNotFound, UsageError
from graphflow.runtime.run import Run
from graphflow.service.stored_runs import stored_run
from graphflow.service.targets import files_in, load, load_all
from graphflow.views.committed import differences
from graphflow.views.diagram import Diagram, draw

_DESCRIPTION = """\
Draw a graph from its declared edges. Without -o it is written to stdout, as
text unless --format says otherwise.

With --run a run is drawn on its graph: where it is or ended, the way it took,
figures; --step shows it as it was after that entry. TARGET can be left out: the
store knows the graph as it was run.

--check compares a drawing that was kept with what would be drawn now, and ends
with 1 if the graph has changed; give the options that it was drawn with.

A folder stands for every graph in it; -o is a folder, too, which gets an SVG
for each, named as the graph's file. So is the FILE of --check: it has to hold
an SVG for each of them, and none beside.

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
_OF_RUNS = (
    "graphflow draw graphs/essay.py --run owls-1 --store runs.db -o run.svg",
    "graphflow draw --run owls-1 --store runs.db --step 7 --heat cost",
    "graphflow draw --run owls-1 --store runs.db --animate -o plays.svg",
    "graphflow draw graphs/essay.py --check essay.svg",
    "graphflow draw graphs/ --check pictures/ --detail names --width 420",
)


def make_parser() -> Parser:
    """The arguments of ``graphflow draw``."""
    parser = Parser("draw [TARGET]", _DESCRIPTION, _EXAMPLES + _OF_RUNS)
    help_ = "a folder, FILE[:NAME] or MODULE[:NAME]; NAME is the variable that holds the graph (default: graph)"
    parser.add_argument("target", metavar="TARGET", nargs="?", help=help_)
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
    parser.add_argument("--run", metavar="ID", help="draw this run on its graph")
    add_store(parser, f"where the run is kept: {STORE_HELP}")
    parser.add_argument("--step", metavar="N", type=int, help="the run as it was after entry N (default: the last)")
    parser.add_argument("--heat", default="time", help="what the bar on a card is its share of: time, cost or tokens")
    parser.add_argument("--animate", action="store_true", help="an SVG that plays the run, step by step")
    help_ = "end with 1, and say what differs, unless FILE (.svg .dot .mmd .txt, a folder) shows what would be drawn"
    where.add_argument("--check", metavar="FILE", help=help_)
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the command out. Returns its exit code."""
    _refuse_nonsense(given)
    if given.target is not None and Path(given.target).is_dir():
        return _draw_folder(Path(given.target), given)
    diagram, facts = _diagram(given)
    if given.check:
        return _check(diagram, Path(given.check), given)
    facts = {"schema": "graphflow.draw/1"} | facts
    kind = given.format or "text"
    if given.output:
        file = diagram.save(given.output, plays=given.animate)
        if given.json:
            print_json(facts | {"file": str(file)})
        else:
            print(f"wrote {file}", file=sys.stderr)
        return exits.DONE
    drawn = (diagram.animation() if given.animate else str(getattr(diagram, kind))).rstrip("\n")
    if given.json:
        print_json(facts | {"format": kind, "drawing": drawn})
    else:
        print_data(drawn)
    return exits.DONE


def _refuse_nonsense(given: argparse.Namespace) -> None:
    """Options that say something about a run where there is none, or that contradict each other."""
    if given.run is None:
        said = "--step" if given.step is not None else "--animate" if given.animate else ""
        if said:
            raise UsageError(
                f"{said} says nothing without --run",
                why="A graph alone has no steps.",
                fix=f"Name the run, and its store: --run ID --store runs.db {said}",
            )
        if given.target is None:
            raise UsageError(
                "Neither a graph nor a run is named",
                why="What is drawn is a graph, TARGET, or a run that a store keeps.",
                fix="graphflow draw graphs/essay.py, or graphflow draw --run ID --store runs.db",
            )
    elif given.target is not None and Path(given.target).is_dir():
        raise UsageError(
            f"{given.target!r} is a folder, and --run is one run",
            why="A run is drawn on its own graph.",
            fix=f"graphflow draw --run {given.run}",
        )
    if given.animate and given.format != "svg" and Path(given.output or "").suffix.lower() != ".svg":
        raise UsageError("Only an SVG can play a run", why="--animate writes one.", fix="--animate -o run.svg")


def _diagram(given: argparse.Namespace) -> tuple[Diagram, dict[str, Any]]:
    """What is to be drawn, and what it is of."""
    plan = None if given.target is None else load(given.target).graph.plan()
    if given.run is None:
        assert plan is not None
        return _drawn(plan, given), {"graph": plan.name}
    run = _kept(given, plan)
    diagram = _drawn(run.plan if plan is None else plan, given, run)
    return diagram, {"graph": run.graph, "run": run.id, "step": run.seq if given.step is None else given.step}


def _kept(given: argparse.Namespace, plan: Plan | None) -> Run[Any]:
    """The run; without the key of its secrets as the store knows it, which opens none."""
    with opened(given.store) as store:
        try:
            return stored_run(store, given.run, plan)
        except (CipherMissing, CipherKeyUnknown, SecretDamaged):
            return stored_run(store, given.run)


def _check(diagram: Diagram, file: Path, given: argparse.Namespace) -> int:
    if not file.is_file():
        raise TargetNotFound(
            f"There is no file {str(file)!r}", why="It was to be compared.", fix=f"-o {file} writes it."
        )
    found = differences(diagram, file)
    if given.json:
        name = diagram.drawing.name
        print_json({"schema": "graphflow.draw/1", "graph": name, "file": str(file), "differences": found})
    elif found:
        print_data("\n".join([f"{file} does not show {diagram.drawing.name} as it is now:", *found]))
    else:
        print(f"{file} is up to date", file=sys.stderr)
    return exits.FAILED if found else exits.DONE


def _draw_folder(folder: Path, given: argparse.Namespace) -> int:
    """An SVG for every graph of a folder. All are drawn before the first is written."""
    into = _pictures_of(given)
    diagrams = dict(_diagrams(folder, given))
    if not diagrams:
        raise TargetNotFound(
            f"There is no graph in {given.target}",
            why="A graph is found if it is held by a module-level variable.",
            fix="graph = Graph(...) at module level, or name another folder.",
        )
    if given.check:
        return _check_folder(diagrams, into, given)
    pictures = [(into / f"{name}.svg", diagram, diagram.svg) for name, diagram in diagrams.items()]
    into.mkdir(parents=True, exist_ok=True)
    files = [str(diagram.save(file)) for file, diagram, _ in pictures]
    if given.json:
        print_json({"schema": "graphflow.draw/1", "files": files})
    else:
        print(f"wrote {counted(len(files), 'picture')} to {into}", file=sys.stderr)
    return exits.DONE


def _pictures_of(given: argparse.Namespace) -> Path:
    """The folder of pictures that belongs to a folder of graphs. Raises UsageError where none is meant."""
    option, named = ("--check", given.check) if given.check else ("-o", given.output)
    pictures = Path(named or "")
    if not named or pictures.suffix or pictures.is_file():
        raise UsageError(
            f"{given.target!r} is a folder, and so {option} has to be",
            why="It may hold any number of graphs; each has a picture of its own.",
            fix=f"graphflow draw {given.target} {option} pictures/",
        )
    if given.check and not pictures.is_dir():
        raise TargetNotFound(
            f"There is no folder {named!r}",
            why="The pictures in it were to be compared.",
            fix=f"graphflow draw {given.target} -o {named} writes them.",
        )
    return pictures


def _check_folder(diagrams: Mapping[str, Diagram], kept: Path, given: argparse.Namespace) -> int:
    """Every graph against the picture of its name; what has no picture, and pictures of no graph, are told, too."""
    found: dict[str, list[str]] = {}
    for name, diagram in diagrams.items():
        file = kept / f"{name}.svg"
        found[str(file)] = differences(diagram, file) if file.is_file() else [f"+ no picture of {diagram.drawing.name}"]
    for file in sorted(kept.glob("*.svg")):
        found.setdefault(str(file), ["- a picture of no graph in the folder"])
    changed = {file: lines for file, lines in found.items() if lines}
    if given.json:
        print_json({"schema": "graphflow.draw/1", "files": sorted(found), "differences": changed})
    elif changed:
        print_data("\n".join(line for file, lines in changed.items() for line in (f"{file}:", *lines)))
    else:
        print(f"{counted(len(found), 'picture')} in {kept} up to date", file=sys.stderr)
    return exits.FAILED if changed else exits.DONE


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
            found.append((name, _drawn(target.graph.plan(), given)))
    return found


def _drawn(plan: Plan, given: argparse.Namespace, run: Run[Any] | None = None) -> Diagram:
    """The drawing as the options want it; turned if it is too wide, and narrower the other way."""
    names = [name.strip() for name in given.expand.split(",")]
    expand = int(given.expand) if given.expand.isdecimal() else names

    def drawn(direction: Any) -> Diagram:  # as typed; what there is not is refused where it is drawn
        options: Any = {"detail": given.detail, "expand": expand, "theme": given.theme, "heat": given.heat}
        return draw(plan, run, step=given.step, direction=direction, **options)

    diagram = drawn(given.direction)
    if given.width is None or width_of(diagram) <= given.width:
        return diagram
    turned = drawn("TB" if diagram.drawing.direction == "LR" else "LR")
    return min(diagram, turned, key=width_of)


def width_of(diagram: Diagram) -> float:
    """How wide its picture is, in points. Raises DrawingError without Graphviz."""
    found = re.search(r'<svg[^>]* width="([\d.]+)pt"', diagram.svg)
    return float(found[1]) if found else 0.0
