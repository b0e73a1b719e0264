"""The full workflow: a planner names the subjects, research fans out over them, then analysis and a report.

Problem: a topic, a pile of texts, and nobody knows yet how many things are worth looking into.
Picture: start -> plan -> (research, one per subject, five at once) -> gather -> analyse -> report -> end.
    Research is tried three times; a subject that fails all the same is named in the report as missing. If no
    subject could be researched, the run fails and says so: a report is never written from nothing.
Not when: the subjects are known beforehand; then leave the planner out and map over them.

    graphflow run graphs/intel.py topic="storing power for the grid" passages=@graphs/texts/batteries.txt
"""

from typing import Annotated

from pydantic import BaseModel, Field, field_validator

from graphflow import END, FAIL, START, Agent, Context, Graph, JoinFailed, append, best_effort, fields, size


class Subjects(BaseModel):
    """What the planner answers."""

    subjects: list[str] = Field(max_length=6, description="The names of the subjects the passages are about")

    @field_validator("subjects")
    @classmethod
    def each_once(cls, subjects: list[str]) -> list[str]:
        return list(dict.fromkeys(subjects))


class Finding(BaseModel):
    """What is known about one subject."""

    subject: str = Field(description="The subject, as named")
    facts: list[str] = Field(max_length=6, description="Sentences of the passages that say something about the subject")


class Intel(BaseModel):
    """The shared state: topic and passages go in, the brief comes out."""

    topic: str
    passages: list[str]
    subjects: list[str] = []
    findings: Annotated[list[Finding], append] = []
    missing: list[str] = []
    analysis: str = ""
    brief: str = ""


planner = Agent(
    "plan",
    "Name the subjects worth researching for the topic: those that the passages say most about, at most six.",
    prompt="Topic: {topic}\n\nPassages:\n{passages:60000}",
    output=Subjects,
)
researcher = Agent(
    "research",
    "Collect what the passages say about the subject, word for word. Leave out what is about something else.",
    prompt="Topic: {topic}\nSubject: {item}\n\nPassages:\n{passages:60000}",
    output=Finding,
)
analyst = Agent(
    "analyse",
    "Compare the subjects: what they have in common, where they differ, which numbers matter. Five sentences.",
    prompt="Topic: {topic}\n\nFindings:\n{findings:40000}",
)
reporter = Agent(
    "report",
    "Write an executive brief of 300 words: the answer first, then the evidence by subject, then what is missing.",
    prompt="Topic: {topic}\n\nAnalysis:\n{analysis:8000}\n\nFindings:\n{findings:40000}\n\nNothing found on: {missing:2000}",
)

intel = fields(Intel)
graph = Graph("intel", Intel, purpose="a brief from any number of texts")
plan = graph.node(planner, purpose="names the subjects")
research = graph.node(researcher, writes=intel.findings, timeout_s=120, purpose="what the texts say of one subject")


@graph.node(writes=intel.missing, purpose="notes what could not be researched")
def gather(state: Intel, ctx: Context) -> list[str]:
    return [str(branch.item) for branch in ctx.branches if branch.status != "done"]


analyse = graph.node(analyst, writes=intel.analysis, purpose="common, different, in numbers")
report = graph.node(reporter, writes=intel.brief, purpose="an executive brief")

graph.edge(START, plan)
graph.map(plan, research, over=intel.subjects, join=gather, at_once=5, need=best_effort(at_least=1))
graph.edge(gather, FAIL("no research succeeded"), on_error=JoinFailed)
graph.edge(gather, FAIL("the passages name no subject"), when=size(intel.findings) == 0)
graph.edge(gather, analyse)
graph.chain(analyse, report, END)

if __name__ == "__main__":
    from pathlib import Path

    texts = sorted((Path(__file__).parent / "texts").glob("*.txt"))
    state = Intel(topic="storing power for the grid", passages=[text.read_text(encoding="utf-8") for text in texts])
    print(graph.run_sync(state).state.brief)
