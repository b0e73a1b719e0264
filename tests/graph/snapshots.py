"""Error messages as they are shown, with ``here`` for the file and line."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from graphflow.errors import CODES, GraphflowError

_PLACE = re.compile(r"\S+\.py:\d+")


def shown(error: object) -> str:
    """A message with its places replaced."""
    return _PLACE.sub("here", str(error))


def says(expected: str) -> Callable[[Callable[[], object]], Callable[[], None]]:
    """Make a mistake a test: it is refused at that line, with exactly this message."""

    def to_test(mistake: Callable[[], object]) -> Callable[[], None]:
        def test() -> None:
            with pytest.raises(GraphflowError) as caught:
                mistake()
            assert shown(caught.value) == expected.strip("\n")
            assert caught.value.code in CODES

        test.__name__, test.__doc__, test.__module__ = mistake.__name__, mistake.__doc__, mistake.__module__
        return test

    return to_test
