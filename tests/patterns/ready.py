"""The ready graphs, imported from their files as a user would, and the texts they are shown with."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2] / "graphs"
TEXTS = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "texts").glob("*.txt"))]


@functools.cache
def ready(name: str) -> ModuleType:
    """The module of graphs/NAME.py, under a name of its own."""
    spec = importlib.util.spec_from_file_location(f"ready_pattern_{name}", ROOT / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
