"""The tests of single rules run on every implementation of the semantics."""

from __future__ import annotations

import pytest

from tests.execution import Execute
from tests.on_machine import on_machine
from tests.reference import interpret

IMPLEMENTATIONS: dict[str, Execute] = {"reference": interpret, "machine": on_machine}


@pytest.fixture(params=IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS.keys())
def execute(request: pytest.FixtureRequest) -> Execute:
    """One implementation of the semantics."""
    return request.param
