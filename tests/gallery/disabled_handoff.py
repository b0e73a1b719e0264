"""Handoffs that may all be disabled: the router has to choose, and before a topic is known there is nothing to choose."""

from typing import Literal

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Desk(BaseModel):
    question: str = ""
    topic: Literal["", "billing", "travel"] = ""
    reply: str = ""


desk = fields(Desk)
graph = Graph("desk", Desk)
sort = graph.node(
    Agent("sort", "What is it about?", prompt="{question}", output=Literal["", "billing", "travel"]), writes=desk.topic
)
route = graph.node(Agent("route", "Pass it on.", prompt="{question}"), writes=desk.reply)
billing = graph.node(Agent("billing", "Answer.", prompt="{question}"), writes=desk.reply)
travel = graph.node(Agent("travel", "Answer.", prompt="{question}"), writes=desk.reply)
graph.chain(START, sort, route)
graph.handoff(route, billing, "invoices", when=desk.topic == "billing")
graph.handoff(route, travel, "trips", when=desk.topic == "travel")
graph.edge(billing, END)
graph.edge(travel, END)
