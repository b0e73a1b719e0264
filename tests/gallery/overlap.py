"""Overlapping conditions: an urgent order of any amount is sent at once, and a large one was to be approved first."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Order(BaseModel):
    letter: str = ""
    amount: int = 0
    is_urgent: bool = False
    is_approved: bool = False


class Reading(BaseModel):
    amount: int
    is_urgent: bool


order = fields(Order)
graph = Graph("order", Order)
read = graph.node(Agent("read", "Read the letter.", prompt="{letter}", output=Reading))
approve = graph.node(lambda state: True, name="approve", writes=order.is_approved)


@graph.node
def send(state: Order) -> None:
    if state.amount > 1_000 and not state.is_approved:
        raise PermissionError("nobody approved it")


graph.edge(START, read)
graph.edge(read, send, when=order.is_urgent)
graph.edge(read, approve, when=order.amount > 1_000)
graph.edge(read, send)
graph.edge(approve, send)
graph.edge(send, END)
