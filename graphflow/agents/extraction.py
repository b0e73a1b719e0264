"""JSON out of whatever a model wrote: in a fence, amid prose, or bare. Total: any text gives a list, perhaps empty.

The whole text comes first, then fenced blocks, then values amid prose; of several the last first, since models think
aloud before they answer. What is nearly JSON is read too; of what is cut off, or damaged, no part is taken for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from graphflow.agents.lenient_json import NotJson, read_value

_BLANK = " \t\r\n\f\v\u00a0\u200b\u2060\ufeff"
_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*[\w+-]*[ \t]*\n?(.*?)(?:\1|\Z)", re.DOTALL)
_THOUGHT = re.compile(
    r"(\A|\n|[}\]`])[ \t]*<(think|thinking|thought|reasoning)>.*?(?:</\2>|\Z)", re.DOTALL | re.IGNORECASE
)  # at the start of a line or after a value: a tag inside of a text is part of it
_THOUGHT_ENDS = re.compile(r"</(?:think|thinking|thought|reasoning)>(?=[\s{\[`]|\Z)", re.IGNORECASE)
_OPENING = re.compile(r"[{\[]")
_MEANT = re.compile(r"""\{\s*["'“‘„]|\[\s*["'“‘„{\[]""")  # what begins like this is meant to be JSON
_ESCAPED = re.compile(r'[{\[](?:\\[nrt]|\s|[{\[])*\\"')
_MOST_STARTS = 200  # where a value may begin; a longer text full of braces is no answer
_MOST_REPAIRED = 100_000  # characters: what is longer is read as JSON or not at all
_MOST_SCANNED = 300_000  # characters looked at for nearly JSON, over all starts: the time is bounded

_DECODER = json.JSONDecoder(strict=False)  # a newline inside a string is common and harmless
_NONE: Any = object()


def json_values(text: str) -> list[Any]:
    """Every JSON value that the text may be meant to give, the likeliest first.

    >>> json_values('Sure! ```json\\n{"score": 7,}\\n``` Anything else?')
    [{'score': 7}]
    """
    text = text.strip(_BLANK)
    whole = _value(text)
    if whole is not _NONE:
        return [whole]
    found: list[Any] = []
    for value in _values(_without_thoughts(text)):
        if not any(_same(value, other) for other in found):
            found.append(value)
    return found


def _without_thoughts(text: str) -> str:
    """What stands outside of thinking tags; one that is not closed goes to the end, one not opened to the start."""
    outside = _THOUGHT.sub(r"\1", text)
    ends = [found.end() for found in _THOUGHT_ENDS.finditer(outside)]
    return outside[ends[-1] if ends else 0 :].strip(_BLANK)


def _values(text: str) -> Iterator[Any]:
    for candidate in (text, *(fenced[1].strip(_BLANK) for fenced in reversed(_FENCE.findall(text)))):
        value = _value(candidate)
        if value is not _NONE:
            yield value
    yield from _amid_prose(text)


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
    if _ESCAPED.match(text):  # as it stands inside a string, but without its quotes
        try:
            return _DECODER.decode(str(_DECODER.decode(f'"{text}"')))
        except (ValueError, RecursionError):
            return _NONE
    try:
        value, end = read_value(text, 0, len(text))
    except NotJson:
        return _NONE
    return value if end == len(text) else _NONE


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
            until = min(len(text), start + _MOST_REPAIRED, start + _MOST_SCANNED - scanned)
            value, at = _nearly_amid(text, start, until)
            scanned += at - start
        if value is not _NONE:
            found.append(value)
    found.reverse()
    return sorted(found, key=lambda value: not isinstance(value, dict))


def _nearly_amid(text: str, start: int, until: int) -> tuple[Any, int]:
    """The value that begins here, or ``_NONE``, and where to look on: not inside of what was meant to be one."""
    try:
        return read_value(text, start, until)
    except NotJson as error:
        if not _MEANT.match(text, start):
            return _NONE, start + 1
        if error.is_cut_off:
            return _NONE, until
        return _NONE, _closing(text, start, until)


def _closing(text: str, start: int, until: int) -> int:
    """Where the bracket that opens at ``start`` is closed, strings looked over; ``until`` if it is not before."""
    depth, quote, at = 0, "", start
    while at < until:
        character = text[at]
        if quote:
            if character == "\\":
                at += 1
            elif character == quote:
                quote = ""
        elif character == '"':
            quote = character
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return until


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other
