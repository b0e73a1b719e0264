"""A double effect: the payment is made outside ctx.once, and made again after a crash."""

from typing import Any

from pydantic import BaseModel

from graphflow import END, START, Context, Graph, fields
from graphflow.testing import faults


class Invoice(BaseModel):
    amount: int = 40
    is_paid: bool = False


class Bank:
    """Stands for the real one."""

    def __init__(self) -> None:
        self.transfers: list[int] = []

    async def transfer(self, amount: int) -> None:
        self.transfers.append(amount)


invoice = fields(Invoice)
graph = Graph("invoice", Invoice)


@graph.node(writes=invoice.is_paid)
async def pay(state: Invoice, ctx: Context[Any]) -> bool:
    await ctx.deps.transfer(state.amount)
    return True


graph.chain(START, pay, END)

FAULTS = faults.crash()
DEPS = Bank
