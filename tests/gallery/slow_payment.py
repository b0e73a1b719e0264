"""A payment that takes too long: it went through, its node is timed out behind it, and the next attempt pays again."""

from typing import Any

from pydantic import BaseModel

from graphflow import END, START, Context, Graph, Retry, fields
from graphflow.errors import NodeTimeout
from graphflow.testing import faults


class Invoice(BaseModel):
    number: str = "A-17"
    is_paid: bool = False


class Bank:
    """Stands for the real one, which looks twice."""

    def __init__(self) -> None:
        self.paid: list[str] = []

    async def transfer(self, number: str) -> None:
        if number in self.paid:
            raise ValueError(f"{number} was paid already")
        self.paid.append(number)


graph = Graph("invoice", Invoice)


@graph.node(writes=fields(Invoice).is_paid, timeout_s=30, retry=Retry(attempts=2, on=NodeTimeout))
async def pay(state: Invoice, ctx: Context[Any]) -> bool:
    await ctx.deps.transfer(state.number)
    return True


graph.chain(START, pay, END)

SIMULATED = True
FAULTS = faults.slow()
DEPS = Bank
