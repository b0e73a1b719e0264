"""What a run may be called by people: a word that can be typed again. Programs may call it anything."""

from __future__ import annotations

import re
import secrets

_RUN_ID = re.compile(r"[\w][\w.:@+-]{0,127}")
WORDS = "letters, digits and . : @ + - _ after the first"


def is_run_id(text: str) -> bool:
    """Whether somebody may call a run so.

    >>> is_run_id("owls-1"), is_run_id("-x"), is_run_id("two words")
    (True, False, False)
    """
    return _RUN_ID.fullmatch(text) is not None


def new_run_id() -> str:
    """A name for a run that nobody has named."""
    return f"r-{secrets.token_hex(4)}"
