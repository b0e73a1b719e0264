"""What commands print: data on stdout, everything else on stderr. Nothing here decides what is said."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from pydantic_core import from_json, to_json

from graphflow.core.remembered import describe
from graphflow.core.tokens import masked
from graphflow.errors import GraphError, GraphflowError


def print_data(text: str) -> None:
    """Data for whoever reads stdout. A terminal gets no control characters, which could do anything to it."""
    print(visible(text) if sys.stdout.isatty() else text)


def print_json(data: Any) -> None:
    """One JSON object, valid for every parser: NaN and infinities are written as texts, secrets as asterisks."""
    plain = masked(from_json(to_json(data, inf_nan_mode="strings", fallback=repr)))
    print(json.dumps(plain, indent=2, ensure_ascii=not is_unicode(sys.stdout)))


def print_error(error: GraphflowError, is_json: bool) -> None:
    """An error as it ends a command: a block on stderr, or with ``--json`` an object on stdout."""
    if is_json:
        print_json({"schema": "graphflow.error/1", "error": error_data(error)})
    else:
        print(visible(str(error)), file=sys.stderr)


def error_data(error: BaseException | None) -> dict[str, object] | None:
    """An error as ``--json`` prints it."""
    if error is None:
        return None
    if not isinstance(error, GraphflowError):
        told = describe(error)  # one that a journal tells of has its class's name apart
        return {"code": None, "type": told["type"], "what": told["what"], "where": [], "why": "", "fix": ""}
    data = error.as_json()
    if isinstance(error, GraphError):
        data["findings"] = [finding_data(finding) for finding in error.findings]
    return data


def finding_data(finding: Any) -> dict[str, object]:
    """A finding of ``check`` as ``--json`` prints it."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "graph": finding.graph,
        "where": [str(place) for place in finding.where],
        "what": finding.what,
        "why": finding.why,
        "fix": finding.fix,
    }


def visible(text: str) -> str:
    """The text with control characters written as escapes; line breaks and tabs stay.

    >>> visible("a\\tb\\x1b[2J")
    'a\\tb\\\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(
        c
        if c.isprintable() or c in "\n\t" or (c.isspace() and c not in "\r\v\f\x1c\x1d\x1e\x1f\x85")
        else repr(c)[1:-1]
        for c in text
    )


def is_unicode(stream: TextIO) -> bool:
    """Whether a stream takes every character."""
    return (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "").startswith("utf")


def one_line(text: str, length: int) -> str:
    """The text in one line, cut with an ellipsis where it is longer.

    >>> one_line("two\\nlines", 6)
    'two l…'
    """
    line = visible(" ".join(text.split()))
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def counted(count: int, noun: str) -> str:
    """
    >>> counted(1, "step"), counted(2, "step")
    ('1 step', '2 steps')
    """
    return f"{count:,} {noun}{'s' if count != 1 else ''}"
