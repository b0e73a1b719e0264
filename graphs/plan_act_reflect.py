"""Plan, act, reflect: subjects are planned, looked up one by one, looked back on, and planned anew if something lacks.

Problem: the first plan misses something, and nobody notices before the answer is written.
Picture: start -> plan -> next -> act -> next ... -> reflect -> answer -> end if the goal is covered; else -> plan,
    twice at most, and then -> answer all the same. Nothing is looked up twice.
Not when: one pass is enough; reflecting costs a call, and a plan that cannot get better only costs more.

    graphflow run graphs/plan_act_reflect.py goal="storing power for days" passages=@graphs/texts/beyond_batteries.txt
"""

from typing import Annotated

from pydantic import BaseModel, Field

from graphflow import END, START, Agent, Graph, append, fields


class Plan(BaseModel):
    subjects: list[str] = Field(min_length=1, max_length=3, description="Three subjects that the goal depends on")


class Reflection(BaseModel):
    score: int = Field(ge=0, le=10, description="How well the goal is covered by what was found, 0 to 10")


class Work(BaseModel):
    """The shared state: a goal and passages go in, the answer comes out."""

    goal: str
    passages: list[str]
    subjects: list[str] = []
    subject: str = ""
    looked_up: list[str] = []
    found: Annotated[list[str], append] = []
    score: int = 0
    answer: str = ""


READ = "\n\nPassages:\n{passages:40000}"
planner = Agent(
    "plan",
    "Name the three subjects that the goal depends on, and none that was looked up.",
    prompt="Goal: {goal}\nLooked up: {looked_up:500}" + READ,
    output=Plan,
)
actor = Agent("act", "Say in two sentences what is known of the subject.", prompt="Subject: {subject:200}" + READ)
mirror = Agent("reflect", "Score how well it is covered.", prompt="Goal: {goal}\n\n{found:9000}", output=Reflection)
writer = Agent("answer", "Answer in four sentences.", prompt="Topic: {goal}\n\nFound:\n{found:12000}")

work = fields(Work)
graph = Graph("plan, act, reflect", Work, purpose="looks back before it answers")
plan = graph.node(planner, purpose="what to look up")


@graph.node(name="next", writes=(work.subject, work.looked_up), purpose="what nobody has looked up")
def choose(state: Work) -> tuple[str, list[str]]:
    new = [one for one in state.subjects if one not in state.looked_up][:1]
    return "".join(new), state.looked_up + new


act = graph.node(actor, writes=work.found, purpose="two sentences on one subject")
reflect = graph.node(mirror, purpose="is the goal covered?")
answer = graph.node(writer, writes=work.answer, purpose="four sentences")

graph.chain(START, plan, choose)
graph.edge(choose, act, when=work.subject != "", at_most=9)
graph.edge(choose, reflect)
graph.edge(act, choose)
graph.edge(reflect, answer, when=work.score >= 8)
graph.edge(reflect, plan, at_most=2)
graph.chain(reflect, answer, END)

if __name__ == "__main__":
    from pathlib import Path

    texts = [text.read_text(encoding="utf-8") for text in sorted((Path(__file__).parent / "texts").glob("*.txt"))]
    state = graph.run_sync(Work(goal="bridging a week without wind", passages=texts)).state
    print(f"{state.looked_up}, score {state.score} of 10", *state.found, "", state.answer, sep="\n")
