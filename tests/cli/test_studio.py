"""``graphflow studio``: found a port, told its address, opens a browser where there is one, ends when it is told to."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from graphflow.cli import studio
from graphflow.errors import StudioRefused
from graphflow.studio import serving
from tests.cli.commands import Command
from tests.studio.servers import until

STORE = ("--store", "runs.db")
ROOT = Path(__file__).parents[2]


@contextmanager
def running(folder: Path, *options: str) -> Generator[tuple[subprocess.Popen[str], str], None, None]:
    """A studio in a process of its own, and the first line that it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GRAPHFLOW_", "OPENAI_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "graphflow", "studio", *STORE, "--port", "0", *options],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate(timeout=60)


def asked(address: str, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
    """The answer of a studio: its status, its text, and where it leads."""
    port = int(address.split(":")[2].partition("/")[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers.get("Location", "")
    finally:
        connection.close()


def test_it_tells_its_address_and_ends_with_ctrl_c(graphflow: Command, folder: Path) -> None:
    graphflow("run", "essay.py", "topic=owls", "--run-id", "owls-1", *STORE)
    with running(folder, "essay.py", "--no-browser") as (process, address):
        token = address.partition("#token=")[2]
        assert address.startswith("http://127.0.0.1:")
        assert len(token) >= 32
        status, text, _ = asked(address, "/api/studio")
        told = json.loads(text)
        assert (status, told["store"], [graph["name"] for graph in told["graphs"]]) == (200, "runs.db", ["essay"])
        assert token not in text
        assert asked(address, "/api/runs/owls-1/at/last")[0] == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "The studio has ended." in err
    assert "Traceback" not in err


def test_a_service_ends_well(folder: Path, graphflow: Command) -> None:
    graphflow("run", "essay.py", "topic=owls", *STORE)
    with running(folder, "--no-browser", "--read-only", "--json") as (process, first):
        told = json.loads(first)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert (told["store"], told["read_only"]) == ("runs.db", True)
    assert "token" not in told["address"]
    assert err == ""


def test_a_graph_that_cannot_be_imported_is_told_and_the_rest_works(folder: Path, graphflow: Command) -> None:
    graphflow("run", "essay.py", "topic=owls", *STORE)
    with running(folder, "broken.py", "essay.py", "nowhere.py", "--no-browser") as (process, address):
        told = json.loads(asked(address, "/api/studio")[1])
        assert [graph["target"] for graph in told["graphs"]][-1] == "essay.py"
        assert "nowhere.py" in [one["target"] for one in told["unusable"]]
        assert all(one["error"]["code"].startswith("GF") for one in told["unusable"])
        process.send_signal(signal.SIGINT)
        assert "nowhere.py" in process.communicate(timeout=60)[1]


def test_a_port_that_is_taken_is_said(graphflow: Command, folder: Path) -> None:
    graphflow("run", "essay.py", "topic=owls", *STORE)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = graphflow("studio", *STORE, "--port", str(port), "--no-browser")
    assert said.code == 1
    assert f"[GF541] Port {port} cannot be used" in said.err
    assert "--port names another one" in said.err


@pytest.mark.parametrize("port", ["99999", "-1", "many", "٣"])
def test_what_is_no_port_is_a_usage_error(graphflow: Command, folder: Path, port: str) -> None:
    graphflow("run", "essay.py", "topic=owls", *STORE)
    said = graphflow("studio", *STORE, f"--port={port}", "--no-browser")
    assert (said.code, f"{port!r} is no port" in said.err) == (2, True)


def test_a_new_store_is_called_new_and_what_is_wrong_comes_last(folder: Path, graphflow: Command) -> None:
    """A mistyped name is seen; and an empty store is suggested to nobody."""
    with running(folder, "essay.py", "nowhere.py", "--no-browser") as (process, _):
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
    assert "over runs.db, a new store" in err
    assert err.index("Ctrl-C ends it.") < err.index("nowhere.py")
    assert "Did you mean" not in graphflow("runs", "list", "--store", "run.db").err
    graphflow("run", "essay.py", "topic=owls", *STORE)
    assert "Did you mean 'runs.db'?" in graphflow("runs", "list", "--store", "run.db").err
    with running(folder, "--no-browser") as (process, _):
        process.send_signal(signal.SIGINT)
        assert "a new store" not in process.communicate(timeout=60)[1]


def test_without_a_port_the_next_free_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(serving, "FIRST_PORT", taken)
        with serving.bound(None) as found:
            assert taken < found.getsockname()[1] < taken + 100
            assert found.getsockname()[0] == "127.0.0.1"
        monkeypatch.setattr(serving, "_PORTS", 1)
        with pytest.raises(StudioRefused, match="No port from"):
            serving.bound(None)


def test_what_is_not_installed_is_said_with_what_installs_it(
    graphflow: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "find_spec", lambda name: None if name == "uvicorn" else object())
    said = graphflow("studio", *STORE)
    assert said.code == 1
    assert "[GF540] The studio needs uvicorn, not installed here" in said.err
    assert "pip install graphflow-agents[studio]" in said.err


def test_a_store_that_is_not_there_is_not_made(graphflow: Command, folder: Path) -> None:
    assert "GF528" in graphflow("studio").err
    said = graphflow("studio", "--store", "nowhere.db", "--no-browser")
    assert (said.code, "GF529" in said.err) == (5, True)
    assert "GF529" in graphflow("studio", "essay.py", "--store", "nowhere.db", "--read-only").err
    assert not (folder / "nowhere.db").exists()


@pytest.mark.parametrize(
    ("system", "variables", "is_there"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"BROWSER": "lynx"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_a_browser_is_opened_where_there_can_be_one(
    system: str, variables: dict[str, str], is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", system)
    assert studio.can_open_browser() is is_there


def test_a_browser_that_is_opened_gets_the_token_once(
    graphflow: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other users of the machine see what a browser is started with, so the token does not stand there."""
    graphflow("run", "essay.py", "topic=owls", *STORE)
    opened = folder / "opened"
    browser = folder / "browser.sh"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part\nmv {opened}.part {opened}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    with running(folder) as (_, address):
        until(opened.exists)
        own = opened.read_text().strip()
        token = address.partition("#token=")[2]
        assert token not in own
        path = "/" + own.split("/", 3)[3]
        assert asked(address, path, "HEAD")[2] == "/"
        assert asked(address, path)[::2] == (303, f"/#token={token}")
        assert asked(address, path)[::2] == (303, "/")
        assert asked(address, "/open/guessed")[2] == "/"
