"""A sub-graph that never ends: inside, the search goes on until something is found."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Quest(BaseModel):
    place: str = ""
    is_found: bool = False


quest = fields(Quest)
hunt = Graph("hunt", Quest)
dig = hunt.node(Agent("dig", "Dig.", prompt="{place}", output=bool), writes=quest.is_found)
hunt.edge(START, dig)
hunt.edge(dig, dig, when=quest.is_found == False, at_most="unbounded")
hunt.edge(dig, END)

graph = Graph("quest", Quest)
choose = graph.node(Agent("choose", "Where?", prompt="{place}"), writes=quest.place)
search = graph.node(hunt)
graph.chain(START, choose, search, END)
