"""The option ``--graph``: where the graph of a run is now."""

from __future__ import annotations

from graphflow.cli.arguments import TARGET_HELP, Parser

GRAPH_HELP = f"the run's graph, if it has moved: {TARGET_HELP.split(';')[0]}"


def add_graph(parser: Parser) -> None:
    """The option that names the graph of a run."""
    parser.add_argument("--graph", metavar="TARGET", help=GRAPH_HELP)
