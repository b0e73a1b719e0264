"""An endless loop: only the critic's mood ends it."""

from typing import Annotated

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, append, fields


class Poem(BaseModel):
    verses: Annotated[list[str], append] = []
    is_good: bool = False


poem = fields(Poem)
graph = Graph("poem", Poem)
write = graph.node(Agent("write", "Write a verse.", prompt="{verses}"), writes=poem.verses)
judge = graph.node(Agent("judge", "Is it good?", prompt="{verses}", output=bool), writes=poem.is_good)
graph.chain(START, write, judge)
graph.edge(judge, write, when=poem.is_good == False, at_most="unbounded")
graph.edge(judge, END)
