"""A rare text: one code of many leads to a way that nobody tried."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Reply(BaseModel):
    code: str = ""
    wait_s: int = 0


WAITS = {"E_BUSY": 5}

reply = fields(Reply)
graph = Graph("reply", Reply)
call = graph.node(Agent("call", "Call it.", prompt="{wait_s}"), writes=reply.code)


@graph.node(writes=reply.wait_s)
def back_off(state: Reply) -> int:
    return WAITS[state.code]


graph.edge(START, call)
graph.edge(call, back_off, when=reply.code == "E_RATE_LIMIT")
graph.edge(call, END)
graph.edge(back_off, END)
