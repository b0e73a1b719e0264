"""Words, and which of them carry meaning: the ground that ranking, extraction and filling stand on.

English only, and small on purpose: what is not known here counts as a word with meaning.
"""

from __future__ import annotations

import re
from functools import lru_cache

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?(?:-[^\W\d_]+)*|\d[\d.,]*")


def word_set(text: str) -> frozenset[str]:
    """The words of a list written as text."""
    return frozenset(text.split())


STOPWORDS = word_set(
    """a about above across after again against all almost also although always am among an and any are aren't around as
    at away be became because been before being below between both but by came can can't cannot come could did do does
    doing don't done down during each either else ever every few for from further get gets give given go goes had has
    have having he her here hers herself him himself his how however i if in into is isn't it its itself just least less
    let like made make makes many may me might more most much must my myself neither never no nor not now of off often
    on once one only or other others our ours out over own per perhaps quite rather really same she should since so some
    still such than that the their theirs them themselves then there these they this those though through thus to too
    toward towards under until unlike up upon us use used uses using very via was we well were what when where whether which
    while who whole whom whose why will with within without would yet you your yours yourself"""
)

TASK_WORDS = word_set(
    """above agent analyse analysis analyze answer article ask assistant based below brief bullet choose clear comment
    compare complete concise decide describe description detail draft essay evaluate exactly explain extract fact field
    fill final find following for from give given good help helpful identify important information input item job json
    key keep known line list main markdown mention most name need new note one only output overview paragraph passage
    pick plan please point prompt provide question read refer reply report research researcher result return review
    route say score section select sentence short show source state step style subject suggest summarise summarize
    summary take task tell text thing tight title topic topics type use value which word words write writer writing"""
)
"""What instructions talk of, and texts as a rule do not: no guide to what is wanted from a text."""

_COUNTED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NUMBER_WORDS = {word: number for number, word in enumerate(_COUNTED)}


def words_of(text: str) -> list[str]:
    """The words of a text, as written.

    >>> words_of("Owls don't hunt at 12.5 km/h.")
    ['Owls', "don't", 'hunt', 'at', '12.5', 'km', 'h']
    """
    return [word.rstrip(".,") for word in WORD.findall(text)]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """What is left of a word without its ending, so that ``owls`` meets ``owl`` and ``hunting`` meets ``hunts``.

    >>> [stem(word) for word in ("Owls", "hunting", "companies", "priced")]
    ['owl', 'hunt', 'company', 'price']
    """
    word = word.lower().replace("’", "'")
    word = word.removesuffix("'s")
    if len(word) <= 3:
        return word
    for ending, rest in (("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + rest
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + 2 and re.search("[aeiouy]", word[: -len(ending)]):
            return _mended(word[: -len(ending)])
    return word


def _mended(base: str) -> str:
    if len(base) > 2 and base[-1] == base[-2] and base[-1] not in "lsz":
        return base[:-1]  # running, stopped
    if re.search(r"[^aeiou][aeiou][cgsvz]$|[^aeiouy]l$|(?:at|iz|ur|ric|nc|rg|as|dg)$", base):
        return base + "e"  # priced, based, used, calculated
    return base


def stems(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order."""
    return [stem(word) for word in words_of(text) if is_content(word)]


def is_content(word: str) -> bool:
    """Whether a word carries meaning by itself."""
    return word.lower().replace("’", "'") not in STOPWORDS and (len(word) > 1 or word.isdigit())


def is_about_the_task(stemmed: str) -> bool:
    """Whether a stem belongs to the language of instructions."""
    return stemmed in _TASK_STEMS


_TASK_STEMS = frozenset(map(stem, TASK_WORDS))
