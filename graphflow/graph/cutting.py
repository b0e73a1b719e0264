"""Cutting text to a length that a reader, or a model, can take in.

Never longer than the limit, the mark included; cutting twice changes nothing more; a mark only where something was
cut; never between the characters that make up one sign on the page. A text that is a list or object of JSON stays one:
what is cut is inside it.
"""

from __future__ import annotations

import unicodedata

from graphflow.graph.cutting_json import LEAST, fitted, parsed

MARK = "…"
"""What stands where text was cut off."""

_LONGEST_SIGN = 32  # characters: a longer run of marks is no writing, and is cut like any text


def cut(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` characters, with a mark at the end if something was cut.

    >>> cut("A long story", 7)
    'A long…'
    >>> cut("short", 7)
    'short'
    >>> cut('{"name": "owl", "said": "to-whit, to-whoo"}', 31)
    '{"name":"owl","said":"to-whi…"}'
    """
    if limit < 1:
        raise ValueError(f"A text cannot be cut to {limit} characters: the limit must be at least 1.")
    if len(text) <= limit:
        return text
    if limit >= LEAST and (value := parsed(text)) is not None:
        try:
            return fitted(value, limit, MARK, cut)
        except RecursionError:  # nested beyond all measure: cut like any text
            pass
    end = limit - 1
    shortest = max(0, end - _LONGEST_SIGN)
    while end > shortest and _is_inside_sign(text, end):
        end -= 1
    if end == shortest and shortest > 0:
        end = limit - 1
    return text[:end].rstrip() + MARK


def _is_inside_sign(text: str, at: int) -> bool:
    """Whether a cut before ``text[at]`` would part characters that are shown as one sign."""
    before, after = text[at - 1], text[at]
    if before == "\r" and after == "\n":
        return True
    if before == "\u200d" or after == "\u200d" or unicodedata.category(after).startswith("M"):
        return True  # joined emoji; accents, vowel signs and variation selectors
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\u1160" <= after <= "\u11ff":
        return True  # skin tones; the vowels and final consonants of Hangul syllables
    return _is_flag(after) and _flags_before(text, at) % 2 == 1


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    """How many regional indicators stand in a row before ``at``: two of them make one flag."""
    start = at
    while start > 0 and _is_flag(text[start - 1]):
        start -= 1
    return at - start
