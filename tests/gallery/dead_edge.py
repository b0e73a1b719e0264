"""A dead edge: the limit was moved to 5 in the state, and the way for scores above 7 stayed."""

from typing import Annotated

from pydantic import BaseModel, Field

from graphflow import END, START, Agent, Graph, fields


class Essay(BaseModel):
    draft: str = ""
    score: Annotated[int, Field(ge=1, le=5)] = 1


class Review(BaseModel):
    score: Annotated[int, Field(ge=1, le=5)]


essay = fields(Essay)
graph = Graph("essay", Essay)
review = graph.node(Agent("review", "Score it from 1 to 5.", prompt="{draft}", output=Review))
praise = graph.node(Agent("praise", "Praise it.", prompt="{draft}"), writes=essay.draft)
graph.edge(START, review)
graph.edge(review, praise, when=essay.score > 7)
graph.edge(review, END)
graph.edge(praise, END)
