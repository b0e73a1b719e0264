"""A misspelt literal: the agent says 'approve', the condition asks for 'aprove'."""

from typing import Literal

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Request(BaseModel):
    text: str = ""
    verdict: str = ""


class Verdict(BaseModel):
    verdict: Literal["approve", "reject"]


request = fields(Request)
graph = Graph("request", Request)
judge = graph.node(Agent("judge", "Approve or reject.", prompt="{text}", output=Verdict))
grant = graph.node(lambda state: None, name="grant")
refuse = graph.node(lambda state: None, name="refuse")
graph.edge(START, judge)
graph.edge(judge, grant, when=request.verdict == "aprove")
graph.edge(judge, refuse, when=request.verdict == "reject")
graph.edge(grant, END)
graph.edge(refuse, END)
