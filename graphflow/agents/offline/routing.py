"""Which way on: the handoff, or the option of an enum, whose words the text shares most."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from graphflow.agents.messages import ToolSpec
from graphflow.agents.offline.material import Material
from graphflow.agents.offline.sentences import sentences_in
from graphflow.agents.offline.words import is_about_the_task, stem, stems, words_of

_REST = re.compile(
    r"\b(?:other|otherwise|else|general|unsure|unknown|none|fallback|default|neutral|misc\w*|anything)\b", re.IGNORECASE
)
_HINT_WEIGHT = 0.5  # of a word that only the instructions tie to an option


def route(material: Material, handoffs: Sequence[ToolSpec], *, must_choose: bool = False) -> ToolSpec | None:
    """The handoff whose description and target share most with the text; None if none shares anything.

    With ``must_choose`` the only one there is; else the one for everything else, if there is such a one.
    """
    options = [f"{tool.name.removeprefix('hand_off_to_')} {tool.description}" for tool in handoffs]
    index = likeliest(material, options, is_described=True)
    if index is None and must_choose:
        index = 0 if len(options) == 1 else rest_of(options)
    return None if index is None else handoffs[index]


def likeliest(material: Material, options: Sequence[str], *, is_described: bool = False) -> int | None:
    """The index of the option that fits the text best, None if none does or two fit equally well.

    Options that are single words (of an enum) borrow the words that the instructions use of them.
    """
    said = Counter(stems(material.text))
    if "?" in material.text:
        said.update(["question"])
    for _, value in material.facts:
        said.update(stems(value))
    own = [_stems_of(option) for option in options]
    shared = Counter(one for words in own for one in words)
    hints = [frozenset[str]()] * len(options) if is_described else [_hints(material, words) for words in own]
    tied = Counter(one for hinted in hints for one in hinted)
    weights: list[float] = []
    for words, hinted in zip(own, hints, strict=True):
        weight = sum(_weight(said[one]) for one in sorted(words) if shared[one] < len(options) or len(options) == 1)
        told = sorted(one for one in hinted - words if not shared[one] and tied[one] == 1)
        weight += sum(_HINT_WEIGHT * _weight(said[one]) for one in told)
        weights.append(weight)
    top = max(weights, default=0.0)
    return weights.index(top) if top > 0 and weights.count(top) == 1 else None


def rest_of(options: Sequence[str], task: str = "") -> int | None:
    """The option for everything else: "other", "unknown", "general questions", or the one the task says is for it."""
    for index, option in enumerate(options):
        if _REST.search(option.replace("_", " ")):
            return index
    own = [_stems_of(option) for option in options]
    for clause in _clauses(task):
        spoken_of = [index for index, words in enumerate(own) if words & frozenset(stems(clause))]
        if len(spoken_of) == 1 and _REST.search(clause):
            return spoken_of[0]
    return None


def _stems_of(option: str) -> frozenset[str]:
    words = words_of(re.sub(r"([a-z])([A-Z])", r"\1 \2", option.replace("_", " ")))
    return frozenset(
        one for one in map(stem, words) if one in stems(one) and not (is_about_the_task(one) and len(words) > 1)
    )


def _hints(material: Material, words: frozenset[str]) -> frozenset[str]:
    """The words of those lines of the task that speak of the option."""
    found = [frozenset(stems(clause)) for clause in _clauses(material.task)]
    return frozenset(one for line in found if words & line for one in line if not is_about_the_task(one))


def _clauses(task: str) -> list[str]:
    return [part for line in task.splitlines() for one in sentences_in(line) for part in one.split(";")]


def _weight(count: int) -> float:
    return math.log(1 + count)
