"""A gap: above 7 is published, below 7 rewritten, and nobody said what happens at 7."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Essay(BaseModel):
    draft: str = ""
    score: int = 0


essay = fields(Essay)
graph = Graph("essay", Essay)
write = graph.node(Agent("write", "Write.", prompt="{score}"), writes=essay.draft)
review = graph.node(Agent("review", "Score it from 0 to 10.", prompt="{draft}", output=int), writes=essay.score)
graph.chain(START, write, review)
graph.edge(review, END, when=essay.score > 7)
graph.edge(review, write, when=essay.score < 7, at_most=3)
