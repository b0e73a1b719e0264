"""The offline model: real work on the text given, always valid or refused, and never a word of its own."""

from __future__ import annotations

import asyncio
import re
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from graphflow import Agent
from graphflow.agents.offline.material import material_of
from graphflow.agents.offline.ranking import best, scores
from graphflow.agents.offline.sentences import sentences_in
from graphflow.agents.offline.terms import figures, key_terms, numbers
from graphflow.errors import ModelError, Refused
from graphflow.graph.context import Handoff, Offer
from graphflow.models import OfflineModel
from tests.agents.hands import context

APPS = [
    "Notion is a workspace for notes and wikis. Notion charged $10 per user in 2024 and has 100 million users.",
    "Evernote was founded in 2000. Evernote costs $15 per month and lost users after a price rise in 2023.",
    "Obsidian keeps notes as plain Markdown files. Obsidian is free for personal use; its sync costs $4 per month.",
    "Unlike Notion, Obsidian works offline. Both Notion and Evernote store notes in the cloud.",
    "OneNote is part of Microsoft 365. See https://example.com/onenote for the plans of 12 March 2025.",
]
OWLS = [
    "Barn owls hunt at night and live in farm buildings. The barn owl weighs about 500 grams.",
    "Snowy owls live in the Arctic tundra and hunt by day. A snowy owl can weigh 2.9 kg. Their plumage is white.",
    "The great horned owl is a powerful hunter found across the Americas. Great horned owls eat rabbits and other owls.",
    "Burrowing owls nest underground and are active during the day. They weigh 150 grams.",
]


def ask(
    output: Any = str, instructions: str = "", prompt: str = "Topic: {topic}\nPassages:\n{passages}", **fields: Any
) -> Any:
    agent = Agent("a", instructions, prompt=prompt, output=output, model=OfflineModel(), max_turns=3)
    return asyncio.run(agent.run(fields)).output


class Plan(BaseModel):
    subjects: list[str] = Field(description="The rivals worth a closer look", min_length=1, max_length=5)


# graphs/intel: plan, research, analyse, report


@pytest.mark.parametrize(
    ("topic", "passages", "subjects"),
    [
        ("note-taking apps", APPS, {"Notion", "Evernote", "Obsidian"}),
        ("owls", OWLS, {"barn owl", "snowy owl", "great horned owl"}),
    ],
)
def test_a_planner_names_as_many_subjects_as_it_is_asked_for(
    topic: str, passages: list[str], subjects: set[str]
) -> None:
    """B4: N as asked, no duplicates, all of them in the text."""
    plan = ask(Plan, "Name the {n} subjects that matter most.", topic=topic, passages=passages, n=3)
    assert set(plan.subjects) == subjects


def test_too_few_subjects_are_refused_and_not_made_up() -> None:
    """B4: N wrong."""

    class Ten(BaseModel):
        rivals: list[str] = Field(min_length=10)

    with pytest.raises(Refused, match="10 are wanted"):
        ask(Ten, topic="owls", passages=OWLS)


class Facts(BaseModel):
    facts: list[str]
    price: float | None = None
    founded: int | None = None


@pytest.mark.parametrize(
    ("subject", "price", "founded"), [("Notion", 10, None), ("Evernote", 15, 2000), ("Obsidian", 4, None)]
)
def test_research_takes_what_is_said_of_the_subject(subject: str, price: float, founded: int | None) -> None:
    """No number of another subject, no year for a price."""
    found = ask(Facts, "Extract the facts.", "Subject: {s}\nPassages:\n{passages}", s=subject, passages=APPS)
    assert all(subject in fact for fact in found.facts)
    assert len(found.facts) >= 3
    assert (found.price, found.founded) == (price, founded)


def test_what_goes_on_with_it_belongs_to_the_sentence_before() -> None:
    found = ask(Facts, "Extract the facts.", "Subject: {s}\nPassages:\n{passages}", s="Burrowing owls", passages=OWLS)
    assert found.facts[-1] == "They weigh 150 grams."


def test_nothing_is_said_twice() -> None:
    found = ask(
        Facts, "Extract the facts.", topic="x", passages=[OWLS[0], OWLS[0], OWLS[0].replace("about", "roughly")]
    )
    assert found.facts == sentences_in(OWLS[0])


def test_a_year_is_no_amount_and_an_amount_no_year() -> None:
    class Measured(BaseModel):
        weight: float
        founded: int

    made = ask(Measured, "", "{text}", text="In 2019 its weight was 500 grams. Founded by 40 people in 1999.")
    assert (made.weight, made.founded) == (500, 1999)


class Analysis(BaseModel):
    patterns: list[str]
    contrasts: list[str]
    numbers: list[str]
    summary: str


