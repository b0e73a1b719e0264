"""A question without a timer: if nobody answers, the run waits for ever, and so does its caller."""

from pydantic import BaseModel

from graphflow import END, START, Graph, fields
from graphflow.testing import faults


class Refund(BaseModel):
    amount: int = 20
    is_granted: bool = False


refund = fields(Refund)
graph = Graph("refund", Refund)
approve = graph.ask("approve", "Refund {amount}?", answer=bool, writes=refund.is_granted)
graph.chain(START, approve, END)

FAULTS = faults.silence()
