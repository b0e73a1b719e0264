"""``graphflow runs prune``, and what the other commands say of a run whose history was pruned."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

import pytest

from graphflow.cli import pruning
from graphflow.stores import SQLiteStore
from tests.cli.commands import Command, forget

STORE, OTHER = ("--store", "runs.db"), ("--store", "other.db")


def names(graphflow: Command) -> list[str]:
    return [run["run"] for run in graphflow("runs", "list", "--json", *STORE).json["runs"]][::-1]


def test_ended_runs_go_and_those_that_can_go_on_stay(graphflow: Command) -> None:
    """S14.3."""
    for name in ("a", "b", "c"):
        graphflow("run", "essay.py", "topic=owls", "--run-id", name, *STORE)
    graphflow("run", "desk.py", "--run-id", "asks", *STORE)
    graphflow("run", "broken.py", "--run-id", "bad", *STORE)
    said = graphflow("runs", "prune", "--keep", "1", "--dry-run", *STORE)
    assert (said.code, said.out) == (0, "a\nb\n")
    assert said.err == (
        "2 runs would be removed\n"
        "1 run would stay: done: among the newest 1\n"
        "1 run would stay: waiting: it goes on, or can\n"
        "1 run would stay: failed: it can be gone on with, and goes only by --status failed\n"
    )
    said = graphflow("runs", "prune", "--older-than", "1h", "--status", "done", "--dry-run", "--json", *STORE)
    assert said.json["staying"] == {
        "done: younger than --older-than": 3,
        "waiting: it goes on, or can": 1,
        "failed: it can be gone on with, and goes only by --status failed": 1,
    }
    said = graphflow("runs", "prune", "--older-than", "1h", "--yes", *STORE)
    assert (said.code, said.err) == (0, "0 runs removed\n")
    assert graphflow("runs", "prune", "--keep", "1", *STORE).code == 2  # nobody to ask
    said = graphflow("runs", "prune", "--keep", "1", "--yes", "--json", *STORE)
    assert (said.code, said.json["removed"]) == (0, ["a", "b"])
    assert graphflow("runs", "prune", "--most-bytes", "1kB", "--yes", *STORE).code == 0
    assert names(graphflow) == ["asks", "bad"]
    assert graphflow("runs", "prune", "--older-than", "0s", "--status", "failed", "--yes", *STORE).code == 0
    assert names(graphflow) == ["asks"]


@pytest.mark.parametrize(
    "arguments",
    ["", "--yes", "--status done", "--keep 1 --history 1", "--keep 1 one", "--keep -1", "--status waiting --keep 1"],
)
def test_what_cannot_be_meant_is_a_usage_error(graphflow: Command, arguments: str) -> None:
    graphflow("run", "essay.py", "topic=owls", "--run-id", "one", *STORE)
    assert graphflow("runs", "prune", *arguments.split(), *STORE).code == 2
    assert names(graphflow) == ["one"]


@pytest.mark.parametrize("option", ["--older-than=soon", "--most-bytes=much", "--history=all"])
def test_a_bound_that_is_none_is_a_usage_error(graphflow: Command, option: str) -> None:
    assert graphflow("runs", "prune", option, *STORE).code == 2


@pytest.mark.parametrize(
    ("text", "expected"), [("45s", 45), ("90m", 5_400), ("12h", 43_200), ("30d", 2_592_000), ("0.5w", 302_400)]
)
def test_ages(text: str, expected: float) -> None:
    assert pruning.seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("500MB", 5 * 10**8), ("2 gb", 2 * 10**9), ("10", 10), ("1.5kB", 1_500)]
)
def test_sizes(text: str, expected: int) -> None:
    assert pruning.size(text) == expected
    with pytest.raises(argparse.ArgumentTypeError):
        pruning.size(f"{text}s")


def test_a_run_whose_history_was_pruned_is_shown_and_goes_on(graphflow: Command) -> None:
    """S15.2: what is gone is said to be gone; everything else is as it was."""
    graphflow("run", "desk.py", "--run-id", "d", *STORE)
    graphflow("runs", "resume", "d", "--answer", "approve=no", *STORE)
    whole = graphflow("runs", "show", "d", "--json", "--state", *STORE).json
    said = graphflow("runs", "prune", "--history", "2", "d", "--yes", "--json", *STORE)
    assert (said.code, said.json["left"]) == (0, {})
    gone = said.json["entries"]["d"]
    assert gone == whole["seq"] - 3
    shown = graphflow("runs", "show", "d", *STORE)
    assert f"pruned     entries 1 to {gone}: what is shown begins at entry {gone + 1}\n" in shown.out
    cut = graphflow("runs", "show", "d", "--json", "--state", *STORE).json
    for key in ("state", "status", "usage", "questions", "seq", "frontier"):
        assert cut.get(key) == whole.get(key), key
    assert (cut["pruned"], whole["pruned"]) == (gone, 0)
    said = graphflow("runs", "show", "d", "--at", str(gone), *STORE)
    assert said.code == 1
    assert "[GF308]" in said.err
    assert graphflow("runs", "show", "d", "--at", str(gone + 1), *STORE).code == 0
    assert graphflow("runs", "tail", "d", *STORE).code == 3
    assert graphflow("runs", "diff", "d", "d", *STORE).code == 0
    assert graphflow("runs", "rerun", "d", "--at", str(gone + 2), "--run-id", "e", *STORE).code == 3
    said = graphflow("runs", "resume", "d", "--answer", "approve=yes", "--json", *STORE)
    assert (said.code, said.json["state"]["is_sent"]) == (0, True)


def test_a_pruned_run_is_exported_and_imported(graphflow: Command, folder: Path) -> None:
    graphflow("run", "desk.py", "reply=\u00fcber \U0001f989", "--run-id", "d", *STORE)
    graphflow("runs", "prune", "--history", "0", "--yes", *STORE)
    with closing(SQLiteStore(folder / "runs.db")) as store:
        assert len(store.read("d")) == 1
        before = store.row("d").standing
    (folder / "desk.py").rename(folder / "away.py")
    forget(folder)
    assert graphflow("runs", "export", "d", "-o", "d.jsonl", *STORE).code == 0
    assert graphflow("runs", "import", "d.jsonl", *OTHER).code == 0
    with closing(SQLiteStore(folder / "other.db")) as store:
        assert store.row("d").standing == before
    assert graphflow("runs", "export", "d", *OTHER).out == Path("d.jsonl").read_text()
    (folder / "away.py").rename(folder / "desk.py")
    said = graphflow("runs", "resume", "d", "--answer", "approve=yes", "--json", *OTHER)
    assert (said.code, said.json["state"]["reply"]) == (0, "\u00fcber \U0001f989")


def test_a_history_stays_where_the_types_are_not_known(graphflow: Command, folder: Path) -> None:
    """A snapshot is for good; what cannot be told exactly is left, and that is said."""
    text = (
        (folder / "desk.py")
        .read_text()
        .replace("is_sent: bool = False", "is_sent: bool = False\n    sizes: set[int] = {3}")
    )
    (folder / "typed.py").write_text(text)
    graphflow("run", "typed.py", "--run-id", "t", *STORE)
    (folder / "typed.py").rename(folder / "away.py")
    forget(folder)
    said = graphflow("runs", "prune", "--history", "0", "--yes", *STORE)
    assert said.code == 1
    assert "t: left as it is\n[GF300] The history of run 't' cannot be pruned without its graph" in said.err
    assert graphflow("runs", "prune", "t", "--history", "0", "--yes", "--graph", "away.py", *STORE).code == 0
    said = graphflow("runs", "resume", "t", "--answer", "approve=yes", "--graph", "away.py", "--json", *STORE)
    assert said.json["state"]["sizes"] == [3]
