"""What is nearly JSON: with trailing commas, comments, Python's words, single or typographic quotes, bare keys.

It reads what is clear and refuses what is not: a missing comma or quote is no matter of taste. Every text is read in
time linear in its length.
"""

from __future__ import annotations

import json
import re
from typing import Any

_BLANK = re.compile(r"(?:[\s\u200b\u2060\ufeff]+|//[^\n]*|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[^\W\d]\w*")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_CLOSES = {'"': '"', "'": "'", "“": "”", "”": "”", "„": "“", "‘": "’", "«": "»"}
_PLAIN = {close: re.compile(rf"[^\\{close}]*") for close in set(_CLOSES.values())}
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_UNICODE = re.compile(r"\\u[0-9a-fA-F]{4}(?:\\u[0-9a-fA-F]{4})*")
_DEEPEST = 100


class NotJson(Exception):
    """The text is no value. ``is_cut_off``: it might have become one, had it gone on."""

    def __init__(self, at: int, *, is_cut_off: bool = False) -> None:
        super().__init__(at)
        self.at = at
        self.is_cut_off = is_cut_off


def read_value(text: str, start: int, until: int) -> tuple[Any, int]:
    """The value that begins at ``start``, and where it ends. Raises NotJson.

    >>> read_value("{'steps': [“a”, 'b',], done: True} // so far", 0, 34)
    ({'steps': ['a', 'b'], 'done': True}, 34)
    """
    return _Reader(text, until).value(start, 0)


class _Reader:
    def __init__(self, text: str, until: int) -> None:
        self.text = text
        self.until = until

    def value(self, at: int, depth: int) -> tuple[Any, int]:
        at = self.skip(at)
        character = self.at(at)
        if depth > _DEEPEST:
            raise NotJson(at)
        if character == "{":
            return self.object(at + 1, depth)
        if character == "[":
            return self.list(at + 1, depth)
        if character in _CLOSES:
            return self.string(at)
        if number := _NUMBER.match(self.text, at, self.until):
            return self.number(number)
        word = _WORD.match(self.text, at, self.until)
        if word is None or word[0] not in _WORDS:
            raise NotJson(at, is_cut_off=word is not None and word.end() == self.until)
        return _WORDS[word[0]], word.end()

    def object(self, at: int, depth: int) -> tuple[dict[str, Any], int]:
        made: dict[str, Any] = {}
        at = self.skip(at)
        while self.at(at) != "}":
            key, at = self.key(at)
            at = self.skip(at)
            if self.at(at) != ":":
                raise NotJson(at)
            made[key], at = self.value(at + 1, depth + 1)
            at = self.comma(at, "}")
        return made, at + 1

    def list(self, at: int, depth: int) -> tuple[list[Any], int]:
        made: list[Any] = []
        at = self.skip(at)
        while self.at(at) != "]":
            value, at = self.value(at, depth + 1)
            made.append(value)
            at = self.comma(at, "]")
        return made, at + 1

    def comma(self, at: int, close: str) -> int:
        """After the comma that must follow, or at the bracket that closes."""
        at = self.skip(at)
        if self.at(at) == close:
            return at
        if self.at(at) != ",":
            raise NotJson(at)
        return self.skip(at + 1)

    def key(self, at: int) -> tuple[str, int]:
        if self.at(at) in _CLOSES:
            return self.string(at)
        word = _WORD.match(self.text, at, self.until)
        if word is None:
            raise NotJson(at)
        return word[0], word.end()

    def string(self, at: int) -> tuple[str, int]:
        close = _CLOSES[self.text[at]]
        plain = _PLAIN[close]
        parts: list[str] = []
        at += 1
        while True:
            found = plain.match(self.text, at, self.until)
            assert found is not None  # it matches nothing, too
            parts.append(found[0])
            at = found.end()
            if self.at(at) == close:
                return "".join(parts), at + 1
            part, at = self.escape(at)
            parts.append(part)

    def escape(self, at: int) -> tuple[str, int]:
        """What a backslash stands for; before other characters, as in paths and patterns, for itself."""
        if found := _UNICODE.match(self.text, at, self.until):
            return str(json.loads(f'"{found[0]}"')), found.end()
        following = self.at(at + 1)
        if following in _ESCAPED:
            return _ESCAPED[following], at + 2
        return following if following in "/\\" or following in _CLOSES else f"\\{following}", at + 2

    def number(self, found: re.Match[str]) -> tuple[int | float, int]:
        if found.end() == self.until:
            raise NotJson(found.end(), is_cut_off=True)
        try:
            return json.loads(found[0]), found.end()
        except ValueError:  # more digits than Python reads
            raise NotJson(found.start()) from None

    def skip(self, at: int) -> int:
        found = _BLANK.match(self.text, at, self.until)
        return at if found is None else found.end()

    def at(self, at: int) -> str:
        if at >= self.until:
            raise NotJson(at, is_cut_off=True)
        return self.text[at]
