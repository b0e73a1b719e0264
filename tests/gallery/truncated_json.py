"""An answer that breaks off: the agent is asked for JSON as text, and what comes is only its beginning."""

import json

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.testing import faults


class Order(BaseModel):
    mail: str = "Two owls, please."
    reply: str = ""
    count: int = 0


order = fields(Order)
graph = Graph("orders", Order)
extract = graph.node(Agent("extract", "Answer as JSON with a count.", prompt="{mail}"), writes=order.reply)
parse = graph.node(lambda state: {"count": json.loads(state.reply)["count"]}, name="parse")
graph.chain(START, extract, parse, END)

AGENTS = {"extract": '{"count": 2}'}
FAULTS = faults.truncated()
