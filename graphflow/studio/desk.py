"""What a studio works with: its store, its graphs, its token, and what goes on in it. Made once, when it starts."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphflow.errors import GraphflowError, StudioRefused
from graphflow.service.targets import Target
from graphflow.stores.store import Store

if TYPE_CHECKING:
    from graphflow.studio.driving import Driving

Open = Callable[[], tuple[Store, Store | None]]
"""Opens the store anew: for looking, and for acting if that is allowed."""


def new_token() -> str:
    """What a page has to know before it may change anything: made anew at every start, and kept nowhere."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Unusable:
    """A target of the command line that could not be imported, and why. The rest of the studio works."""

    text: str
    error: GraphflowError


class Desk:
    """What every part of a studio is given.

    ``place`` is the store's name as it is shown, without a password, and ``file`` where it is, if it is a file.
    ``targets`` are the graphs that runs can be started of, ``unusable`` those that could not be imported. ``token``,
    ``model`` and ``deps`` are what actions need. ``start`` tells one start of a server from the next. ``driving`` is
    there while the server runs, unless it is read-only.
    """

    def __init__(
        self,
        store: Store,
        acting: Store | None = None,
        *,
        place: str = "",
        file: Path | None = None,
        open_again: Open | None = None,
        targets: Sequence[Target] = (),
        unusable: Sequence[Unusable] = (),
        token: str | None = None,
        model: str | None = None,
        deps: Any = None,
    ) -> None:
        self.place = place
        self.file = file
        self.targets = tuple(targets)
        self.unusable = tuple(unusable)
        self.token = token or new_token()
        self.model = model
        self.deps = deps
        self.start = datetime.now(UTC).isoformat(timespec="microseconds")
        self.driving: Driving | None = None
        self.is_read_only = acting is None
        self._store = store
        self._acting = acting
        self._open_again = open_again
        self._lock = threading.Lock()
        self._codes: set[str] = set()
        self._identity = None if file is None else _identity(file)

    @property
    def store(self) -> Store:
        """For looking: opened without the key, so that secrets stay sealed in it. Raises StudioRefused while it is gone."""
        self._refuse_gone()
        return self._store

    @property
    def acting(self) -> Store | None:
        """The same opened with the key, for what changes runs; None where the studio is read-only. Raises as ``store``."""
        self._refuse_gone()
        return self._acting

    def new_code(self) -> str:
        """What stands in for the token, once: other users of the machine see what a browser is started with."""
        code = new_token()
        self._codes.add(code)
        return code

    def redeem(self, code: str) -> bool:
        """Whether a code is good; from now on it is not."""
        with self._lock:
            is_good = code in self._codes
            self._codes.discard(code)
        return is_good

    def close(self) -> None:
        """Let go of the store."""
        for store in (self._store, self._acting):
            if store is not None:
                store.close()

    def _refuse_gone(self) -> None:
        """A file that was taken away would still be read, by what is open of it; one that took its place would not."""
        if self.file is None:
            return
        with self._lock:
            found = _identity(self.file)
            if found is not None and found == self._identity:
                return
            if found is None or self._open_again is None:
                raise StudioRefused(
                    f"The store {self.place or self.file} has gone",
                    code="GF546",
                    status=503,
                    why=f"There is no file {self.file} any more.",
                    fix="Bring it back: the studio goes on by itself. Or start the studio with another store.",
                )
            before = (self._store, self._acting)
            self._store, self._acting = self._open_again()
            self._identity = found
        for store in before:
            if store is not None:
                store.close()


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file this is, whatever its name; None for none."""
    try:
        about = os.stat(file)
    except OSError:
        return None
    return about.st_dev, about.st_ino
