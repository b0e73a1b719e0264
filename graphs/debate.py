"""A debate: two sides argue in turn, each from its own evidence, and a judge decides.

Problem: a single answer hides what speaks against it; a decision is better made when both cases have been put.
Picture: start -> pro -> con -> pro -> con -> judge -> end: two rounds, and then one verdict.
Not when: the question has an answer that can be looked up. A debate makes facts sound like opinions.

    graphflow run graphs/debate.py topic="Batteries, not pumped hydro, for the grid" \\
        evidence_for=@graphs/texts/batteries.txt evidence_against=@graphs/texts/beyond_batteries.txt
"""

import re
from collections.abc import Callable

from pydantic import Field

from graphflow import Agent, patterns


class Motion(patterns.Debate):
    """The shared state: a motion and the evidence of both sides go in, turns and verdict come out."""

    evidence_for: str = Field(description="What speaks for the motion")
    evidence_against: str = Field(description="What speaks against it")


def speaker(name: str, side: str, evidence: Callable[[Motion], str]) -> Agent[str]:
    """An agent that argues one side: it answers what was said last, with evidence that was not quoted yet."""

    def instructions(motion: Motion) -> str:
        heard = f" Answer this: {motion.turns[-1].text[:1000]}" if motion.turns else ""
        return f"Argue {side} the motion in two sentences, from your evidence alone.{heard}"

    def prompt(motion: Motion) -> str:
        said = " ".join(turn.text for turn in motion.turns)
        sentences = re.split(r"(?<=[.!?])\s+|\n+", evidence(motion))
        left = " ".join(one for one in sentences if one.endswith((".", "!", "?")) and one not in said)
        return f"Motion: {motion.topic}\n\nYour evidence:\n{left[:12_000]}"

    return Agent(name, instructions, prompt=prompt)


optimist = speaker("optimist", "for", lambda motion: motion.evidence_for)
sceptic = speaker("sceptic", "against", lambda motion: motion.evidence_against)
judge = Agent(
    "judge",
    "Weigh both sides, and say in three sentences which arguments decide the matter.",
    prompt="Motion: {topic}\n\nTurns:\n{turns:20000}",
)

graph = patterns.debate(pro=optimist, con=sceptic, judge=judge, rounds=2, state=Motion)

if __name__ == "__main__":
    from pathlib import Path

    texts = Path(__file__).parent / "texts"
    motion = Motion(
        topic="Batteries, not pumped hydro, for the grid",
        evidence_for=(texts / "batteries.txt").read_text(encoding="utf-8"),
        evidence_against=(texts / "beyond_batteries.txt").read_text(encoding="utf-8"),
    )
    run = graph.run_sync(motion)
    print(*(f"{turn.speaker}: {turn.text}" for turn in run.state.turns), f"judge: {run.state.verdict}", sep="\n\n")
