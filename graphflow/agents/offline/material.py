"""What a prompt holds: the words of the task, what it says of them in short (``Topic: owls``), and the text given.

Only the text given is ever quoted. Lines that tell what to do are the task's; a short value after a label is a fact of
the task; the rest, bullets and JSON included, is text, in sections named by the label or heading above it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from graphflow.agents.offline.sentences import sentences_in
from graphflow.agents.offline.words import NUMBER_WORDS, is_about_the_task, is_content, stem, stems, words_of

_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$")
_BULLET = re.compile(r"(?:[-*•–]|\(?\d{1,3}[.)])\s+(.*)$", re.DOTALL)
_LABEL = re.compile(r"([A-Z][\w’' /&()-]{0,60}?)\s*:\s*(.*)$", re.DOTALL)
_TASK = re.compile(
    r"(?:please |now |then |first,? |you are |you will |your (?:task|job|answer) |do not |don't |never |always )?"
    r"(?:write|name|list|extract|summari[sz]e|find|compare|analy[sz]e|describe|give|use|answer|tell|say|score|decide|choose|"
    r"plan|identify|pick|select|route|classify|review|rate|explain|report|return|quote|keep|make|produce|draft|research|"
    r"collect|gather|read|note|pull|state|propose|evaluate|judge|fill|respond|reply|mention|cite|point out|look)\b"
    r"(?! (?:is|are|was|were|shows?|showed|has|have|had|suggests?|indicates?|finds?|found|of|by|in|says?|said)\b)"
    r"|(?:please|you are|you will|you must|you should|your (?:task|job|answer))\b",
    re.IGNORECASE,
)
_FENCE = re.compile(r"\s*(?:[-*]\s+)?(?:```|~~~)")
_LEANS = re.compile(r"(?:It|Its|They|Their|He|His|She|Her|This|These|Those)\b")
_MISSING = re.compile(
    r"(?:nothing (?:was |is )?(?:found|known|said)|not found|no (?:data|information|results?|findings?)|missing|failed)\b",
    re.IGNORECASE,
)
_NONE = re.compile(r"(?:none|nothing|null|no|n/?a|[-–—.\[\]])*", re.IGNORECASE)
_LONGEST_FACT = 8  # words after a label: what is longer is text
_LONGEST_LABEL = 6


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    """One sentence of the given text. ``section`` is the label or heading above it, ``passage`` counts bullets and
    paragraphs, ``stems`` are its words that carry meaning. One that ``leans`` says "it" of what stands before it:
    ``before``, the sentence it follows in its passage."""

    text: str
    index: int
    section: str
    passage: int
    stems: frozenset[str]
    leans: bool = False
    before: Sentence | None = None


@dataclass(slots=True, eq=False)
class Material:
    """A prompt taken apart. ``facts`` are (label, value) pairs, ``task`` is what is to be done, in words.

    ``missing`` are (label, value) pairs that say of what nothing was found, ``named`` the names of records (of JSON) that
    are sections.
    """

    task: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    sentences: list[Sentence] = field(default_factory=list[Sentence])
    passages: int = 0
    missing: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    named: list[str] = field(default_factory=list[str])

    @property
    def wanted(self) -> frozenset[str]:
        """The stems that say what is looked for: the task's own words without the language of instructions."""
        said = stems(self.task) + [one for label, value in self.facts for one in stems(f"{label} {value}")]
        return frozenset(one for one in said if not is_about_the_task(one) and one not in NUMBER_WORDS)

    @property
    def topic(self) -> str:
        """What the task says it is about, in its own words; empty if it does not."""
        for names in (("topic", "subject", "title", "question", "query", "theme"), ("item", "name", "about", "goal")):
            for label, value in self.facts:
                if label.lower().split()[-1] in names:
                    return value
        return self.facts[0][1] if len(self.facts) == 1 else ""

    @property
    def text(self) -> str:
        """All of the given text, one sentence a line."""
        return "\n".join(sentence.text for sentence in self.sentences)

    def narrowed(self, sentences: list[Sentence]) -> Material:
        """The same task on some of the sentences."""
        return Material(self.task, list(self.facts), sentences, self.passages, self.missing, self.named)


def material_of(instructions: str, prompt: str) -> Material:
    """Takes apart what a model was given: ``instructions`` are task alone, ``prompt`` is task and text."""
    return _Reader(instructions).read(prompt)


