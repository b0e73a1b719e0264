"""One graph with a little of everything, for the default properties: a bug in the core shows in it, or it shows nowhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel

from graphflow import END, START, Agent, Context, Graph, Retry, append, fields
from graphflow.errors import HandoffInvalid, JoinFailed, NodeTimeout


class Bank:
    """What is paid, outside."""

    def __init__(self) -> None:
        self.transfers: list[str] = []


class Account(BaseModel):
    facts: Annotated[list[str], append] = []
    amount: int = 0
    paid: int = 0
    is_sorry: bool = False


def payments() -> Graph[Account]:
    """A fork with retries and a timeout, a loop, a recorded effect, a handoff, and a way out of each failure."""
    account = fields(Account)
    graph: Graph[Account] = Graph("payments", Account)
    plan, gather = graph.point("plan"), graph.point("gather")
    web = graph.node(
        Agent("web", "Find.", prompt="{amount}", retry=Retry(attempts=2, on=ConnectionError)),
        writes=account.facts,
        timeout_s=5,
    )
    docs = graph.node(Agent("docs", "Find.", prompt="{amount}", retry=None), writes=account.facts)

    async def pay(state: Account, ctx: Context[Bank]) -> dict[str, int]:
        async def transfer() -> int:
            ctx.deps.transfers.append(ctx.idempotency_key)
            return 5

        return {"paid": state.paid + await ctx.once("transfer", transfer)}

    payment = graph.node(pay)
    route = graph.node(Agent("route", "Choose.", prompt="{facts}", output=int, retry=None), writes=account.amount)
    sorry = graph.node(lambda state: {"is_sorry": True}, name="apologise")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    for error in (JoinFailed, NodeTimeout):
        graph.edge(gather, sorry, on_error=error)
    graph.chain(gather, payment, route)
    graph.edge(route, plan, when=account.amount > 5, at_most=1)
    graph.handoff(route, sorry, "if unsure")
    graph.edge(route, sorry, on_error=HandoffInvalid)
    graph.edge(route, END)
    graph.edge(sorry, END)
    return graph
