"""Trim: what is read further on is cut to a limit; the whole stays in the state.

Problem: a model reads only so much, and a cut in the middle of a character or of JSON is worse than none.
Picture: start -> collect (reads 3,000 characters of the text) -> sum up (reads 700 characters of the findings) -> end.
    {text:3000} is never longer than 3,000 characters; a list keeps its first elements whole, JSON stays JSON, and a
    mark stands only where something is gone.
Not when: the part that matters may be the part that is cut; then map over the pieces (graphs/map_reduce.py).

    graphflow run graphs/trim.py topic="grid storage" text=@graphs/texts/batteries.txt
"""

from pydantic import BaseModel, Field

from graphflow import END, START, Agent, Graph, fields


class Finding(BaseModel):
    """What is known about one subject."""

    subject: str = Field(description="The name of the subject")
    facts: list[str] = Field(max_length=3, description="Sentences of the text that say something about the subject")


class Notes(BaseModel):
    """The shared state: a topic and a text go in, findings and a summary come out."""

    topic: str
    text: str
    findings: list[Finding] = []
    summary: str = ""


collector = Agent(
    "collect",
    "Collect what the text says about each of its subjects, word for word, at most four subjects.",
    prompt="Topic: {topic}\n\nText:\n{text:3000}",
    output=list[Finding],
)
writer = Agent(
    "sum up",
    "Sum up the findings in three sentences.",
    prompt="Topic: {topic}\n\nFindings:\n{findings:700}",
)

notes = fields(Notes)
graph = Graph("trim", Notes, purpose="reads no more than it can take in")
collect = graph.node(collector, writes=notes.findings, purpose="of 3,000 characters")
sum_up = graph.node(writer, writes=notes.summary, purpose="of 700 characters")
graph.chain(START, collect, sum_up, END)

if __name__ == "__main__":
    from pathlib import Path

    text = (Path(__file__).parent / "texts" / "batteries.txt").read_text(encoding="utf-8")
    state = graph.run_sync(Notes(topic="grid storage", text=text)).state
    print(f"{len(state.findings)} findings, whole; summed up from 700 characters of them:\n{state.summary}")
