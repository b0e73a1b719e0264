"""One line for all calls of a model with one key: how many are under way, how fast they start, who goes first.

The window of calls under way doubles with every round of answers until the provider first complains (429, 503, 529, a
timeout); then it halves, once for all calls that were under way together, and from there grows by one a round.
Request and token rates are learnt from ``x-ratelimit-*`` headers. A Retry-After pauses every call, not just the one
that got it. Calls of older runs go first, so that runs finish; those of one run go in the order they came.

It never tries again: that is the node's (S8.1). Whose retry is due at the end of a pause starts with its end, so the
two waits are one. There is no task and no polling: who stands in line holds a future, and one timer wakes the first.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import threading
from asyncio import AbstractEventLoop
from collections import OrderedDict
from weakref import WeakKeyDictionary, WeakValueDictionary

from graphflow.agents.clocks import is_virtual
from graphflow.agents.gates import Bounds, Gate, Slot
from graphflow.agents.messages import Request
from graphflow.errors import LimiterInvalid, shown

_REMEMBERED = 256
"""Limiters that are kept though no model uses them now: what was learnt outlives the model object."""


class Limiter:
    """Lets the calls of a model through. ``OpenAIModel("gpt-5", limiter=Limiter(most_at_once=4))``.

    Every model has one without being given any: that of its base URL, key and model, shared by the whole process. One
    that is given is shared by the models it is given to. The window begins at ``first_at_once`` calls and stays between
    ``least_at_once`` and ``most_at_once``; no pause is longer than ``longest_pause_s``, whatever the provider asks for.
    Safe with several event loops and threads. Raises LimiterInvalid.

    >>> async def main():
    ...     limiter = Limiter(first_at_once=2)
    ...     async with limiter.slot(Request(())):
    ...         return limiter
    >>> asyncio.run(main())
    Limiter(at_once=2, under_way=0, in_line=0)
    """

    def __init__(
        self,
        *,
        first_at_once: int = 20,
        least_at_once: int = 1,
        most_at_once: int = 1_000,
        longest_pause_s: float = 600.0,
    ) -> None:
        least = _whole("least_at_once", least_at_once, 1)
        most = _whole("most_at_once", most_at_once, least)
        first = min(max(_whole("first_at_once", first_at_once, 1), least), most)
        if isinstance(longest_pause_s, bool) or not longest_pause_s >= 0:
            raise LimiterInvalid(
                f"longest_pause_s={shown(longest_pause_s)} is no length of time",
                why="It is in seconds, and at least 0.",
                fix="Leave it out for ten minutes.",
            )
        self._bounds = Bounds(first, least, most, longest_pause_s)
        self._shared = Gate(self._bounds)
        self._own: WeakKeyDictionary[AbstractEventLoop, Gate] = WeakKeyDictionary()

    def slot(self, request: Request) -> Slot:
        """The place of one call: ``async with limiter.slot(request) as slot`` waits until it may start.

        Tell it of the response with ``slot.saw(status, headers)``; how the call ended it sees by itself.
        """
        loop = asyncio.get_running_loop()
        return Slot(self._gate(loop), loop, request)

    @property
    def at_once(self) -> int:
        """How many calls may be under way now."""
        return int(self._here().width)

    @property
    def under_way(self) -> int:
        """How many are."""
        return self._here().under_way

    @property
    def in_line(self) -> int:
        """How many wait to start."""
        return self._here().in_line

    def __repr__(self) -> str:
        return f"Limiter(at_once={self.at_once}, under_way={self.under_way}, in_line={self.in_line})"

    def _here(self) -> Gate:
        try:
            return self._gate(asyncio.get_running_loop())
        except RuntimeError:
            return self._shared

    def _gate(self, loop: AbstractEventLoop) -> Gate:
        """One for all loops of the process; a loop on a virtual clock has its own, and begins anew."""
        if not is_virtual(loop):
            return self._shared
        gate = self._own.get(loop)
        if gate is None:
            gate = self._own[loop] = Gate(self._bounds)
        return gate


_salt = secrets.token_bytes(16)
_lock = threading.Lock()
_alive: WeakValueDictionary[bytes, Limiter] = WeakValueDictionary()
_recent: OrderedDict[bytes, Limiter] = OrderedDict()


def shared_limiter(base_url: str, key: str, model: str) -> Limiter:
    """The one limiter of this process for calls of a model there with that key, of which only a salted hash is kept.

    >>> url = "http://localhost:8000/v1"
    >>> shared_limiter(url, "k", "m") is shared_limiter(url + "/", "k", "m"), shared_limiter(url, "k", "n") is _
    (True, False)
    """
    named = "\0".join((base_url.rstrip("/"), key, model)).encode(errors="surrogatepass")
    triple = hashlib.blake2b(named, key=_salt, digest_size=16).digest()
    with _lock:
        limiter = _alive.get(triple)
        if limiter is None:
            limiter = _alive[triple] = Limiter()
        _recent[triple] = limiter
        _recent.move_to_end(triple)
        while len(_recent) > _REMEMBERED:
            _recent.popitem(last=False)
        return limiter


def _whole(name: str, given: object, least: int) -> int:
    if isinstance(given, int) and not isinstance(given, bool) and given >= least:
        return given
    raise LimiterInvalid(
        f"{name}={shown(given)} is no number of calls",
        why=f"It is a whole number of at least {least:,}.",
        fix=f"Write {name}={least} or more, or leave it out.",
    )
