"""The store a command works with: ``--store``, else GRAPHFLOW_STORE. A misspelt file is refused, not made.

The key of sealed secrets comes from GRAPHFLOW_KEY, and from nowhere else: arguments are seen by everybody on the machine.
Commands that only show, copy or remove open the store without it, and secrets stay as they are sealed.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from graphflow.cli.arguments import Parser
from graphflow.errors import TargetNotFound, UsageError, nearest
from graphflow.runtime.beginning import open_store
from graphflow.stores.ciphers import VARIABLE as KEY
from graphflow.stores.ciphers import cipher_of
from graphflow.stores.store import Store

VARIABLE = "GRAPHFLOW_STORE"
STORE_HELP = f"a file, or the address of a Postgres database (default: ${VARIABLE})"
OPENING_HELP = f"the store: {STORE_HELP}; secrets in it are opened with the key in ${KEY}, or keys: new,old"
_ENDINGS = (".db", ".sqlite", ".sqlite3")


def add_store(parser: Parser, text: str = f"the store: {STORE_HELP}") -> None:
    """The option that names the store."""
    parser.add_argument("--store", metavar="STORE", help=text)


def store_name(given: str | None) -> str | None:
    """The store that was named, by the option or else the environment."""
    return given or os.environ.get(VARIABLE) or None


def shown_store(name: str) -> str:
    """A store's name without a password in it.

    >>> shown_store("postgresql://ann:secret@host/runs"), shown_store("runs.db")
    ('postgresql://ann:***@host/runs', 'runs.db')
    """
    parts = urlsplit(name)
    if not parts.password:
        return name
    return name.replace(f":{parts.password}@", ":***@", 1)


def store_option(given: str | None) -> str:
    """The option as a hint repeats it: nothing where the environment names the store."""
    return f" --store {shlex.quote(shown_store(given))}" if given else ""


def named_store(given: str | None, *, may_make: bool = False) -> str:
    """The store that was named. Raises UsageError if none is, TargetNotFound if there is no such file."""
    name = store_name(given)
    if name is None:
        raise UsageError(
            "No store is named",
            code="GF528",
            why=f"Runs are kept in a store. Neither --store nor {VARIABLE} names one.",
            fix=f"--store runs.db, or once for all commands: export {VARIABLE}=$PWD/runs.db",
        )
    if not may_make and "://" not in name and not Path(name).is_file():
        raise _no_store(Path(name))
    return name


@contextmanager
def opened(given: str | None, *, may_make: bool = False, is_sealed: bool = False) -> Generator[Store, None, None]:
    """The store, closed at the end; with ``is_sealed`` without the key, so that its secrets stay sealed.

    Raises UsageError if none is named, TargetNotFound if there is no such file, CipherKeyInvalid.
    """
    name = named_store(given, may_make=may_make)
    store = open_store(name, None if is_sealed else cipher_of(os.environ))
    try:
        yield store
    finally:
        store.close()


def _is_empty(file: Path) -> bool:
    """Whether a file is a store without any run: nobody means that one. What cannot be read may well have some."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=0.2)) as database:
            return database.execute("SELECT 1 FROM run LIMIT 1").fetchone() is None
    except sqlite3.Error:
        return file.stat().st_size == 0


def _no_store(file: Path) -> TargetNotFound:
    folder = file.parent
    found = sorted(one for one in folder.iterdir() if one.suffix in _ENDINGS) if folder.is_dir() else []
    beside = [one.name for one in found if not _is_empty(one)]
    close = nearest(file.name, beside) or (beside[0] if len(beside) == 1 else None)
    return TargetNotFound(
        f"There is no store {str(file)!r}",
        code="GF529",
        why=f"It was looked for in {folder.resolve()}.",
        fix=f"Did you mean {str(folder / close)!r}?"
        if close
        else f"graphflow run TARGET --store {file} makes it; or name the one that holds the run.",
    )
