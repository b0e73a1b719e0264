"""From TARGET, as typed, to the graph it names: ``FILE[:NAME]`` or ``MODULE[:NAME]``.

The folder of a FILE, or for a MODULE the current one, can be imported from. A module is run once, as an import, under a
name of its own that is registered (typing and pydantic look names up there); what it prints goes to stderr.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

from graphflow.errors import GraphflowError, ImportFailed, Place, TargetNotFound, UsageError, nearest
from graphflow.flow import Graph

DEFAULT_NAME = "graph"
_MOST_NAMED = 10
_SKIPPED = ("__pycache__", "node_modules", "site-packages")


@dataclass(frozen=True, slots=True)
class Target:
    """A graph and how it was named: ``text`` as typed, ``name`` the variable that holds it."""

    text: str
    name: str
    graph: Graph[Any]


def _found(text: str, name: str, graph: Graph[Any], module: ModuleType) -> Target:
    """A graph that was found; its runs tell their store where, in a form that any folder understands."""
    file = getattr(module, "__file__", None)
    graph.found_at = f"{Path(file).resolve()}:{name}" if file else f"{module.__name__}:{name}"
    return Target(text, name, graph)


def load(text: str) -> Target:
    """The graph of a target. Raises TargetNotFound, ImportFailed, UsageError, and what the module itself declares wrongly."""
    place, name = split(text)
    module = import_target(place)
    found = _attribute(module, name or DEFAULT_NAME)
    if not _is_graph(found):
        raise _no_graph(place, name or DEFAULT_NAME, found, module)
    return _found(text, name or DEFAULT_NAME, found, module)


def load_all(text: str) -> list[Target]:
    """Every graph of a target's module, or the one that is named. Raises as ``load``; none is an empty list."""
    place, name = split(text)
    if name:
        return [load(text)]
    module = import_target(place)
    return [_found(text, name, graph, module) for name, graph in graphs_of(module).items()]


def graphs_of(module: ModuleType) -> dict[str, Graph[Any]]:
    """The graphs held by the variables of a module, each once."""
    found: dict[int, tuple[str, Graph[Any]]] = {}
    for name, value in vars(module).items():
        if _is_graph(value):
            found.setdefault(id(value), (name, value))
    return dict(found.values())


def files_in(folder: Path) -> Iterator[str]:
    """The Python files of a folder, and those in it, that may hold a graph."""
    for file in sorted(folder.rglob("*.py")):
        inside = file.relative_to(folder).parts
        is_hidden = any(part.startswith(".") or part in _SKIPPED for part in inside)
        if not is_hidden and b"graphflow" in file.read_bytes():
            yield str(file)


def _is_graph(value: object) -> TypeGuard[Graph[Any]]:
    return isinstance(value, Graph)


def split(text: str) -> tuple[str, str]:
    """A target as place and name, which is empty if none was given.

    >>> split("graphs/essay.py:draft"), split("shop.desk"), split("C:/essay.py")
    (('graphs/essay.py', 'draft'), ('shop.desk', ''), ('C:/essay.py', ''))
    """
    place, colon, name = text.rpartition(":")
    if not colon:
        place, name = text, ""
    elif not all(part.isidentifier() for part in name.split(".")):
        place, name = (text, "") if os.sep in name or "/" in name else (place, name)
    if not place or (name and not all(part.isidentifier() for part in name.split("."))):
        raise UsageError(
            f"{text!r} is no target",
            why="TARGET is FILE[:NAME] or MODULE[:NAME]; NAME is a variable of that module.",
            fix="graphflow run graphs/essay.py, or graphs/essay.py:graph.",
        )
    return place, name


def is_file(place: str) -> bool:
    """Whether a place is meant as a file, or a folder, rather than a module."""
    is_package = (Path(place) / "__init__.py").is_file()
    is_there = Path(place).is_file() or (Path(place).is_dir() and not is_package)
    return place.endswith(".py") or os.sep in place or "/" in place or is_there


def import_target(place: str) -> ModuleType:
    """The module of a target, imported. Raises TargetNotFound and ImportFailed."""
    return _import_file(Path(place)) if is_file(place) else _import_module(place)


