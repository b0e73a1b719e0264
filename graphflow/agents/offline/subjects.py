"""What a text is about: the recurrent phrases that its sentences begin with.

A phrase counts as a term if it ends where its neighbours vary (accessor variety, Feng et al. 2004), and weighs less for
what stands in longer terms (C-value, Frantzi et al. 2000). Words that are possessed or measured ("its price", "the
efficiency of", "100 hours") are properties of subjects and no subjects themselves. The choice is spread over the
passages. Deterministic: ties go to what stands first.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from graphflow.agents.offline.material import Sentence
from graphflow.agents.offline.terms import FINITE, LINK, MONTH, Term, share_of
from graphflow.agents.offline.words import WORD, is_about_the_task, is_content, stem, word_set

_DETERMINERS = word_set("a an the this that these those each every both most many some all any several few another no")
_OWNERS = word_set("its their his her whose my our your")
_BEFORE_VERBS = word_set(
    "it they he she we you i who which can could will would may might must should cannot not don't doesn't"
)
_NO_SUBJECTS = word_set(
    """today yesterday tomorrow now then first second third last next new old other others example examples way ways
    thing things part parts number numbers lot kind kinds day days week weeks month months year years time times people
    monday tuesday wednesday thursday friday saturday sunday"""
)
_LONGEST = 4  # words
_MOST = 12
_ENOUGH = 3  # subjects: with fewer, what is named only once is taken too
_FAINT = 0.12  # of the best one's worth: below is no subject
_WITHIN, _UNSURE, _OWNED = 0.4, 0.8, 0.2  # of a lead: within the first phrase; before an unknown word; before "of"
_START = 0.5  # more for the first sentence of a passage


@dataclass(slots=True, eq=False)
class _Candidate:
    """A phrase and what is known of it."""

    stems: tuple[str, ...]
    forms: Counter[str] = field(default_factory=Counter[str])  # as written within sentences
    first_forms: Counter[str] = field(default_factory=Counter[str])  # as written at their beginning
    sentences: set[int] = field(default_factory=set[int])
    passages: set[int] = field(default_factory=set[int])  # where a sentence begins with it
    leads: float = 0.0
    is_led_surely: bool = False
    before: set[str] = field(default_factory=set[str])
    after: set[str] = field(default_factory=set[str])
    owned: int = 0
    held: int = 0  # sentences in which it is only part of a longer term

    @property
    def count(self) -> int:
        return self.forms.total() + self.first_forms.total()

    @property
    def parts(self) -> frozenset[str]:
        return frozenset(part for one in self.stems for part in (one, *map(stem, one.split("-"))))

    @property
    def is_compound(self) -> bool:
        return len(self.stems) > 1 or any("-" in one for one in self.stems)

    @property
    def is_name(self) -> bool:
        """Capitalised within sentences, not only where everything is."""
        return 2 * sum(n for form, n in self.forms.items() if form[0].isupper()) > max(1, self.forms.total())

    @property
    def is_complete(self) -> bool:
        """Whether it ends where its neighbours vary, or where a phrase ends."""
        return all("" in side or len(side) > 1 for side in (self.before, self.after))


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a run. One that ``is_owned`` or measured ("its price", "100 hours") is a property."""

    text: str
    is_owned: bool


@dataclass(frozen=True, slots=True)
class _Run:
    """Words with meaning that stand together. One that ``leads`` has nothing but articles before it in the sentence, one
    that ``is_first`` nothing at all; ``next`` is the word behind it."""

    words: tuple[_Word, ...]
    leads: bool
    is_first: bool
    next: str


def likely_subjects(sentences: Sequence[Sentence], wanted: Collection[str] = ()) -> list[Term]:
    """What the sentences are about besides what is ``wanted`` itself, the likeliest first."""
    return subjects(sentences, wanted, wanted)


