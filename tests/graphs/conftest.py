"""The ready graphs, imported from their files as a user would."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2] / "graphs"


@pytest.fixture
def load() -> Callable[[str], ModuleType]:
    """Import graphs/NAME.py under a name of its own."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"ready_{name}", ROOT / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def texts() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / "texts").glob("*.txt"))]
