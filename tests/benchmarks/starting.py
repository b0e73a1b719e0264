"""What comes before the first step: imports, compile and check, the command line."""

from __future__ import annotations

import gc
import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import networkx
from measuring import REPOSITORY, Measured, Sample, compare, process
from steps import MANY, Count, up

from graphflow import END, START, Graph, fields

IMPORTS = "from graphflow import END, START, Agent, Graph, append, fields"
"""What a file with a graph begins with; names are loaded when they are asked for, so ``import graphflow`` says little."""

HEAVY = ("openai", "networkx", "graphviz", "hypothesis")

OFFLINE = """
from pydantic import BaseModel
from graphflow import END, START, Graph, fields

class Count(BaseModel):
    n: int = 0

graph = Graph("count", Count)

@graph.node(writes=fields(Count).n)
def up(state: Count) -> int:
    return state.n + 1

graph.chain(START, up, END)
"""


def importing() -> Measured:
    return compare(process("-c", "import graphflow"), process("-c", "pass"))


def importing_names() -> Measured:
    return compare(process("-c", IMPORTS), process("-c", "import asyncio; from pydantic import BaseModel, TypeAdapter"))


def heavy_imports() -> Measured:
    code = f"{IMPORTS}; import sys; print(*(m for m in {HEAVY} if m in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY, capture_output=True, text=True)
    names = found.stdout.split()
    return Measured(len(names), note=", ".join(names) or "none")


def declared(length: int) -> Graph[Count]:
    """A chain with a shortcut and a way back at every tenth node."""
    graph = Graph("long", Count, limits=MANY)
    count = fields(Count)
    nodes = [graph.node(up, name=f"node {index}") for index in range(length)]
    graph.edge(START, nodes[0])
    for index in range(length - 1):
        if index % 10 == 5:
            graph.edge(nodes[index], nodes[index - 5], when=count.n < index, at_most=3)
            graph.edge(nodes[index], nodes[min(index + 2, length - 1)], when=count.n > index)
        graph.edge(nodes[index], nodes[index + 1])
    graph.edge(nodes[-1], END)
    return graph


def checked(length: int) -> Sample:
    def sample() -> float:
        graph = declared(length)
        gc.collect()
        begun = time.process_time()
        graph.check()
        return time.process_time() - begun

    return sample


def condensed(length: int) -> Sample:
    """The floor: nodes and edges into a graph of networkx, and its strongly connected components."""
    plan = declared(length).plan()
    pairs = [(edge.source, target) for edge in plan.edges for target in edge.targets]

    def sample() -> float:
        gc.collect()
        begun = time.process_time()
        graph = networkx.DiGraph(pairs)
        list(networkx.strongly_connected_components(graph))
        return time.process_time() - begun

    return sample


def check_1000() -> Measured:
    return compare(checked(1_000), condensed(1_000))


def check_10000() -> Measured:
    return compare(checked(10_000), condensed(10_000))


def command() -> Measured | None:
    """None while there is no command line."""
    if importlib.util.find_spec("graphflow.cli.main") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "count.py")
        target.write_text(OFFLINE)
        return compare(process("-m", "graphflow.cli.main", "run", str(target), "--json"), process("-c", "pass"))


MEASURES = {
    "check_1000": check_1000,
    "check_10000": check_10000,
    "import": importing,
    "import_names": importing_names,
    "heavy_imports": heavy_imports,
    "command": command,
}