def subjects(sentences: Sequence[Sentence], wanted: Collection[str] = (), excluded: Collection[str] = ()) -> list[Term]:
    """What the sentences are about, the likeliest first.

    A phrase with a ``wanted`` stem (the topic's) counts more, one that is nothing but ``excluded`` stems is left out:
    "barn owl" is a subject under the topic "owls", and "owls" is not.
    """
    lower = {word for one in sentences for word in WORD.findall(one.text)[1:] if word[0].islower()}
    found = _candidates(sentences)
    fit = [one for one in found.values() if _is_fit(one, excluded)]
    recurrent = [one for one in fit if len(one.sentences) > 1 and one.is_complete]
    _settle_nested(recurrent)
    worths = {one.stems: _worth(one, wanted) for one in recurrent if one.leads >= _UNSURE or one.is_name}
    chosen = _chosen([one for one in recurrent if worths.get(one.stems)], worths)
    if len(chosen) < _ENOUGH:
        once = [one for one in fit if len(one.sentences) == 1 and _may_stand_once(one, wanted)]
        chosen = _with_more(chosen, once, wanted)
    return [Term(one.stems, Counter([_written(one, lower)]), one.sentences, one.leads, one.is_name) for one in chosen]


def _candidates(sentences: Sequence[Sentence]) -> dict[tuple[str, ...], _Candidate]:
    found: dict[tuple[str, ...], _Candidate] = {}
    verbs = _verbs(sentences)
    seen: set[int] = set()
    for sentence in sentences:
        starts = sentence.passage not in seen
        seen.add(sentence.passage)
        for run in _runs(sentence, verbs):
            for start in range(len(run.words)):
                for end in range(start + 1, min(len(run.words), start + _LONGEST) + 1):
                    _note(found, sentence, run, start, end, _START if starts else 0.0)
    return found


def _note(
    found: dict[tuple[str, ...], _Candidate], sentence: Sentence, run: _Run, start: int, end: int, more: float
) -> None:
    words = run.words[start:end]
    key = tuple(stem(word.text) for word in words)
    one = found.setdefault(key, _Candidate(key))
    written = " ".join(word.text for word in words)
    (one.first_forms if run.is_first and not start else one.forms)[written] += 1
    one.sentences.add(sentence.index)
    one.before.add(stem(run.words[start - 1].text) if start else "")
    is_whole = end == len(run.words)
    one.after.add("" if is_whole else stem(run.words[end].text))
    one.owned += words[0].is_owned or (is_whole and run.next == "of")
    if run.leads and start == 0:
        is_sure = is_whole and run.next in FINITE
        one.leads += more + (1.0 if is_sure else _OWNED if is_whole and run.next == "of" else _UNSURE)
        one.is_led_surely = one.is_led_surely or is_sure
        one.passages.add(sentence.passage)
    elif run.leads and start < 3:
        one.leads += _WITHIN
        one.passages.add(sentence.passage)


def _runs(sentence: Sentence, verbs: Collection[str]) -> Iterator[_Run]:
    """The runs of words with meaning, broken by punctuation, numbers, verbs that are known and small words."""
    text = LINK.sub(" ; ", sentence.text)
    words: list[_Word] = []
    leads, begins, before, end = not sentence.leans, True, "", 0
    for match in [*WORD.finditer(text), None]:
        gap = text[end : match.start()] if match else ""
        word = match[0] if match else ""
        is_broken = bool(re.search(r"[^\s\"“”'‘’(*_`]", gap)) and end > 0
        is_meant = bool(word) and is_content(word) and not word[0].isdigit() and word.lower() not in FINITE
        is_meant = is_meant and (word[0].isupper() or stem(word) not in verbs)
        if words and (is_broken or not is_meant):
            yield _Run(tuple(words), leads, begins, "" if is_broken else word.lower())
            words, leads, begins = [], False, False
        if is_meant:
            owns = before in _OWNERS or before.endswith(("'s", "’s")) or before[:1].isdigit()
            words.append(_Word(re.sub(r"['’]s$", "", word), owns))
        elif word:
            leads = leads and word.lower() in _DETERMINERS
            begins = False
        before = word.lower()
        end = match.end() if match else end


def _verbs(sentences: Sequence[Sentence]) -> frozenset[str]:
    """Stems of words that stand where verbs do ("it gives", "to fall") and never where nouns do ("a fall")."""
    verbs: set[str] = set()
    nouns: set[str] = set()
    for sentence in sentences:
        matches = list(WORD.finditer(sentence.text))
        for first, second in pairwise(matches):
            before, word = first[0], second[0]
            if word[0].islower() and is_content(word) and sentence.text[first.end() : second.start()].isspace():
                if before.lower() in _BEFORE_VERBS:
                    verbs.add(stem(word))
                elif before.lower() in _DETERMINERS or before.lower() in _OWNERS:
                    nouns.add(stem(word))
    return frozenset(verbs - nouns)


