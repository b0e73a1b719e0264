"""What a text names: key terms, numbers, dates, links. Everything is found in it, nothing is made up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from graphflow.agents.offline.material import Sentence
from graphflow.agents.offline.words import (
    NUMBER_WORDS,
    STOPWORDS,
    is_about_the_task,
    is_content,
    stem,
    stems,
    word_set,
    words_of,
)

LINK = re.compile(r"https?://[^\s<>\"'”’)\]]+[^\s<>\"'”’)\].,;:!?]")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?"
DATE = re.compile(
    rf"\b(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}(?:st|nd|rd|th)?\s+{MONTH}\s+\d{{4}}|{MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}"
    rf"|{MONTH}\s+\d{{4}}|(?:1[5-9]|20)\d{{2}}(?!\d|[.,]\d))\b"
)
NUMBER = re.compile(
    r"(?<![\w.,-])(?:[$€£]\s?)?-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.,])(?:[$€£]\s?)?-?\d+(?:\.\d+)?", re.ASCII
)
_UNIT = re.compile(r"\s?%|\s(?:thousand|million|billion|trillion)(?:\s[a-z]+)?|\s?[a-z/]+")
_NAME_WORD = r"(?:[A-Z][\w’'&.-]*[\w’']|[A-Z])"
_NAME = re.compile(rf"\b{_NAME_WORD}(?:\s+(?:of|the|and|de|van|von|&)\s+(?=[A-Z])|\s+{_NAME_WORD})*")
_PHRASE_BREAK = re.compile(r"[^\w\s’'-]+|\s[-–—]\s")
FINITE = word_set(
    """is are was were has have had can could will would may might must does do did hunts lives eats uses makes offers
    sells costs grew grows fell falls rose rises leads runs remains became becomes provides includes supports needs
    keeps claims reports says said serves targets charges charged launched acquired announced released competes
    builds ships started began plans holds owns lacks relies focuses nests feeds prefers gets takes gives shows"""
)
_LONGEST_TERM = 4  # words

_Found = tuple[list[str], bool, float]
"""The words of a possible term, whether they are a name, and how surely a sentence begins with them."""


@dataclass(slots=True, eq=False)
class Term:
    """Something the text speaks of: ``text`` as it is written most often, and the sentences it stands in."""

    stems: tuple[str, ...]
    forms: Counter[str] = field(default_factory=Counter[str])
    sentences: set[int] = field(default_factory=set[int])
    leads: float = 0.0  # how often a sentence begins with it and goes on with a verb; half if it may be one
    is_name: bool = False

    @property
    def text(self) -> str:
        return min(self.forms, key=lambda form: (-self.forms[form], form))


def key_terms(sentences: Sequence[Sentence], wanted: Collection[str] = ()) -> list[str]:
    """Words and phrases that stand out, the strongest first; those of several sentences before those of one."""
    terms = [term for term in _terms(sentences, wanted).values() if _is_fit(term)]
    ordered = sorted(
        terms,
        key=lambda t: (
            -len(t.sentences) * (1 + 0.5 * (len(t.stems) - 1)) * (1 + share_of(t.stems, wanted)),
            min(t.sentences),
            t.stems,
        ),
    )
    chosen: list[Term] = []
    for term in ordered:
        if not any(_is_part(term, one) or _is_part(one, term) for one in chosen):
            chosen.append(term)
    return [term.text for term in chosen]


def figures(text: str) -> list[str]:
    """Numbers as written, with their units.

    >>> figures("It grew by 12.5 % to $3 million and weighs 500 grams.")
    ['12.5 %', '$3 million', '500 grams']
    """
    text = LINK.sub(" ", text)
    found: list[str] = []
    for number in NUMBER.finditer(text):
        unit = _UNIT.match(text, number.end())
        said = "" if unit is None else unit[0]
        while said and said.split()[-1] in STOPWORDS:
            said = said.rpartition(" ")[0]
        found.append(number[0] + said.rstrip())
    return found


def numbers(text: str) -> list[float]:
    """The numbers in a text, those in words up to twelve included, in order."""
    found = [(m.start(), float(re.sub(r"[^\d.-]", "", m[0]))) for m in NUMBER.finditer(LINK.sub(" ", text))]
    words = re.finditer(r"[a-z]+", text.lower())
    found += [(word.start(), float(NUMBER_WORDS[word[0]])) for word in words if word[0] in NUMBER_WORDS]
    return [value for _, value in sorted(found)]


def about(term: Term, sentences: Sequence[Sentence]) -> list[Sentence]:
    """The sentences that speak of a term, and those after them that go on with "it"."""
    found: list[Sentence] = []
    for one in sentences:
        follows = bool(found) and one.leans and one.before is found[-1]
        if follows or set(term.stems) <= one.stems:
            found.append(one)
    return found


def is_led_by(sentence: Sentence, term: Term) -> bool:
    """Whether a sentence begins with a term, or nearly so."""
    first = stems(sentence.text)[: len(term.stems) + 2]
    return bool(term.stems) and set(term.stems) <= set(first)


def _terms(sentences: Sequence[Sentence], wanted: Collection[str]) -> dict[tuple[str, ...], Term]:
    terms: dict[tuple[str, ...], Term] = {}
    lower = {word for sentence in sentences for word in words_of(sentence.text)[1:] if word.islower()}
    for sentence in sentences:
        for words, is_name, leads in [*_names(sentence, lower), *_phrases(sentence, wanted)]:
            key = tuple(stem(word) for word in words)
            term = terms.setdefault(key, Term(key))
            term.forms[" ".join(words)] += 1
            term.sentences.add(sentence.index)
            term.is_name = term.is_name or is_name
            term.leads += leads
    for section in {sentence.section for sentence in sentences if sentence.section}:
        key = tuple(stem(word) for word in words_of(section) if word.lower() not in STOPWORDS)
        if 0 < len(key) <= _LONGEST_TERM and key in terms:
            terms[key].leads += 1.0  # what a section is called is what it is about
    return terms


def _names(sentence: Sentence, lower: Collection[str]) -> Iterator[_Found]:
    """Runs of capitalised words; at the start of a sentence only what is not an ordinary word elsewhere."""
    for found in _NAME.finditer(LINK.sub(" ", sentence.text)):
        words = found[0].removesuffix("’s").removesuffix("'s").split()
        is_first = not sentence.text[: found.start()].strip("\"'“‘([ ")
        while words and (words[0].lower() in STOPWORDS or (is_first and words[0].lower() in lower)):
            words, is_first = words[1:], False
        if not words or len(words) > _LONGEST_TERM + 2 or re.fullmatch(MONTH, words[0]):
            continue
        follows = words_of(sentence.text[found.end() :])[:1]
        is_led = is_first and bool(follows) and follows[0].lower() in FINITE
        is_sure = is_led or not is_first or len(words) > 1
        yield words, is_sure, float(is_led)


def _phrases(sentence: Sentence, wanted: Collection[str]) -> Iterator[_Found]:
    """Runs of words with meaning, up to four; before a verb the run that a sentence begins with."""
    for number, part in enumerate(_PHRASE_BREAK.split(LINK.sub(" ", sentence.text))):
        run: list[str] = []
        is_lead = number == 0 and not sentence.leans
        for word in [*words_of(part), ""]:
            is_verb = word.lower() in FINITE
            if word and is_content(word) and not word[0].isdigit() and not is_verb:
                run.append(word)
                continue
            for start in range(len(run)):
                for end in range(start + 1, min(len(run), start + _LONGEST_TERM) + 1):
                    is_whole = is_verb and end - start == len(run)
                    may_lead = start == 0 and end > 1 and stem(run[end - 1]) in wanted
                    yield run[start:end], False, (float(is_whole) or may_lead / 2) if is_lead else 0.0
            is_lead = is_lead and not run
            run = []


def _is_fit(term: Term) -> bool:
    if all(is_about_the_task(one) for one in term.stems):
        return False
    if len(term.stems) == 1 and not term.is_name and len(term.text) < 4:
        return False
    return term.is_name or bool(term.leads) or len(term.sentences) > 1


def share_of(stems: Sequence[str], wanted: Collection[str]) -> float:
    """How much of a term is wanted; nothing if it is nothing besides."""
    shared = sum(one in wanted for one in stems)
    return shared / len(stems) if shared < len(stems) else 0.0


def _is_part(term: Term, of: Term) -> bool:
    """Whether one term's words stand within the other's: "barn owl" in "the common barn owl"."""
    return set(term.stems) < set(of.stems) or term.stems == of.stems
