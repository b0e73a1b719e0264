"""A refusal that no model reports: the agent says so in words, and the next node takes them for the name of a desk."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.testing import faults


class Ticket(BaseModel):
    text: str = "The invoice is wrong."
    desk: str = ""
    days: int = 0


DAYS = {"billing": 2, "technical": 5}

ticket = fields(Ticket)
graph = Graph("tickets", Ticket)
classify = graph.node(Agent("classify", "Say billing or technical.", prompt="{text}"), writes=ticket.desk)
promise = graph.node(lambda state: {"days": DAYS[state.desk]}, name="promise")
graph.chain(START, classify, promise, END)

AGENTS = {"classify": "billing"}
FAULTS = faults.refusal()
"""Without it: Literal["billing", "technical"] as the agent's output, or an edge for what is neither."""