def _is_fit(one: _Candidate, excluded: Collection[str]) -> bool:
    if set(one.stems) <= set(excluded) or all(is_about_the_task(part) for part in one.stems):
        return False
    if any(part in _NO_SUBJECTS for part in (one.stems if len(one.stems) == 1 else one.stems[-1:])):
        return False
    written = next(iter([*one.forms, *one.first_forms]))
    if len(one.stems) == 1 and (re.fullmatch(MONTH, written) or (len(written) < 4 and not one.is_name)):
        return False
    return 2 * one.owned <= one.count or one.is_name


def _settle_nested(recurrent: Sequence[_Candidate]) -> None:
    """Of terms within terms: a compound that stands more often takes the longer one's place, else the longer one has
    its sentences."""
    known = {one.stems: one for one in recurrent}
    for long in sorted(recurrent, key=lambda one: len(one.stems)):
        for start in range(len(long.stems)):
            for end in range(start + 1, len(long.stems) + 1):
                short = known.get(long.stems[start:end])
                if short is None or short is long:
                    continue
                if short.is_compound and len(short.sentences) > len(long.sentences) > 0:
                    long.held = len(long.sentences)
                else:
                    short.held = max(short.held, len(long.sentences & short.sentences))


def _worth(one: _Candidate, wanted: Collection[str]) -> float:
    free = len(one.sentences) - one.held
    if free <= 0:
        return 0.0
    parts = min(3, max(len(one.stems), len(one.stems[0].split("-"))))
    return (
        math.sqrt(free)
        * (1 + 2 * min(one.leads, 3))
        * math.log2(1 + parts)
        * (1 + share_of(one.stems, wanted))
        * (1.6 if one.is_name else 1 if one.is_compound else 0.5)
        * (1 if one.is_name else 1 - one.owned / one.count) ** 2
    )


def _chosen(recurrent: Sequence[_Candidate], worths: Mapping[tuple[str, ...], float]) -> list[_Candidate]:
    """The best, one after the other, each worth less where those before it have said what a passage is about."""
    chosen: list[_Candidate] = []
    covered: Counter[int] = Counter()
    left = sorted(recurrent, key=lambda one: (-worths[one.stems], min(one.sentences), one.stems))
    least = _FAINT * max(worths.values(), default=0.0)
    while left and len(chosen) < _MOST:
        top = max(left, key=lambda one: worths[one.stems] * _newness(one, covered))
        left.remove(top)
        if worths[top.stems] < least:
            continue
        part = next((one for one in chosen if one.parts < top.parts), None)
        if part is not None and not part.is_compound and not part.is_name:
            chosen[chosen.index(part)] = top  # several words rather than one of them
        elif part is None and not any(top.parts <= one.parts for one in chosen):
            chosen.append(top)
        covered.update(top.passages)
    return chosen


def _newness(one: _Candidate, covered: Mapping[int, int]) -> float:
    new = sum(not covered.get(passage) for passage in one.passages)
    return 0.5 + 0.5 * new / len(one.passages) if one.passages else 0.5


def _may_stand_once(one: _Candidate, wanted: Collection[str]) -> bool:
    is_whole = "" in one.before and "" in one.after
    return (is_whole and (one.is_led_surely or one.is_name)) or (one.leads >= _UNSURE and one.stems[-1] in wanted)


def _with_more(chosen: list[_Candidate], once: Sequence[_Candidate], wanted: Collection[str]) -> list[_Candidate]:
    ordered = sorted(once, key=lambda one: (-_worth(one, wanted), min(one.sentences), one.stems))
    for one in ordered:
        if len(chosen) < _MOST and not any(one.parts <= other.parts or other.parts <= one.parts for other in chosen):
            chosen.append(one)
    return chosen


def _written(one: _Candidate, lower: Collection[str]) -> str:
    """As it is written most often; in small letters what begins small within sentences."""
    counts: dict[str, int] = defaultdict(int)
    for forms in (one.forms, one.first_forms):
        for form, count in forms.items():
            counts[form.lower()] += count
    best = max(counts, key=lambda form: counts[form])
    within = [form for form in one.forms if form.lower() == best]
    if within:
        return max(within, key=lambda form: one.forms[form])
    form = next(form for form in one.first_forms if form.lower() == best)
    first = form.split()[0]
    is_small = (
        first.lower() in lower and not first[1:2].isupper() and not any(word[0].isupper() for word in form.split()[1:])
    )
    return form[0].lower() + form[1:] if is_small and not one.is_name else form
