"""The third bad review leaves no way: the only edge back is limited, and nothing is said about what comes after."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Patch(BaseModel):
    code: str = ""
    passes: bool = False


patch = fields(Patch)
graph = Graph("patch", Patch)
program = graph.node(Agent("program", "Mend the bug.", prompt="{code}"), writes=patch.code)
judge = graph.node(Agent("judge", "Does it pass?", prompt="{code}", output=bool), writes=patch.passes)
graph.chain(START, program, judge)
graph.edge(judge, END, when=patch.passes)
graph.edge(judge, program, at_most=2)
