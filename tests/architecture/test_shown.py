"""Everything shown runs: the README's blocks, the ready graphs, the commands. Notebooks: test_notebooks.py."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from graphflow import patterns

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line.startswith("graphflow ")
]


def environment() -> dict[str, str]:
    """No key, no model named: as on a fresh machine."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "GRAPHFLOW_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def run(program: Path) -> subprocess.CompletedProcess[str]:
    """A program run in a folder of its own, where warnings are errors."""
    words = [sys.executable, "-W", "error", str(program)]
    return subprocess.run(words, cwd=program.parent, env=environment(), capture_output=True, text=True)


def test_the_python_of_the_readme_runs_as_one_program(tmp_path: Path) -> None:
    program = tmp_path / "readme.py"
    program.write_text("\n".join(text for kind, text in BLOCKS if kind == "python"), encoding="utf-8")
    done = run(program)
    assert done.returncode == 0, done.stderr
    assert "GF" in done.stdout, "the broken graph of the README has findings"


@pytest.mark.parametrize("block", [text for kind, text in BLOCKS if kind == "py"], ids=lambda text: text.split()[1])
def test_what_needs_an_extra_runs_where_that_is_installed(block: str, tmp_path: Path) -> None:
    """Such blocks are fenced as ``py``; ``graph`` and ``state`` are there, as in a program of the reader's."""
    for line in ast.parse(block).body:
        names = [line.module] if isinstance(line, ast.ImportFrom) else [one.name for one in getattr(line, "names", [])]
        for name in names:
            pytest.importorskip(name or "", reason=f"the README's block needs {name}")
    program = tmp_path / "block.py"
    given = 'from graphs.backoff import Reading, graph\n\nstate = Reading(station="Huntorf")\n'
    program.write_text(given + block, encoding="utf-8")
    done = run(program)
    assert done.returncode == 0, done.stderr


def test_our_side_of_the_comparison_runs(tmp_path: Path) -> None:
    """Theirs are fenced as ``python NAME``, and run by tests/benchmarks/peers/shown.py."""
    page = (ROOT / "notebooks/coming_from.md").read_text(encoding="utf-8")
    program = tmp_path / "ours.py"
    program.write_text("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), encoding="utf-8")
    done = run(program)
    assert (done.stdout, done.stderr) == ("draft 3\n", "")
    never = "\ndef ask_critic(draft: str) -> tuple[int, str]:\n    return 1, draft\n"
    program.write_text(program.read_text(encoding="utf-8").replace("\nfrom typing", f"{never}\nfrom typing", 1))
    assert run(program).stdout == "draft 4\n"


@pytest.mark.parametrize("line", re.findall(r"`(patterns\.\w+\(.*?\))`", README))
def test_a_line_of_the_pattern_tables_is_a_call_that_the_builder_takes(line: str) -> None:
    call = ast.parse(line, mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    names = {keyword.arg: None for keyword in call.keywords if keyword.arg}
    inspect.signature(getattr(patterns, call.func.attr)).bind(*call.args, **names)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_readme_run(command: str) -> None:
    words = re.sub(r" {2,}", " ", command)
    done = subprocess.run(
        [sys.executable, "-m", "graphflow", *shlex.split(words)[1:]],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("graph", sorted((ROOT / "graphs").glob("*.py")), ids=lambda path: path.stem)
def test_the_ready_graphs_run_as_programs(graph: Path) -> None:
    done = subprocess.run([sys.executable, str(graph)], cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("graph", sorted((ROOT / "graphs").glob("*.py")), ids=lambda path: path.stem)
def test_a_ready_graph_is_short_enough_to_read_at_once(graph: Path) -> None:
    assert len(graph.read_text(encoding="utf-8").splitlines()) <= 120
