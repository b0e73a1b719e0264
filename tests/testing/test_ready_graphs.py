"""Every ready graph holds what ``verify`` asks, with everything going wrong: one line of test each, as a user writes it."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from graphflow import Graph
from graphflow.testing import faults, verify
from graphflow.testing.walking.laws import LAWS

FILES = sorted(Path(__file__).parents[2].joinpath("graphs").glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_ready_graph_holds(file: Path) -> None:
    graphs = [one for one in vars(importlib.import_module(f"graphs.{file.stem}")).values() if isinstance(one, Graph)]
    assert graphs
    for graph in graphs:
        found = verify(graph, faults=faults.all(at_most=2), runs=40)
        assert {law.name for law in LAWS} <= set(found.properties)


def test_every_law_has_a_name_and_a_meaning_of_its_own() -> None:
    assert len({law.name for law in LAWS}) == len({law.says for law in LAWS}) == len(LAWS)
    assert all(law.step or law.end for law in LAWS)
