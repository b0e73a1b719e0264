"""What all patterns share: any worker may be an agent, a function or a graph; mistakes are refused at the line."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, append, fields, patterns
from graphflow.errors import DeclarationError
from graphflow.patterns import Debate, Parallel, Routed, Stages, Team, Turn
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import answering


def agent(name: str = "one") -> Agent[str]:
    return Agent(name, name, prompt="")


def shout(state: Any) -> str:
    return "HELLO"


class Whisper(BaseModel):
    """The state of a graph of its own: it shares the names of two fields with a fallback."""

    request: str
    loudness: int = 0
    answer: str = ""


def whisper() -> Graph[Whisper]:
    graph = Graph("whisper", Whisper)

    @graph.node(writes=fields(Whisper).answer)
    def speak(state: Whisper) -> str:
        return f"psst, {state.request}"

    graph.chain(START, speak, END)
    return graph


def test_a_graph_with_a_state_of_its_own_meets_the_outer_one_by_names() -> None:
    """S12.1: it is given what both have, and hands over what both have."""
    graph = patterns.fallback(whisper(), otherwise=shout)
    run = run_virtual(graph.run(patterns.Answered(request="hey")))
    assert run.state.answer == "psst, hey"
    assert "whisper:1" in run.path


def test_a_graph_with_the_same_state_is_entered_as_it_is() -> None:
    inner = patterns.debate(pro=shout, con=shout, judge=shout, rounds=1, name="inner")
    second = patterns.debate(pro=inner, con=shout, judge=shout, rounds=1)
    run = run_virtual(second.run(Debate(topic="owls")))
    assert [turn.speaker for turn in run.state.turns] == ["pro", "con", "con"]


def test_a_graph_may_speak_in_a_debate_of_a_state_of_its_own() -> None:
    class Speech(BaseModel):
        topic: str
        turns: Annotated[list[Turn], append] = []

    speech = fields(Speech)
    graph = Graph("speech", Speech)

    @graph.node(writes=speech.turns)
    def speak(state: Speech) -> Turn:
        return Turn(speaker="guest", text=f"{state.topic} after {len(state.turns)}")

    graph.chain(START, speak, END)
    debate = patterns.debate(pro=shout, con=graph, judge=shout, rounds=2)
    run = run_virtual(debate.run(Debate(topic="owls")))
    assert [turn.text for turn in run.state.turns] == ["HELLO", "owls after 1", "HELLO", "owls after 3"]


BUILDERS: list[Any] = [
    lambda: patterns.debate(pro=agent("a"), con=agent("b"), judge=agent("c")),
    lambda: patterns.stages(workers=[agent("a"), agent("b")]),
    lambda: patterns.parallel(workers=[agent("a"), agent("b")], join=agent("c")),
    lambda: patterns.router(agent("a"), workers={agent("b"): "B"}, otherwise=agent("c")),
    lambda: patterns.team(agent("a"), workers={agent("b"): "B"}),
    lambda: patterns.fallback(agent("a"), otherwise=agent("b")),
]


@pytest.mark.parametrize("build", BUILDERS, ids=["debate", "stages", "parallel", "router", "team", "fallback"])
def test_every_node_and_edge_points_at_the_line_that_called_the_builder(build: Any) -> None:
    plan = build().plan()
    places = [one.place for one in (*plan.nodes, *plan.edges) if one.place is not None]
    assert {(place.file, place.line) for place in places} == {(__file__, build.__code__.co_firstlineno)}


@pytest.mark.parametrize("build", BUILDERS, ids=["debate", "stages", "parallel", "router", "team", "fallback"])
def test_the_same_line_gives_the_same_graph(build: Any) -> None:
    """S1.3: the fingerprint tells of names, edges and policies, so a run can be resumed in another process."""
    assert build().plan().fingerprint == build().plan().fingerprint


def test_no_line_of_the_pattern_stands_in_the_traceback_of_a_mistake() -> None:
    with pytest.raises(DeclarationError) as caught:
        patterns.debate(pro=3, con=agent(), judge=agent())  # type: ignore[call-overload]
    assert caught.value.where[0].file == __file__
    assert [entry.path for entry in caught.traceback if "patterns/debate.py" in str(entry.path)] == []


@pytest.mark.parametrize("worker", [3, "write", None, Debate, lambda state: "x"], ids=str)
def test_what_is_no_worker_is_refused_at_the_line(worker: Any) -> None:
    with pytest.raises(DeclarationError) as caught:
        patterns.stages(workers=[worker])
    assert (caught.value.code, caught.value.where[0].file) == ("GF137", __file__)


def test_the_node_of_another_graph_is_no_worker() -> None:
    graph = Graph("other", Team)
    node = graph.node(agent(), writes=fields(Team).answer)
    with pytest.raises(DeclarationError, match="a graph of its own") as caught:
        patterns.parallel(workers=[node])  # type: ignore[list-item]
    assert "one.work" in caught.value.fix


@pytest.mark.parametrize(
    ("build", "missing"),
    [
        (lambda state: patterns.stages(workers=[shout], state=state), "stages"),
        (lambda state: patterns.parallel(workers=[shout], state=state), "failed"),
        (lambda state: patterns.router(shout, workers={agent(): "One"}, otherwise=shout, state=state), "route"),
        (lambda state: patterns.debate(pro=shout, con=shout, judge=shout, state=state), "turns"),
    ],
    ids=["stages", "parallel", "router", "debate"],
)
def test_a_state_without_what_the_pattern_uses_is_refused_at_the_line(build: Any, missing: str) -> None:
    class Empty(BaseModel):
        request: str = ""

    with pytest.raises(DeclarationError, match=f"Empty has no '{missing}'") as caught:
        build(Empty)
    assert (caught.value.code, caught.value.where[0].file) == ("GF136", __file__)
    assert f"Add {missing}: " in caught.value.fix


def test_a_prompt_that_names_no_field_is_refused_at_the_line() -> None:
    with pytest.raises(DeclarationError, match="reads 'tpoic'"):
        patterns.debate(pro=Agent("a", "a", prompt="{tpoic}"), con=shout, judge=shout)


def test_text_without_a_field_to_go_to_is_refused_at_the_line() -> None:
    class Own(BaseModel):
        failed: list[patterns.Failure] = []
        note: str = ""

    with pytest.raises(DeclarationError, match="not into which field it goes"):
        patterns.parallel(workers=[shout], state=Own)


def test_structured_results_are_kept_as_a_prompt_would_show_them() -> None:
    model = answering({"one": ["red", "blue"]})
    worker = Agent("one", "one", prompt="{task}", output=list[str])
    run = run_virtual(patterns.parallel(workers=[worker]).run(Parallel(task="colours"), model=model))
    assert run.state.outputs[0].text == "- red\n- blue"


def test_the_states_are_what_the_editor_completes() -> None:
    """``Graph[Debate]`` and not ``Graph[Any]``: the types are held by mypy on this file."""
    verdict: Graph[Debate] = patterns.debate(pro=shout, con=shout, judge=shout)
    routed: Graph[Routed] = patterns.router(shout, workers={agent(): "One"}, otherwise=shout)
    staged: Graph[Stages] = patterns.stages(workers=[shout])
    assert [graph.state for graph in (verdict, routed, staged)] == [Debate, Routed, Stages]
