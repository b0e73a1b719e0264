"""A budget overrun: sixty rounds of the allowed hundred use up the fifty steps that a run may take."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, Limits, fields


class Research(BaseModel):
    question: str = ""
    is_answered: bool = False


research = fields(Research)
graph = Graph("research", Research, limits=Limits(steps=50))
look = graph.node(Agent("look", "Is it answered?", prompt="{question}", output=bool), writes=research.is_answered)
graph.edge(START, look)
graph.edge(look, look, when=research.is_answered == False, at_most=100)
graph.edge(look, END)
