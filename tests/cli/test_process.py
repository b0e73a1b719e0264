"""The command line as a process: signals, pipes, terminals, and how soon it is there."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.commands import Said

ROOT = Path(__file__).parent.parent.parent
SLEEPY = """
import asyncio
import time

from pydantic import BaseModel

from graphflow import END, START, Graph, fields


class State(BaseModel):
    kind: str
    begun: bool = False


state = fields(State)
graph = Graph("sleepy", State)


@graph.node(writes=state.begun)
def begin(view: State) -> bool:
    return True


@graph.node
async def awaiting(view: State) -> dict[str, object]:
    print("at work", flush=True)
    await asyncio.sleep(600)
    return {}


@graph.node
async def hogging(view: State) -> dict[str, object]:
    print("at work", flush=True)
    time.sleep(600)
    return {}


@graph.node
def holding(view: State) -> dict[str, object]:
    print("at work", flush=True)
    time.sleep(600)
    return {}


@graph.node(blocking=True)
def in_thread(view: State) -> dict[str, object]:
    print("at work", flush=True)
    time.sleep(600)
    return {}


graph.edge(START, begin)
graph.switch(begin, state.kind, {"awaiting": awaiting, "holding": holding, "hogging": hogging}, otherwise=in_thread)
for node in (awaiting, hogging, holding, in_thread):
    graph.edge(node, END)
"""


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "TERM": "xterm-256color", **more}


def start(folder: Path, arguments: Sequence[str], **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "graphflow", *arguments],
        cwd=folder, env=environment(**more), text=True, encoding="utf-8",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(folder: Path, *arguments: str, stdin: str = "", **more: str) -> Said:
    process = start(folder, arguments, **more)
    out, err = process.communicate(stdin, timeout=60)
    return Said(process.returncode, out, err)


@pytest.mark.parametrize("kind", ["awaiting", "hogging", "holding", "in_thread"])
def test_ctrl_c_stops_whatever_is_at_work_and_tells_where_it_stood(folder: Path, kind: str) -> None:
    """S14.2: the driver is stopped, what was finished counts, nothing is left running."""
    (folder / "sleepy.py").write_text(SLEEPY)
    process = start(folder, ["run", "sleepy.py", f"kind={kind}", "--json"])
    assert process.stderr is not None
    try:
        told = ""
        while "at work\n" not in told:
            told += process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert f"at         {kind}\n" in err
    run = json.loads(out)
    assert (run["status"], run["frontier"], run["path"]) == ("running", [f"{kind}:1"], ["begin:1"])
    assert run["state"]["begun"] is True


def test_exit_codes_reach_the_shell(folder: Path) -> None:
    assert ended(folder, "run", "broken.py").code == 1
    assert ended(folder, "run", "desk.py").code == 3


def test_data_and_progress_take_their_own_streams(folder: Path) -> None:
    said = ended(folder, "run", "essay.py", "topic=@-", "--json", stdin="night owls")
    assert said.json["state"]["topic"] == "night owls"
    assert "printed by a node" in said.err


def test_a_reader_that_goes_away_is_no_error_of_ours(folder: Path) -> None:
    process = start(folder, ["explain"])
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    assert process.wait(timeout=60) in (0, 141)
    assert err == ""
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()


def test_streams_that_take_ascii_only_get_valid_data(folder: Path) -> None:
    said = ended(folder, "run", "essay.py", "topic=\u00fc", "--json", PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert said.json["state"]["topic"] == "\u00fc"
    assert said.out.isascii()
    assert said.err.isascii()


def test_what_is_not_needed_is_not_imported(folder: Path) -> None:
    """Starting must be quick: rich draws trees only, openai talks to models only."""
    code = (
        "import sys; from graphflow.cli.main import main; main(['run', 'essay.py', 'topic=owls', '--quiet']);"
        "print(sorted({'rich', 'openai', 'graphviz', 'hypothesis'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.stderr.splitlines()[-1] == "[]"


def on_terminal(folder: Path, arguments: Sequence[str], typed: dict[str, str], **more: str) -> tuple[int, str]:
    """Run on a terminal of its own; each text is typed when what it answers has been said."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, "-m", "graphflow", *arguments], environment(**more))
    shown, waiting = "", dict(typed)
    while True:
        try:
            read = os.read(terminal, 65_536)
        except OSError:  # the other end is closed
            break
        if not read:
            break
        shown += read.decode(errors="replace")
        for question in [question for question in waiting if question in shown]:
            os.write(terminal, waiting.pop(question).encode())
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), shown


def test_on_a_terminal_there_is_a_tree_and_questions_are_asked(folder: Path) -> None:
    code, shown = on_terminal(folder, ["run", "desk.py"], {"answer (yes or no): ": "yes\n"})
    assert code == 0
    assert "\x1b[32m✓" in shown
    assert "└──" in shown
    assert "is_sent: true" in shown


def test_no_color_is_honoured(folder: Path) -> None:
    _, shown = on_terminal(folder, ["run", "desk.py"], {"answer (yes or no): ": "yes\n"}, NO_COLOR="1")
    assert "✓" in shown
    assert "\x1b[32m" not in shown


def test_a_dumb_terminal_gets_plain_lines(folder: Path) -> None:
    code, shown = on_terminal(folder, ["run", "broken.py", "n=1"], {}, TERM="dumb")
    assert code == 0
    assert "\x1b" not in shown
    assert "✓ divide" in shown
