"""An adaptive supervisor: it decides after each result what is done next, until it is done.

Problem: what has to be done next is known only when the last result is there.
Picture: start -> decide -> search or sum up -> note -> decide ... -> end when it says "done"; after four workers, or when
    it goes on repeating itself, -> stop -> end, and the outcome says so. The history is kept in every case.
    Here a rule decides: search for fewer words until something is found, then have it summed up. An Agent in its place
    is asked for a Decision: Agent("lead", "Name who works next.", prompt="{request}\\n{so_far:8000}").
Not when: the steps are known beforehand; then graphs/supervisor.py costs one call instead of one for each step.

    graphflow run graphs/adaptive.py request="compressed air cost" passages=@graphs/texts/beyond_batteries.txt
"""

import re

from pydantic import Field

from graphflow import Agent, patterns
from graphflow.patterns import Decision


class Inquiry(patterns.Adaptive):
    """The shared state: that of an adaptive supervisor, and the passages that are searched."""

    passages: list[str] = Field(description="What there is to read")


def search(state: Inquiry) -> str:
    """The sentences of the passages that hold every word of the task."""
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(state.passages))
    words = set(state.task.lower().split())
    return " ".join(one for one in sentences if words <= set(re.findall(r"[\w-]+", one.lower())))


def lead(state: Inquiry) -> Decision:
    """Names who works next, by what is known so far."""
    searches = [move for move in state.history if move.worker == "search"]
    summed_up = [move.result for move in state.history if move.worker == "sum up"]
    words = state.request.split()[: -len(searches) or None]
    if summed_up:
        return Decision(worker="done", answer=summed_up[-1])
    if searches and searches[-1].result:
        return Decision(worker="sum up", task=f"Sum up what was found on {searches[-1].task}.")
    if not words:
        return Decision(worker="done", answer=f"The passages say nothing of {state.request}.")
    return Decision(worker="search", task=" ".join(words))


editor = Agent("sum up", "Sum up in two sentences what was found.", prompt="Topic: {request}\n\nFound:\n{so_far:8000}")
graph = patterns.adaptive_supervisor(
    supervisor=lead,
    workers={search: "Looks words up in the passages", editor: "Makes two sentences of what was found"},
    max_steps=4,
    state=Inquiry,
)

if __name__ == "__main__":
    from pathlib import Path

    text = (Path(__file__).parent / "texts" / "beyond_batteries.txt").read_text(encoding="utf-8")
    for request in ("iron-air efficiency", "compressed air cost", "molten salt in solar towers"):
        state = graph.run_sync(Inquiry(request=request, passages=[text])).state
        done = ", ".join(f"{move.worker} {move.task!r}" for move in state.history)
        print(f"{request}: {state.outcome} after {done}", state.answer or "(no answer)", "", sep="\n")
