"""Many clients that live for one call; places for runs, and processes that drive them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.places import Drivers, Place
from tests.faults.tours import Tours


@pytest.fixture(autouse=True)
def _no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading them takes most of a test's time, and plain HTTP on loopback needs none."""

    def load(self: ssl.SSLContext, *files: Any, **named: Any) -> None:
        pass

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A file, or a database of its own on a Postgres server."""
    if request.param == "sqlite":
        return Place("sqlite", str(tmp_path / "runs.db"))
    server, name = request.getfixturevalue("postgres"), request.getfixturevalue("schema")
    import psycopg

    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return Place("postgres", server.url(database=name))


@pytest.fixture
def drivers(place: Place, tmp_path: Path) -> Iterator[Drivers]:
    """Processes that drive runs in this place, which end with the test."""
    begun = Drivers(place, tmp_path)
    yield begun
    begun.end()


@pytest.fixture
def tours(place: Place, tmp_path: Path) -> Iterator[Tours]:
    """Processes that drive tours in this place, which end with the test."""
    begun = Tours(place, tmp_path)
    yield begun
    begun.end()
