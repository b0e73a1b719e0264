"""JSON out of whatever a model wrote: in a fence, amid prose, or bare. Total: any text gives a list, perhaps empty.

The whole text comes first, then fenced blocks, then values amid prose; of several the last first, since models think
aloud before they answer. What is nearly JSON (trailing commas, Python's own words) is read too; what is cut off is not.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*[\w+-]*[ \t]*\n?(.*?)(?:\1|\Z)", re.DOTALL)
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_MOST_STARTS = 200  # where a value may begin; a longer text full of braces is no answer
_MOST_REPAIRED = 100_000  # characters: what is longer is read as JSON or not at all
_MOST_SCANNED = 300_000  # characters looked at for closing brackets, over all starts: the time is bounded

_DECODER = json.JSONDecoder(strict=False)  # a newline inside a string is common and harmless


def json_values(text: str) -> list[Any]:
    """Every JSON value that the text may be meant to give, the likeliest first.

    >>> json_values('Sure! ```json\\n{"score": 7,}\\n``` Anything else?')
    [{'score': 7}]
    """
    text = _THOUGHT.sub("", text.removeprefix("\ufeff")).strip()
    found: list[Any] = []
    for candidate in _candidates(text):
        value = _value(candidate)
        if value is not _NONE and not any(_same(value, other) for other in found):
            found.append(value)
    for value in _amid_prose(text):
        if not any(_same(value, other) for other in found):
            found.append(value)
    return found


_NONE: Any = object()


def _candidates(text: str) -> Iterator[str]:
    yield text
    for fenced in reversed(_FENCE.findall(text)):
        yield fenced[1].strip()


def _value(text: str) -> Any:
    """The value that is the whole of a text, or ``_NONE``."""
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        value = _nearly(text)
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        inner = _value(value.strip())  # JSON inside a JSON string
        return value if inner is _NONE else inner
    return value


def _nearly(text: str) -> Any:
    if not text.startswith(("{", "[")) or len(text) > _MOST_REPAIRED:
        return _NONE
    without = _TRAILING_COMMA.sub(lambda found: found[1] or "", text)
    try:
        return _DECODER.decode(without)
    except (ValueError, RecursionError):
        pass
    try:
        value = ast.literal_eval(text)  # literals only: it runs nothing
        json.dumps(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _NONE
    return value


def _amid_prose(text: str) -> list[Any]:
    """Objects and lists that stand in the text, outermost ones, the last first; objects before lists."""
    found: list[Any] = []
    at = starts = scanned = 0
    while (opening := _OPENING.search(text, at)) is not None and starts < _MOST_STARTS:
        starts += 1
        start = opening.start()
        try:
            value, at = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = _closing(text, start, min(len(text), start + _MOST_REPAIRED, start + _MOST_SCANNED - scanned))
            scanned += (len(text) if end is None else end) - start
            value = _NONE if end is None else _nearly(text[start:end])
            at = start + 1 if value is _NONE or end is None else end
        if value is not _NONE:
            found.append(value)
    found.reverse()
    return sorted(found, key=lambda value: not isinstance(value, dict))


def _closing(text: str, start: int, until: int) -> int | None:
    """Where the bracket that opens at ``start`` is closed, strings looked over; None if it is not before ``until``."""
    depth, quote, at = 0, "", start
    while at < until:
        character = text[at]
        if quote:
            if character == "\\":
                at += 1
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return None


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other
