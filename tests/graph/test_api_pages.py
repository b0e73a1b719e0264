"""Every block of user code on the design's API page, declared and compiled: what each line means in the plan."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel

from graphflow.core.plan import Need, Node, Plan, Retry
from graphflow.core.reducers import append, extend
from graphflow.errors import ConnectionFailed, ModelError, RateLimited
from graphflow.graph.answers import Answer
from graphflow.graph.context import Context
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields, size
from graphflow.graph.needs import quorum
from graphflow.graph.worker import WorkerFacts


@dataclass(frozen=True)
class Agent:
    """Stands for an agent: the protocol is all a graph knows of one."""

    name: str
    reads: frozenset[str] = frozenset()
    output: Any = str

    def facts(self) -> WorkerFacts:
        return WorkerFacts(self.output, self.reads, purpose="Works", badges=("tools: search",), role="writer")

    async def perform(self, view: Any, ctx: Context) -> Any:
        return "done"


class Review(BaseModel):
    score: int
    comments: str


class Essay(BaseModel):
    topic: str
    draft: str = ""
    score: int = 0
    comments: Annotated[list[str], append] = []


essay = fields(Essay)
writer = Agent("write", frozenset({"topic", "comments"}))
critic = Agent("review", frozenset({"draft"}), Review)


def names(plan: Plan, *indexes: int) -> list[str]:
    return [plan.nodes[index].name for index in indexes]


def ways(plan: Plan, name: str) -> list[tuple[str, str, str | None]]:
    """The edges of a node as (kind, targets, label of the condition)."""
    node = plan.node(name)
    return [
        (edge.kind, " ".join(names(plan, *edge.targets)), edge.guard.label if edge.guard else None)
        for edge in sorted(
            node.exits + node.handoffs + node.error_edges + node.timer_edges, key=lambda edge: edge.index
        )
    ]


def test_a_loop_with_a_limit() -> None:
    graph = Declaration("essay", Essay)
    write = graph.node(writer, writes=essay.draft)
    review = graph.node(critic)
    graph.edge(START, write)
    graph.edge(write, review)
    graph.edge(review, END, when=essay.score >= 7)
    graph.edge(review, write, at_most=3)
    graph.edge(review, END)

    plan = graph.plan()
    assert names(plan, *range(len(plan.nodes))) == ["START", "write", "review", "END"]
    assert [node.kind for node in plan.nodes] == ["start", "agent", "agent", "end"]
    assert ways(plan, "START") == [("edge", "write", None)]
    assert ways(plan, "review") == [("edge", "END", "score >= 7"), ("edge", "write", None), ("edge", "END", None)]
    assert [edge.at_most for edge in plan.node("review").exits] == [None, 3, None]
    agent = plan.node("write")
    assert agent.reads == {"topic", "comments"}
    assert (agent.writes.kind, agent.writes.fields) == ("value", ("draft",))
    assert plan.node("review").writes.declared == {"score", "comments"}
    assert (agent.purpose, agent.badges, agent.role) == ("Works", ("tools: search",), "writer")
    assert (agent.mode, agent.arguments, agent.work) == ("async", ("state", "ctx"), writer)
    assert agent.call is not None
    assert graph.check() == []


@dataclass
class Deps:
    client: str


class Found(BaseModel):
    draft: str


def test_functions_are_nodes_too() -> None:
    graph = Declaration("essay", Essay)

    @graph.node(writes=essay.topic)
    async def widen(state: Essay) -> str:
        return f"birds, such as {state.topic}"

    @graph.node(writes=(essay.score, essay.comments))
    async def grade(state: Essay) -> tuple[int, str]:
        return 7, "Fine."

    @graph.node(retry=Retry(attempts=3, on=ConnectionFailed), timeout_s=30)
    def look_up(state: Essay, ctx: Context[Deps]) -> Found:
        return Found(draft=ctx.deps.client)

    @graph.node
    def plain(state: Essay) -> None:
        """Do nothing."""

    assert asyncio.run(widen(Essay(topic="owls"))) == "birds, such as owls"
    assert asyncio.run(grade(Essay(topic="owls"))) == (7, "Fine.")
    assert plain(Essay(topic="owls")) is None
    assert (widen.name, widen.__name__, plain.__doc__) == ("widen", "widen", "Do nothing.")
    plan = graph.plan()
    assert plan.node("grade").writes.fields == ("score", "comments")
    found = plan.node("look_up")
    assert (found.arguments, found.timeout_s, found.mode) == (("state", "ctx"), 30, "sync")
    assert found.retry == Retry(attempts=3, on=ConnectionFailed)
    assert plan.node("plain").purpose == "Do nothing."
    assert plan.node("widen").place is not None
    assert plan.node("widen").place.text == "@graph.node(writes=essay.topic)"


class Intel(BaseModel):
    rivals: list[str] = []
    facts: Annotated[list[str], extend] = []
    report: str = ""


def test_fork_map_join() -> None:
    intel = fields(Intel)
    graph = Declaration("intel", Intel)

    @graph.node(writes=intel.rivals)
    async def scout(state: Intel) -> list[str]:
        return []

    @graph.node(writes=intel.facts)
    async def research(state: Intel, item: str) -> list[str]:
        return []

    @graph.node(writes=intel.report)
    async def analyse(state: Intel, ctx: Context) -> str:
        missing = [branch.item for branch in ctx.branches if branch.error]
        return f"{len(state.facts)} facts; nothing known about {missing}"

    graph.edge(START, scout)
    graph.map(scout, research, over=intel.rivals, join=analyse, at_once=5, need=quorum(3), failures="collect")
    graph.edge(analyse, END)

    plan = graph.plan()
    (edge,) = plan.node("scout").exits
    assert (edge.kind, names(plan, *edge.targets), names(plan, edge.join or 0)) == ("map", ["research"], ["analyse"])
    assert (edge.at_once, edge.need, edge.failures) == (5, Need("quorum", 3), "collect")
    assert edge.over is not None
    assert (edge.over.field, edge.over.label, edge.over.item_type) == ("rivals", "rivals", str)
    assert edge.over.items({"rivals": ["a", "b"]}, ()) == ["a", "b"]
    assert plan.node("research").arguments == ("state", "item")
    assert ways(plan, "research") == [("edge", "analyse", None)]  # led to the join, since it has no edge of its own
    assert plan.node("research").region == edge.index
    assert plan.regions == {edge.index: {plan.node("research").index}}
    assert graph.check() == []


class Desk(BaseModel):
    request: str
    kind: Literal["refund", "question"] = "question"
    reply: str = ""
    approved: bool = False
    owes_money: bool = False
    is_broken: bool = False


desk = fields(Desk)
sorter = Agent("sort", frozenset({"request"}), Literal["refund", "question"])
helper = Agent("help", frozenset({"request"}))
local = Agent("backup", frozenset({"request"}))


def test_forks_over_nodes_and_over_conditions() -> None:
    graph = Declaration("desk", Desk)
    triage, billing, technical = graph.point("triage"), graph.point("billing"), graph.point("technical")
    reply = graph.point("reply")
    graph.edge(START, triage)
    graph.fork(triage, [billing, technical], join=reply)
    graph.fork(reply, {billing: desk.owes_money, technical: desk.is_broken}, join=END)
    plan = graph.plan()
    (every,), (some,) = plan.node("triage").exits, plan.node("reply").exits
    assert names(plan, *every.targets) == names(plan, *some.targets) == ["billing", "technical"]
    assert every.branch_guards == ()
    assert [guard.label for guard in some.branch_guards if guard] == ["owes_money", "is_broken"]
    assert (every.need, every.failures) == (Need(), "stop")
    assert names(plan, some.join or 0) == ["END"]


def help_desk() -> Declaration[Desk]:
    graph = Declaration("desk", Desk)
    sort = graph.node(sorter, writes=desk.kind)
    refund = graph.node(helper, name="refund", writes=desk.reply)
    answer = graph.node(helper, name="answer", writes=desk.reply, retry=Retry(attempts=3, on=RateLimited), timeout_s=30)
    backup = graph.node(local, writes=desk.reply)
    approve = graph.ask("approve", "Send this?\n\n{reply}", answer=bool, writes=desk.approved)

    graph.edge(START, sort)
    graph.switch(sort, desk.kind, {"refund": refund, "question": answer}, otherwise=answer)
    graph.edge(answer, backup, on_error=ModelError)
    graph.edge(refund, approve)
    graph.edge(approve, END, when=desk.approved)
    graph.edge(approve, sort, after_s=86_400, at_most=1)
    graph.edge(approve, refund, at_most=3)
    assert approve.answer(True) == Answer("approve", True)
    return graph


def test_a_help_desk() -> None:
    plan = help_desk().plan()
    assert ways(plan, "sort") == [
        ("edge", "refund", 'kind == "refund"'),
        ("edge", "answer", 'kind == "question"'),
        ("edge", "answer", None),
    ]
    (error,) = plan.node("answer").error_edges
    assert (names(plan, error.target), error.errors) == (["backup"], (ModelError,))
    (timer,) = plan.node("approve").timer_edges
    assert (names(plan, timer.target), timer.after_s, timer.at_most) == (["sort"], 86_400, 1)
    assert ways(plan, "approve") == [("edge", "END", "approved"), ("timer", "sort", None), ("edge", "refund", None)]


def test_an_ask_is_a_node_with_a_question_and_a_type() -> None:
    """S10.1."""
    node: Node = help_desk().plan().node("approve")
    assert node.kind == "ask"
    assert node.ask is not None
    assert node.ask.question(Desk(request="", reply="Dear Ann"), ()) == "Send this?\n\nDear Ann"
    assert (node.ask.answer, node.ask.template) == (bool, "Send this?\n\n{reply}")
    assert node.reads == {"reply"}
    assert (node.writes.kind, node.writes.fields) == ("value", ("approved",))


class Team(BaseModel):
    facts: list[str] = []
    draft: str = ""


def test_handoffs() -> None:
    """S9.1."""
    team = fields(Team)
    graph = Declaration("team", Team)
    coordinator = graph.node(Agent("coordinator"), writes=team.draft)
    billing = graph.node(Agent("billing"), writes=team.draft)
    graph.edge(START, coordinator)
    graph.handoff(coordinator, billing, "Invoices and payments")
    graph.handoff(coordinator, END, "Drafts content", when=size(team.facts) > 0)
    plan = graph.plan()
    first, second = plan.node("coordinator").handoffs
    assert (first.kind, first.description, first.guard) == ("handoff", "Invoices and payments", None)
    assert second.guard is not None
    assert (names(plan, second.target), second.guard.label) == (["END"], "size(facts) > 0")
    assert plan.node("coordinator").exits == ()
