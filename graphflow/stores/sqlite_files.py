"""The file of a SQLite store: which names are refused, how it is made, and what SQLite's errors mean for its user."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from graphflow.errors import StoreError, StoreInvalid, StoreUnavailable


def checked_path(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a store. Raises StoreError for what SQLite would take for something else than a file."""
    name = os.fspath(path)
    if not isinstance(name, str):
        name = os.fsdecode(name)
    why = fix = ""
    if not name.strip() or "\0" in name:
        why, fix = "That is no name of a file.", "Name one: runs.db."
    elif name == ":memory:" or name.startswith("file:"):
        why, fix = "A store on disk is a plain file.", "For one in memory leave store= out, or give a MemoryStore()."
    elif Path(name).is_symlink():
        why = f"It is a link, to {os.readlink(name)}: who can change it decides what is written where."
        fix = f"Name the file itself: {os.path.realpath(name)}."
    elif Path(name).is_dir():
        why, fix = "It is a folder.", f"Name a file in it: {Path(name, 'runs.db')}."
    elif Path(name).exists() and not Path(name).is_file():
        why, fix = "It is no ordinary file.", "Name another file."
    if why:
        raise StoreError(f"The store {name!r} cannot be opened", why=why, fix=fix)
    return Path(os.path.abspath(name))  # the working folder may change later


def prepared(path: Path) -> bool:
    """Make the file, for its owner alone, if it is not there; the log beside it gets the same rights from SQLite."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return False
    except OSError as error:
        raise StoreUnavailable(
            f"The store {path} cannot be opened", why=str(error), fix="Name a file in a folder that you may write to."
        ) from None
    return True


_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_FIXES = {
    sqlite3.SQLITE_BUSY: "Another process holds it: see who, and resume the run.",
    sqlite3.SQLITE_FULL: "Make room on the disk, and resume the run.",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable, or name another one.",
    sqlite3.SQLITE_CANTOPEN: "Name a file in a folder that you may write to.",
    sqlite3.SQLITE_PERM: "Name a file that you may write to.",
}


def told(error: BaseException, path: Path, *, is_damaged: bool = False) -> StoreError:
    """An error of SQLite's as one of ours."""
    code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if is_damaged or code in _DAMAGED:
        return StoreInvalid(
            f"{path} is no store that can be read",
            why=f"SQLite says: {error}. The file was left as it is.",
            fix="Name another file, or bring this one back from a copy.",
        )
    if code == sqlite3.SQLITE_TOOBIG or isinstance(error, OverflowError | sqlite3.DataError):
        return StoreError(
            f"The store {path} cannot take that much at once",
            why=f"SQLite says: {error}. Nothing of this step was written.",
            fix="Keep what is large in a file, and its name in the state.",
        )
    is_open = code != sqlite3.SQLITE_CANTOPEN
    return StoreUnavailable(
        f"The store {path} cannot be {'written now' if is_open else 'opened'}",
        why=f"SQLite says: {error}. What was committed before is safe, and nothing is half there.",
        fix=_FIXES.get(code, "Resume the run once the store is back."),
    )
