"""Every broken graph of this folder is found by ``verify`` or ``simulate``, told in the words kept next to it, and found again by the replay.

A graph is a file that defines ``graph``; where something has to go wrong outside it says ``FAULTS``, ``AGENTS`` where that
shows only beside sensible answers, and ``DEPS`` where its nodes need some. ``SIMULATED`` are those that only the real driver
finds. What is told is kept in a text of the same name: ``GRAPHFLOW_SNAPSHOTS=write`` writes them anew.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from graphflow import END
from graphflow.errors import CODES, GraphError, GraphflowError
from graphflow.errors.testing import NotDeterministic, OutsideReached, PropertyFailed
from graphflow.testing import faults, replay, simulate, verify
from graphflow.testing.walking.laws import LAWS
from graphflow.testing.walking.unused import PROVED
from tests.graph.snapshots import shown

FOLDER = Path(__file__).parent
FILES = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("test_"))
BROKEN = (PropertyFailed, GraphError, NotDeterministic)
_ADDRESS = re.compile(r"0x[0-9a-f]+")


def loaded(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The file as a fresh module, known by its name as imported ones are."""
    name = f"gallery_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def found(module: ModuleType) -> GraphflowError:
    """What is said of its graph."""
    with pytest.raises(BROKEN) as caught:
        ask(module)
    return caught.value


def ask(module: ModuleType, **otherwise: Any) -> None:
    """Ask of a graph what its file is about."""
    options = {"faults": "FAULTS", "agents": "AGENTS", "deps": "DEPS"}
    given = {name: getattr(module, of) for name, of in options.items() if hasattr(module, of)} | otherwise
    if getattr(module, "SIMULATED", False):
        simulate(module.graph, **given)
    else:
        verify(module.graph, **given)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_found_and_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _ADDRESS.sub("0x", shown(found(loaded(path, monkeypatch)))) + "\n"
    kept = path.with_suffix(".txt")
    if os.environ.get("GRAPHFLOW_SNAPSHOTS") == "write":
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_told_plays_again_and_fails_in_the_same_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = loaded(path, monkeypatch)
    failure = found(module)
    if not isinstance(failure, PropertyFailed) or failure.name in PROVED.values():
        assert f"[{failure.code}]" in str(failure)  # no run shows it: check, or a proof
        assert failure.code in CODES
        return
    names: dict[str, Any] = {"replay": replay, "simulate": simulate, "faults": faults}
    with pytest.raises(PropertyFailed) as again:
        eval(failure.replay, {**vars(module), **names})
    assert again.value.name == failure.name
    told = failure.story.partition("\n  replay ")[0]
    assert _ADDRESS.sub("0x", again.value.story.partition("\n  replay ")[0]) == _ADDRESS.sub("0x", told)


@pytest.mark.parametrize("name", ["refused_answer", "truncated_json", "slow_payment"])
def test_without_its_fault_it_holds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the fault that finds it, and nothing else."""
    ask(loaded(FOLDER / f"{name}.py", monkeypatch), faults=faults.none)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_simulated_only_a_simulation_finds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = loaded(path, monkeypatch)
    if getattr(module, "SIMULATED", False):
        with suppress(OutsideReached):  # a walk cannot tell what waits for a sibling from what waits for the world
            verify(module.graph, deps=getattr(module, "DEPS", None), runs=30)


def test_a_mend_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gap closed, the question given a timer: nothing is found any more."""
    gap = loaded(FOLDER / "gap.py", monkeypatch)
    gap.graph.edge(gap.review, END)
    verify(gap.graph)
    question = loaded(FOLDER / "never_answered.py", monkeypatch)
    question.graph.edge(question.approve, END, after_s=60)
    verify(question.graph, faults=question.FAULTS)


def test_all_kinds_of_breaks_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each default property that a graph of a user's can break is broken by some file."""
    broken = {path.with_suffix(".txt").read_text(encoding="utf-8").split("'")[1] for path in FILES}
    ours = {
        "joins fire once",
        "survives JSON",  # refused on the way in already, S1.1
        "replay equals run",
        "nothing counts twice",
        "budgets are kept",
        "cancel leaves nothing",
    }
    assert {law.name for law in LAWS} - ours | set(PROVED.values()) <= broken
