"""S10: questions, answers and timers, over the ends of drivers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Graph, append, fields
from graphflow.errors import AnswerInvalid
from graphflow.testing.virtual import run_virtual


class Desk(BaseModel):
    reply: str = "hello"
    approved: bool = False
    score: int = 0
    log: Annotated[list[str], append] = []


desk = fields(Desk)


def desk_graph() -> tuple[Graph[Desk], Any, list[str]]:
    graph = Graph("desk", Desk)
    calls: list[str] = []

    @graph.node(writes=desk.log)
    async def draft(state: Desk) -> str:
        calls.append("draft")
        return "drafted"

    approve = graph.ask("approve", "Send this?\n\n{reply}", answer=bool, writes=desk.approved)

    @graph.node(writes=desk.log)
    async def late(state: Desk) -> str:
        return "nobody answered"

    graph.edge(START, draft)
    graph.edge(draft, approve)
    graph.edge(approve, END, when=desk.approved)
    graph.edge(approve, late, after_s=60, at_most=1)
    graph.edge(approve, draft, at_most=3)
    graph.edge(approve, END)
    graph.edge(late, END)
    return graph, approve, calls


def test_a_question_suspends_the_run_and_an_answer_goes_on() -> None:
    """S10.1, S10.2: the run waits with a typed question; nothing runs again."""
    graph, approve, calls = desk_graph()
    run = run_virtual(graph.run(Desk()))
    assert run.status == "waiting"
    [question] = run.questions
    assert (question.id, question.node, question.text, question.answer) == (
        "approve:1",
        "approve",
        "Send this?\n\nhello",
        bool,
    )
    done = run_virtual(graph.resume(run, answers=[approve.answer(True)]))
    assert (done.status, done.state.approved, calls) == ("done", True, ["draft"])


def test_a_no_goes_round_again_with_a_question_of_its_own() -> None:
    """S10.1: the id is the cursor, so the second visit asks a second question."""
    graph, approve, calls = desk_graph()
    run = run_virtual(graph.run(Desk()))
    run = run_virtual(graph.resume(run, answers=[approve.answer(False)]))
    assert [question.id for question in run.questions] == ["approve:2"]
    assert calls == ["draft", "draft"]


@pytest.mark.parametrize(
    ("target", "value", "says"),
    [
        ("approve", "perhaps", "does not fit 'approve'"),
        ("aprove", True, "Did you mean 'approve'?"),
        ("approve:7", True, None),
    ],
)
def test_an_answer_that_does_not_fit_changes_nothing(target: str, value: Any, says: str | None) -> None:
    """S10.1: invalid, unknown ones are told to the giver; one for a later visit is kept."""
    graph, _, _ = desk_graph()

    async def main() -> Any:
        async with graph.start(Desk()) as live:
            await asyncio.sleep(1)
            before = live.run.seq
            if says is None:
                live.answer(target, value)
            else:
                with pytest.raises(AnswerInvalid) as caught:
                    live.answer(target, value)
                assert says in str(caught.value)
                assert live.run.seq == before
        return live.run

    assert run_virtual(main()).status == "waiting"


def test_a_second_answer_is_refused() -> None:
    """S10.1: the first one counts."""
    graph, _, _ = desk_graph()

    async def main() -> None:
        async with graph.start(Desk()) as live:
            await asyncio.sleep(1)
            live.answer("approve:1", True)
            with pytest.raises(AnswerInvalid):
                live.answer("approve:1", False)
        assert live.run.state.approved is True

    run_virtual(main())


def test_an_early_answer_is_kept() -> None:
    """S10.1: given before the question is asked, by node name."""
    graph, _, _ = desk_graph()

    async def main() -> Any:
        async with graph.start(Desk()) as live:
            live.answer("approve", True)
            with pytest.raises(AnswerInvalid, match="already"):
                live.answer("approve", False)
        return live.run

    run = run_virtual(main())
    assert (run.status, run.state.approved) == ("done", True)


def test_a_timer_edge_is_taken_if_nobody_answers() -> None:
    """S10.3: due times are absolute; on resume a due timer fires."""
    graph, _, _ = desk_graph()

    async def main() -> Any:
        run = await graph.run(Desk())
        assert run.status == "waiting"
        await asyncio.sleep(61)
        return await graph.resume(run)

    run = run_virtual(main())
    assert (run.status, run.state.log) == ("done", ["drafted", "nobody answered"])


def test_on_resume_answers_go_first_then_due_timers() -> None:
    """S10.3: an answer given with the resume wins against a timer that is due by then."""
    graph, approve, _ = desk_graph()

    async def main() -> Any:
        run = await graph.run(Desk())
        await asyncio.sleep(61)
        return await graph.resume(run, answers=[approve.answer(True)])

    run = run_virtual(main())
    assert (run.state.approved, run.state.log) == (True, ["drafted"])


def test_a_timer_on_a_node_cancels_what_it_does() -> None:
    """S10.3: a node that has not finished after 60 s is left along the timer edge."""
    graph = Graph("slow", Desk)
    ended: list[str] = []

    @graph.node(writes=desk.log)
    async def slow(state: Desk) -> str:
        try:
            await asyncio.sleep(1_000)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "never"

    @graph.node(writes=desk.log)
    async def instead(state: Desk) -> str:
        return "instead"

    graph.edge(START, slow)
    graph.edge(slow, END)
    graph.edge(slow, instead, after_s=60)
    graph.edge(instead, END)
    run = run_virtual(graph.run(Desk()))
    assert (run.state.log, ended, round(run.seconds)) == (["instead"], ["cancelled"], 60)


def test_many_questions_are_open_at_once_and_a_slot_is_not_held() -> None:
    """S6.9, S10.1: branches that wait hold no slot, so all ask although one may run at a time."""

    class Poll(BaseModel):
        people: list[str] = []
        votes: Annotated[list[bool], append] = []

    poll = fields(Poll)
    graph = Graph("poll", Poll)
    vote = graph.ask("vote", "Your vote, {item}?", answer=bool, writes=poll.votes)
    count = graph.point("count")
    graph.map(START, vote, over=poll.people, join=count, at_once=1)
    graph.edge(count, END)
    run = run_virtual(graph.run(Poll(people=["ann", "bob", "cid"])))
    assert [question.text for question in run.questions] == ["Your vote, ann?", "Your vote, bob?", "Your vote, cid?"]

    async def main() -> Any:
        async with graph.start(Poll(people=["ann", "bob"])) as live:
            await asyncio.sleep(0)
            with pytest.raises(AnswerInvalid, match="2 open questions"):
                live.answer("vote", True)
            live.answer("START:1[1]/vote:1", False)
            live.answer("vote", True)
        return live.run

    assert run_virtual(main()).state.votes == [True, False]


def test_a_question_says_until_when_it_is_open() -> None:
    """S10.3: the earliest timer edge of its cursor that can still be taken; None if it stays open."""
    graph, approve, _ = desk_graph()

    async def main() -> Any:
        run = await graph.run(Desk())
        [question] = run.questions
        asked = next(entry["t"] for entry in run.journal if entry["kind"] == "asked")
        assert question.due == pytest.approx(asked + 60)
        assert run.at(run.seq).questions[0].due == question.due
        return await graph.resume(run, answers=[approve.answer(False)])

    assert run_virtual(main()).questions[0].due is not None

    bare = Graph("bare", Desk)
    ask = bare.ask("ask", "Well?", answer=bool, writes=desk.approved)
    bare.edge(START, ask)
    bare.edge(ask, END)
    assert run_virtual(bare.run(Desk())).questions[0].due is None


def test_a_timer_that_cannot_fire_is_no_deadline_and_one_around_a_sub_graph_is() -> None:
    """S10.3, S12.1: a disabled timer edge changes nothing; a sub-graph is left with what it asks."""
    inner = Graph("inner", Desk)
    ask = inner.ask("ask", "Well?", answer=bool, writes=desk.approved)
    other = inner.point("other")
    inner.edge(START, ask)
    inner.edge(ask, END)
    inner.edge(ask, other, after_s=5, when=desk.score >= 1)
    inner.edge(other, END)
    outer = Graph("outer", Desk)
    team = outer.node(inner)
    outer.edge(START, team)
    outer.edge(team, END)
    assert run_virtual(outer.run(Desk())).questions[0].due is None
    late = outer.point("late")
    outer.edge(team, late, after_s=90)
    outer.edge(late, END)
    run = run_virtual(outer.run(Desk()))
    assert run.questions[0].due == pytest.approx(run.journal[0]["t"] + 90)


def test_an_answer_to_a_run_that_rests_is_left_in_its_store(tmp_path: Path) -> None:
    """S10.1, S18: nobody drives it any more; who drives it next takes the answer, and a second one is told."""
    graph, _, calls = desk_graph()
    store = tmp_path / "runs.db"

    async def main() -> None:
        async with graph.start(Desk(), store=store, run_id="r") as live:
            await live.result()
            before = live.run.seq
            live.answer("approve:1", True)
            with pytest.raises(AnswerInvalid, match="asks nothing any more"):
                live.answer("approve:1", False)
            assert (live.run.status, live.run.seq) == ("waiting", before)

    asyncio.run(main())
    run = graph.resume_sync("r", store=store)
    assert (run.status, run.state.approved, calls) == ("done", True, ["draft"])
