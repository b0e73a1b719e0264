"""Values to JSON and back, for columns: any text survives, lone surrogates included (S15.2)."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json, to_json

from graphflow.errors import StoreError, StoreInvalid


def written(value: Any) -> bytes:
    r"""A JSON-able value as text.

    >>> written({"said": "\ud800"})
    b'{"said": "\\ud800"}'
    """
    try:
        return to_json(value)
    except ValueError:  # a lone surrogate, which UTF-8 cannot hold: escaped it survives
        return json.dumps(value, ensure_ascii=True, default=lambda one: from_json(to_json(one))).encode()


def parsed(text: bytes, place: str) -> Any:
    """The inverse of ``written``. Raises StoreInvalid, which names the store."""
    try:
        return from_json(text, allow_inf_nan=True)
    except ValueError:
        try:
            return json.loads(text)
        except ValueError as error:
            raise StoreInvalid(
                f"{place} holds a value that is no JSON",
                why=f"{error}. Somebody else has written there, or the disk failed.",
                fix="Bring the store back from a copy.",
            ) from None


def safe(name: str) -> str:
    r"""A name that is only shown, as every database takes it.

    >>> safe("a\ud800\0b")
    'a\\ud800\\x00b'
    """
    return name.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def checked_id(run_id: str) -> str:
    """A run's id, if databases can hold it. Raises StoreError."""
    if not run_id or run_id != safe(run_id):
        raise StoreError(
            f"A run cannot be called {run_id!r}",
            why="An id is a text, not empty, without the character zero and without halves of characters.",
            fix="Leave run_id= out, or give another one.",
        )
    return run_id
