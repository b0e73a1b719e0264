"""A5, a debate: both sides speak in turn, then the judge, once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow import Agent, Graph, Run, RunFailed, append, fields, patterns, size
from graphflow.errors import AuthError, DeclarationError
from graphflow.models import OfflineModel, ScriptedModel
from graphflow.patterns import Debate, Turn
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import answering, instructions, load, prompt

PROMPT = "{topic}|{turns:40000}"


def hearing(rounds: int = 2, **options: Any) -> Graph[Debate]:
    pro, con, judge = (Agent(name, name, prompt=PROMPT, retry=None) for name in ("pro", "con", "judge"))
    return patterns.debate(pro=pro, con=con, judge=judge, rounds=rounds, **options)


def counting(failing: int = -1) -> ScriptedModel:
    """A model that says ``pro 1``, ``con 2`` ..., and fails at one of its calls."""

    def answer(request: Any) -> Any:
        number = len(model.requests)
        return AuthError("no key") if number == failing else f"{instructions(request)} {number}"

    model = ScriptedModel(answer)
    return model


def debated(rounds: int, **options: Any) -> tuple[Run[Debate], ScriptedModel]:
    model = counting()
    return run_virtual(hearing(rounds, **options).run(Debate(topic="owls"), model=model)), model


@pytest.mark.parametrize("rounds", [0, 1, 2, 5])
def test_n_rounds_are_2n_turns_and_one_verdict(rounds: int) -> None:
    run, model = debated(rounds)
    assert len(model.requests) == 2 * rounds + 1
    assert [turn.speaker for turn in run.state.turns] == ["pro", "con"] * rounds
    assert [turn.text for turn in run.state.turns] == [f"{one.speaker} {n}" for n, one in enumerate(run.state.turns, 1)]


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_the_judge_speaks_once_and_last(rounds: int) -> None:
    run, model = debated(rounds)
    assert [instructions(request) for request in model.requests].index("judge") == 2 * rounds
    assert run.state.verdict == f"judge {2 * rounds + 1}"


def test_each_speaker_saw_exactly_what_was_said_before_and_the_topic_first() -> None:
    run, model = debated(3)
    for number, request in enumerate(model.requests):
        topic, _, history = prompt(request).partition("|")
        assert topic == "owls"
        said = [Turn.model_validate_json(line.removeprefix("- ")) for line in history.splitlines() if line]
        assert said == run.state.turns[:number]


@pytest.mark.parametrize("rounds", [-1, -100, 1.5, True, "2", None])
def test_a_number_of_rounds_that_is_none_is_refused_at_the_line(rounds: Any) -> None:
    with pytest.raises(DeclarationError, match="rounds=") as caught:
        hearing(rounds)
    assert (caught.value.code, caught.value.where[0].file) == ("GF118", __file__)


@pytest.mark.parametrize("failing", range(1, 6))
def test_a_speaker_that_fails_mid_round_stops_it_there_and_a_resume_repeats_nothing(failing: int) -> None:
    """S14.3: the other side does not speak twice in a row, the judge not on half a debate."""
    model = counting(failing)
    with pytest.raises(RunFailed) as caught:
        run_virtual(hearing().run(Debate(topic="owls"), model=model))
    assert (len(model.requests), len(caught.value.run.state.turns)) == (failing, failing - 1)
    run = run_virtual(hearing().resume(caught.value.run, model=model))
    assert [turn.speaker for turn in run.state.turns] == ["pro", "con", "pro", "con"]
    assert len(model.requests) == 5 + 1


@given(st.integers(1, 4), st.integers(1, 8))
def test_consensus_only_shortens(rounds: int, agreed_after: int) -> None:
    """It ends after a whole round, never before, never later than without it."""
    run, model = debated(rounds, consensus=size(fields(Debate).turns) >= agreed_after)
    whole = min(rounds, -(-agreed_after // 2))
    assert [turn.speaker for turn in run.state.turns] == ["pro", "con"] * whole
    assert len(model.requests) == 2 * whole + 1


@pytest.mark.parametrize("rounds", [0, 1, 2])
@pytest.mark.parametrize("consensus", [None, size(fields(Debate).turns) > 2], ids=["none", "consensus"])
def test_check_finds_nothing_and_the_drawing_shows_each_node(rounds: int, consensus: Any) -> None:
    graph = hearing(rounds, consensus=consensus)
    advised = [finding.code for finding in graph.check()]
    assert advised == ([] if rounds else ["GF172"])  # a judge alone reads turns that nobody takes
    text = graph.draw().text
    assert ("■ pro" in text, "■ judge" in text) == (rounds > 0, True)


def test_one_agent_may_speak_for_both_sides() -> None:
    one = Agent("speaker", "speaker", prompt=PROMPT)
    model = answering({"speaker": "so it is"})
    run = run_virtual(patterns.debate(pro=one, con=one, judge=one, rounds=1).run(Debate(topic="owls"), model=model))
    assert [turn.speaker for turn in run.state.turns] == ["pro", "con"]


def test_the_judge_may_give_more_than_text_to_a_state_of_yours() -> None:
    class Verdict(BaseModel):
        winner: str
        points: int

    class Hearing(BaseModel):
        topic: str
        turns: Annotated[list[Turn], append] = []
        verdict: Verdict | None = None

    def says(state: Hearing) -> str:
        return "so"

    def judge(state: Hearing) -> Verdict:
        return Verdict(winner="con", points=len(state.turns))

    graph = patterns.debate(pro=says, con=Agent("con", "con", prompt="{topic}"), judge=judge, state=Hearing)
    run = run_virtual(graph.run(Hearing(topic="owls"), model=answering({"con": "no"})))
    assert run.state.verdict == Verdict(winner="con", points=4)


def test_a_state_without_the_turns_is_refused_at_the_line() -> None:
    class Hearing(BaseModel):
        topic: str
        turn: list[str] = []
        verdict: str = ""

    def says(state: Hearing) -> str:
        return "so"

    with pytest.raises(DeclarationError, match="Hearing has no 'turns'") as caught:
        patterns.debate(pro=says, con=says, judge=says, state=Hearing)
    assert caught.value.code == "GF136"
    assert "turns: Annotated[list[Turn], append]" in caught.value.fix


def test_turns_that_would_replace_each_other_are_refused_at_the_line() -> None:
    class Hearing(BaseModel):
        turns: list[Turn] = []
        verdict: str = ""

    def says(state: Hearing) -> str:
        return "so"

    with pytest.raises(DeclarationError, match="'turns' of Hearing does not take") as caught:
        patterns.debate(pro=says, con=says, judge=says, state=Hearing)
    assert "Declare it as turns: Annotated[list[Turn], append]" in caught.value.fix


def test_the_ready_graph_argues_from_the_evidence_of_each_side_and_repeats_nothing() -> None:
    ready = load("debate")
    texts = Path(ready.__file__).parent / "texts"
    yes, no = ((texts / f"{name}.txt").read_text(encoding="utf-8") for name in ("batteries", "beyond_batteries"))
    motion = ready.Motion(topic="Batteries for the grid", evidence_for=yes, evidence_against=no)
    run = run_virtual(ready.graph.run(motion, model=OfflineModel()))
    said = [turn.text for turn in run.state.turns]
    assert len(set(said)) == len(said) == 4
    assert all(sentence in yes for turn in said[0::2] for sentence in turn.split(". "))
    assert all(sentence in no for turn in said[1::2] for sentence in turn.split(". "))
    assert run.state.verdict
    assert list(ready.graph.check()) == []
