"""A studio as a user has it: ``graphflow studio`` in a process of its own, which can be stopped and started again."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
GRAPHS = str(Path(__file__).with_name("graphs_shown.py"))
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S*")


class Studio:
    """One ``graphflow studio`` over ``folder``/runs.db. ``address`` is what it printed, with the token."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.store = folder / "runs.db"
        self.options = options
        self.port = free_port()
        self.address = ""
        self.printed: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    @property
    def home(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it has told its address."""
        words = [sys.executable, "-m", "graphflow", "studio", *self.options, "--store", self.store.name]
        self._process = subprocess.Popen(
            [*words, "--port", str(self.port), "--no-browser"],
            cwd=self.folder,
            env=environment(self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(self._process, lines), daemon=True).start()
        deadline = time.monotonic() + 60
        while not self.address:
            assert self._process.poll() is None or not lines.empty(), "".join(self.printed)
            assert time.monotonic() < deadline, "".join(self.printed)
            try:
                found = _ADDRESS.search(lines.get(timeout=1))
            except queue.Empty:
                continue
            self.address = found.group() if found else ""

    def _read(self, process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.printed.append(line)
                lines.put(line)

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Stop it, as Ctrl-C does. Returns its exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        code = self._process.wait(60)
        self._process, self.address = None, ""
        return code

    def graphflow(self, *words: str, expect: int = 0) -> str:
        """Another command beside it, on the same store. Returns what it printed."""
        command = [sys.executable, "-m", "graphflow", *words, "--store", str(self.store)]
        done = subprocess.run(
            command, cwd=self.folder, env=environment(self.folder), capture_output=True, text=True, timeout=120
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout


@contextmanager
def studio(folder: Path, *options: str) -> Generator[Studio, None, None]:
    """A studio that is stopped at the end, whatever happens."""
    made = Studio(folder, *options)
    try:
        yield made
    finally:
        if made._process is not None:
            made._process.kill()
            made._process.wait(60)


def environment(folder: Path) -> dict[str, str]:
    """No key, no model named, and where the graphs keep what they count."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "GRAPHFLOW_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "GRAPHFLOW_TESTS": str(folder)}


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
