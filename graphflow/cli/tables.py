"""Rows of texts as a table: with rich on a terminal, in plain columns elsewhere."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence

from graphflow.cli.output import print_data, visible

STYLES: Mapping[str, str] = {
    "done": "green",
    "failed": "red",
    "running": "blue",
    "waiting": "yellow",
    "stopped": "yellow",
    "exhausted": "yellow",
    "cancelled": "dim",
}
"""How a status looks."""


def plain_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """
    >>> print(plain_table(["run", "steps"], [["r-1", "12"], ["owls", "3"]]))
    run   steps
    r-1   12
    owls  3
    """
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in (headers, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout."""
    if not sys.stdout.isatty() or importlib.util.find_spec("rich") is None:
        print_data(plain_table(headers, rows))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, header in enumerate(headers):
        is_last = number == len(headers) - 1
        table.add_column(header, no_wrap=True, overflow="ellipsis" if is_last else "fold")
    for row in rows:
        table.add_row(*(Text(visible(cell), style=STYLES.get(cell, "")) for cell in row))
    Console(highlight=False).print(table)
