"""What every error and finding is made of: a code, a place, and the four questions answered."""

from __future__ import annotations

import difflib
import linecache
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was declared: ``graphs/intel.py:44`` and the line as written there."""

    file: str
    line: int

    @property
    def text(self) -> str:
        """The source line as written, or an empty string where it cannot be read."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Code:
    """One error code: its title and what ``graphflow explain`` says of it at length."""

    title: str
    text: str


CODES: dict[str, Code] = {}
"""Every code there is. Each module of this package adds its own, once."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing ``check`` found: an error stops the graph from running, advice does not.

    ``what`` is one line; ``why`` cites the rule and the values; ``fix`` is a nearest name or the line to write.
    """

    code: str
    severity: Literal["error", "warning", "advice"]
    graph: str
    what: str
    why: str
    fix: str
    where: tuple[Place, ...] = ()
    nodes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return _block(self.code, f"{self.severity}: {self.what}", self.where, self.why, self.fix)

    @property
    def text(self) -> str:
        """The same without its severity: for where that is said already, as in a list of errors."""
        return _block(self.code, self.what, self.where, self.why, self.fix)


class GraphflowError(Exception):
    """The root of everything graphflow raises on purpose.

    ``code`` names the kind for ever, ``what`` is one line, ``where`` the declarations it is about,
    ``why`` the rule and the values seen, ``fix`` how to mend it. ``str(error)`` shows all of it.
    """

    code: str = "GF900"

    def __init__(self, what: str, *, why: str = "", fix: str = "", where: Iterable[Place] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix
        self.where = tuple(where)

    def __str__(self) -> str:
        return _block(self.code, self.what, self.where, self.why, self.fix)

    def as_json(self) -> dict[str, object]:
        """The same facts as plain data, as ``--json`` prints them."""
        return {
            "code": self.code,
            "type": type(self).__name__,
            "what": self.what,
            "where": [str(place) for place in self.where],
            "why": self.why,
            "fix": self.fix,
        }


class Internal(GraphflowError):
    """A bug in graphflow itself: a rule of the semantics was broken by our own code."""

    code = "GF900"


CODES["GF900"] = Code(
    "A bug in graphflow",
    "An invariant of graphflow itself does not hold: for instance a cursor was left over when a run ended (S6.8). "
    "Nothing in your graph should be able to cause this. Please report it together with the journal of the run.",
)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like ``name``, or None if none is close. One that differs in case is the closest.

    >>> nearest("Topic", ["topics", "topic"]), nearest("tpoic", ["topic"]), nearest("x", ["topic"])
    ('topic', 'topic', None)
    """
    names = list(known)
    alike = [one for one in names if one.casefold() == name.casefold()]
    found = alike or difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return found[0] if found else None


def unknown_name(name: str, known: Iterable[str]) -> str:
    """The mend for a misspelt name: the nearest one, else all there are."""
    names = sorted(known)
    close = nearest(name, names)
    if close is not None:
        return f"Did you mean {close!r}?"
    return "Known are: " + ", ".join(names) + "." if names else "There are none."


_short = reprlib.Repr()
_short.maxstring = 80
_short.maxother = 80
_short.maxlist = _short.maxtuple = _short.maxset = _short.maxdict = 4


def shown(value: object) -> str:
    """A value as messages show it: its repr, cut to a length a reader can take in."""
    try:
        return _short.repr(value)
    except Exception:  # a user's __repr__ may raise; a message must still be made
        return f"<{type(value).__name__}>"


def _block(code: str, what: str, where: tuple[Place, ...], why: str, fix: str) -> str:
    lines = [f"[{code}] {what}"]
    for number, place in enumerate(where):
        text = place.text
        lines.append(f"  {'where' if not number else '     '}  {place}" + (f"   {text}" if text else ""))
    for label, body in (("why  ", why), ("fix  ", fix)):
        for number, line in enumerate(body.splitlines()):
            lines.append(f"  {label if not number else '     '}  {line}")
    return "\n".join(lines)
