"""Retry with backoff: what may succeed the next time is tried again, later and later; what cannot is not.

Problem: a service is busy for a moment; but a wrong key stays wrong, and who asks too soon is sent away for longer.
Picture: start -> fetch (four attempts, waits of 0.2, 0.4 and 0.8 s, or what the service asks for if that is more) -> end;
    if all fail -> last known -> end, and the state says that the figure is old.
Not when: the call changes something outside and cannot be repeated; then guard it with ctx.once.

    graphflow run graphs/backoff.py station=Huntorf busy=2
"""

from typing import Literal

from pydantic import BaseModel

from graphflow import END, START, Context, Graph, Retry, fields
from graphflow.errors import AuthError, ModelError, RateLimited

LAST_KNOWN = {"Huntorf": 290, "Berlin": 53}


class Reading(BaseModel):
    """The shared state: a station goes in, its output in megawatts comes out."""

    station: Literal["Huntorf", "Berlin"]
    busy: int = 2
    megawatts: int = 0
    attempts: int = 0
    is_old: bool = False


def service(station: str, attempt: int, busy: int) -> int:
    """Stands for a service that is busy at first, and takes our key for one station only."""
    if station != "Huntorf":
        raise AuthError(f"the key is not good for {station}", why="Asking again would not change that.")
    if attempt <= busy:
        raise RateLimited("the service is busy", retry_after_s=0.3)
    return 293


reading = fields(Reading)
graph = Graph("backoff", Reading, purpose="asks again, later and later")


@graph.node(
    writes=(reading.megawatts, reading.attempts),
    retry=Retry(attempts=4, first_s=0.2, factor=2, jitter=0, on=ModelError),
    timeout_s=10,
    purpose="asks the service",
)
async def fetch(state: Reading, ctx: Context) -> tuple[int, int]:
    return service(state.station, ctx.attempt, state.busy), ctx.attempt


@graph.node(name="last known", writes=(reading.megawatts, reading.is_old), purpose="what was true before")
def last_known(state: Reading) -> tuple[int, bool]:
    return LAST_KNOWN[state.station], True


graph.chain(START, fetch, END)
graph.edge(fetch, last_known, on_error=ModelError)
graph.edge(last_known, END)

if __name__ == "__main__":
    for state in (Reading(station="Huntorf"), Reading(station="Huntorf", busy=9), Reading(station="Berlin")):
        run = graph.run_sync(state)
        tried = run.state.attempts or sum(failure.attempts for failure in run.failures)
        print(f"{state.station}: {run.state.megawatts} MW{' (old)' * run.state.is_old}, attempts: {tried}")
