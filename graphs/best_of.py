"""Best of n: several candidates side by side, and a judge that picks one of those that came about.

Problem: one try is often good and sometimes poor, and it is easier to tell which is best than to write it.
Picture: start -> (generate, one branch for each angle) -> gather -> judge -> choose -> end.
    Here a rule judges: the candidate with the most figures in the fewest words. Where nothing can be counted an Agent
    judges: it is asked for the number of a candidate that there is.
Not when: nobody can say which is best; then n candidates cost n times as much and are picked by chance.

    graphflow run graphs/best_of.py task="storing power for the grid" text=@graphs/texts/market.txt
"""

import re

from pydantic import Field

from graphflow import Agent, patterns
from graphflow.patterns import Candidate, Pick


class Summary(patterns.BestOf):
    """The shared state: that of best of n, and the text that is to be summed up."""

    text: str = Field(description="What there is to read")


def density(candidate: Candidate) -> float:
    """Figures for each word."""
    return len(re.findall(r"\d[\d,.]*", candidate.text)) / max(1, len(candidate.text.split()))


def judge(state: Summary) -> Pick:
    """Picks the candidate that says most in numbers."""
    best = max(state.candidates, key=density)
    return Pick(number=best.number, reason=f"{density(best):.0%} of its words are figures")


writer = Agent(
    "writer",
    "Sum the text up in two sentences, from the angle that is asked for.",
    prompt="Angle: {item}\n\nText:\n{text:40000}",
)
graph = patterns.best_of(
    generator=writer,
    judge=judge,
    angles=["what it costs in dollars", "safety and fire", "hours of storage"],
    state=Summary,
)

if __name__ == "__main__":
    from pathlib import Path

    text = (Path(__file__).parent / "texts" / "market.txt").read_text(encoding="utf-8")
    state = graph.run_sync(Summary(task="storing power for the grid", text=text)).state
    for one in state.candidates:
        print(f"{one.number} {'*' if one.number == state.number else ' '} {one.angle}: {one.text}")
    print(f"picked {state.number}: {state.reason}")
