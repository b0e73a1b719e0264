"""How fast a provider lets us go: what its ``x-ratelimit-*`` headers say of calls and of tokens.

A provider tells its limit, what remains of it, and when all of it will be there again; in between it grows evenly.
Where one grows it in leaps, a call may come too early: then a 429 says so, and how long to wait. No clock is read here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")
_PARTS = re.compile(rf"(?:{_PART.pattern})+")
_LONGEST_S = 1e7  # a plain number beyond that is a date
_NOTHING = 1e-6  # of a call or a token: what adding up in floats may leave


@dataclass(frozen=True, slots=True)
class Told:
    """What a response says of one rate. ``reset_s``: seconds until all of ``limit`` is there again."""

    remaining: float
    limit: float | None = None
    reset_s: float | None = None


def told(headers: Mapping[str, str], what: str) -> Told | None:
    """What the headers say of ``requests`` or ``tokens``; None if they do not say what remains.

    >>> told({"x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s"}, "requests")
    Told(remaining=59.0, limit=None, reset_s=1.0)
    """
    remaining = _number(headers.get(f"x-ratelimit-remaining-{what}"))
    if remaining is None:
        return None
    limit = _number(headers.get(f"x-ratelimit-limit-{what}"))
    return Told(remaining, limit, duration_s(headers.get(f"x-ratelimit-reset-{what}", "")))


def duration_s(text: str) -> float | None:
    """A length of time as such headers write it, in seconds; None if it is none.

    >>> duration_s("6m0s"), duration_s("20ms"), duration_s("2m59.5s"), duration_s("7"), duration_s("soon")
    (360.0, 0.02, 179.5, 7.0, None)
    """
    text = text.strip()
    if _PARTS.fullmatch(text):
        return math.fsum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))
    plain = _number(text)
    return plain if plain is not None and plain < _LONGEST_S else None


def _number(text: str | None) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


@dataclass(slots=True)
class Rate:
    """How much of one thing may be used now. Without having been told anything, as much as one likes."""

    left: float = math.inf
    limit: float = math.inf
    per_s: float = 0.0
    at: float = 0.0  # when ``left`` was so much
    full_at: float = 0.0  # when the provider said that all will be there again

    @property
    def is_known(self) -> bool:
        return self.left < math.inf

    def tell(self, what: Told, unseen: float, now: float) -> None:
        """The provider has said something. ``unseen`` is what has been used that it cannot have counted yet."""
        if what.limit is not None:
            self.limit = what.limit
        self.left, self.at = what.remaining - unseen, now
        self.full_at = now + (what.reset_s or 0.0)
        if what.reset_s and what.remaining < self.limit < math.inf:
            self.per_s = (self.limit - what.remaining) / what.reset_s

    def take(self, amount: float, now: float) -> None:
        """Use some; it may be more than is left, where one call alone is larger than the limit."""
        self._grow(now)
        self.left -= min(amount, self.limit)

    def wait_s(self, amount: float, now: float, *, is_idle: bool) -> float:
        """Seconds until so much may be used. ``is_idle``: no call is under way that might yet be counted."""
        self._grow(now)
        missing = min(amount, self.limit) - self.left
        if missing <= _NOTHING:
            return 0.0
        until_full = max(0.0, self.full_at - now)
        if not self.per_s:
            return until_full
        wait = missing / self.per_s
        return min(wait, until_full) if is_idle else wait

    def _grow(self, now: float) -> None:
        if self.is_known:
            self.left = min(self.limit, self.left + self.per_s * max(0.0, now - self.at))
            self.at = now
