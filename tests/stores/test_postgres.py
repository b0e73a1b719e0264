"""What goes wrong between a store and its Postgres server, and what is said of it."""

from __future__ import annotations

import asyncio
import signal
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from graphflow.core.journal import text_of
from graphflow.errors import Fenced, RunBusy, StoreError, StoreInvalid, StoreUnavailable
from graphflow.stores import PostgresStore
from graphflow.stores.postgres_server import address_of, connected
from graphflow.stores.postgres_tables import set_up
from graphflow.testing.store_contract.place import brief, plan_of_notes
from tests.postgres_server import PASSWORD, Server
from tests.stores.proxy import Proxy


@pytest.fixture
def proxy(postgres: Server) -> Iterator[Proxy]:
    wire = Proxy(postgres.port)
    yield wire
    wire.close()


def execute(server: Server, sql: str) -> list[tuple[Any, ...]]:
    import psycopg

    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def append(store: PostgresStore, run_id: str, *numbers: int) -> None:
    async def main() -> None:
        await store.append(run_id, [brief("a", number) for number in numbers])

    asyncio.run(main())


def numbers_of(store: PostgresStore, run_id: str) -> list[bytes]:
    return list(store.read(run_id))


def wanted(count: int) -> list[bytes]:
    return [text_of(brief("a", number)) for number in range(count)]


# -- connections that are lost -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before commit", "after commit"])
def test_a_connection_lost_at_commit_writes_once(postgres: Server, proxy: Proxy, schema: str, when: Any) -> None:
    """Before COMMIT arrived all is repeated; after it the server is asked, and nothing is written twice."""
    with closing(PostgresStore(postgres.url(port=proxy.port), schema=schema)) as store:
        store.create("run", plan_of_notes())
        store.acquire("run")
        append(store, "run", 0)
        proxy.cut = when
        append(store, "run", 1)
        append(store, "run", 2)
        assert proxy.cuts == 1
        assert numbers_of(store, "run") == wanted(3)
        assert store.row("run").standing.seq == 3


@pytest.mark.parametrize("when", ["before commit", "after commit"])
def test_everything_else_is_done_once_too(postgres: Server, proxy: Proxy, schema: str, when: Any) -> None:
    with closing(PostgresStore(postgres.url(port=proxy.port), schema=schema)) as store:
        steps = (
            lambda: store.create("run", plan_of_notes()),
            lambda: store.acquire("run"),
            lambda: store.answer("run", "ask", 1),
            lambda: store.release("run"),
        )
        for step in steps:
            proxy.cut = when
            step()
        assert proxy.cuts == len(steps)
        assert store.ids() == ["run"]
        assert [answer.value for answer in store.answers("run")] == [1]
        store.acquire("run")
        proxy.cut = when
        with pytest.raises(RunBusy):
            store.remove("run")
        store.release("run")
        proxy.cut = when
        store.remove("run")
        assert store.ids() == []


def test_connections_that_the_server_ends_are_made_again(postgres: Server, schema: str) -> None:
    with closing(PostgresStore(postgres.url(), schema=schema)) as store:
        store.create("run", plan_of_notes())
        store.acquire("run")
        for number in range(3):
            append(store, "run", number)
            assert len(numbers_of(store, "run")) == number + 1
            execute(
                postgres, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'graphflow'"
            )
        assert numbers_of(store, "run") == wanted(3)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
def test_a_server_that_restarts_is_waited_for(postgres: Server, schema: str, how: signal.Signals) -> None:
    with closing(PostgresStore(postgres.url(), schema=schema)) as store:
        store.create("run", plan_of_notes())
        store.acquire("run")
        append(store, "run", 0)
        postgres.stop(how)
        with ThreadPoolExecutor(2) as threads:
            try:
                appending, reading = threads.submit(append, store, "run", 1), threads.submit(store.read, "run")
            finally:
                postgres.start()
            appending.result(60)
            assert len(reading.result(60)) in (1, 2)
        assert numbers_of(store, "run") == wanted(2)


def test_a_server_that_stays_away_is_told_of(postgres: Server, proxy: Proxy, schema: str) -> None:
    with closing(PostgresStore(postgres.url(port=proxy.port), schema=schema, wait_s=0.1)) as store:
        store.create("run", plan_of_notes())
        store.acquire("run")
        proxy.close()
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            append(store, "run", 0)
        with pytest.raises(StoreUnavailable):
            store.rows()
    with closing(PostgresStore(postgres.url(), schema=schema)) as store:
        assert numbers_of(store, "run") == []


# -- other drivers -------------------------------------------------------------------------------------------------------


def test_a_driver_stopped_within_a_commit_does_not_block_for_ever(postgres: Server, schema: str) -> None:
    """The server ends a transaction that idles, and with it the rows that it holds."""
    with closing(PostgresStore(postgres.url(), schema=schema)) as store:
        store.create("run", plan_of_notes())
        settings = store._database.write("SELECT current_setting('idle_in_transaction_session_timeout')")
        assert settings == [("10s",)]


