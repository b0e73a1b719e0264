"""A node that remembers: a global list makes one run depend on those before it."""

from pydantic import BaseModel

from graphflow import END, START, Graph, fields


class Sale(BaseModel):
    number: int = 0


SOLD: list[int] = []

sale = fields(Sale)
graph = Graph("sale", Sale)


@graph.node(writes=sale.number)
def sell(state: Sale) -> int:
    SOLD.append(1)
    if len(SOLD) % 10 == 0:
        raise RuntimeError("sold out")
    return len(SOLD)


graph.chain(START, sell, END)
