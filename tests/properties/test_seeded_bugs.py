"""Bugs put into our own core on purpose, and the suite of laws that finds each of them.

Those that take long to find are tried only with ``GRAPHFLOW_SOAK=1``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.properties.seeding import BUGS, Altered, Bug

PROGRAM = Path(__file__).with_name("seeding.py")
SOUND = -1
TRIED = [n for n, one in enumerate(BUGS) if one.seeds < 10 or os.environ.get("GRAPHFLOW_SOAK")]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a bug is tried in a fork")


@cache
def programs() -> dict[int, subprocess.Popen[str]]:
    """Two programs side by side, each with half of the bugs -> by number, the one that tries it."""
    found: dict[int, subprocess.Popen[str]] = {}
    for half in ([SOUND, *TRIED[::2]], TRIED[1::2]):
        words = [sys.executable, str(PROGRAM), *map(str, half)]
        kept = {**os.environ, "PYTHONHASHSEED": "0"}
        found |= dict.fromkeys(half, subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=kept))
    return found


@pytest.fixture(scope="module", autouse=True)
def started() -> Iterator[None]:
    """The programs, ended however the tests do."""
    for program in programs().values():
        assert program.stdout is not None
    yield
    for program in programs().values():
        program.kill()
        program.wait()
        assert program.stdout is not None
        program.stdout.close()
    programs.cache_clear()


_told: dict[str, dict[str, Any]] = {}


def found_of(number: int) -> dict[str, Any]:
    """What is told of a bug: the program tells of one after the other."""
    name = BUGS[number].name if number != SOUND else ""
    stdout = programs()[number].stdout
    assert stdout is not None
    while name not in _told:
        line = stdout.readline()
        assert line, f"the program ended before it told of {name!r}"
        answer = json.loads(line)
        _told[answer["bug"]] = answer
    return _told[name]


def test_a_sound_core_passes() -> None:
    assert found_of(SOUND)["law"] == ""


@pytest.mark.parametrize("number", TRIED, ids=lambda number: BUGS[number].name.replace(" ", "_"))
def test_the_bug_is_found(number: int) -> None:
    found = found_of(number)
    assert found["law"], f"no law notices that {found['bug']}"


@pytest.mark.parametrize("one", BUGS, ids=lambda one: one.name.replace(" ", "_"))
def test_the_bug_is_where_it_was_put(one: Bug) -> None:
    """What is replaced stands once in the module, so that nothing else changes and no bug is left out unnoticed."""
    assert Altered(one).texts


def test_a_text_that_is_not_there_is_told() -> None:
    with pytest.raises(AssertionError, match="stands 0 times"):
        Altered(Bug("none", (("graphflow.core.joins", "no such text", ""),)))
