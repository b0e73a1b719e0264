"""A supervisor that plans once: the whole plan first, then one worker after the other, then the answer.

Problem: a request needs several kinds of work, and which of them, in which order, is known once it has been read.
Picture: start -> plan -> dispatch -> the worker whose turn it is -> dispatch ... -> synthesise -> end.
    The plan is valid as a whole before anybody works: a planner that names somebody else is asked again, with the
    reason. Each worker sees what those before it found, each result cut to 1,000 characters.
Not when: what is done next depends on what was found; then see graphs/adaptive.py.

    graphflow run graphs/supervisor.py request="storing power" questions="safety of storage" questions="cost of a battery" passages=@graphs/texts/market.txt
"""

from pydantic import Field

from graphflow import Agent, patterns


class Desk(patterns.Supervised):
    """The shared state: that of a supervisor, with questions, and passages that the workers may read."""

    questions: list[str] = Field(description="What is to be found out")
    passages: list[str] = Field(description="What there is to read")


def reader(name: str, about: str) -> Agent:
    """A worker that reads the passages with one thing in mind."""
    return Agent(
        name,
        f"Collect what the passages say about {about}, for the task, word for word. At most three sentences.",
        prompt="Task: {task:500}\n\nFound so far:\n{so_far:4000}\n\nPassages:\n{passages:40000}",
    )


planner = Agent(
    "planner",
    "Name the steps that answer the questions, in a good order: who is to find out what.",
    prompt="Topic: {request}\n\nQuestions:\n{questions:4000}",
)
editor = Agent(
    "editor",
    "Answer the questions from what was found, in their order, in at most eight sentences.",
    prompt="Topic: {request}\n\nFound:\n{so_far:12000}",
)

graph = patterns.supervisor(
    planner=planner,
    workers={
        reader("cost", "prices and costs"): "Prices and costs",
        reader("safety", "fire and safety"): "Fire, safety, rules",
        reader("duration", "hours and years"): "How many hours of storage, how many years of life",
    },
    synthesiser=editor,
    chars=1_000,
    state=Desk,
)

if __name__ == "__main__":
    from pathlib import Path

    texts = sorted((Path(__file__).parent / "texts").glob("*.txt"))
    state = Desk(
        request="storing power for the grid",
        questions=["safety of storage", "cost of a battery", "duration that is asked for"],
        passages=[text.read_text(encoding="utf-8") for text in texts],
    )
    run = graph.run_sync(state)
    print(*(f"{step.worker}: {step.task}" for step in run.state.plan), "", run.state.answer, sep="\n")
