"""A1, a team: a coordinator, and specialists that it hands the work to until it is done."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow import Agent, Graph, Handoff, Run, RunFailed, fields, patterns, size
from graphflow.errors import DeclarationError, HandoffInvalid, OutputInvalid
from graphflow.models import OfflineModel, Response, ScriptedModel, handoff_call, tool_call
from graphflow.patterns import Role
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import answering, in_turn, instructions, load

ROUNDS = 5


class Article(BaseModel):
    topic: str = "owls"
    facts: list[str] = []
    draft: str = ""
    text: str = ""


def newsroom(rounds: int = ROUNDS, max_turns: int = 3) -> Graph[Article]:
    """The writer needs facts, the editor a draft, the end a text."""
    article = fields(Article)
    return patterns.team(
        Agent("coordinator", "coordinator", prompt="{topic}", max_turns=max_turns),
        workers={
            Agent("researcher", "researcher", prompt="{topic}", output=list[str]): Role(
                "Finds facts", writes=article.facts
            ),
            Agent("writer", "writer", prompt="{facts}"): Role(
                "Writes a draft", when=size(article.facts) > 0, writes=article.draft
            ),
            Agent("editor", "editor", prompt="{draft}"): Role(
                "Polishes the draft", when=article.draft != "", writes=article.text
            ),
        },
        until=article.text != "",
        rounds=rounds,
        state=Article,
    )


def work(graph: Graph[Article], *choices: Any) -> tuple[Run[Article], ScriptedModel]:
    """Runs the team with what the coordinator says, one after the other, and the last for ever."""
    model = answering(
        {"coordinator": in_turn(*choices), "researcher": ["owls hunt"], "writer": "a draft", "editor": "a text"}
    )
    try:
        return run_virtual(graph.run(Article(), model=model)), model
    except RunFailed as failed:
        return failed.run, model


def names(run: Run[Any]) -> list[str]:
    return [cursor.partition(":")[0] for cursor in run.path]


def test_the_work_goes_from_one_to_the_next_and_always_comes_back() -> None:
    choices = [handoff_call(name) for name in ("researcher", "writer", "editor", "END")]
    run, _ = work(newsroom(), *choices)
    assert run.status == "done"
    assert names(run) == ["coordinator", "researcher", "coordinator", "writer", "coordinator", "editor", "coordinator"]
    assert run.state.text == "a text"


SAYINGS = st.one_of(
    st.sampled_from(["researcher", "writer", "editor", "END", "coordinator", "admin"]).map(handoff_call),
    st.text(max_size=5),
)


@given(st.lists(SAYINGS, min_size=1, max_size=12))
def test_no_writer_before_facts_for_any_sequence_of_choices(sayings: list[Any]) -> None:
    """S9.2: whatever the coordinator says, guards hold, control comes back, and it ends within its limits."""
    run, model = work(newsroom(), *sayings)
    visited = names(run)
    assert run.status in ("done", "failed")
    assert "writer" not in visited or "researcher" in visited[: visited.index("writer")]
    assert "editor" not in visited or "writer" in visited[: visited.index("editor")]
    assert visited[0::2] == ["coordinator"] * len(visited[0::2])
    assert "coordinator" not in visited[1::2]
    assert len(visited[1::2]) <= ROUNDS
    assert (run.status == "done") <= (run.state.text == "a text")
    assert run.usage.model_calls == len(model.requests) <= len(visited[1::2]) + 3 * (ROUNDS + 1)


def test_each_description_reaches_the_model_as_that_of_its_tool_and_only_while_it_is_enabled() -> None:
    _, model = work(newsroom(), *(handoff_call(name) for name in ("researcher", "writer", "editor", "END")))
    offers = [
        {tool.name.removeprefix("hand_off_to_"): tool.description for tool in request.tools}
        for request in model.requests
        if instructions(request) == "coordinator"
    ]
    assert offers[0] == {"researcher": "Finds facts"}
    assert offers[1] == {"researcher": "Finds facts", "writer": "Writes a draft"}
    assert offers[2] == {"researcher": "Finds facts", "writer": "Writes a draft", "editor": "Polishes the draft"}
    assert offers[3].keys() == {"researcher", "writer", "editor", "end"}


def test_ping_pong_stops_at_its_limit_with_the_state_kept() -> None:
    """S4.5: one count for all handoffs; nobody is asked when nobody could be chosen any more (S9.3)."""
    with pytest.raises(RunFailed, match="nobody could be chosen any more") as caught:
        run_virtual(
            newsroom(rounds=4).run(
                Article(),
                model=(model := answering({"coordinator": handoff_call("researcher"), "researcher": ["owls hunt"]})),
            )
        )
    run = caught.value.run
    assert names(run).count("researcher") == 4
    assert run.state.facts == ["owls hunt"]
    assert len(model.requests) == 8
    assert isinstance(caught.value.__cause__.__context__, HandoffInvalid)  # type: ignore[union-attr]


def test_picking_nobody_while_work_is_undone_is_told_and_asked_again() -> None:
    """S9.3: the end is no choice before there is a text."""
    choices = ["I think we are done.", handoff_call("END"), handoff_call("researcher")]
    run, model = work(newsroom(rounds=1), *choices, *choices)
    assert names(run)[:2] == ["coordinator", "researcher"]
    assert "choose one of hand_off_to_researcher" in model.requests[1].messages[-1].text
    assert "no tool called 'hand_off_to_end'" in model.requests[2].messages[-1].text


def test_one_that_never_chooses_fails_the_run_and_keeps_the_state() -> None:
    run, _ = work(newsroom(), handoff_call("researcher"), "We are done.")
    assert (run.status, run.state.facts) == ("failed", ["owls hunt"])
    assert isinstance(run.error, OutputInvalid)


def test_of_two_at_once_the_first_counts() -> None:
    both = Response("", (handoff_call("researcher"), handoff_call("writer")))
    run, _ = work(newsroom(rounds=2), handoff_call("researcher"), both)
    assert names(run) == ["coordinator", "researcher", "coordinator", "researcher"]


def test_a_handoff_to_itself_is_no_tool_and_is_told_so() -> None:
    run, model = work(newsroom(rounds=1), handoff_call("coordinator"), handoff_call("researcher"))
    assert names(run)[:2] == ["coordinator", "researcher"]
    assert "no tool called 'hand_off_to_coordinator'" in model.requests[1].messages[-1].text


def test_with_a_state_of_its_own_it_collects_what_each_said_and_ends_with_an_answer() -> None:
    lead = Agent("lead", "lead", prompt="{task}\n{work:40000}")
    look = Agent("look", "look", prompt="{task}")
    graph = patterns.team(lead, workers={look: "Looks"})
    ending = tool_call("hand_off_to_end", answer="It was an owl.")
    with ScriptedModel([handoff_call("look"), "An owl.", ending]) as model:
        run = run_virtual(graph.run(patterns.Team(task="What was it?"), model=model))
    assert run.state.work == [patterns.Contribution(worker="look", text="An owl.")]
    assert run.state.answer == "It was an owl."
    assert list(graph.check()) == []


def test_the_coordinator_may_be_plain_code() -> None:
    def lead(state: patterns.Team) -> Handoff:
        return Handoff("look") if len(state.work) < 2 else Handoff("END", data={"answer": "seen twice"})

    def look(state: patterns.Team) -> str:
        return "an owl"

    run = run_virtual(patterns.team(lead, workers={look: "Looks"}).run(patterns.Team(task="look")))
    assert (names(run), run.state.answer) == (["lead", "look", "lead", "look", "lead"], "seen twice")


def test_workers_without_a_description_are_refused_at_the_line() -> None:
    lead = Agent("lead", "lead", prompt="{task}")
    with pytest.raises(DeclarationError, match="'look' has no description") as caught:
        patterns.team(lead, workers={Agent("look", "look", prompt="{task}"): ""})
    assert caught.value.code == "GF137"
    assert caught.value.where[0].file == __file__


def test_no_rounds_means_nobody_works() -> None:
    """``rounds=0`` is legal: the coordinator can only end it, and may not before the work is done (S4.5)."""
    run, model = work(newsroom(rounds=0), handoff_call("researcher"))
    assert (run.status, names(run), model.requests) == ("failed", [], [])


def test_the_ready_graph_writes_an_article_offline() -> None:
    """Without a key: the coordinator chooses by what is missing; every sentence stands in the notes."""
    ready = load("team")
    notes = "Owls hunt mice at night. Owls hear a mouse under the snow. Owls fly without a sound. Trains are loud."
    run = run_virtual(ready.graph.run(ready.Article(topic="how owls hunt", notes=notes), model=OfflineModel()))
    assert names(run)[1::2] == ["researcher", "writer", "editor"]
    assert run.state.text
    assert all(sentence in notes for sentence in run.state.text.split(". "))
    assert list(ready.graph.check()) == []
