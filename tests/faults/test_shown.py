"""The README's demonstration, command by command: a run of the command line is killed with -9 half-way, and gone on with.

Nothing is prepared for it: the offline model takes a moment over long texts, and the shell watches the progress.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.faults.places import ROOT, Drivers, Ended, Place

COMMANDS = r"""
for i in $(seq 15); do cat graphs/texts/*.txt; done > long.txt
graphflow run graphs/intel.py topic="storing power" passages=@long.txt --store runs.db --run-id grid > brief.txt 2> progress &
until grep -qs 'research\[' progress; do sleep 0.01; done; kill -9 $!
graphflow runs list --store runs.db
graphflow runs resume grid --store runs.db > brief.txt
graphflow runs show grid --store runs.db
""".lstrip()
TRIES = 8  # on a machine that is busy the run may be over before the shell looks


@pytest.fixture
def shell(tmp_path: Path) -> Drivers:
    """A folder with the graphs, as one has it who has just got them, and the command line on the PATH."""
    shutil.copytree(ROOT / "graphs", tmp_path / "graphs", ignore=shutil.ignore_patterns("__pycache__"))
    program = tmp_path / "bin" / "graphflow"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m graphflow "$@"\n')
    program.chmod(0o755)
    return Drivers(Place("sqlite", str(tmp_path / "runs.db")), tmp_path)


def said(shell: Drivers, text: str) -> Ended:
    path = f"{shell.folder / 'bin'}:/usr/bin:/bin"
    return shell.started(["timeout", "-s", "KILL", "60", "sh", "-c", text], PATH=path).ended()


@pytest.mark.skipif(not all(map(shutil.which, ("sh", "seq", "timeout"))), reason="It is shown in a Unix shell")
def test_a_run_killed_half_way_goes_on_and_nothing_finished_runs_twice(
    shell: Drivers, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(shell.end)
    for _ in range(TRIES):
        for name in ("runs.db", "runs.db-wal", "runs.db-shm", "progress"):
            (shell.folder / name).unlink(missing_ok=True)
        ended = said(shell, COMMANDS)
        if "nobody drives it: resume" in ended.out:
            break
    listed, _, shown = ended.out.partition("run        grid  intel")
    assert "grid  intel  stopped" in listed, ended
    assert "status     done" in shown, ended
    assert "resumed 1 time" in shown
    assert shown.endswith("Resumed 1 time: no finished step ran again.\n"), shown
    tallies = {line.split()[0]: line.split()[1:3] for line in shown.splitlines() if line.split()[2:3] == ["0"]}
    assert tallies == {name: [count, "0"] for name, count in RUNS.items()}, shown
    assert "## " in (shell.folder / "brief.txt").read_text()
    finished = shell.place.finished("grid")
    assert len(finished) == 1 + sum(int(count) for count in RUNS.values())
    assert [entry["kind"] for entry in shell.place.journal("grid")].count("resumed") == 1


RUNS = {"plan": "1", "research": "6", "gather": "1", "analyse": "1", "report": "1"}


def test_the_readme_shows_just_this() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if "kill -9 $!" in readme:
        assert COMMANDS in readme
