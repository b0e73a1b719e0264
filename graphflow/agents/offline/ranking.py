"""Which sentences matter: centrality by shared words (TextRank, Mihalcea and Tarau 2004), drawn to what is wanted.

Pure Python and deterministic: ties go to the earlier sentence. Sentences that say the same again are left out.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from graphflow.agents.offline.material import Sentence

_DAMPING = 0.85
_ROUNDS = 30
_MOST = 400  # sentences that are compared with each other; of more, those nearest to what is wanted
_LEANING = 0.5  # what a sentence is worth that speaks of "it": alone it says little
_SAME = 0.8  # of the words of the shorter one: a repetition


def ranked(sentences: Sequence[Sentence], wanted: Collection[str] = ()) -> list[Sentence]:
    """The sentences, those first that share most with the others and with ``wanted`` (stems)."""
    weights = scores(sentences, wanted)
    return sorted(sentences, key=lambda sentence: (-weights[sentence.index], sentence.index))


def best(sentences: Sequence[Sentence], count: int, wanted: Collection[str] = ()) -> list[Sentence]:
    """The ``count`` best sentences without repetitions, in the order of the text.

    One that says "it" comes with what it speaks of, or not at all, unless there is nothing else.
    """
    chosen: list[Sentence] = []
    order = ranked(sentences, wanted)
    held = set(sentences)
    for sentence in order:
        whole = [one for one in whole_of(sentence) if one not in chosen]
        if not stands(sentence) or len(chosen) + len(whole) > count or not held.issuperset(whole):
            continue
        if not any(is_repetition(one, other) for one in whole for other in chosen):
            chosen += whole
    return sorted(chosen or order[:count], key=lambda sentence: sentence.index)


def distinct(sentences: Sequence[Sentence]) -> list[Sentence]:
    """The sentences without those that stand there again, word for word."""
    first: dict[str, Sentence] = {}
    for one in sentences:
        first.setdefault(one.text, one)
    return list(first.values())


def whole_of(sentence: Sentence) -> list[Sentence]:
    """A sentence with those before it that it leans on, in order."""
    whole = [sentence]
    while whole[0].leans and whole[0].before is not None:
        whole.insert(0, whole[0].before)
    return whole


def stands(sentence: Sentence) -> bool:
    """Whether it is clear what a sentence speaks of, if need be from those before it."""
    return not whole_of(sentence)[0].leans and re.search(r"[^\W\d_]{2}", sentence.text) is not None


def scores(sentences: Sequence[Sentence], wanted: Collection[str] = ()) -> dict[int, float]:
    """Index of the sentence -> its weight; they add up to about 1."""
    if not sentences:
        return {}
    rarity = _rarity(sentences)
    pull = {s.index: 0.1 + sum(rarity[one] for one in s.stems if one in wanted) for s in sentences}
    compared = sorted(sentences, key=lambda s: (-pull[s.index], s.index))[:_MOST]
    links = _links(compared)
    total = sum(pull[s.index] for s in compared)
    start = {s.index: pull[s.index] / total for s in compared}
    weight = dict(start)
    for _ in range(_ROUNDS):
        incoming: dict[int, float] = defaultdict(float)
        for one, others in links.items():
            share = weight[one] / sum(others.values())
            for other, strength in others.items():
                incoming[other] += share * strength
        weight = {one: (1 - _DAMPING) * start[one] + _DAMPING * incoming[one] for one in start}
    drawn = {one: weight[one] * (1 + 4 * start[one] * len(start) if wanted else 1) for one in weight}
    return {s.index: drawn.get(s.index, 0.0) * (_LEANING if s.leans else 1) for s in sentences}


def is_repetition(one: Sentence, other: Sentence) -> bool:
    """Whether two sentences say nearly the same."""
    shared = len(one.stems & other.stems)
    return shared >= _SAME * min(len(one.stems), len(other.stems)) and shared > 2


def _rarity(sentences: Sequence[Sentence]) -> dict[str, float]:
    """Stem -> how telling it is: what stands in every sentence tells nothing."""
    counts = Counter(one for sentence in sentences for one in sentence.stems)
    return {one: math.log(1 + len(sentences) / count) for one, count in counts.items()}


def _links(sentences: Sequence[Sentence]) -> dict[int, dict[int, float]]:
    """Sentence -> sentences that share words with it, with the strength of the bond."""
    holders: dict[str, list[Sentence]] = defaultdict(list)
    for sentence in sentences:
        for shared_stem in sorted(sentence.stems):
            holders[shared_stem].append(sentence)
    shared: dict[tuple[int, int], int] = Counter()
    for held in holders.values():
        for position, one in enumerate(held):
            for other in held[position + 1 :]:
                shared[(min(one.index, other.index), max(one.index, other.index))] += 1
    sizes = {sentence.index: math.log(1 + len(sentence.stems)) for sentence in sentences}
    links: dict[int, dict[int, float]] = defaultdict(dict)
    for (first, second), count in sorted(shared.items()):
        links[first][second] = links[second][first] = count / (sizes[first] + sizes[second])
    return links
