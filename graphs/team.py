"""A team: a coordinator hands the work to a researcher, a writer and an editor until the article is finished.

Problem: who has to work next depends on what is there, and on how good it is; no fixed order fits every topic.
Picture: start -> coordinator -> researcher, writer or editor, by handoff -> coordinator ... -> end. The writer is offered
    only when there is evidence, the editor only when there is a manuscript, the end only when there is a finished text. After
    eight handoffs without one the run fails, and keeps what there is.
Not when: the order is always the same: a pipeline needs no coordinator, and no model call to find out what comes next.

    graphflow run graphs/team.py topic="how sodium-ion batteries compare" notes=@graphs/texts/batteries.txt
"""

from pydantic import BaseModel

from graphflow import Agent, fields, patterns, size
from graphflow.patterns import Role


class Article(BaseModel):
    """The shared state: topic and notes go in, evidence, manuscript and finished text come out."""

    topic: str
    notes: str
    evidence: list[str] = []
    manuscript: str = ""
    text: str = ""


def progress(article: Article) -> str:
    """What the coordinator sees: what is still to be made, not the contents."""
    parts = {"evidence": article.evidence, "manuscript": article.manuscript, "polished version": article.text}
    missing = ", ".join(name for name, value in parts.items() if not value)
    return f"Topic: {article.topic}\nTo be made: {missing or 'nothing, the work is done'}"


coordinator = Agent(
    "coordinator", "Hand over to whoever makes what is to be made next. If nothing is: end it.", prompt=progress
)
researcher = Agent(
    "researcher",
    "List the sentences of the notes that are evidence on the topic, at most six, word for word.",
    prompt="Topic: {topic}\n\nNotes:\n{notes:40000}",
    output=list[str],
)
writer = Agent(
    "writer",
    "Write one paragraph on the topic in five sentences, from the evidence alone.",
    prompt="Topic: {topic}\n\nEvidence:\n{evidence:8000}",
)
editor = Agent(
    "editor", "Shorten the manuscript to three sentences.", prompt="Topic: {topic}\n\nManuscript:\n{manuscript:20000}"
)

article = fields(Article)
graph = patterns.team(
    coordinator,
    workers={
        researcher: Role("Collects the evidence", writes=article.evidence),
        writer: Role("Writes the manuscript", when=size(article.evidence) > 0, writes=article.manuscript),
        editor: Role("Polishes the manuscript", when=article.manuscript != "", writes=article.text),
    },
    until=article.text != "",
    rounds=8,
    state=Article,
)

if __name__ == "__main__":
    from pathlib import Path

    notes = (Path(__file__).parent / "texts" / "batteries.txt").read_text(encoding="utf-8")
    print(graph.run_sync(Article(topic="how sodium-ion batteries compare", notes=notes)).state.text)
