"""A boundary breach: the list has three prices, and the limit lets a fourth index through."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Ticket(BaseModel):
    zone: int = 0
    price: int = 0


PRICES = [3, 5, 8]

ticket = fields(Ticket)
graph = Graph("ticket", Ticket)
ask = graph.node(Agent("ask", "Which zone?", prompt="{price}", output=int), writes=ticket.zone)


@graph.node(writes=ticket.price)
def sell(state: Ticket) -> int:
    return PRICES[state.zone]


graph.edge(START, ask)
graph.edge(ask, sell, when=(ticket.zone >= 0) & (ticket.zone <= len(PRICES)))
graph.edge(ask, END)
graph.edge(sell, END)
