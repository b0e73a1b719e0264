"""Failures that were found, kept in a file until they are mended: the line that plays each again, tried before all else."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from graphflow.errors.testing import PropertyFailed
from graphflow.graph.declaration import Declaration

FOLDER = ".graphflow"
_SCHEMA = "graphflow.failures/1"


class KnownFailures:
    """The failures of one project: ``.graphflow/failures.json``. A file that cannot be read is as good as none.

    ``graph`` is a graph's place, as ``graphs/essay.py::graph``.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / FOLDER / "failures.json"
        self._found = _read(self.file)
        self._is_changed = False

    def of(self, graph: str) -> Mapping[str, str]:
        """Property -> the line that plays its failure again; an empty line where there is none."""
        return dict(self._found.get(graph, {}))

    def note(self, graph: str, name: str, error: BaseException) -> None:
        """A property does not hold."""
        line = error.replay if isinstance(error, PropertyFailed) else ""
        known = self._found.setdefault(graph, {})
        if known.get(name) != line:
            known[name] = line
            self._is_changed = True

    def mended(self, graph: str, name: str) -> None:
        """It does hold."""
        if self._found.get(graph, {}).pop(name, None) is not None:
            self._is_changed = True
        if not self._found.get(graph, True):
            del self._found[graph]

    def save(self) -> None:
        """Write what has changed. The folder says itself that it is nothing for version control."""
        if not self._is_changed:
            return
        self.file.parent.mkdir(exist_ok=True)
        (self.file.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        data = {"schema": _SCHEMA, "failures": self._found}
        self.file.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        self._is_changed = False


def failure_again(graph: Declaration[Any], line: str, around: Mapping[str, Any]) -> PropertyFailed | None:
    """Play a failure again: the error if it still fails, None if it does not, or the line no longer fits the graph.

    ``around`` are the names of the module that declares the graph.
    """
    from graphflow.testing import faults
    from graphflow.testing.playing.naming import plan_and_name
    from graphflow.testing.playing.replaying import replay
    from graphflow.testing.walking.telling import labelled

    plan, name = plan_and_name(graph)
    names: dict[str, Any] = {
        **vars(_errors()),
        plan.state.__name__: plan.state,
        **around,
        name: graph,
        "faults": faults,
    }
    try:
        eval(line, {**names, "replay": replay})
    except PropertyFailed as failure:
        story = "\n".join([failure.story, *labelled("replay", line)])
        used = {one.id for one in ast.walk(ast.parse(line, mode="eval")) if isinstance(one, ast.Name)}
        known = {used_name: one for used_name, one in {**names, "replay": replay}.items() if used_name in used}
        return PropertyFailed(failure.what, story=story, replay=line, name=failure.name, fix=failure.fix, names=known)
    except Exception:  # the graph, or a type in the line, has changed since: it is looked for anew
        return None
    return None


def _errors() -> Any:
    import graphflow.errors

    return graphflow.errors


def _read(file: Path) -> dict[str, dict[str, str]]:
    try:
        data: Any = json.loads(file.read_text(encoding="utf-8"))
        if data["schema"] != _SCHEMA:
            return {}
        found = cast("dict[str, dict[str, Any]]", data["failures"])
        return {str(graph): {str(name): str(line) for name, line in known.items()} for graph, known in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
