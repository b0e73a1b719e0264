"""A change in place: the list that a node gets is its own copy, so what it appends is lost."""

from pydantic import BaseModel

from graphflow import END, START, Graph


class Shop(BaseModel):
    basket: list[str] = ["bread"]
    is_full: bool = False


graph = Graph("shop", Shop)


@graph.node
def add_milk(state: Shop) -> dict[str, bool]:
    state.basket.append("milk")
    return {"is_full": len(state.basket) > 3}


graph.chain(START, add_milk, END)
