"""What tests of several folders share."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from tests import postgres_server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.Server]:
    """A Postgres server of this session's own. Where none is installed its tests are skipped, and that is told."""
    folder = postgres_server.programs()
    if folder is None:
        told = "No Postgres server is installed here (initdb is neither in PATH nor in /usr/lib/postgresql)"
        if os.environ.get("GRAPHFLOW_POSTGRES") == "required":
            pytest.fail(f"{told}, and GRAPHFLOW_POSTGRES asks for one.")
        pytest.skip(f"{told}: PostgresStore is NOT tested.")
    pytest.importorskip("psycopg", reason="pip install 'graphflow-agents[postgres]'")
    server = postgres_server.Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def schema() -> str:
    """The name of a schema that no other test of this session uses."""
    return f"runs_{next(_numbers)}"
