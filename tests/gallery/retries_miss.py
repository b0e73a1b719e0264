"""Retries that do not cover the fault: the way back is there for one reset connection, and two come in a row."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.testing import faults


class Page(BaseModel):
    url: str = ""
    text: str = ""


page = fields(Page)
graph = Graph("page", Page)
fetch = graph.node(Agent("fetch", "Fetch it.", prompt="{url}", retry=None), writes=page.text)
graph.chain(START, fetch, END)
graph.edge(fetch, fetch, on_error=ConnectionResetError, at_most=1)

FAULTS = faults.declared(at_most=2)
