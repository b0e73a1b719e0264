"""A declared fault that nobody handles: the error edge is there only while the budget lasts."""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.testing import faults


class Weather(BaseModel):
    city: str = "Ghent"
    money: int = 10
    report: str = ""


weather = fields(Weather)
graph = Graph("weather", Weather)
pay = graph.node(Agent("pay", "What is left?", prompt="{money}", output=int, retry=None), writes=weather.money)
fetch = graph.node(Agent("fetch", "Fetch the report.", prompt="{city}", retry=None), writes=weather.report)
guess = graph.node(lambda state: {"report": "as yesterday"}, name="guess")
graph.chain(START, pay, fetch, END)
graph.edge(fetch, guess, on_error=ConnectionError, when=weather.money > 0)
graph.edge(guess, END)

FAULTS = faults.declared()
