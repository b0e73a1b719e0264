"""Shared context: tools write findings and decisions into the state, where every later agent can read them.

Problem: what an agent found out on the way is lost in its conversation; only its last answer reaches the others.
Picture: start -> scan -> investigate -> report -> end. ``scan``, plain code, keeps the sentences with figures;
    ``investigate`` may keep more, by tools, and decides; ``report`` reads what was kept, never the conversations. A tool
    call that fails leaves nothing, and calls side by side are kept in the order in which they were made.
Not when: there is one result, of one type; then return it, and let ``writes=`` say where it goes.

    graphflow run graphs/shared_context.py question="What does storage cost?" text=@graphs/texts/market.txt
"""

import re
from typing import Annotated

from pydantic import BaseModel

from graphflow import END, START, Agent, Context, Graph, append, fields


class Case(BaseModel):
    """The shared state: a question and a text go in; what was found and decided, and the report, come out."""

    question: str
    text: str
    findings: Annotated[list[str], append] = []
    decisions: Annotated[list[str], append] = []
    summary: str = ""
    report: str = ""


def keep_finding(finding: str, ctx: Context) -> str:
    """Keeps one finding, a sentence of the text, for all who work on the case."""
    ctx.update(findings=finding)
    return "Kept."


def keep_decision(decision: str, reason: str, ctx: Context) -> str:
    """Keeps a decision and the reason for it."""
    ctx.update(decisions=f"{decision}, because {reason}")
    return "Kept."


investigator = Agent(
    "investigate",
    "Keep what bears on the question and is not yet among the findings. Decide what to recommend, then answer in one sentence.",
    prompt="Question: {question}\n\nText:\n{text:40000}\n\nFindings so far:\n{findings:8000}",
    tools=[keep_finding, keep_decision],
)
reporter = Agent(
    "report",
    "Answer the question in three sentences, from the findings and decisions alone.",
    prompt="Question: {question}\n\nFindings:\n{findings:8000}\n\nDecisions:\n{decisions:4000}\n\nSummary:\n{summary:4000}",
)

case = fields(Case)
graph = Graph("shared context", Case, purpose="what is found on the way is kept")


@graph.node(updates=case.findings, purpose="keeps the sentences with figures")
def scan(state: Case, ctx: Context) -> None:
    for sentence in re.split(r"(?<=[.!?])\s+|\n+", state.text):
        if re.search(r"\d", sentence):
            keep_finding(sentence, ctx)


investigate = graph.node(investigator, writes=case.summary, updates=(case.findings, case.decisions))
report = graph.node(reporter, writes=case.report)
graph.chain(START, scan, investigate, report, END)

if __name__ == "__main__":
    from pathlib import Path

    text = (Path(__file__).parent / "texts" / "market.txt").read_text(encoding="utf-8")
    run = graph.run_sync(Case(question="What does storage cost?", text=text))
    print(*(f"found: {finding}" for finding in run.state.findings), run.state.report, sep="\n\n")
