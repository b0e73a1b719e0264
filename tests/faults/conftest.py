"""Many clients that live for one call."""

from __future__ import annotations

import ssl
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading them takes most of a test's time, and plain HTTP on loopback needs none."""

    def load(self: ssl.SSLContext, *files: Any, **named: Any) -> None:
        pass

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load)
