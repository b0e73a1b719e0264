"""A condition that throws dice: the same run goes one way now and another way later."""

import random

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Talk(BaseModel):
    line: str = ""


talk = fields(Talk)
graph = Graph("talk", Talk)
speak = graph.node(Agent("speak", "Say something.", prompt="{line}"), writes=talk.line)
joke = graph.node(lambda state: {"line": "A joke."}, name="joke")
graph.edge(START, speak)
graph.edge(speak, joke, when=lambda state: random.random() < 0.01)
graph.edge(speak, END)
graph.edge(joke, END)