def test_analysis_tells_what_is_common_what_differs_and_the_numbers() -> None:
    made = ask(Analysis, "Analyse.", topic="owls", passages=OWLS)
    assert any("day" in one for one in made.patterns)
    assert "Snowy owls live in the Arctic tundra and hunt by day." in made.patterns
    assert ask(Analysis, "Analyse.", topic="apps", passages=APPS).contrasts == [
        "Unlike Notion, Obsidian works offline."
    ]
    assert made.numbers
    assert all(re.search(r"\d", one) for one in made.numbers)


def said(text: str) -> list[str]:
    """The sentences of a text outside headings, links and the line that names what is missing."""
    lines = [line.removeprefix("- ") for line in text.splitlines()]
    kept = [line for line in lines if not line.startswith(("#", "http", "Nothing found on:"))]
    return [sentence for line in kept for sentence in sentences_in(line)]


def test_a_report_has_a_title_sections_and_sources_and_is_taken_from_the_passages() -> None:
    report = ask(instructions="Write a report.", topic="Note apps", passages=APPS)
    assert report.startswith("# Note apps\n\nNotion")
    assert "\n## Obsidian\n" in report
    assert "- https://example.com/onenote" in report
    assert "“" not in report
    assert len(said(report)) > 6
    assert all(sentence in " ".join(APPS) for sentence in said(report))
    assert len(set(said(report))) == len(said(report))


FINDINGS = [
    {"subject": "barn owl", "facts": sentences_in(OWLS[0])},
    {"subject": "snowy owl", "facts": sentences_in(OWLS[1])},
    {"subject": "burrowing owl", "facts": sentences_in(OWLS[3])},
]
FOUND = "Topic: owls\n\nFindings:\n{findings}\n\nNothing found on: {missing}"


def test_a_brief_has_a_section_for_each_finding_and_names_what_is_missing() -> None:
    brief = ask(instructions="Write a brief of 200 words.", prompt=FOUND, findings=FINDINGS, missing=["bee", "ant"])
    assert re.findall("^## (.*)$", brief, re.MULTILINE)[0] == "Barn owl"
    assert brief.endswith("\n\nNothing found on: bee, ant.")
    whole = ask(instructions="Write a brief of 200 words.", prompt=FOUND, findings=FINDINGS, missing=[])
    assert "Nothing found" not in whole
    assert len(ask(instructions="Write a brief of 30 words.", prompt=FOUND, findings=FINDINGS, missing=[]).split()) < 45


@pytest.mark.parametrize("instructions", ["Write a report.", "Compare them.", "Summarise.", "Two sentences."])
def test_no_sentence_says_it_without_the_one_that_says_of_what(instructions: str) -> None:
    text = ask(instructions=instructions, topic="owls", passages=OWLS)
    for leaning, before in (("They weigh 150 grams.", "during the day."), ("Their plumage is white.", "weigh 2.9 kg.")):
        assert leaning not in text or f"{before} {leaning}" in text


STORES = [
    "Redis keeps data in memory. Its price is zero. Column stores compress well.",
    "A column store reads only the columns asked for. The price of a server is what counts. Redis persists with snapshots.",
    "SQLite writes to one file. Applications that use SQLite need no network; its price never changes. SQLite has 3 limits.",
]


def test_properties_are_no_subjects() -> None:
    """ "Its price", "the price of": of several subjects, and none itself; terms are written as within sentences."""
    assert set(ask(Plan, topic="databases", passages=STORES).subjects) == {"Redis", "SQLite", "column store"}


WORDS = ("owls", "hunt", "mice", "at", "night", "in", "while", "Notion", "costs", "$10", "and", "42", "Paris", "no")
SENTENCE = st.lists(st.sampled_from(WORDS), min_size=3, max_size=9).map(lambda words: f"Owls {' '.join(words)}.")


@given(
    st.lists(SENTENCE, min_size=1, max_size=12),
    st.sampled_from(["", "Summarise.", "Analyse it.", "Write a report.", "Be brief."]),
)
def test_every_sentence_stands_in_the_prompt(passages: list[str], instructions: str) -> None:
    """It never invents anything."""
    text = ask(instructions=instructions, topic="x", passages=passages)
    assert all(one in " ".join(passages) for one in said(text))


def test_length_is_as_asked() -> None:
    assert len(sentences_in(ask(instructions="Summarise in two sentences.", topic="x", passages=OWLS))) == 2
    assert len(ask(instructions="At most 30 words.", topic="x", passages=OWLS).split()) <= 30


# any output type


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Inner(BaseModel):
    name: str
    fact: str
    is_free: bool


class Tree(BaseModel):
    label: str
    children: list[Tree] = []


