"""A condition that looks at the clock: the offer ends some night, and from then on every run goes another way."""

from datetime import datetime

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Call(BaseModel):
    text: str = ""


def is_over(state: Call) -> bool:
    return datetime.now() > datetime(2020, 1, 1)


call = fields(Call)
graph = Graph("call", Call)
greet = graph.node(Agent("greet", "Greet.", prompt="{text}"), writes=call.text)
regret = graph.node(lambda state: {"text": "It is over."}, name="regret")
graph.edge(START, greet)
graph.edge(greet, regret, when=is_over)
graph.edge(greet, END)
graph.edge(regret, END)
