"""The graphs that people will draw first, as plans made by hand."""

from __future__ import annotations

from graphflow.core.plan import Limit, Plan, Retry, Writes
from graphflow.errors import ModelError, RateLimited
from tests.views.plans import Sketch, guard, over, quorum


def essay() -> Plan:
    sketch = Sketch("essay")
    sketch.node(
        "write", "agent", purpose="Write a tight essay of 200 words.", badges=("gpt-5",),
        reads=frozenset({"topic", "comments"}), writes=Writes("value", ("draft",)),
    )  # fmt: skip
    sketch.node("review", "agent", purpose="Score the essay from 0 to 10 and say what to change.", badges=("gpt-5",))
    sketch.edge("START", "write")
    sketch.edge("write", "review")
    sketch.edge("review", "END", "score >= 7")
    sketch.edge("review", "write", at_most=3)
    sketch.edge("review", "END")
    return sketch.plan()


def intel() -> Plan:
    sketch = Sketch("intel")
    sketch.node("supervisor", "agent", purpose="plans the competitor list", badges=("gpt-5", "JSON list"))
    sketch.ask("clarify_topic", "Which market do you mean?")
    sketch.node("research", "agent", purpose="one competitor per task", retry=Retry(attempts=3), timeout_s=30)
    sketch.node("record_gap", purpose="keeps {name, error}")
    sketch.node("analysis", "agent", purpose="3 patterns and insights")
    sketch.node("report", "agent", purpose="executive brief, 400 words")
    sketch.ask("review", "approve or ask for changes")
    sketch.edge("START", "supervisor")
    sketch.fork(
        "supervisor", ["research"], "analysis", "record_gap",
        over=over("rivals"), at_once=5, need=quorum(3), failures="collect", guard=guard("size(rivals) > 0"),
    )  # fmt: skip
    sketch.edge("supervisor", "clarify_topic")
    sketch.edge("clarify_topic", "supervisor", at_most=2)
    sketch.edge("research", "record_gap", kind="error", errors=(ModelError,))
    sketch.edge("research", "analysis")
    sketch.edge("record_gap", "analysis")
    sketch.edge("analysis", "report")
    sketch.edge("analysis", "FAIL: too few results", kind="error", errors=(ModelError,))
    sketch.edge("report", "review")
    sketch.edge("review", "END", "approved")
    sketch.edge("review", "report", at_most=2)
    sketch.edge("review", "END")
    return sketch.plan()


def help_desk() -> Plan:
    sketch = Sketch("help desk")
    sketch.node("sort", "agent", role="router", purpose="What does the customer want?", badges=("gpt-5-mini",))
    sketch.node("refund", "agent", purpose="Write a refund", badges=("gpt-5", "tools: orders, payments"))
    sketch.node(
        "answer", "agent", purpose="Answer the question", badges=("gpt-5",), timeout_s=30,
        retry=Retry(attempts=3, on=RateLimited),
    )  # fmt: skip
    sketch.node("backup", "agent", purpose="Answer with the local model", badges=("qwen3",))
    sketch.ask("approve", "Send this?\n\n{reply}")
    sketch.edge("START", "sort")
    sketch.edge("sort", "refund", 'kind == "refund"')
    sketch.edge("sort", "answer", 'kind == "question"')
    sketch.edge("sort", "answer")
    sketch.edge("answer", "backup", kind="error", errors=(ModelError,))
    sketch.edge("answer", "END")
    sketch.edge("backup", "END")
    sketch.edge("refund", "approve")
    sketch.edge("approve", "END", "approved")
    sketch.edge("approve", "sort", kind="timer", after_s=86_400, at_most=1)
    sketch.edge("approve", "refund", at_most=3)
    sketch.edge("approve", "FAIL: nobody agreed")
    return sketch.plan()


def triage() -> Plan:
    sketch = Sketch("triage")
    sketch.node("triage", "agent", purpose="Which desks does it concern?")
    sketch.node("billing", "agent", purpose="What is owed")
    sketch.node("technical", "agent", purpose="What is broken")
    sketch.node("legal", "agent", purpose="What is promised")
    sketch.node("lawyer", "agent", purpose="Reads it again")
    sketch.node("reply", "agent", purpose="One letter from all")
    sketch.edge("START", "triage")
    guards = (guard("owes_money"), guard("is_broken"), None)
    sketch.fork("triage", ["billing", "technical", "legal"], "reply", "lawyer", branch_guards=guards)
    sketch.edge("billing", "reply")
    sketch.edge("technical", "reply")
    sketch.edge("legal", "lawyer")
    sketch.edge("lawyer", "reply")
    sketch.edge("reply", "END")
    return sketch.plan()


