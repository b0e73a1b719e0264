"""Files that are none of ours, damaged, or not to be written: refused with a code, and left as they are."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from graphflow.core.journal import Brief, text_of
from graphflow.errors import StoreError, StoreInvalid, StoreUnavailable
from graphflow.stores import SQLiteStore
from graphflow.testing.store_contract.place import plan_of_notes

REPOSITORY = Path(__file__).parents[2]


def entry(number: int, text: str = "") -> Brief:
    return ("", "write", number, {"text": text}, 0, number, 0.5)


def append(store: SQLiteStore, run_id: str, *entries: Brief) -> None:
    async def main() -> None:
        await store.append(run_id, entries)

    asyncio.run(main())


def store_with_run(path: Path, count: int = 3) -> SQLiteStore:
    store = SQLiteStore(path)
    store.create("run", plan_of_notes())
    store.acquire("run")
    for number in range(count):
        append(store, "run", entry(number))
    return store


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


@pytest.mark.parametrize(
    "name", ["runs.db", "100% sure?#.db", "Läufe und so.db", "a'b\"c;d.db", "\udcff.db", "file.db&mode=ro"]
)
def test_any_name_of_a_file_will_do(tmp_path: Path, name: str) -> None:
    store_with_run(tmp_path / name).close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with closing(SQLiteStore(os.fsencode(tmp_path / name).decode("utf-8", "surrogateescape"))) as again:
        assert len(again.read("run")) == 3


@pytest.mark.parametrize("name", ["", "  ", ":memory:", "file:runs.db?mode=memory", "a\0b"])
def test_what_is_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as told:
        SQLiteStore(name)
    assert told.value.code == "GF300"
    assert told.value.why
    assert told.value.fix
    assert list(tmp_path.iterdir()) == []


def test_links_folders_and_devices_are_refused(tmp_path: Path) -> None:
    target = tmp_path / "target.db"
    (tmp_path / "link.db").symlink_to(target)
    with pytest.raises(StoreError, match="It is a link") as told:
        SQLiteStore(tmp_path / "link.db")
    assert str(target) in told.value.fix
    assert not target.exists()
    with pytest.raises(StoreError, match="It is a folder"):
        SQLiteStore(tmp_path)
    os.mkfifo(tmp_path / "pipe.db")
    with pytest.raises(StoreError, match="no ordinary file"):
        SQLiteStore(tmp_path / "pipe.db")
    with pytest.raises(StoreUnavailable, match="GF307"):
        SQLiteStore(tmp_path / "nowhere" / "runs.db")


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    """The log and the shared memory beside it as well, whatever the umask."""
    before = os.umask(0)
    try:
        store = store_with_run(tmp_path / "runs.db")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert modes == {"runs.db": 0o600, "runs.db-wal": 0o600, "runs.db-shm": 0o600}


def test_a_path_holds_when_the_working_folder_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(SQLiteStore("runs.db")) as store:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        store.create("run", plan_of_notes())
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == []


@pytest.mark.parametrize("text", [b"hello, I am a letter\n" * 100, b"x", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(text)
    with pytest.raises(StoreInvalid, match=r"letter\.txt"):
        SQLiteStore(path)
    assert written(tmp_path) == {"letter.txt": text}


def test_a_database_of_others_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("CREATE TABLE run (id TEXT)")
    before = written(tmp_path)
    with pytest.raises(StoreInvalid, match="no store of graphflow's"):
        SQLiteStore(path)
    assert written(tmp_path) == before
    with closing(sqlite3.connect(path)) as theirs:
        assert theirs.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize(("version", "said"), [(99, "a newer version"), (0, "another version")])
def test_another_format_is_refused(tmp_path: Path, version: int, said: str) -> None:
    path = tmp_path / "runs.db"
    store_with_run(path).close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"PRAGMA user_version = {version}")
    before = written(tmp_path)
    with pytest.raises(StoreInvalid, match=said) as told:
        SQLiteStore(path)
    assert str(version) in told.value.why
    assert {**before, **written(tmp_path)} == before | {"runs.db-wal": b""}


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "runs.db").touch()
    store_with_run(tmp_path / "runs.db").close()


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store_with_run(path, 100).close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreInvalid, match="no store that can be read"):
        SQLiteStore(path)
    assert path.read_bytes() == whole[: len(whole) // 2]


def test_a_page_of_rubbish_is_told_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store_with_run(path, 300).close()
    whole = bytearray(path.read_bytes())
    whole[4096 * 3 :] = b"\xa5" * (len(whole) - 4096 * 3)
    path.write_bytes(whole)
    with pytest.raises(StoreInvalid), closing(SQLiteStore(path)) as store:
        store.read("run")
        store.rows()


@pytest.mark.parametrize("kept", [0.99, 0.7, 0.4])
def test_a_torn_log_loses_only_what_was_never_whole(tmp_path: Path, kept: float) -> None:
    """As after a power cut: the journal then is a beginning of what it was, without a gap."""
    path, copy = tmp_path / "runs.db", tmp_path / "after"
    store = store_with_run(path, 60)
    copy.mkdir()
    for name in ("runs.db", "runs.db-wal"):
        shutil.copy(tmp_path / name, copy / name)
    store.close()
    log = copy / "runs.db-wal"
    whole = log.read_bytes()
    log.write_bytes(whole[: int(len(whole) * kept)] + b"\x5a" * 100)
    with closing(SQLiteStore(copy / "runs.db")) as torn:
        found = list(torn.read("run"))
        assert 10 < len(found) < 60
        assert found == [text_of(entry(number)) for number in range(len(found))]
        assert torn.row("run").standing.seq == len(found)


# -- what cannot be written ----------------------------------------------------------------------------------------------


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users reach as well."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def in_process(text: str, *arguments: object, as_nobody: bool = False) -> str:
    """What a program prints; as nobody, it is not run as root, whom nothing is forbidden."""
    begin = "import os, sys; sys.path.insert(0, sys.argv[1])\nfrom graphflow.stores import SQLiteStore\n"
    begin += "import graphflow.errors, asyncio, resource, signal\nfrom tests.stores.test_sqlite_files import *\n"
    if as_nobody and os.geteuid() == 0:  # who may not read the interpreter's own folder either: import first
        begin += "SQLiteStore(sys.argv[2] + '-other').close(); os.unlink(sys.argv[2] + '-other')\n"
        begin += "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    command = [sys.executable, "-B", "-c", begin + text, str(REPOSITORY), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o755, 0o444), (0o555, 0o644), (0o555, 0o444)])
def test_what_is_read_only_is_told(open_folder: Path, folder_mode: int, file_mode: int) -> None:
    path = open_folder / "runs.db"
    store_with_run(path).close()
    before = written(open_folder)
    path.chmod(file_mode)
    open_folder.chmod(folder_mode)
    told = in_process(
        "try: SQLiteStore(sys.argv[2])\nexcept StoreUnavailable as error: print(error)", path, as_nobody=True
    )
    open_folder.chmod(0o755)
    assert "GF307" in told
    assert "fix" in told
    assert written(open_folder) == before


def test_a_full_disk_loses_nothing(open_folder: Path) -> None:
    """What was committed stays, what did not fit is told and not half there, and with room it goes on."""
    open_folder.chmod(0o777)
    told = in_process(
        "path = Path(sys.argv[2])\n"
        "store = store_with_run(path)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))\n"
        "number = 3\n"
        "try:\n"
        "    while True:\n"
        "        append(store, 'run', entry(number, 'x' * 20_000)); number += 1\n"
        "except StoreUnavailable as error: print(error.code)\n"
        "assert len(store.read('run')) == number == store.row('run').standing.seq, (len(store.read('run')), number)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "append(store, 'run', entry(number))\n"
        "print(len(store.read('run')) - number)\n"
        "store.close()",
        open_folder / "runs.db",
    )
    assert told.split() == ["GF307", "1"]


def test_who_holds_the_file_is_waited_for(tmp_path: Path) -> None:
    """A commit goes through once the other lets go."""
    path = tmp_path / "runs.db"
    with closing(store_with_run(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:

        async def main() -> None:
            other.execute("BEGIN IMMEDIATE")
            ticket = store.append("run", [entry(3)])
            await asyncio.sleep(0.05)
            assert not ticket.is_done
            assert len(store.read("run")) == 3
            other.execute("ROLLBACK")
            await ticket

        asyncio.run(main())
        assert len(store.read("run")) == 4


def test_who_holds_the_file_too_long_is_told_of(tmp_path: Path) -> None:
    """And nothing is lost or half there: the same commit goes through later."""
    path = tmp_path / "runs.db"
    store_with_run(path).close()
    with closing(SQLiteStore(path, wait_s=0.05, lease_s=1)) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("UPDATE run SET owner = NULL")
            store.acquire("run")
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked") as told:
                append(store, "run", entry(3))
            assert "Another process holds it" in told.value.fix
            with pytest.raises(StoreUnavailable):
                store.create("another", plan_of_notes())
            other.execute("ROLLBACK")
        append(store, "run", entry(3))
        assert len(store.read("run")) == 4
        assert store.ids() == ["run"]


def test_what_is_too_large_harms_only_its_own_run(tmp_path: Path) -> None:
    """One commit of several runs: the others go through."""
    with closing(store_with_run(tmp_path / "runs.db")) as store:
        store.create("other", plan_of_notes())
        store.acquire("other")

        async def main() -> None:
            store._database._writing.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)  # type: ignore[attr-defined]
            large, small = store.append("run", [entry(3, "x" * 200_000)]), store.append("other", [entry(1)])
            await small
            with pytest.raises(StoreError, match="that much at once"):
                await large

        asyncio.run(main())
        assert len(store.read("run")) == 3
        assert len(store.read("other")) == 1


def test_the_file_stays_small(tmp_path: Path) -> None:
    """1,000 steps with a state of 100 KB: less than twice state and updates; opening it again reads little."""
    from graphflow.stores.store import Standing

    path, update, state = tmp_path / "runs.db", "u" * 300, {"text": "s" * 100_000}
    with closing(store_with_run(path, 0)) as store:

        async def main() -> None:
            for number in range(1_000):
                standing = Standing(number + 1, state=state) if number % 4 == 0 else None
                await store.append("run", [entry(number, update)], standing)

        asyncio.run(main())
        largest = sum(one.stat().st_size for one in tmp_path.iterdir() if not one.name.endswith("-shm"))
        updates = sum(len(text) for text in store.read("run"))
    assert path.stat().st_size < 2 * (updates + 100_000)
    assert largest < 2 * (updates + 100_000) + (8 << 20), "the log is cut back"
