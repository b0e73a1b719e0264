"""What a field of an output type wants, as far as its name and description tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphflow.agents.offline.words import NUMBER_WORDS, is_about_the_task, stem, stems, words_of

_KINDS: tuple[tuple[str, str], ...] = (
    ("links", r"urls?|links?|sources?|references?|citations?|websites?"),
    ("dates", r"dates?|when|years?|deadlines?|timeline|founded|born"),
    ("contrasts", r"contrasts?|differences?|disagreements?|conflicts?|tensions?|trade-?offs?|distinctions?"),
    ("patterns", r"patterns?|common|similarit(?:y|ies)|shared|themes?|trends?|agreements?|commonalit(?:y|ies)"),
    ("numbers", r"numbers?|figures?|statistics?|stats?|metrics?|amounts?|quantit(?:y|ies)|measurements?"),
    ("questions", r"questions?"),
    ("terms", r"keywords?|key ?terms?|terms|tags?|topics|concepts?|labels?|quer(?:y|ies)|searche?s?"),
    (
        "facts",
        r"facts?|points?|findings?|claims?|insights?|details?|observations?|arguments?|reasons?|highlights?|takeaways?|"
        r"sentences?|quotes?|evidence|excerpts?|strengths?|weaknesse?s?|risks?|problems?|issues?|comments?|notes?",
    ),
    (
        "subjects",
        r"subjects?|names?|entit(?:y|ies)|rivals?|competitors?|compan(?:y|ies)|people|persons?|organi[sz]ations?|players?|"
        r"vendors?|products?|candidates?|kinds?|options?|title|items?|topic",
    ),
    (
        "prose",
        r"summary|report|answer|analysis|text|body|draft|conclusion|explanation|rationale|reason(?:ing)?|description|"
        r"overview|essay|article|content|reply|response|synthesis|verdict|justification|paragraph|abstract|plan",
    ),
)
_SCORE = re.compile(
    r"\b(?:score|rating|grade|quality|confidence|relevance|probability|likelihood|strength|priority|severity|urgency)\b",
    re.IGNORECASE,
)
_MONEY = re.compile(r"\b(?:price|cost|fee|charge|revenue|salary|budget|funding|usd|eur|dollars)s?\b", re.IGNORECASE)
_YEARLY = re.compile(r"\b(?:years?|founded|born|since|established|launched)\b", re.IGNORECASE)
_COUNT = re.compile(r"\b(?:count|total|how many|number of|n)\b", re.IGNORECASE)
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:to|-|–|\.\.|and)\s*(\d+(?:\.\d+)?)")
_OUT_OF = re.compile(r"\bout of (\d+)")
_SHARE = re.compile(r"\b(?:confidence|probability|likelihood)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wish:
    """A field: its ``name`` in words, what its ``description`` says, and the ``task`` it is part of."""

    name: str
    description: str = ""
    task: str = ""

    @staticmethod
    def of(name: str, schema: Mapping[str, Any], task: str) -> Wish:
        """The wish of a property of an object."""
        spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.replace("_", " "))
        return Wish(spaced, str(schema.get("description", "")), task)

    @property
    def stems(self) -> frozenset[str]:
        """The words that lead to it in a text."""
        return frozenset(one for one in stems(f"{self.name} {self.description}") if not is_about_the_task(one))

    @property
    def kind(self) -> str:
        """What sort of thing is wanted; "facts" if nothing tells. The end of the name tells most."""
        for text in (self.name.split()[-1] if self.name.split() else "", self.name, self.description):
            for kind, words in _KINDS:
                if re.search(rf"\b(?:{words})\b", text, re.IGNORECASE):
                    return kind
        named = re.search(r"\b(?:name|names|list|identify|pick|choose)\b[^.\n]*", self.task, re.IGNORECASE)
        is_named = named is not None and bool(set(stems(self.name)) & set(stems(named[0])))
        return "subjects" if is_named else ""

    @property
    def is_score(self) -> bool:
        return _SCORE.search(self._said) is not None

    @property
    def is_money(self) -> bool:
        return _MONEY.search(self._said) is not None

    @property
    def is_year(self) -> bool:
        return _YEARLY.search(self._said) is not None

    @property
    def is_count(self) -> bool:
        return _COUNT.search(self._said) is not None

    def bounds(self) -> tuple[float, float]:
        """The scale of a score, as told in the description or the task; else 0 to 1 for a confidence, 0 to 10."""
        for text in (self.description, self.task):
            if found := _RANGE.search(text):
                low, high = float(found[1]), float(found[2])
                if low < high:
                    return low, high
            if found := _OUT_OF.search(text):
                return 0.0, float(found[1])
        return (0.0, 1.0) if _SHARE.search(self._said) else (0.0, 10.0)

    def count(self) -> int | None:
        """How many are asked for: "name three rivals", "at most 5 facts"; None if it is not said."""
        for text in (self.description, self.task):
            words = [word.lower() for word in words_of(text)]
            for at, word in enumerate(words):
                number = int(word) if word.isdigit() and len(word) < 5 else NUMBER_WORDS.get(word)
                if number and self._counts(words[at + 1 : at + 4], is_own=text is self.description):
                    return number
        return None

    def _counts(self, following: list[str], *, is_own: bool) -> bool:
        ours = {stem(word) for word in words_of(self.name)}
        return is_own or any(stem(word) in ours for word in following)

    @property
    def _said(self) -> str:
        return f"{self.name} {self.description}"
