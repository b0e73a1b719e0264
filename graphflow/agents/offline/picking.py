"""One value of a field: the texts, the number, the yes or no, the option that a text gives for it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from graphflow.agents.offline.material import Material, Sentence
from graphflow.agents.offline.ranking import best, ranked, whole_of
from graphflow.agents.offline.routing import likeliest, rest_of
from graphflow.agents.offline.subjects import likely_subjects, subjects
from graphflow.agents.offline.terms import (
    DATE,
    EMAIL,
    LINK,
    NUMBER,
    Term,
    about,
    figures,
    is_led_by,
    key_terms,
    numbers,
)
from graphflow.agents.offline.wishes import Wish
from graphflow.agents.offline.words import is_content, stem, stems, words_of
from graphflow.agents.offline.writing import bare, compose, contrasts, patterns

_NEGATION = re.compile(r"\b(?:no|not|never|without|none|neither|nor|lacks?|unable|fails? to)\b|n['’]t\b", re.IGNORECASE)
_FORMATS = {"uri": LINK, "url": LINK, "email": EMAIL}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_GOOD_LENGTH = 150  # words: from there on a text counts as long enough
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_SENTENCE_LENGTHS = (8, 30)  # words on average: easy to read


class CannotFill(Exception):
    """The text gives nothing for a field that must have something."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"nothing for {name!r}: {reason}" if name else reason)


def texts(schema: Mapping[str, Any], wish: Wish, material: Material, count: int) -> list[str]:
    """Several texts: names, terms, links, dates or sentences, as the field's name tells."""
    wanted = material.wanted | wish.stems
    found = [one for one in _several(wish, material, wanted, count) if _fits(one, schema)]
    return list(dict.fromkeys(found))[:count]


def _several(wish: Wish, material: Material, wanted: frozenset[str], count: int) -> list[str]:
    sentences = material.sentences
    match wish.kind:
        case "links":
            return LINK.findall(material.text) or list(dict.fromkeys(one.section for one in sentences if one.section))
        case "dates":
            return DATE.findall(material.text)
        case "terms":
            return key_terms(sentences, wanted)
        case "subjects":
            return _named(material)
        case "questions":
            chosen = [one for one in sentences if one.text.endswith("?")]
        case "numbers":
            chosen = best([one for one in sentences if figures(one.text)], count, wanted)
        case "contrasts":
            chosen = contrasts(material, wanted, count)
        case "patterns":
            chosen = patterns(material, wanted, count)
        case _:
            chosen = _facts(material, count, wanted)
    return [bare(one.text) for one in chosen]


def _named(material: Material) -> list[str]:
    """The subjects of the text besides the topic itself; with nothing else to name, the topic's own words too."""
    wanted = material.wanted
    return [one.text for one in likely_subjects(material.sentences, wanted) or subjects(material.sentences, wanted)]


def _facts(material: Material, count: int, wanted: frozenset[str]) -> list[Sentence]:
    """The best sentences; on something that the task names, those first that begin with it or go on from there."""
    held = _about_the_item(material)
    if held is material.sentences:
        return best(held, count, wanted)
    named = [Term(tuple(stems(value))) for _, value in material.facts]
    own = [one for one in held if any(is_led_by(whole_of(one)[0], term) for term in named)]
    chosen = best(own, count, wanted)
    more = [one for one in best(held, len(held), wanted) if one not in own]
    return sorted([*chosen, *best(more, count - len(chosen), wanted)], key=lambda one: one.index)


def _about_the_item(material: Material) -> Sequence[Sentence]:
    """The sentences about what the task names in so many words (``Subject: Notion``), if there are any."""
    for _, value in reversed(material.facts):
        named = Term(tuple(stems(value)))
        found = about(named, material.sentences) if named.stems else []
        if found and len(found) < len(material.sentences):
            return found
    return material.sentences


def text(schema: Mapping[str, Any], wish: Wish, material: Material) -> str:
    """One text that keeps to the schema's format, pattern and lengths. Raises CannotFill."""
    for candidate in _candidates(schema, wish, material):
        fitted = _fitted(candidate, schema)
        if fitted is not None:
            return fitted
    raise CannotFill(wish.name, "the text has nothing that fits")


def _candidates(schema: Mapping[str, Any], wish: Wish, material: Material) -> list[str]:
    form = schema.get("format")
    if form in ("date", "date-time"):
        dates = [iso for found in DATE.findall(material.text) if (iso := _iso(found)) is not None]
        return dates if form == "date" else [f"{one}T00:00:00Z" for one in dates]
    if form in _FORMATS:
        return _FORMATS[form].findall(material.text)
    if form is not None:
        return []
    if "pattern" in schema:
        return [found[0] for found in re.finditer(str(schema["pattern"]).strip("^$"), material.text)]
    named = [value for label, value in material.facts if stem(label.split()[-1]) in set(stems(wish.name))]
    if named:
        return named
    wanted = material.wanted | wish.stems
    match wish.kind:
        case "prose":
            written = compose(material, wish.stems, f"{wish.name} {wish.description}")
            return [written, *(one.text for one in ranked(material.sentences, wanted))]
        case "links" | "dates":
            return _several(wish, material, wanted, 1) or _sentences(material, wish)
        case "subjects":
            return [one for one in (material.topic, *_named(material)) if one]
        case "numbers":
            return [one.text for one in ranked(material.sentences, wish.stems) if figures(one.text)]
        case _:
            return _sentences(material, wish)


def _sentences(material: Material, wish: Wish) -> list[str]:
    """The sentences nearest to a field, the best first, two of them together if both are about it."""
    held = _about_the_item(material)
    own = [one for one in held if one.stems & wish.stems]
    two = best(own, 2, wish.stems)
    joined = [" ".join(one.text for one in two)] if len(two) == 2 else []
    return joined + [one.text for one in ranked(own or held, wish.stems | material.wanted)]


