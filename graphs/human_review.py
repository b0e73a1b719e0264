"""Human review: a person sends the draft, asks for changes, or writes it anew; meanwhile nothing runs.

Problem: what leaves the house has to be seen by a person, who may be away for hours and wants more than yes and no.
Picture: start -> write -> review (waits) -> end if it is sent or dropped; -> write with the changes, three times at most;
    after a day without an answer -> remind -> review, twice at most, then it is dropped.
Not when: the answer follows from a rule; then the rule is an edge and nobody has to wait.

    graphflow run graphs/human_review.py request="what limits pumped hydro" notes=@graphs/texts/beyond_batteries.txt
    ... the same, and then: --answer 'review={"verdict": "send"}'
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from graphflow import END, START, Agent, Graph, extend, fields


class Review(BaseModel):
    """What the person says."""

    verdict: Literal["send", "change", "drop"] = Field(description="What is to become of the draft")
    changes: list[str] = Field(default=[], description="What to change")


class Letter(BaseModel):
    """The shared state: a request and notes go in, a letter that somebody has read comes out."""

    request: str
    notes: str
    draft: str = ""
    verdict: Literal["", "send", "change", "drop"] = ""
    changes: Annotated[list[str], extend] = []
    reminders: int = 0


writer = Agent(
    "write",
    "Answer the request in four sentences, from the notes. Make every change that was asked for.",
    prompt="Request: {request:4000}\n\nChanges asked for:\n{changes:4000}\n\nNotes:\n{notes:12000}",
)

letter = fields(Letter)
graph = Graph("human review", Letter, purpose="nothing is sent that nobody has read")
write = graph.node(writer, writes=letter.draft, purpose="four sentences, from the notes")
review = graph.ask(
    "review", "Send this?\n\n{draft}", answer=Review, purpose="a person sends it, drops it or asks for changes"
)


@graph.node(writes=letter.reminders, purpose="a day has gone by")
def remind(state: Letter) -> int:
    return state.reminders + 1


@graph.node(name="give up", writes=letter.verdict, purpose="nobody answered, or it went back three times")
def give_up() -> Literal["drop"]:
    return "drop"


graph.chain(START, write, review)
graph.edge(review, write, when=letter.verdict == "change", at_most=3)
graph.edge(review, give_up, when=letter.verdict == "change")
graph.edge(review, END)
graph.edge(review, remind, after_s=86_400)
graph.edge(remind, review, at_most=2)
graph.edge(remind, give_up)
graph.edge(give_up, END)

if __name__ == "__main__":
    run = graph.run_sync(Letter(request="What limits pumped hydro?", notes="Pumped hydro needs mountains and water."))
    print(run.status, run.questions[0].text if run.questions else run.state.draft, sep="\n")
    run = graph.resume_sync(run, answers=[review.answer(Review(verdict="send"))])
    print(run.status, run.state.verdict)
