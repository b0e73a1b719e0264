"""A branch lost to an error edge: where a source is down its branch goes on without a fact, and the report needs two."""

from typing import Annotated

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, append, fields, size
from graphflow.testing import faults


class News(BaseModel):
    facts: Annotated[list[str], append] = []
    report: str = ""


news = fields(News)
graph = Graph("news", News)
plan, gather = graph.point("plan"), graph.point("gather")
web = graph.node(Agent("web", "Find a fact.", prompt="{report}", retry=None), writes=news.facts)
archive = graph.node(Agent("archive", "Find a fact.", prompt="{report}", retry=None), writes=news.facts)
skip = graph.node(lambda state: None, name="skip")
report = graph.node(Agent("report", "Write.", prompt="{facts}"), writes=news.report)
graph.edge(START, plan)
graph.fork(plan, [web, archive], join=gather)
graph.edge(web, skip, on_error=ConnectionError)
graph.edge(gather, report, when=size(news.facts) == 2)
graph.edge(report, END)

FAULTS = faults.declared()