def _import_file(file: Path) -> ModuleType:
    if file.is_dir():
        raise TargetNotFound(
            f"{str(file)!r} is a folder",
            why="A target is one graph, of one file: FILE[:NAME].",
            fix=_some_files_in(file),
        )
    if not file.is_file():
        raise TargetNotFound(
            f"There is no file {str(file)!r}",
            why=f"It was looked for in {file.parent.resolve()}.",
            fix=_nearest_file(file),
        )
    path = file.resolve()
    root, dotted = _package_of(path)
    _make_importable(root)
    if "." in dotted:  # in a package: its relative imports need its own name
        module = _guarded(str(file), lambda: importlib.import_module(dotted), path)
        if Path(module.__file__ or "").resolve() == path:
            return module
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    known = sys.modules.get(name)
    return known if known is not None else _guarded(str(file), lambda: _execute(name, path), path)


def _execute(name: str, path: Path) -> ModuleType:
    loader = importlib.machinery.SourceFileLoader(name, _short(str(path)))  # as messages are to show it
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _package_of(path: Path) -> tuple[Path, str]:
    """The folder to import from, and the dotted name from there: packages above the file are part of the name."""
    folder, parts = path.parent, [path.stem]
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)


def _import_module(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise TargetNotFound(
            f"There is no file or module {name!r}",
            why="It is no name that can be imported.",
            fix=_nearest_file(Path(name)),
        )
    _make_importable(Path.cwd())
    try:
        return _guarded(name, lambda: importlib.import_module(name), None)
    except ImportFailed as failed:
        cause = failed.__cause__
        if isinstance(cause, ModuleNotFoundError) and cause.name and f"{name}.".startswith(f"{cause.name}."):
            raise TargetNotFound(
                f"There is no module {name!r}",
                why=f"{cause.name!r} was looked for in {Path.cwd()} and where Python finds modules.",
                fix=_nearest_file(Path(name)),
            ) from None
        raise


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _guarded(text: str, work: Callable[[], ModuleType], path: Path | None) -> ModuleType:
    """Import, and tell an error of the user's module from one of ours. What the module prints is no data of ours."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return work()
    except GraphflowError:
        raise  # a declaration that is wrong says so itself
    except (Exception, SystemExit) as error:
        raise ImportFailed(
            f"{text} cannot be imported",
            where=_where(error, path),
            why=f"{type(error).__name__}: {error}",
            fix=_import_fix(error),
        ) from error


def _import_fix(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"Install what brings {error.name!r}, or mend the name."
    return "Mend that line; --debug shows the whole traceback."


def _where(error: BaseException, path: Path | None) -> tuple[Place, ...]:
    """The user's line at which an import failed: the last one in the file itself, else the last one at all."""
    if isinstance(error, SyntaxError) and error.filename:
        return (Place(_short(error.filename), error.lineno or 1),)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    frames = [frame for frame in frames if frame.filename not in (__file__, importlib.__file__)]
    own = [frame for frame in frames if path is not None and Path(frame.filename).resolve() == path]
    last = (own or frames)[-1:]
    return tuple(Place(_short(frame.filename), frame.lineno or 1) for frame in last)


def _short(file: str) -> str:
    """The path as a reader would type it."""
    relative = os.path.relpath(file)
    return file if relative.startswith("..") else relative


def _attribute(module: ModuleType, name: str) -> object:
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _no_graph(place: str, name: str, found: object, module: ModuleType) -> TargetNotFound:
    names = list(graphs_of(module))
    what = (
        f"{place} has no {name!r}"
        if found is None
        else f"{name!r} in {place} is no Graph, it is of type {type(found).__name__}"
    )
    why = f"Its graphs are: {', '.join(names)}." if names else "There is no Graph among its module-level variables."
    close = nearest(name, names) or (names[0] if names else "")
    fix = f"{place}:{close}" if close else "graph = Graph(...) at module level, or another file."
    return TargetNotFound(what, code="GF525", why=why, fix=fix)


def _nearest_file(file: Path) -> str:
    """The mend for a file that is not there: the one that looks most like it."""
    folder = file.parent if file.parent.is_dir() else Path()
    stems = sorted(known.stem for known in folder.glob("*.py"))
    close = nearest(file.stem, stems)
    if close:
        return f"Did you mean {str(folder / close) + '.py'!r}?"
    if file.suffix == ".py" and file.parent.is_dir() and 0 < len(stems) <= _MOST_NAMED:
        return f"The Python files there are: {', '.join(str(folder / stem) + '.py' for stem in stems)}."
    return "Name a file that ends in .py, or a module that can be imported from here."


def _some_files_in(folder: Path) -> str:
    names = list(files_in(folder))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    if not names:
        return "No Python file in it speaks of graphflow: name the file that holds the graph."
    return f"Name the one you mean: {', '.join(names[:_MOST_NAMED])}{more}."