def _fits(candidate: str, schema: Mapping[str, Any]) -> bool:
    return schema.get("minLength", 0) <= len(candidate) <= schema.get("maxLength", math.inf) and candidate != ""


def _fitted(candidate: str, schema: Mapping[str, Any]) -> str | None:
    """The candidate within the schema's lengths, if need be its first words."""
    most = schema.get("maxLength", math.inf)
    while len(candidate) > most and " " in candidate and "pattern" not in schema and "format" not in schema:
        candidate = candidate.rpartition(" ")[0].rstrip(",;:")
    return candidate if _fits(candidate, schema) else None


def _iso(date: str) -> str | None:
    """A date as JSON has it; None if it does not name a day."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        return date
    parts = re.findall(r"\d+|[A-Za-z]{3,}", date)
    day = next((int(one) for one in parts if one.isdigit() and len(one) < 3), None)
    year = next((one for one in parts if one.isdigit() and len(one) == 4), None)
    month = next((_MONTHS.index(one[:3].lower()) + 1 for one in parts if one[:3].lower() in _MONTHS), None)
    return None if day is None or year is None or month is None else f"{year}-{month:02}-{day:02}"


def number(schema: Mapping[str, Any], wish: Wish, material: Material, *, is_required: bool) -> float | int:
    """The number nearest to the field's words; else a count or a score, if it is one. Raises CannotFill."""
    is_whole = schema.get("type") == "integer"
    low, high = _bounds(schema)
    own = wish.stems
    nearest: list[tuple[float, int, float]] = []
    for sentence in _about_the_item(material):
        for at, (value, fits) in enumerate(_numbers_near(sentence.text, wish)):
            shared = len(sentence.stems & own) + fits
            if shared and low <= value <= high and (value.is_integer() or not is_whole):
                nearest.append((at / 100 - shared, sentence.index, value))
    chosen: float
    if nearest:
        chosen = min(nearest)[2]
    elif wish.is_score and is_required:
        least, top = wish.bounds()
        least, top = (low if math.isfinite(low) else least), (high if math.isfinite(high) else top)
        chosen = least + (top - least) * quality(material)
        chosen = float(round(chosen)) if is_whole else round(chosen, 2)
    elif wish.is_count and is_required:
        chosen = float(min(max(material.passages, low), high))
    else:
        raise CannotFill(wish.name, "the text has no number that fits")
    if not low <= chosen <= high:
        raise CannotFill(wish.name, "no number in the text is within its bounds")
    return int(chosen) if is_whole else chosen


def _numbers_near(sentence: str, wish: Wish) -> list[tuple[float, bool]]:
    """The numbers of a sentence that may be meant, those nearest to a word of the field first.

    A year is no amount and an amount no year; where money is meant, what is marked as money fits by that alone.
    """
    sentence = LINK.sub(" ", sentence)
    places = [found.start() for found in re.finditer(r"\w+", sentence) if stem(found[0]) in wish.stems]
    found: list[tuple[int, float, bool]] = []
    for match in NUMBER.finditer(sentence):
        is_year, is_money = _YEAR.fullmatch(match[0]) is not None, match[0][0] in "$€£"
        if is_year == wish.is_year and (is_money or not wish.is_money):
            distance = min((abs(match.start() - place) for place in places), default=0)
            found.append((distance, numbers(match[0])[0], is_money))
    if not found and not wish.is_year and not wish.is_money:
        return [(value, False) for value in numbers(NUMBER.sub(" ", sentence))]  # those in words
    return [(value, fits and wish.is_money) for _, value, fits in sorted(found)]


def _bounds(schema: Mapping[str, Any]) -> tuple[float, float]:
    step = 1.0 if schema.get("type") == "integer" else 1e-9
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf) + step)
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf) - step)
    return float(low), float(high)


def quality(material: Material) -> float:
    """How much there is to a text, from 0 to 1: length, readability, closeness to the task, things that can be checked.

    A measure of the text, not a judgement of what it says.
    """
    words = words_of(material.text)
    if not words:
        return 0.0
    average = len(words) / max(1, len(material.sentences))
    low, high = _SENTENCE_LENGTHS
    readable = 1.0 if low <= average <= high else 0.5
    wanted = material.wanted
    near = 1.0 if not wanted else len(wanted & set(stems(material.text))) / len(wanted)
    telling = min(1.0, len(figures(material.text)) / 3)
    varied = min(1.0, 2 * len({stem(word) for word in words if is_content(word)}) / len(words))
    return (min(1.0, len(words) / _GOOD_LENGTH) + readable + near + telling + varied) / 5


def boolean(wish: Wish, material: Material, *, is_required: bool) -> bool:
    """Whether the text says so: True if the sentence nearest to the field's words does not deny it.

    A text that does not speak of it does not say so: False.
    """
    own = wish.stems - {"is", "ha", "should", "can"}
    spoken = [one for one in ranked(material.sentences, own) if one.stems & own]
    if not spoken:
        if not is_required:
            raise CannotFill(wish.name, "the text does not speak of it")
        return False
    return _NEGATION.search(spoken[0].text) is None


def option(options: list[Any], wish: Wish, material: Material) -> Any:
    """The option of an enum that the text speaks of. Raises CannotFill if it speaks of none, or of several alike."""
    if len(options) == 1:
        return options[0]
    names = [str(one) for one in options]
    index = likeliest(material, names)
    if index is None:
        index = rest_of(names, wish.task)
    if index is None:
        raise CannotFill(wish.name, f"the text does not tell which of {', '.join(names)}")
    return options[index]
