"""Parallel: three analysts read the same text at the same time, and an editor makes one answer of what they found.

Problem: independent views of one thing take as long as all of them in a row, and the first colours the others.
Picture: start -> (cost, safety, use, side by side) -> gather -> editor -> end. Who fails, or takes longer
    than two minutes, is named and takes nobody with it; if none succeeds, the run fails and nothing is written.
Not when: one view builds on another; then put them in a row.

    graphflow run graphs/parallel.py task=@graphs/texts/market.txt
"""

from graphflow import Agent, patterns


def analyst(name: str, question: str) -> Agent[str]:
    """An agent that reads a text with one question in mind."""
    instructions = "Answer the question in two sentences, from the text alone."
    return Agent(name, instructions, prompt=f"Question: {question}\n\nText:\n{{task:40000}}")


editor = Agent(
    "editor",
    "Make one paragraph of five sentences of what the analysts found. Say which of them gave nothing, if any.",
    prompt="What the analysts found:\n{outputs:20000}\n\nGave nothing:\n{failed:2000}",
)

graph = patterns.parallel(
    workers=[
        analyst("cost", "What does a grid battery cost, and how do prices develop?"),
        analyst("safety", "What can catch fire, and what do safety rules ask for?"),
        analyst("use", "What needs power for hours, and what for a week?"),
    ],
    join=editor,
    timeout_s=120,
)

if __name__ == "__main__":
    from pathlib import Path

    text = (Path(__file__).parent / "texts" / "market.txt").read_text(encoding="utf-8")
    run = graph.run_sync(patterns.Parallel(task=text))
    print(*(f"{one.worker}: {one.text}" for one in run.state.outputs), run.state.answer, sep="\n\n")
