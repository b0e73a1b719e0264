"""Sentences: where one ends. Abbreviations, initials, decimals and links do not end one."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s+|$)|[。！？]+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|cf|approx|ca|No|Nos|Fig|Inc|Ltd|Corp|Co|Bros|Gen|Gov|Sen|Rep|Vol|pp?|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|e\.g|i\.e|a\.m|p\.m|al)|\b[A-Z]|\b(?:[A-Z]\.)+[A-Z])\.$"
)


def sentences_in(text: str) -> list[str]:
    """The sentences of a paragraph, exactly as written but for white space at line ends.

    >>> sentences_in("Dr. Who paid 3.5 m. Why? See e.g. the U.S. report.")
    ['Dr. Who paid 3.5 m.', 'Why?', 'See e.g. the U.S. report.']
    """
    return [sentence for part in _parts(" ".join(text.split())) if (sentence := part.strip())]


def _parts(text: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(text):
        after = text[end.end() :].lstrip()
        if (
            after
            and end[0].startswith(".")
            and (_ABBREVIATION.search(text[start : end.start() + 1]) or after[0].islower())
        ):
            continue
        yield text[start : end.end()]
        start = end.end()
    yield text[start:]