class _Reader:
    def __init__(self, instructions: str) -> None:
        self.material = Material(task=instructions.strip())
        self.section = ""
        self.label = ""  # the section that is gone back to after a bullet with a title of its own
        self.paragraph: list[str] = []
        self.is_bullet = False

    def read(self, prompt: str) -> Material:
        lines = _without_code(prompt.splitlines())
        for number, line in enumerate(lines):
            if not line.strip() and self._is_title(next((one for one in lines[number:] if one.strip()), "")):
                self.section, self.paragraph, self.is_bullet = self.paragraph[0], [], False
            self._line(line.strip(), is_indented=line[:1].isspace())
        self._end_paragraph()
        if not self.material.sentences:  # a message after a label may be all the text there is
            for label, value in self.material.facts:
                if len(words_of(value)) > 3:
                    self._add(sentences_in(value), label)
        return self.material

    def _is_title(self, following: str) -> bool:
        """Whether a short line that stands alone is the title of the text that follows."""
        if len(self.paragraph) != 1 or self.paragraph[0][-1:] in '.!?:;,…"”' or self.paragraph[0][:1] in "{[":
            return False
        goes_on = following[:1].isspace() if self.is_bullet else not _BULLET.match(following)
        is_short = len(words_of(self.paragraph[0])) <= _LONGEST_FACT < len(words_of(following))
        return is_short and goes_on and not _TASK.match(self.paragraph[0])

    def _line(self, line: str, *, is_indented: bool) -> None:
        bullet = _BULLET.match(line)
        if not line:
            self._end_paragraph()
        elif heading := _HEADING.match(line):
            self._end_paragraph()
            self.section = self.label = heading[1]
        elif bullet is not None:
            self._end_paragraph()
            self.section = self.section if is_indented else self.label
            self.paragraph, self.is_bullet = [bullet[1]], True
        elif is_indented and self.paragraph:
            self.paragraph.append(line)  # a bullet goes on
        elif not self._took_label(line):
            self.paragraph.append(line)

    def _took_label(self, line: str) -> bool:
        """Whether a line is a label, alone or with a short value: a fact of the task."""
        found = _LABEL.match(line)
        if found is None or self.paragraph:
            if not (line.endswith(":") and len(words_of(line)) <= 20):
                return False
            self._end_paragraph()
            self._name_section(line[:-1])
            return True
        label, value = found[1], found[2].strip()
        if not value:
            self._name_section(label)
        elif len(words_of(label)) > _LONGEST_LABEL:
            return False
        elif len(words_of(value)) <= _LONGEST_FACT and not value.endswith((".", "!", ";")) and not _json_in(value):
            said = self.material.missing if _MISSING.match(label) else self.material.facts
            if said is self.material.facts or not _NONE.fullmatch(value):
                said.append((label, value))
        else:
            self.section = self.label = label
            self.paragraph = [value]
            self.is_bullet = True  # what stands behind a label is text, even if it sounds like a task
        return True

    def _name_section(self, label: str) -> None:
        if _TASK.match(label):
            self.material.task += "\n" + label
            label = ""
        self.section = self.label = label

    def _end_paragraph(self) -> None:
        text, is_bullet = " ".join(self.paragraph).strip(), self.is_bullet
        self.paragraph, self.is_bullet = [], False
        if not text:
            return
        data = _json_in(text)
        if data is not None:
            self._add_json(data, "")
            return
        said = sentences_in(text)
        tasks = [] if is_bullet else [one for one in said if _TASK.match(one)]
        if self.section and len(tasks) < len(said):
            tasks = []  # under a heading or label stands text, unless a paragraph is nothing but orders
        self.material.task += "".join("\n" + one for one in tasks)
        self._add([one for one in said if one not in tasks], self.section)

    def _add(self, said: list[str], section: str) -> None:
        known = self.material.sentences
        if _MISSING.match(section):
            self.material.missing += [(section, text) for text in said if not _NONE.fullmatch(text)]
            return
        last: Sentence | None = None
        for text in said:
            content = frozenset(stem(word) for word in words_of(text) if is_content(word))
            if content:
                leans = _LEANS.match(text) is not None
                last = Sentence(text, len(known), section, self.material.passages, content, leans, last)
                known.append(last)
        self.material.passages += last is not None

    def _add_json(self, data: Any, name: str) -> None:
        """The texts in a model that stands in the prompt as JSON; a short one names what follows it."""
        if isinstance(data, dict):
            outer = self.section
            for key, value in cast("dict[str, Any]", data).items():
                if isinstance(value, str) and 0 < len(words_of(value)) <= _LONGEST_FACT and value[-1:] not in ".!?":
                    if key in ("name", "title", "subject", "topic"):
                        self.section = value
                        self.material.named.append(value)
                else:
                    self._add_json(value, key)
            self.section = outer
        elif isinstance(data, list):
            values = cast("Sequence[Any]", data)
            if values and all(isinstance(value, str) for value in values):  # they stand together: "it" is one before
                self._add([one for value in values for one in sentences_in(value)], self.section or name)
                return
            for value in values:
                self._add_json(value, name)
        elif isinstance(data, str):
            self._add(sentences_in(data), self.section or name)


def _without_code(lines: list[str]) -> list[str]:
    """The lines outside blocks of code, which no sentence is taken from; all of them if a block has no end."""
    kept: list[str] = []
    is_code = False
    for line in lines:
        if _FENCE.match(line):
            is_code = not is_code
            kept.append("")
        elif not is_code:
            kept.append(line)
    return lines if is_code or not any(kept) else kept


def _json_in(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