def team() -> Plan:
    sketch = Sketch("team")
    sketch.node("coordinator", "agent", role="supervisor", purpose="Who does what next?", badges=("gpt-5",))
    sketch.node("researcher", "agent", badges=("tools: search, fetch",))
    sketch.node("writer", "agent")
    sketch.node("editor", "agent")
    limit = Limit(8)
    sketch.edge("START", "coordinator")
    sketch.edge("coordinator", "researcher", kind="handoff", description="Finds facts and figures", limit=limit)
    sketch.edge("coordinator", "writer", "size(facts) > 0", kind="handoff", description="Drafts content", limit=limit)
    sketch.edge(
        "coordinator", "editor", kind="handoff", limit=limit,
        description="Checks the draft for style, tone and length, and for everything else that is left to check",
    )  # fmt: skip
    sketch.edge("coordinator", "END", kind="handoff", description="All is done")
    for name in ("researcher", "writer", "editor"):
        sketch.edge(name, "coordinator")
    return sketch.plan()


def nested() -> Plan:
    inner = Sketch("research team")
    inner.node("plan", "agent", purpose="Three questions")
    inner.node("search", "function", role="tool", purpose="http", timeout_s=10)
    inner.node("read", "agent")
    inner.node("gather", "point")
    inner.edge("START", "plan")
    inner.fork("plan", ["search", "read"], "gather")
    inner.edge("search", "gather")
    inner.edge("read", "gather")
    inner.edge("gather", "plan", "size(facts) < 3", at_most=2)
    inner.edge("gather", "END")
    sketch = Sketch("nested")
    sketch.node("intake", purpose="Cleans the question up")
    sketch.subgraph("research", inner.plan, timeout_s=600)
    sketch.node("report", "agent")
    sketch.edge("START", "intake")
    sketch.edge("intake", "research")
    sketch.edge("research", "report")
    sketch.edge("research", "FAIL: no research", kind="error", errors=(ModelError, TimeoutError))
    sketch.edge("report", "END")
    return sketch.plan()


def kinds() -> Plan:
    sketch = Sketch("kinds")
    sketch.node("triage", "agent", purpose="picks a specialist", badges=("gpt-5",))
    sketch.node("route_ticket", "agent", role="router", purpose="3 ways, by label")
    sketch.node("parse_plan", purpose="str → list[str]")
    sketch.ask("approve", "pauses the run")
    sketch.node("web_search", role="tool", purpose="http", timeout_s=10)
    sketch.subgraph("research_team", essay)
    sketch.edge("START", "triage")
    sketch.edge("triage", "route_ticket")
    sketch.edge("route_ticket", "parse_plan", 'label == "billing"')
    sketch.edge("route_ticket", "web_search", 'label == "technical"')
    sketch.edge("route_ticket", "approve")
    sketch.edge("parse_plan", "research_team")
    sketch.edge("approve", "research_team", "approved")
    sketch.edge("approve", "FAIL: rejected")
    sketch.edge("web_search", "research_team")
    sketch.edge("web_search", "FAIL: rejected", kind="error", errors=(TimeoutError,))
    sketch.edge("research_team", "END")
    return sketch.plan()


def many(count: int) -> Plan:
    """A graph of so many nodes: a broad flow with shortcuts and choices, made by arithmetic."""
    sketch = Sketch(f"many {count}")
    names: list[str] = []
    for k in range(count):
        role = ("", "", "", "router", "tool")[k * 7 % 5]
        kind = "function" if role == "tool" or k % 6 == 5 else "agent"
        names.append(sketch.node(f"{role or kind}_{k}", kind, role=role, purpose="does one job"))
    sketch.edge("START", names[0])
    following: dict[int, list[int]] = {k: [] for k in range(count)}
    for k in range(1, count):
        for parent in {
            max(0, k - 1 - k * k % 5),
            max(0, k - 2 - k * 7 % 4) if k % 4 == 0 else max(0, k - 1 - k * k % 5),
        }:
            following[parent].append(k)
    for k, name in enumerate(names):
        for place, other in enumerate(following[k]):
            is_last = place == len(following[k]) - 1
            sketch.edge(name, names[other], None if is_last else ("score > 0.8", "ok")[place % 2])
        if not following[k]:
            sketch.edge(name, "END")
        if k % 11 == 4 and k + 9 < count:
            sketch.edge(name, names[k + 9], kind="error", errors=(ModelError,))
    return sketch.plan()


SAMPLES = {
    "essay": essay, "intel": intel, "help_desk": help_desk, "triage": triage, "team": team, "nested": nested,
    "kinds": kinds,
}  # fmt: skip
