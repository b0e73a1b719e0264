"""The command line as a user has it: a folder to stand in, with graphs in files, and what was said, by stream."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphflow.cli.main import main
from tests.cli.commands import BROKEN, DESK, ESSAY, Command, Said, forget


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder a user stands in, with graphs in files; what was imported from it is forgotten afterwards."""
    for name, text in (("essay", ESSAY), ("desk", DESK), ("broken", BROKEN)):
        (tmp_path / f"{name}.py").write_text(text.lstrip())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("GRAPHFLOW_STORE", raising=False)
    linecache.clearcache()  # files are named as seen from here, and there are others of the same name
    yield tmp_path
    forget(tmp_path)


@pytest.fixture
def graphflow(folder: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line, in this process."""

    def command(*arguments: str) -> Said:
        code = main(arguments)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return command
