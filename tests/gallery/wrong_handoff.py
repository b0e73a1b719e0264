"""A handoff to a disabled target: the function hands off to the vault, also where the way there is closed."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, Handoff, fields


class Visit(BaseModel):
    name: str = ""
    has_key: bool = False


visit = fields(Visit)
graph = Graph("visit", Visit)
ask = graph.node(Agent("ask", "Is there a key?", prompt="{name}", output=bool), writes=visit.has_key)


@graph.node
def guide(state: Visit) -> Handoff:
    return Handoff("vault")


vault = graph.node(lambda state: None, name="vault")
graph.chain(START, ask, guide)
graph.handoff(guide, vault, "to the vault", when=visit.has_key)
graph.handoff(guide, END, "out")
graph.edge(vault, END)
