"""A rare range: eight account numbers out of a thousand million are of the old kind, and crash."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Account(BaseModel):
    letter: str = ""
    number: int = 0
    branch: int = 0


account = fields(Account)
graph = Graph("account", Account)
read = graph.node(Agent("read", "Which account?", prompt="{letter}", output=int), writes=account.number)


@graph.node(writes=account.branch)
def old_branch(state: Account) -> int:
    return int(str(state.number)[9:])


graph.edge(START, read)
graph.edge(read, old_branch, when=(account.number > 900_000_000) & (account.number < 900_000_009))
graph.edge(read, END)
graph.edge(old_branch, END)
