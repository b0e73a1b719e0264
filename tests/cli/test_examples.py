"""Every command that a help text shows as an example runs as it stands, in a copy of the repository's graphs."""

from __future__ import annotations

import importlib.util
import io
import shlex
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from graphflow.cli import checking, drawing, explaining, main, running, runs, working
from tests.cli.commands import Command

ROOT = Path(__file__).parents[2]
SHOWN = {
    "": main._EXAMPLES,  # pyright: ignore[reportPrivateUsage]
    "run": running._EXAMPLES,  # pyright: ignore[reportPrivateUsage]
    "check": checking._EXAMPLES,  # pyright: ignore[reportPrivateUsage]
    "draw": drawing._EXAMPLES,  # pyright: ignore[reportPrivateUsage]
    "explain": explaining._EXAMPLES,  # pyright: ignore[reportPrivateUsage]
}
ACTIONS = {name: import_module(f"graphflow.cli.{module}") for name, (_, module) in runs.ACTIONS.items()}
OF_STORES = {"worker": working._EXAMPLES} | {f"runs {name}": module._EXAMPLES for name, module in ACTIONS.items()}
EXAMPLES = list(dict.fromkeys(example for examples in SHOWN.values() for example in examples))


@pytest.mark.parametrize("name", SHOWN | OF_STORES)
def test_the_help_shows_these_examples(graphflow: Command, name: str) -> None:
    shown = graphflow(*name.split(), "--help").out
    assert all(f"  {example}\n" in shown for example in (SHOWN | OF_STORES)[name])


@pytest.mark.parametrize(("name", "example"), [(name, one) for name, found in OF_STORES.items() for one in found])
def test_an_example_with_a_store_is_understood(name: str, example: str) -> None:
    """What it finds there is told elsewhere."""
    words = shlex.split(example.partition(" > ")[0])
    assert words[: 1 + len(name.split())] == ["graphflow", *name.split()]
    module = working if name == "worker" else ACTIONS[name.split()[1]]
    given = module.make_parser().read(words[1 + len(name.split()) :])
    assert given.store


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_help_runs_as_it_stands(
    graphflow: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    """No file that is not there, no field that is missing; without a key and a model."""
    if "-o" in shlex.split(example) and not _can_lay_out():
        pytest.skip("Graphviz is not installed")
    if "runs" in example.split():
        assert graphflow("run", "essay.py", "topic=owls", "--store", "runs.db").code == 0
    for name in ("GRAPHFLOW_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_DEFAULT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(ROOT / "graphs", folder / "graphs", ignore=shutil.ignore_patterns("__pycache__"))
    words = shlex.split(example.replace("\\\n", " "))
    if words[0] == "cat":
        monkeypatch.setattr("sys.stdin", io.StringIO((folder / words[1]).read_text(encoding="utf-8")))
        words = words[words.index("|") + 1 :]
    for redirect in (">", ">>"):
        words = words[: words.index(redirect)] if redirect in words else words
    assert words[0] == "graphflow"
    said = graphflow(*words[1:])
    assert said.code == 0, said.err
    assert said.out or "-o" in words


def _can_lay_out() -> bool:
    return shutil.which("dot") is not None or importlib.util.find_spec("pygraphviz") is not None
