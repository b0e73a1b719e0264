"""Text taken from text: a summary, an analysis, a report. Every sentence stands in the prompt, word for word.

What is added is headings, bullets and a line that names what is missing, as the prompt does. A sentence that says "it"
comes with the one before it that says of what.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from graphflow.agents.offline.material import Material, Sentence
from graphflow.agents.offline.ranking import best, distinct, is_repetition, ranked, stands, whole_of
from graphflow.agents.offline.subjects import likely_subjects
from graphflow.agents.offline.terms import LINK, Term, about, figures, is_led_by
from graphflow.agents.offline.words import NUMBER_WORDS, stems

_REPORT = re.compile(
    r"\b(?:report|overview|dossier|article|briefing|white ?paper|profile|write[- ]up)\b|(?<!be )(?<!keep it )"
    r"\bbriefs?\b(?=\s+(?:of|on|about|for)\b|\s*[.,:;]|\s*$)",
    re.IGNORECASE | re.MULTILINE,
)
_ANALYSIS = re.compile(r"\b(?:analy[sz]e|analysis|compare|comparison|contrasts?|patterns?)\b", re.IGNORECASE)
_CONTRAST = re.compile(
    r"\b(?:but|while|whereas|however|unlike|although|though|instead|rather than|in contrast|by contrast|on the other hand|than|"
    r"only|differs?|different|more|less|fewer|most|least|larger|smaller|higher|lower|cheaper|faster|slower)\b",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"\b(?:in |about |of |at most |up to |exactly )?(\d+|[a-z]+)[- ](sentence|word|line|paragraph)s?\b", re.IGNORECASE
)
_SHORT = re.compile(r"\b(?:short|brief|briefly|concise|tight|terse)\b", re.IGNORECASE)
_SHARED = re.compile(
    r"\b(?:both|same|all|alike|common|similar|similarly|every|each|also|as well|neither)\b", re.IGNORECASE
)
_USUAL, _FEW = 5, 3  # sentences
_OPENING = 3  # sentences that say what matters most
_USUAL_WORDS = 400  # of a report for which no length is asked
_QUOTES = "\"“”'‘’ "
_MOST_GROUPS = 6


def compose(material: Material, wanted: Collection[str] = (), purpose: str = "") -> str:
    """The text that the task asks for. ``purpose`` (a field's name and description) says more of what it is to be."""
    wanted = {*wanted, *material.wanted}
    style = purpose or material.task  # a field's own name says better what it is to be than the whole task
    asked = f"{purpose}\n{material.task}"
    if _REPORT.search(style):
        return report(material, wanted, asked)
    if _ANALYSIS.search(style):
        return analysis(material, wanted, asked)
    return plain(material, wanted, asked)


def plain(material: Material, wanted: Collection[str], asked: str) -> str:
    """The best sentences in the order of the text, as many as were asked for."""
    words, sentences = _length(asked)
    held = distinct(material.sentences)
    chosen = best(held, sentences, wanted)
    while words and len(chosen) > 1 and _words_in(chosen) > words:
        chosen = best(held, len(chosen) - 1, wanted)
    return " ".join(bare(one.text) for one in chosen)


def report(material: Material, wanted: Collection[str], asked: str = "") -> str:
    """What matters most, what there is on each subject, the numbers, the sources, what is missing."""
    words, sentences = _length(asked)
    if not _LENGTH.search(asked):
        words, sentences = _USUAL_WORDS, _USUAL_WORDS
    draft = _Draft(material, words, sentences)
    topic = frozenset(stems(material.topic)) or wanted
    opening = draft.add(central(material, topic), _OPENING)
    sections = draft.add_by_turns(groups(material, wanted))
    left = [one for one in ranked(distinct(material.sentences), wanted) if figures(one.text)]
    counted = draft.add(left, _USUAL) if sections else []
    lines = [f"# {_capital(material.topic)}", ""] if material.topic else []
    lines += [" ".join(_text(whole) for whole in opening)]
    for heading, wholes in [*sections, ("Numbers", counted)]:
        if wholes:
            lines += ["", f"## {heading}", *(f"- {_text(whole)}" for whole in wholes)]
    links = list(dict.fromkeys(LINK.findall(material.text)))
    if links:
        lines += ["", "## Sources", *(f"- {link}" for link in links)]
    return "\n".join([*lines, *_missing(material)])


def analysis(material: Material, wanted: Collection[str], asked: str = "") -> str:
    """What several subjects share, where they differ, and the numbers."""
    is_bounded = _LENGTH.search(asked) is not None
    words, sentences = _length(asked) if is_bounded else (0, 3 * _USUAL)
    draft = _Draft(material, words, sentences)
    shared = patterns(material, wanted, 2 * _USUAL)
    differing = contrasts(material, wanted, 2 * _USUAL)
    counted = best([one for one in distinct(material.sentences) if figures(one.text)], 3 * _USUAL, wanted)
    parts = [("Common", shared), ("Contrasts", differing), ("Numbers", counted)]
    lines: list[str] = []
    for heading, wholes in draft.add_by_turns(parts, _USUAL):
        lines += ["", f"## {heading}", *(f"- {_text(whole)}" for whole in wholes)]
    if not lines:
        return plain(material, wanted, asked)
    return "\n".join([*lines[1:], *_missing(material)])


class _Draft:
    """A text in the making: nothing is said twice, and it keeps to its length. 0 words is no bound."""

    def __init__(self, material: Material, words: int, sentences: int) -> None:
        self._used: list[Sentence] = []
        self._words, self._sentences = words, sentences
        self._held = set(material.sentences)

    def add(self, candidates: Iterable[Sentence], count: int) -> list[list[Sentence]]:
        """Takes the first that are new and fit, ``count`` sentences at most, each with what it leans on."""
        added: list[list[Sentence]] = []
        for one in candidates:
            whole = self._take(one, count - sum(map(len, added)))
            if whole:
                added.append(whole)
        return sorted(added, key=lambda whole: whole[0].index)

    def add_by_turns(
        self, parts: Sequence[tuple[str, Sequence[Sentence]]], most: int = _USUAL
    ) -> list[tuple[str, list[list[Sentence]]]]:
        """Takes one for each part, then a second for each, as long as they fit; parts without any are left out."""
        added: list[list[list[Sentence]]] = [[] for _ in parts]
        for _ in range(most):
            for (_, candidates), own in zip(parts, added, strict=True):
                whole = next((taken for one in candidates if (taken := self._take(one, most))), None)
                if whole:
                    own.append(whole)
        named = [
            (name, sorted(own, key=lambda whole: whole[0].index)) for (name, _), own in zip(parts, added, strict=True)
        ]
        return [(name, own) for name, own in named if own]

    def _take(self, one: Sentence, count: int) -> list[Sentence]:
        """The sentence with what it leans on, if that is new, stands by itself and fits; else nothing."""
        whole = whole_of(one)
        used = self._used
        if len(whole) > min(count, self._sentences - len(used)) or not stands(one) or not self._held.issuperset(whole):
            return []
        if any(one is other or one.text == other.text or is_repetition(one, other) for one in whole for other in used):
            return []
        if self._words and used and _words_in(used) + _words_in(whole) > self._words:
            return []
        used += whole
        return whole


def central(material: Material, topic: Collection[str]) -> list[Sentence]:
    """The sentences nearest to the middle of it all, those of different subjects first."""
    order = ranked(distinct(material.sentences), topic)
    terms = [Term(tuple(stems(name))) for name in material.named] or likely_subjects(material.sentences, topic)
    seen: set[int] = set()
    first: list[Sentence] = []
    for one in order:
        said = {number for number, term in enumerate(terms) if set(term.stems) <= one.stems}
        if said and not said & seen and not one.leans:
            first.append(one)
            seen |= said
    chosen = set(first)
    return first + [one for one in order if one not in chosen]


def patterns(material: Material, wanted: Collection[str], count: int) -> list[Sentence]:
    """Sentences on what several subjects share, the clearest first; else sentences of words that several passages use."""
    held = distinct(material.sentences)
    terms = _subject_terms(material, wanted)
    several = [one for one in held if _named_in(one, terms) > 1 and not _CONTRAST.search(one.text)]
    if several:
        order = {one: at for at, one in enumerate(ranked(several, wanted))}
        return sorted(order, key=lambda one: (_SHARED.search(one.text) is None, -_named_in(one, terms), order[one]))[
            :count
        ]
    holders: dict[str, set[int]] = {}
    for sentence in held:
        for one in sentence.stems:
            holders.setdefault(one, set()).add(sentence.passage)
    named = {one for term in terms for one in term.stems}
    common = {one for one, passages in holders.items() if len(passages) > 1 and one not in wanted and one not in named}
    fitting = [one for one in held if one.stems & common]
    return best(fitting, count, common) if fitting else []


def contrasts(material: Material, wanted: Collection[str], count: int) -> list[Sentence]:
    """Sentences that say how one thing differs from another, those first that name two."""
    fitting = [one for one in distinct(material.sentences) if _CONTRAST.search(one.text)]
    terms = _subject_terms(material, wanted)
    chosen = best(fitting, 2 * count, wanted) if fitting else []
    return sorted(chosen, key=lambda one: (_named_in(one, terms) < 2, one.index))[:count]


def groups(material: Material, wanted: Collection[str]) -> list[tuple[str, list[Sentence]]]:
    """The sentences on each subject, those first that begin with it; without subjects those of each section."""
    terms = _subject_terms(material, wanted)
    found: list[tuple[str, list[Sentence]]] = []
    for number, term in enumerate(terms):
        own = [
            one for one in material.sentences if number < len(material.named) and one.section == material.named[number]
        ]
        sentences = ranked(distinct(own or about(term, material.sentences)), wanted)
        others = [other for other in terms if other is not term]
        sentences.sort(key=lambda one: _nearness(one, term, others))
        if own or len(sentences) > 1:
            found.append((_capital(term.text), sentences))
    if len(found) > 1:
        return found[: max(_MOST_GROUPS, len(material.named))]
    sections = list(dict.fromkeys(one.section for one in material.sentences if one.section))
    return [(name, [one for one in material.sentences if one.section == name]) for name in sections]


def _subject_terms(material: Material, wanted: Collection[str]) -> list[Term]:
    """The subjects as the prompt's records name them; else as they are found."""
    if material.named:
        return [Term(tuple(stems(name)), Counter([name])) for name in material.named]
    return likely_subjects(material.sentences, wanted)


def _nearness(sentence: Sentence, term: Term, others: Sequence[Term]) -> int:
    """0 if it begins with the subject, 1 if it speaks of it, 2 if it begins with another one."""
    first = whole_of(sentence)[0]
    if is_led_by(first, term):
        return 0
    return 2 if any(is_led_by(first, other) for other in others) else 1


def _named_in(sentence: Sentence, terms: Sequence[Term]) -> int:
    return sum(set(term.stems) <= sentence.stems for term in terms)


def _text(whole: Sequence[Sentence]) -> str:
    return " ".join(bare(one.text) for one in whole)


def _words_in(sentences: Iterable[Sentence]) -> int:
    return sum(len(one.text.split()) for one in sentences)


def _missing(material: Material) -> list[str]:
    """What the prompt says is missing, in its own words."""
    labels = list(dict.fromkeys(label for label, _ in material.missing))
    said = [(label, ", ".join(value for one, value in material.missing if one == label)) for label in labels]
    return [line for label, values in said for line in ("", f"{label}: {values.rstrip('.')}.")]


def bare(text: str) -> str:
    """A sentence without quotation marks around the whole of it."""
    inner = text.strip(_QUOTES)
    is_whole = text[:1] in _QUOTES and text[-1:] in _QUOTES
    return inner if is_whole and not any(mark in inner for mark in '"“”') else text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _length(asked: str) -> tuple[int, int]:
    """The words and sentences asked for; 0 words is no bound."""
    words, sentences = 0, _FEW if _SHORT.search(asked) else _USUAL
    for found in _LENGTH.finditer(asked):
        number = int(found[1]) if found[1].isdigit() else NUMBER_WORDS.get(found[1].lower(), 0)
        if not number:
            continue
        match found[2].lower():
            case "word":
                words, sentences = number, max(1, number // 8)
            case "paragraph":
                sentences = _USUAL * number
            case _:
                sentences = number
    return words, sentences
