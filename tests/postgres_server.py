"""A Postgres server for tests: its own cluster in a folder of its own, started once, killed by its id at the end.

Postgres refuses to run as root, so then it runs as ``postgres`` or ``nobody``.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PASSWORD = "s3cret/of@tests"


def programs() -> Path | None:
    """The folder of the newest server on this machine, or None."""
    found = [path for path in map(shutil.which, ("initdb",)) if path]
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    places = [*folders, *(Path(path).resolve().parent for path in found)]
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


class Server:
    """One cluster. ``url(schema)`` is where a test connects."""

    def __init__(self, folder: Path) -> None:
        self._programs = folder
        self._root = Path(tempfile.mkdtemp(prefix="graphflow-postgres-"))
        self._data = self._root / "data"
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            users = {user.pw_name: user for user in pwd.getpwall()}
            user = users.get("postgres") or users["nobody"]
            os.chown(self._root, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        secret = self._root / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run(
            "initdb",
            "-D",
            self._data,
            "-U",
            "tester",
            "-A",
            "scram-sha-256",
            "--pwfile",
            secret,
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        )

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self._root, timeout=120, **self._as)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = ["-D", self._data, "-k", self._root, "-p", self.port, "-c", "listen_addresses=127.0.0.1"]
        options += ["-c", "fsync=off", "-c", "max_connections=60", "-c", "shared_buffers=16MB"]
        with (self._root / "log").open("ab") as log:
            command = [str(self._programs / "postgres"), *map(str, options)]
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._root, preexec_fn=_end_with_parent, **self._as
            )
        deadline = time.monotonic() + 60
        while True:
            assert self._process.poll() is None, (self._root / "log").read_text()
            ready = [str(self._programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"]
            if subprocess.run(ready, cwd=self._root, timeout=60).returncode == 0:
                return
            assert time.monotonic() < deadline, (self._root / "log").read_text()
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: disconnect everybody. SIGQUIT: as in a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def give(self, folder: Path) -> None:
        """A folder to the user whom the server runs as."""
        if self._as:
            os.chown(folder, self._as["user"], self._as["group"])

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._root, ignore_errors=True)

    def url(
        self, *, user: str = "tester", password: str = PASSWORD, port: int | None = None, database: str = "postgres"
    ) -> str:
        secret = password.replace("/", "%2F").replace("@", "%40")
        return f"postgresql://{user}:{secret}@127.0.0.1:{port or self.port}/{database}"


def _end_with_parent() -> None:
    """A test session that is killed leaves no server behind, where the system can see to that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
