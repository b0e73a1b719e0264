"""Imports point down only, and the core does no I/O; what is heavy is imported when it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_layers_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "import graphflow",
        "from graphflow import END, FAIL, START, Agent, Context, Graph, fields",
        "import graphflow.cli.main",
    ],
)
def test_heavy_packages_are_imported_only_when_used(statement: str) -> None:
    """Import cost: neither openai, networkx, graphviz nor hypothesis comes with the package."""
    code = f"{statement}\nimport sys\nprint(sorted({{'openai', 'networkx', 'graphviz', 'pygraphviz', 'hypothesis', 'rich'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
