"""The table of mistakes: which are red in the editor, which fail at the line, which at ``check``.

mypy and pyright read ``mistakes.py`` once each. Whoever has one of them not installed sees this test fail: it is part of
the extra ``dev``.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from graphflow.errors import GraphflowError
from tests.types import mistakes

FILE = Path(mistakes.__file__)
ROOT = FILE.parents[2]
MARK = re.compile(r"#\s*((?:editor|line|check)\b[^#]*)")


@dataclass(frozen=True)
class Mark:
    """What is said of one line."""

    line: int
    is_red: bool
    raised: str = ""
    found: str = ""


def marks() -> list[Mark]:
    read: list[Mark] = []
    for number, text in enumerate(FILE.read_text("utf-8").splitlines(), 1):
        mark = MARK.search(text)
        if mark is not None and not text.startswith(("#", '"')) and text.strip() != mark.group(0):
            parts = dict(f"{part.strip()} ".split(" ", 1) for part in mark.group(1).split(","))
            read.append(Mark(number, "editor" in parts, parts.get("line", "").strip(), parts.get("check", "").strip()))
    return read


MARKS = marks()
FUNCTIONS = [
    (node.name, node.lineno, node.end_lineno or node.lineno)
    for node in ast.parse(FILE.read_text("utf-8")).body
    if isinstance(node, ast.FunctionDef)
]


def mypy() -> set[int]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", str(FILE)]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert out.returncode in (0, 1), out.stdout + out.stderr
    lines = re.findall(r"^(\S+?):(\d+): error", out.stdout, re.MULTILINE)
    return {int(line) for file, line in lines if (ROOT / file).resolve() == FILE.resolve()}


def pyright() -> set[int]:
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(FILE)]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert out.returncode in (0, 1), out.stdout + out.stderr
    found = json.loads(out.stdout)["generalDiagnostics"]
    return {one["range"]["start"]["line"] + 1 for one in found if one["severity"] == "error"}


@pytest.fixture(scope="module")
def red() -> dict[str, set[int]]:
    """The lines that each type checker underlines."""
    with ThreadPoolExecutor(2) as pool:
        both = {"mypy": pool.submit(mypy), "pyright": pool.submit(pyright)}
        return {name: future.result() for name, future in both.items()}


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_what_is_red_in_the_editor(red: dict[str, set[int]], checker: str) -> None:
    expected = {mark.line for mark in MARKS if mark.is_red}
    assert sorted(red[checker] - expected) == [], f"{checker} underlines lines that are not marked `editor`"
    assert sorted(expected - red[checker]) == [], f"{checker} does not underline lines that are marked `editor`"


def test_every_mistake_is_marked_once() -> None:
    by_function = {name: [mark for mark in MARKS if first <= mark.line <= last] for name, first, last in FUNCTIONS}
    unmarked = {name for name, found in by_function.items() if len(found) != 1}
    assert unmarked == {"write", "made", "all_right", "no_names", "names_cross", "is_fine", "only_small"}
    assert len(MARKS) >= 60


@pytest.mark.parametrize("mark", [mark for mark in MARKS if mark.raised], ids=lambda mark: f"{mark.line}")
def test_what_fails_at_the_line(mark: Mark) -> None:
    with pytest.raises(Exception) as caught:
        function(mark)()
    error = caught.value
    code = error.code if isinstance(error, GraphflowError) else type(error).__name__
    assert code == mark.raised
    if isinstance(error, GraphflowError):
        assert (error.where[0].file, error.where[0].line) == (str(FILE), mark.line)


@pytest.mark.parametrize("mark", [mark for mark in MARKS if mark.found], ids=lambda mark: f"{mark.line}")
def test_what_check_finds(mark: Mark) -> None:
    found = [finding for finding in function(mark)().check() if finding.code == mark.found]
    assert found
    assert mark.line in {place.line for place in found[0].where}


@pytest.mark.parametrize("mark", [mark for mark in MARKS if not mark.raised], ids=lambda mark: f"{mark.line}")
def test_what_only_the_editor_or_check_sees_passes_its_line(mark: Mark) -> None:
    function(mark)()


def test_what_is_right_compiles() -> None:
    assert mistakes.all_right().plan().nodes


def function(mark: Mark) -> Callable[[], Any]:
    name = next(name for name, first, last in FUNCTIONS if first <= mark.line <= last)
    found: Callable[[], Any] = getattr(mistakes, name)
    assert not inspect.signature(found).parameters
    return found
