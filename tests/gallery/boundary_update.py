"""An invalid update on a boundary: the agent may say 100, and the state takes less than that."""

from typing import Annotated

from pydantic import BaseModel, Field

from graphflow import END, START, Agent, Graph, fields


class Survey(BaseModel):
    text: str = ""
    percent: Annotated[int, Field(ge=0, lt=100)] = 0


class Answer(BaseModel):
    percent: Annotated[int, Field(ge=0, le=100)]


survey = fields(Survey)
graph = Graph("survey", Survey)
read = graph.node(Agent("read", "How many per cent?", prompt="{text}", output=Answer))
graph.chain(START, read, END)