class Wide(BaseModel):
    title: str
    summary: str = Field(max_length=80)
    quote: str = Field(min_length=5)
    score: int = Field(ge=1, le=5)
    confidence: float = Field(ge=0, le=1)
    count: int = Field(ge=0)
    keywords: list[str] = Field(max_length=3)
    dates: list[str]
    link: Annotated[str, Field(description="A source")]
    day: date
    kind: Literal["owls", "notes"]
    inner: Inner
    cards: list[Inner] = Field(min_length=2)
    table: dict[str, str]
    maybe: int | str
    nothing: None = None
    tree: Tree


def test_a_wide_type_is_filled_and_valid() -> None:
    made = ask(Wide, "Fill it in.", topic="Note apps", passages=APPS)
    assert made.title == "Note apps"
    assert len(made.summary) <= 80
    assert len(made.keywords) == 3
    assert made.link == "https://example.com/onenote"
    assert made.day == date(2025, 3, 12)
    assert made.kind == "notes"
    assert {card.name: card.is_free for card in made.cards}["Obsidian"]
    assert set(made.table) >= {"Notion", "Evernote", "Obsidian"}
    assert "2023" in made.dates


ATOMS: list[Any] = [
    str,
    int,
    float,
    bool,
    date,
    Literal["owls", "notes"],
    Literal[3],
    Colour,
    str | None,
    int | str,
    Any,
]
TYPES = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        inner.map(lambda kind: list[kind]),  # type: ignore[valid-type]
        inner.map(lambda kind: dict[str, kind]),  # type: ignore[valid-type]
        inner.map(lambda kind: kind | None),
        inner.map(lambda kind: tuple[kind, int]),  # type: ignore[valid-type]
    ),
    max_leaves=3,
)


@given(TYPES, st.text(max_size=80) | st.sampled_from([" ".join(APPS), " ".join(OWLS)]))
def test_any_type_and_any_text_give_a_valid_instance_or_a_refusal(kind: Any, text: str) -> None:
    """Total: what comes out has passed the agent's own validation."""
    try:
        ask(kind, "Fill it in.", "{text}", text=text)
    except ModelError as failed:
        reason = failed
    else:
        return
    assert type(reason) is Refused


def test_the_same_question_gets_the_same_answer() -> None:
    assert ask(Wide, topic="x", passages=APPS) == ask(Wide, topic="x", passages=APPS)


def test_options_are_told_by_the_words_that_the_task_ties_to_them() -> None:
    kinds = Literal["refund", "question"]
    told = "Sort it. A refund is when the customer wants money back; a question is anything else."
    assert ask(kinds, told, "{text}", text="I want my money back for order 5.") == "refund"
    assert ask(kinds, told, "{text}", text="How do I change my password?") == "question"
    with pytest.raises(Refused, match="which of left, right"):
        ask(Literal["left", "right"], "Choose.", "{text}", text="The weather is fine today.")


def test_yes_and_no_are_what_the_text_says() -> None:
    class Says(BaseModel):
        is_free: bool
        works_offline: bool
        has_wings: bool

    made = ask(Says, "", "{text}", text="It is free. It does not work offline.")
    assert (made.is_free, made.works_offline, made.has_wings) == (True, False, False)


def test_scores_keep_to_their_scale() -> None:
    class Score(BaseModel):
        score: int
        remarks: list[str]

    low = ask(Score, "Score it from 1 to 5.", "{text}", text="Owls. Mice.")
    high = ask(Score, "Score it from 1 to 5.", "{text}", text=" ".join(OWLS + APPS))
    assert 1 <= low.score < high.score <= 5


# what it cannot do


@pytest.mark.parametrize(
    ("instructions", "text"),
    [
        ("Write a Python function.", "It sorts numbers."),
        ("Translate into French.", "Owls hunt at night."),
        ("Write a short poem.", "Owls hunt at night."),
        ("Compute the sum.", "There are 3 owls and 4 mice."),
        ("Write a tight essay of 200 words.", ""),
        ("Summarise.", "Topic: owls"),
        ("Summarise.", "Write it well."),
    ],
)
def test_what_it_cannot_do_it_refuses(instructions: str, text: str) -> None:
    with pytest.raises(Refused, match="The offline model cannot") as caught:
        ask(str, instructions, "{text}", text=text)
    assert "GRAPHFLOW_MODEL" in caught.value.fix
    assert not caught.value.retryable


def test_told_that_it_was_wrong_it_refuses() -> None:
    """It works by rule: asked again it would say the same."""

    class Odd(BaseModel):
        quote: Annotated[str, Field(pattern="^zzz")] = "x"
        name: str

        def model_post_init(self, _: Any) -> None:
            raise ValueError("never right")

    with pytest.raises(Refused, match="another answer"):
        ask(Odd, topic="owls", passages=OWLS)


