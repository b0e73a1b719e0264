"""Every store keeps the laws of stores (S10.1, S15.2, S16, S18)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from graphflow.stores import FernetCipher, MemoryStore, PostgresStore, SQLiteStore
from graphflow.testing import store_contract
from tests.postgres_server import Server

each_law = pytest.mark.parametrize("law", store_contract.LAWS, ids=store_contract.name_of)


class InMemory:
    def __init__(self) -> None:
        self.store = MemoryStore()

    def open(self, *, lease_s: float = 30.0) -> MemoryStore:
        return self.store

    def pass_s(self, seconds: float) -> None:
        pass


class OnDisk:
    """``is_shared``: the stores share a connection, as those of one process do; else they are like those of several."""

    def __init__(self, path: Path, is_shared: bool, cipher: FernetCipher | None = None) -> None:
        self.path = path
        self.cipher = cipher
        self.is_shared = is_shared
        self.opened = 0

    def open(self, *, lease_s: float = 30.0) -> SQLiteStore:
        self.opened += 1
        wait_s = 15.0 if self.is_shared else 15.0 + self.opened
        return SQLiteStore(self.path, lease_s=lease_s, wait_s=wait_s, cipher=self.cipher)

    def pass_s(self, seconds: float) -> None:
        connection = sqlite3.connect(self.path, timeout=15)
        with connection:
            connection.execute("UPDATE run SET lease_until = lease_until - ?", (seconds,))
        connection.close()


class OnServer:
    def __init__(self, server: Server, schema: str, is_shared: bool, cipher: FernetCipher | None = None) -> None:
        self.url = server.url()
        self.cipher = cipher
        self.schema = schema
        self.is_shared = is_shared
        self.opened = 0

    def open(self, *, lease_s: float = 30.0) -> PostgresStore:
        self.opened += 1
        wait_s = 15.0 if self.is_shared else 15.0 + self.opened
        return PostgresStore(self.url, lease_s=lease_s, schema=self.schema, wait_s=wait_s, cipher=self.cipher)

    def pass_s(self, seconds: float) -> None:
        import psycopg

        with psycopg.connect(self.url) as connection:
            connection.execute(f"UPDATE {self.schema}.run SET lease_until = lease_until - %s".encode(), (seconds,))


@each_law
def test_memory(law: store_contract.Law) -> None:
    law(InMemory())


@pytest.mark.parametrize("is_shared", [True, False], ids=["one_connection", "several"])
@each_law
def test_sqlite(law: store_contract.Law, is_shared: bool, tmp_path: Path) -> None:
    law(OnDisk(tmp_path / "runs.db", is_shared))


@pytest.mark.parametrize("is_shared", [True, False], ids=["one_connection", "several"])
@each_law
def test_postgres(law: store_contract.Law, is_shared: bool, postgres: Server, schema: str) -> None:
    law(OnServer(postgres, schema, is_shared))


SEALED = [law for law in store_contract.LAWS if law.__name__.startswith(("secrets", "journals", "snapshots", "what"))]
with_a_cipher = pytest.mark.parametrize("law", SEALED, ids=store_contract.name_of)


def cipher() -> FernetCipher:
    pytest.importorskip("cryptography", reason="pip install 'graphflow-agents[secrets]'")
    return FernetCipher(FernetCipher.new_key())


@with_a_cipher
def test_sqlite_with_a_cipher(law: store_contract.Law, tmp_path: Path) -> None:
    law(OnDisk(tmp_path / "runs.db", True, cipher()))


@with_a_cipher
def test_postgres_with_a_cipher(law: store_contract.Law, postgres: Server, schema: str) -> None:
    law(OnServer(postgres, schema, True, cipher()))
