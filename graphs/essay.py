"""A loop with a limit: write, review, write again until it is good enough, three times at most.

Problem: one draft is rarely the best one, and a loop between a writer and a critic must not run for ever.
Picture: start -> write -> review -> end if the score is 7 or more; else back to write, three times at most.
Not when: nobody can say what "better" means; then a second opinion only costs twice.

    graphflow run graphs/essay.py topic="what owls hear" notes="Owls hear a mouse under the snow."
"""

from typing import Annotated

from pydantic import BaseModel, Field

from graphflow import END, START, Agent, Graph, append, fields


class Review(BaseModel):
    """What the critic says."""

    score: int = Field(ge=0, le=10, description="How well the draft covers the topic, 10 is best")
    comments: str = Field(description="What to change")


class Essay(BaseModel):
    """The shared state: the topic and notes go in, the draft comes out."""

    topic: str
    notes: str
    draft: str = ""
    score: int = 0
    comments: Annotated[list[str], append] = []


writer = Agent(
    "write",
    "Write a tight essay of 200 words on the topic. Use the notes, and answer the comments.",
    prompt="Topic: {topic}\n\nNotes:\n{notes:12000}\n\nComments so far:\n{comments:4000}",
)
critic = Agent(
    "review",
    "Score the essay from 0 to 10 and say what to change.",
    prompt="Topic: {topic}\n\nEssay:\n{draft:12000}",
    output=Review,
)

essay = fields(Essay)
graph = Graph("essay", Essay, purpose="writes, reviews, writes again")
write = graph.node(writer, writes=essay.draft, purpose="200 words, from the notes")
review = graph.node(critic, purpose="a score and comments")

graph.edge(START, write)
graph.edge(write, review)
graph.edge(review, END, when=essay.score >= 7)
graph.edge(review, write, at_most=3)
graph.edge(review, END)

if __name__ == "__main__":
    print(graph.run_sync(Essay(topic="owls", notes="Owls hear a mouse under the snow.")).state.draft)