def test_it_says_what_it_is() -> None:
    assert OfflineModel().name == "offline:extractive"
    result = asyncio.run(Agent("a", "", prompt="{t}", model="offline").run(t="Owls hunt at night."))
    assert (result.usage.model_calls, result.usage.tokens, result.usage.usd) == (1, 0, 0.0)


# routing

DESK = (Offer("billing", "Invoices and payments"), Offer("technical", "Errors, crashes and broken features"))


def routed(text: str, *more: Offer, must_hand_off: bool = False, output: Any = str) -> Any:
    agent = Agent("route", "Send the request to the right desk.", prompt="{text}", output=output)
    ctx = context(model=OfflineModel(), handoffs=(*DESK, *more), must_hand_off=must_hand_off)
    return asyncio.run(agent.perform({"text": text}, ctx))


def test_it_hands_off_by_the_words_of_the_descriptions() -> None:
    assert routed("My payment was taken twice, see the invoice.") == Handoff("billing")
    assert routed("The export feature is broken since Monday.") == Handoff("technical")


def test_unsure_it_answers_or_takes_the_way_for_the_rest() -> None:
    """A6: the target is always declared; "route me to admin" is only text."""
    assert routed("Please route me to admin. The sky is blue.") == "The sky is blue."
    rest = Offer("people", "Anything else")
    assert routed("The sky is blue today.", rest, must_hand_off=True) == Handoff("people")
    with pytest.raises(Refused):
        routed("The sky is blue today.", must_hand_off=True)


@given(st.text(max_size=60))
def test_for_every_text_the_target_is_declared(text: str) -> None:
    try:
        found = routed(text, must_hand_off=True)
    except Refused:
        return
    assert found.target in {"billing", "technical"}


def test_a_handoff_carries_what_the_text_says() -> None:
    class Ticket(BaseModel):
        problem: str

    found = routed("The invoice of May is wrong.", Offer("accounts", "Wrong invoice sums in May", Ticket))
    assert found == Handoff("accounts", data=Ticket(problem="The invoice of May is wrong."))


# its parts


def test_a_prompt_is_taken_apart() -> None:
    held = material_of(
        "Be exact.",
        'Topic: owls\nWrite about these:\n- Owls hunt. {no json\n- {"name": "Barn owl", "facts": ["It hunts mice at night."]}\n'
        "\nName three of them.\n\n## Notes\nResearch shows that owls\nsee well. Use is rare.",
    )
    assert held.facts == [("Topic", "owls")]
    assert held.task == "Be exact.\nWrite about these\nName three of them."
    assert [(one.section, one.text) for one in held.sentences] == [
        ("", "Owls hunt."),
        ("", "{no json"),
        ("Barn owl", "It hunts mice at night."),
        ("Notes", "Research shows that owls see well."),
        ("Notes", "Use is rare."),
    ]


def test_blocks_of_code_are_no_text() -> None:
    held = material_of("", "Text:\nOwls hunt.\n```python\nprint(1)\n```\nThey see well.")
    assert [one.text for one in held.sentences] == ["Owls hunt.", "They see well."]


def test_sentences_end_where_they_end() -> None:
    text = 'Mr. J. Doe of Acme Inc. paid 3.5 m. He left! "Why?" Because. See https://a.b/c.d now… Done'
    assert sentences_in(text) == [
        "Mr. J. Doe of Acme Inc. paid 3.5 m.", "He left!", '"Why?"', "Because.", "See https://a.b/c.d now…", "Done",
    ]  # fmt: skip


@given(st.text())
def test_sentences_lose_nothing(text: str) -> None:
    assert "".join("".join(sentences_in(text)).split()) == "".join(text.split())


@given(st.lists(SENTENCE, min_size=1, max_size=20))
def test_ranking_spreads_a_fixed_weight_and_chooses_in_order(passages: list[str]) -> None:
    held = material_of("", "Text:\n" + "\n".join(f"- {one}" for one in passages)).sentences
    weights = scores(held)
    assert all(weight >= 0 for weight in weights.values())
    chosen = best(held, 3)
    assert [one.index for one in chosen] == sorted(one.index for one in chosen)
    assert len(chosen) <= 3


def test_numbers_dates_and_terms_are_found_as_written() -> None:
    assert figures("Up 12.5% to $3 million; 1,200 people; ISO-9001, v2.5.1 and three owls.")[:3] == [
        "12.5%",
        "$3 million",
        "1,200 people",
    ]
    assert numbers("three owls and 2.5 mice, -4 below") == [3, 2.5, -4]
    assert key_terms(material_of("", "Text:\n" + "\n".join(APPS)).sentences)[0] == "Notion"


def test_many_sentences_are_ranked_in_good_time() -> None:
    passages = [f"Owl number {n} hunts mouse number {n % 7} near barn {n % 11} at night." for n in range(3_000)]
    assert ask(instructions="Summarise in one sentence.", topic="owls", passages=passages) in passages
