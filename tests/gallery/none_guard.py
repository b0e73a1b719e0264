"""A condition that None breaks: nobody may have been found."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Search(BaseModel):
    question: str = ""
    author: str | None = None


search = fields(Search)
graph = Graph("search", Search)
find = graph.node(Agent("find", "Who wrote it?", prompt="{question}", output=str | None), writes=search.author)
greet = graph.node(lambda state: None, name="greet")
graph.edge(START, find)
graph.edge(find, greet, when=lambda state: state.author.startswith("A"))
graph.edge(find, END)
graph.edge(greet, END)
