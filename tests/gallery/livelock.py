"""A livelock: the loop waits for five pages, and the function that counts stops at four."""

from pydantic import BaseModel

from graphflow import END, START, Graph, fields


class Crawl(BaseModel):
    pages: int = 0


crawl = fields(Crawl)
graph = Graph("crawl", Crawl)


@graph.node(writes=crawl.pages)
def fetch(state: Crawl) -> int:
    return min(state.pages + 1, 4)


graph.edge(START, fetch)
graph.edge(fetch, fetch, when=crawl.pages < 5, at_most="unbounded")
graph.edge(fetch, END)
