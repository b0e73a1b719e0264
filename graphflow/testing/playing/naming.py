"""What a graph and the values around it are called in the user's own code: for lines that can be pasted into a test."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from graphflow.core.plan import Plan
from graphflow.errors import shown
from graphflow.graph.declaration import Declaration

_OURS = ("graphflow.testing", "graphflow", "graphflow.patterns", "graphflow.errors")


@dataclass(frozen=True, slots=True)
class Holder:
    """The variable of a module that holds a graph."""

    module: ModuleType
    name: str


def holder_of(graph: Declaration[Any]) -> Holder | None:
    """The variable that holds a graph; of several that of the module it was declared in. None if there is none."""
    place = graph.plan().place
    found = list(_holders(graph))
    for one in found:
        if place is not None and _is_same(_file_of(one.module), place.file):
            return one
    return found[0] if found else None


def _holders(graph: Declaration[Any]) -> Iterator[Holder]:
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType):  # pyright: ignore[reportUnnecessaryIsInstance]
            for name, value in list(module.__dict__.items()):
                if value is graph and name.isidentifier() and not name.startswith("_"):
                    yield Holder(module, name)


def _is_same(one: str, other: str) -> bool:
    return bool(one) and os.path.realpath(one) == os.path.realpath(other)


def _file_of(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or ""


def plan_and_name(graph: Declaration[Any]) -> tuple[Plan, str]:
    """A graph's plan, and the name of the variable that holds it, as far as it can be told."""
    plan, holder = graph.plan(), holder_of(graph)
    if holder is not None:
        return plan, holder.name
    return plan, plan.name if plan.name.isidentifier() else "graph"


def imports_of(graph: Declaration[Any], names: Mapping[str, Any]) -> tuple[str, ...]:
    """The lines that import a graph and what a call about it uses, ours first; of what has no address there is none.

    >>> from graphflow.testing import faults, replay
    >>> from graphflow import Graph
    >>> from pydantic import BaseModel
    >>> class Nothing(BaseModel): ...
    >>> imports_of(Graph("no variable holds it", Nothing), {"replay": replay, "faults": faults})
    ('from graphflow.testing import faults, replay',)
    """
    holder = holder_of(graph)
    home = "" if holder is None else _dotted(holder.module)
    wanted: dict[str, set[str]] = defaultdict(set)
    plain: set[str] = set()
    for name, value in names.items():
        if home and holder is not None and getattr(holder.module, name, _NOTHING) is value:
            wanted[home].add(name)
        elif (ours := _ours(name, value)) is not None:
            wanted[ours].add(name)
        elif isinstance(value, ModuleType):
            plain.add(f"import {name}")
        elif (module := sys.modules.get(getattr(value, "__module__", None) or "")) is not None:
            address = _dotted(module)
            if address and getattr(module, name, _NOTHING) is value:
                wanted[address].add(name)
    if home and holder is not None:
        wanted[home].add(holder.name)
    lines = [f"from {module} import {', '.join(sorted(found))}" for module, found in wanted.items()]
    return (*sorted(plain), *sorted(lines, key=lambda line: (not line.startswith("from graphflow"), line)))


def start_told(plan: Plan, start: Any) -> str:
    """The fields of a start state that are not as declared, for the line above a run; empty if all are."""
    state = plan.schema.build(plan.schema.start(start))
    parts = [
        f"{name}={shown(getattr(state, name))}"
        for name, info in plan.state.model_fields.items()
        if info.is_required() or getattr(state, name) != info.get_default(call_default_factory=True, validated_data={})
    ]
    return ", ".join(parts)


_NOTHING = object()


def _ours(name: str, value: object) -> str | None:
    """Where a public name of graphflow's is imported from."""
    for address in _OURS:
        module = sys.modules.get(address)  # some of these import a name when it is first asked for
        if module is not None and name in getattr(module, "__all__", vars(module)) and getattr(module, name) is value:
            return address
    return None


def _dotted(module: ModuleType) -> str:
    """The name by which a module is imported from here; empty if there is none."""
    file = _file_of(module)
    if module.__name__ == "__main__" or not file:
        return ""
    for folder in ("", *sys.path):
        parts = _below(Path(folder or ".").resolve(), Path(file).resolve())
        if parts and all(part.isidentifier() for part in parts):
            return ".".join(parts)
    return ""


def _below(folder: Path, file: Path) -> tuple[str, ...]:
    if file.suffix != ".py" or not file.is_relative_to(folder):
        return ()
    parts = file.relative_to(folder).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts
