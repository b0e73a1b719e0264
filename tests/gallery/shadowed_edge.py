"""A shadowed edge: the special case stands behind the general one, and is never taken."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Claim(BaseModel):
    text: str = ""
    amount: int = 0


claim = fields(Claim)
graph = Graph("claim", Claim)
read = graph.node(Agent("read", "How much is asked for?", prompt="{text}", output=int), writes=claim.amount)
clerk = graph.node(lambda state: None, name="clerk")
director = graph.node(lambda state: None, name="director")
graph.edge(START, read)
graph.edge(read, clerk, when=claim.amount > 1_000)
graph.edge(read, director, when=claim.amount > 50_000)
graph.edge(read, END)
graph.edge(clerk, END)
graph.edge(director, END)
