"""A rare value: at exactly 131,072 tokens the window is full, and the node for that divides by nothing."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Chat(BaseModel):
    text: str = ""
    tokens: int = 0
    share: int = 0


chat = fields(Chat)
graph = Graph("chat", Chat)
count = graph.node(Agent("count", "How many tokens?", prompt="{text}", output=int), writes=chat.tokens)


@graph.node(writes=chat.share)
def trim(state: Chat) -> int:
    return 100 // (131_072 - state.tokens)


graph.edge(START, count)
graph.edge(count, trim, when=chat.tokens == 131_072)
graph.edge(count, END)
graph.edge(trim, END)
