"""A pipeline: research, analysis, writing, each step reading only what it needs.

Problem: a long text is to become a short one, and no step should drag along what the steps before it have read.
Picture: start -> research -> analyse -> write -> end.
Not when: there are more than four or five steps; errors compound, and a step that checks is worth more than a sixth.

    graphflow run graphs/pipeline.py question="what limits pumped hydro" text=@graphs/texts/beyond_batteries.txt
"""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Paper(BaseModel):
    """The shared state: a question and a text go in, an answer comes out."""

    question: str
    text: str
    facts: list[str] = []
    analysis: str = ""
    answer: str = ""


researcher = Agent(
    "research",
    "List the facts in the text that bear on the question, at most eight, word for word.",
    prompt="Question: {question}\n\nText:\n{text:40000}",
    output=list[str],
)
analyst = Agent(
    "analyse",
    "Say in three sentences what the facts mean for the question.",
    prompt="Question: {question}\n\nFacts:\n{facts:8000}",
)
writer = Agent(
    "write",
    "Answer the question in one paragraph, from the analysis alone.",
    prompt="Question: {question}\n\nAnalysis:\n{analysis:8000}",
)

paper = fields(Paper)
graph = Graph("pipeline", Paper, purpose="research, analysis, writing")
research = graph.node(researcher, writes=paper.facts, purpose="facts, word for word")
analyse = graph.node(analyst, writes=paper.analysis, purpose="what they mean")
write = graph.node(writer, writes=paper.answer, purpose="one paragraph")
graph.chain(START, research, analyse, write, END)

if __name__ == "__main__":
    from pathlib import Path

    text = (Path(__file__).parent / "texts" / "beyond_batteries.txt").read_text(encoding="utf-8")
    print(graph.run_sync(Paper(question="What limits pumped hydro?", text=text)).state.answer)
