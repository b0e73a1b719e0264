"""Text taken from text: a summary, an analysis, a report. Every sentence stands in the prompt, word for word.

What is added is headings, bullets and quotation marks, and nothing that could be taken for a statement.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from graphflow.agents.offline.material import Material, Sentence
from graphflow.agents.offline.ranking import best, is_repetition, ranked
from graphflow.agents.offline.subjects import likely_subjects
from graphflow.agents.offline.terms import LINK, Term, about, figures
from graphflow.agents.offline.words import NUMBER_WORDS, words_of

_REPORT = re.compile(
    r"\b(?:report|overview|dossier|article|briefing|white ?paper|profile|write[- ]up)\b", re.IGNORECASE
)
_ANALYSIS = re.compile(r"\b(?:analy[sz]e|analysis|compare|comparison|contrasts?|patterns?)\b", re.IGNORECASE)
_CONTRAST = re.compile(
    r"\b(?:but|while|whereas|however|unlike|although|though|instead|rather than|in contrast|by contrast|on the other hand|"
    r"only|differs?|different|more|less|fewer|most|least|larger|smaller|higher|lower|cheaper|faster|slower)\b",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"\b(?:in |about |of |at most |up to |exactly )?(\d+|[a-z]+)[- ](sentence|word|line|paragraph)s?\b", re.IGNORECASE
)
_SHORT = re.compile(r"\b(?:short|brief|briefly|concise|tight|terse)\b", re.IGNORECASE)
_USUAL, _FEW, _REPORTED = 5, 3, 12  # sentences
_QUOTES = "\"“”'‘’ "
_MOST_GROUPS = 6


def compose(material: Material, wanted: Collection[str] = (), purpose: str = "") -> str:
    """The text that the task asks for. ``purpose`` (a field's name and description) says more of what it is to be."""
    wanted = {*wanted, *material.wanted}
    style = purpose or material.task  # a field's own name says better what it is to be than the whole task
    if _REPORT.search(style):
        return report(material, wanted)
    if _ANALYSIS.search(style):
        return analysis(material, wanted)
    return plain(material, wanted, f"{purpose}\n{material.task}")


def plain(material: Material, wanted: Collection[str], asked: str) -> str:
    """The best sentences in the order of the text, as many as were asked for."""
    words, sentences = _length(asked)
    chosen = best(material.sentences, sentences, wanted)
    while words and len(chosen) > 1 and sum(len(words_of(one.text)) for one in chosen) > words:
        chosen = best(material.sentences, len(chosen) - 1, wanted)
    return " ".join(one.text for one in chosen)


def report(material: Material, wanted: Collection[str]) -> str:
    """A title, what matters most, what there is on each subject, the numbers, the sources: all of it quoted."""
    lines = [f"# {material.topic}" if material.topic else "# Report", "", "## Key points"]
    key = best(material.sentences, _USUAL, wanted)
    lines += _quoted(key)
    used = list(key)
    for heading, sentences in groups(material, wanted):
        new = _without(ranked(sentences, wanted), used)[:_USUAL]
        if new:
            new.sort(key=lambda one: one.index)
            lines += ["", f"## {heading}", *_quoted(new)]
            used += new
    left = [one for one in _without(material.sentences, used) if figures(one.text)]
    if left:
        lines += ["", "## Numbers", *_quoted(left[:_REPORTED])]
    links = list(dict.fromkeys(LINK.findall(material.text)))
    if links:
        lines += ["", "## Sources", *(f"- {link}" for link in links)]
    return "\n".join(lines)


def analysis(material: Material, wanted: Collection[str]) -> str:
    """What several passages share, where they differ, and the numbers: all of it quoted."""
    differing = contrasts(material, wanted, _USUAL)
    shared = _without(patterns(material, wanted, 2 * _USUAL), differing)[:_USUAL]
    counted = _without([one for one in material.sentences if figures(one.text)], [*differing, *shared])[:_REPORTED]
    lines: list[str] = []
    for heading, sentences in (("Common", shared), ("Contrasts", differing), ("Numbers", counted)):
        if sentences:
            lines += ["", f"## {heading}", *_quoted(sentences)]
    return "\n".join(lines[1:]) if lines else plain(material, wanted, "")


def patterns(material: Material, wanted: Collection[str], count: int) -> list[Sentence]:
    """Sentences made of words that several passages use."""
    holders: dict[str, set[int]] = {}
    for sentence in material.sentences:
        for one in sentence.stems:
            holders.setdefault(one, set()).add(sentence.passage)
    named = {one for term in likely_subjects(material.sentences, wanted) for one in term.stems}
    common = {one for one, passages in holders.items() if len(passages) > 1 and one not in wanted and one not in named}
    fitting = [one for one in material.sentences if one.stems & common]
    return best(fitting, count, common) if fitting else []


def contrasts(material: Material, wanted: Collection[str], count: int) -> list[Sentence]:
    """Sentences that say how one thing differs from another."""
    fitting = [one for one in material.sentences if _CONTRAST.search(one.text)]
    return best(fitting, count, wanted) if fitting else []


def groups(material: Material, wanted: Collection[str]) -> list[tuple[str, list[Sentence]]]:
    """The sentences on each subject, or else those of each section."""
    found = [
        (term, about(term, material.sentences))
        for term in likely_subjects(material.sentences, wanted)[: 2 * _MOST_GROUPS]
    ]
    several = [(_heading(term), sentences) for term, sentences in found if len(sentences) > 1][:_MOST_GROUPS]
    if len(several) > 1:
        return several
    sections = list(dict.fromkeys(one.section for one in material.sentences if one.section))
    return [(name, [one for one in material.sentences if one.section == name]) for name in sections]


def bare(text: str) -> str:
    """A sentence without quotation marks around the whole of it."""
    inner = text.strip(_QUOTES)
    is_whole = text[:1] in _QUOTES and text[-1:] in _QUOTES
    return inner if is_whole and not any(mark in inner for mark in '"“”') else text


def _heading(term: Term) -> str:
    return term.text[:1].upper() + term.text[1:]


def _quoted(sentences: Sequence[Sentence]) -> list[str]:
    return [f"- “{bare(one.text)}”" for one in sentences]


def _without(sentences: Sequence[Sentence], used: Sequence[Sentence]) -> list[Sentence]:
    """Those that do not repeat what was used already, or each other."""
    left: list[Sentence] = []
    for one in sentences:
        if not any(one is other or is_repetition(one, other) for other in (*used, *left)):
            left.append(one)
    return left


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