def test_two_that_lock_the_same_runs_both_end(postgres: Server, schema: str) -> None:
    """In whatever order their batches came: a process that lost its runs to another, and the other."""
    first = PostgresStore(postgres.url(), schema=schema, lease_s=100)
    second = PostgresStore(postgres.url(), schema=schema, lease_s=100, wait_s=29.0)
    with closing(first), closing(second):
        runs = [f"r{number}" for number in range(12)]
        for run_id in runs:
            first.create(run_id, plan_of_notes())
            first.acquire(run_id)
        execute(postgres, f"UPDATE {schema}.run SET lease_until = 0")
        for run_id in runs[::2]:
            second.acquire(run_id)
        together = threading.Barrier(2)

        async def commit(store: PostgresStore, order: list[str]) -> list[object]:
            together.wait()
            outcomes: list[object] = []
            for _ in range(10):
                tickets = [store.append(run_id, [brief("a")]) for run_id in order]
                for ticket in tickets:
                    try:
                        await ticket
                    except Fenced as error:
                        outcomes.append(error)
            return outcomes

        with ThreadPoolExecutor(2) as threads:
            one = threads.submit(lambda: asyncio.run(commit(first, runs)))
            other = threads.submit(lambda: asyncio.run(commit(second, runs[::2][::-1])))
            assert len(one.result(60)) == 60
            assert other.result(60) == []
        assert {first.row(run_id).standing.seq for run_id in runs} == {10}


def test_leases_run_by_the_servers_clock(postgres: Server, schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours may be an hour off, either way."""
    import time

    with closing(PostgresStore(postgres.url(), schema=schema)) as store:
        store.create("run", plan_of_notes())
        store.acquire("run")
        now = time.time
        for hours in (-1, 1):
            monkeypatch.setattr(time, "time", lambda hours=hours: now() + 3600 * hours)
            assert store.row("run").is_driven
            with pytest.raises(RunBusy):
                store.acquire("run")


def test_many_processes_make_the_tables_once(postgres: Server, schema: str) -> None:
    address = address_of(postgres.url(), schema)
    connections = [connected(address) for _ in range(6)]
    together = threading.Barrier(6)

    def make(number: int) -> None:
        together.wait()
        set_up(connections[number], address)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(make, range(6)))
    for connection in connections:
        connection.close()
    with closing(PostgresStore(postgres.url(), schema=schema)) as store:
        assert store.ids() == []
    assert execute(postgres, f"SELECT version FROM {schema}.format") == [(1,)]


# -- places that are none ------------------------------------------------------------------------------------------------


def test_schemas_of_others_and_newer_ones_are_refused(postgres: Server, schema: str) -> None:
    execute(postgres, f"CREATE SCHEMA {schema}")
    execute(postgres, f"CREATE TABLE {schema}.run (id TEXT)")
    with pytest.raises(StoreInvalid, match="no store of graphflow's"):
        PostgresStore(postgres.url(), schema=schema)
    assert execute(postgres, f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'") == [("run",)]
    PostgresStore(postgres.url(), schema=f"{schema}_new").close()
    execute(postgres, f"UPDATE {schema}_new.format SET version = 99")
    with pytest.raises(StoreInvalid, match="a newer version"):
        PostgresStore(postgres.url(), schema=f"{schema}_new")


@pytest.mark.parametrize("name", ["", "Runs", "a b", "x" * 64, 'a"; DROP TABLE run; --'])
def test_names_of_schemas_are_plain(postgres: Server, name: str) -> None:
    with pytest.raises(StoreError, match="schema"):
        PostgresStore(postgres.url(), schema=name)


def test_who_may_not_is_told_so(postgres: Server, schema: str) -> None:
    execute(postgres, f"CREATE ROLE {schema} LOGIN PASSWORD 'other'")
    with pytest.raises(StoreUnavailable, match="permission denied") as told:
        PostgresStore(postgres.url(user=schema, password="other"), schema=schema)
    assert "grant CREATE" in told.value.fix


SECRETS = (PASSWORD, "s3cret")


def test_no_message_shows_the_password(postgres: Server, proxy: Proxy, schema: str) -> None:
    closed = Proxy(postgres.port)
    closed.close()
    asked: list[tuple[str, str]] = [
        (postgres.url(user="nobody_here"), "GF300"),
        (postgres.url(password=f"{PASSWORD}!"), "GF300"),
        (postgres.url(database="nowhere"), "GF300"),
        (postgres.url(port=closed.port), "GF307"),
        (f"postgresql://tester:{PASSWORD}@127.0.0.1/", "GF300"),  # not escaped, so it falls apart
        ("postgresql://tester:s3cret@of@127.0.0.1/db", "GF300"),
        ("postgresql://tester:12/s3cret@127.0.0.1/db", "GF300"),
        (f"postgresql://tester@127.0.0.1:{postgres.port}/postgres?password=s3cret&no_such=1", "GF300"),
        (f"host=127.0.0.1 port={closed.port} password={PASSWORD} user=tester", "GF307"),
        (f"password='{PASSWORD}", "GF300"),
    ]
    for url, code in asked:
        with pytest.raises(StoreError) as told:
            PostgresStore(url, schema=schema, wait_s=0)
        shown = "".join(traceback.format_exception(told.value)) + repr(told.value) + str(told.value.as_json())
        assert told.value.code == code, shown
        assert told.value.fix
        assert not any(secret in shown.replace(url, "") for secret in SECRETS), shown
    with closing(PostgresStore(postgres.url(port=proxy.port), schema=schema, wait_s=0.1)) as store:
        assert f"postgresql://tester@127.0.0.1:{proxy.port}/postgres" in repr(store)
        said = [repr(store), store.place, repr(store._shared.key), *(thread.name for thread in threading.enumerate())]
        with pytest.raises(StoreError) as missing:
            store.read("run")
        proxy.close()
        with pytest.raises(StoreUnavailable) as gone:
            store.ids()
        said += ["".join(traceback.format_exception(error)) for error in (missing.value, gone.value)]
        assert not any(secret in text for secret in SECRETS for text in said)


def test_without_psycopg_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"graphflow-agents\[postgres\]"):
        PostgresStore("postgresql://nobody@nowhere/none")
