"""The commands on a Postgres store: kept, shown, answered, driven by a worker, pruned, copied (S10.1, S14.2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Command
from tests.cli.test_deps import CLIENTS, GREETING
from tests.postgres_server import PASSWORD, Server


@pytest.fixture
def store(postgres: Server, schema: str) -> tuple[str, str]:
    """The option that names a store of this test's own: a database, as commands name no schema."""
    import psycopg

    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {schema}".encode())
    return "--store", postgres.url(database=schema)


def test_a_run_is_kept_shown_answered_and_gone_on_with(graphflow: Command, store: tuple[str, str]) -> None:
    said = graphflow("run", "desk.py", "--run-id", "d", *store)
    assert said.code == 3
    assert PASSWORD not in said.out + said.err
    assert "store      postgresql://tester:***@127.0.0.1:" in said.err
    assert "approve: Send this?" in graphflow("runs", "list", *store).out
    assert graphflow("runs", "answer", "d", "approve", "no", *store).code == 0
    said = graphflow("worker", "--once", *store)
    assert said.code == 0, said.err
    assert "waiting, 3 steps" in said.err
    assert graphflow("runs", "tail", "d", *store).code == 3
    said = graphflow("runs", "resume", "d", "--answer", "approve=yes", "--json", *store)
    assert (said.code, said.json["path"]) == (0, ["approve:1", "rewrite:1", "approve:2"])
    shown = graphflow("runs", "show", "d", "--json", *store).json
    assert (shown["status"], shown["state"]) == ("done", {"reply": "Yes.", "is_sent": True})
    assert graphflow("runs", "rerun", "d", "--at", "3", "--run-id", "e", *store).code == 3
    assert graphflow("runs", "diff", "d", "e", *store).code in (0, 1)
    assert [row["run"] for row in graphflow("runs", "list", "--status", "waiting", "--json", *store).json["runs"]] == [
        "e"
    ]
    assert [row["run"] for row in graphflow("runs", "list", "--last", "1", "--json", *store).json["runs"]] == ["e"]


def test_runs_are_pruned_removed_and_copied(graphflow: Command, store: tuple[str, str]) -> None:
    graphflow("run", "desk.py", "--run-id", "d", *store)
    for name in ("a", "b"):
        graphflow("run", "essay.py", "topic=owls", "--run-id", name, *store)
    assert graphflow("runs", "prune", "--history", "1", "d", "--yes", *store).code == 0
    assert "pruned " in graphflow("runs", "show", "d", *store).out
    assert graphflow("runs", "export", "d", "-o", "d.jsonl", *store).code == 0
    assert graphflow("runs", "rm", "d", "--yes", *store).code == 0
    assert graphflow("runs", "import", "d.jsonl", *store).code == 0
    assert graphflow("runs", "prune", "--keep", "1", "--yes", "--json", *store).json["removed"] == ["a"]
    said = graphflow("runs", "resume", "d", "--answer", "approve=yes", "--json", *store)
    assert (said.code, said.json["status"]) == (0, "done")


def test_a_worker_gives_its_runs_what_they_need(graphflow: Command, folder: Path, store: tuple[str, str]) -> None:
    (folder / "greeting.py").write_text(GREETING)
    (folder / "clients.py").write_text(CLIENTS)
    graphflow("run", "greeting.py", "--run-id", "r", *store)
    graphflow("runs", "answer", "r", "ask", "yes", *store)
    assert graphflow("worker", "--once", "--deps", "clients.py:make", *store).code == 0
    assert graphflow("runs", "show", "r", "--json", *store).json["state"]["said"] == "hello 1"


def test_a_server_that_is_not_there_is_told(graphflow: Command, postgres: Server) -> None:
    for command in (["runs", "list"], ["worker", "--once"], ["run", "desk.py"]):
        said = graphflow(*command, "--store", postgres.url(database="nowhere"))
        assert said.code == 1
        assert "[GF300]" in said.err
        assert PASSWORD not in said.err
