"""How many walks a second: a newsroom played with everything chosen, and as a ratio to playing it with nothing chosen.

Then what a condition proved and a move explored cost, and a run simulated: on the real driver, beside what that driver costs
alone on the same event loop.

python tests/benchmarks/testing.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

sys.path.insert(0, str(Path(__file__).parents[2]))

from pydantic import BaseModel, Field

from graphflow import END, START, Agent, Context, Graph, append, fields
from graphflow.core.plan import Node
from graphflow.runtime.beginning import Surroundings, begin
from graphflow.testing import Move, Play, explore, faults, mutate, prove, simulate, verify
from graphflow.testing.simulating.seeded import SeededLoop


class News(BaseModel):
    """The shared state."""

    topic: str = "owls"
    facts: Annotated[list[str], append] = []
    draft: str = ""
    score: int = 0
    rounds: int = 0
    published: bool = False


class Review(BaseModel):
    """What the critic says."""

    score: int = Field(ge=0, le=10)


def newsroom() -> Graph[News]:
    """Plan; web, docs and code at once; write, review, write again; publish."""
    news = fields(News)
    graph = Graph("newsroom", News)
    plan = graph.point("plan")
    sources = [
        graph.node(Agent(name, "Find a fact.", prompt="{topic}"), writes=news.facts) for name in ("web", "docs", "code")
    ]
    write = graph.node(Agent("write", "Write.", prompt="{facts}"), writes=news.draft)
    review = graph.node(Agent("review", "Score it.", prompt="{draft}", output=Review))

    @graph.node(writes=news.rounds)
    async def count(state: News) -> int:
        return state.rounds + 1

    @graph.node(writes=news.published)
    async def publish(state: News) -> bool:
        return True

    graph.edge(START, plan)
    graph.fork(plan, sources, join=write)
    graph.chain(write, review, count)
    graph.edge(count, publish, when=news.score >= 7)
    graph.edge(count, write, at_most=3)
    graph.edge(count, publish)
    graph.edge(publish, END)
    return graph


def play_once(graph: Graph[News]) -> None:
    """The same run with nothing chosen: three bad reviews, then published."""
    play = Play(graph.plan(), News())
    while options := play.open():
        option = options[0]
        if option.node.kind == "function":
            play.make(play.perform(option))
        else:
            value = Review(score=3) if option.node.name == "review" else "fact"
            play.make(Move("reply", option.cursor, option.node.name, value))
    assert play.status == "done"


def a_second(work: Callable[[], object], units: int) -> float:
    """How many units a second of processor time, the best of three."""
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        work()
        best = max(best, units / (time.process_time() - began))
    return best


def wide(width: int) -> Graph[News]:
    """A fork of so many branches of one node each."""
    news = fields(News)
    graph = Graph("wide", News)
    first, join = graph.point("first"), graph.point("join")
    branches = [graph.node(Agent(f"n{n}", "Find.", prompt="{topic}"), writes=news.facts) for n in range(width)]
    graph.edge(START, first)
    graph.fork(first, branches, join=join)
    graph.edge(join, END)
    return graph


def show_searches(graph: Graph[News]) -> None:
    """What proving and exploring cost, and a copied play, which is the floor of a move explored."""
    conditions = len(prove(graph).nodes)
    print(f"proved  {1e3 / a_second(lambda: prove(graph), conditions):8,.2f} ms a node with conditions")
    played = Play(graph.plan(), News(), keeps_journal=False)
    copied = a_second(lambda: [played.copy() for _ in range(1_000)], 1_000)
    for name, found in (
        ("newsroom", explore(graph)),
        ("10-way fork, one order", explore(wide(10), failures=False)),
        ("10-way fork, every order", explore(wide(10), failures=False, every_order=True)),
    ):
        cost = found.seconds / max(1, found.moves)
        print(
            f"{name:<26}{found.states:7,} states {found.moves:7,} moves {1e3 * found.seconds:8,.1f} ms "
            f"{1e6 * cost:6,.0f} us a move, {cost * copied:.1f} copies of a play"
        )


def driven(runs: int) -> None:
    """The driver alone, in memory, on an event loop whose order a seed decides: functions in the place of agents."""
    graph = newsroom()
    plan = graph.plan()
    said = {"web": "a", "docs": "b", "code": "c", "write": "draft", "review": Review(score=3)}

    def told(node: Node) -> Node:
        async def say(ctx: Context[object]) -> object:
            return said[node.name]

        return replace(node, kind="function", call=say, mode="async", arguments=("ctx",))

    plain = replace(plan, nodes=tuple(told(node) if node.kind == "agent" else node for node in plan.nodes))

    async def once() -> None:
        await begin(plain, News(), Surroundings()).drive()

    for seed in range(runs):
        SeededLoop(seed).play(once(), lambda task: None)


def show_simulations(graph: Graph[News]) -> None:
    """Runs a second: as many seeds, undisturbed and struck; and what each mutant takes."""
    alone = a_second(lambda: driven(300), 300)
    print(f"driven  {alone:8,.0f} /s   on a seeded loop, in memory, and nothing asked")
    for name, given in (("simulated", faults.none), ("simulated, struck", None)):
        options = {} if given is None else {"faults": given}
        runs = simulate(graph, seeds=500, **options).runs
        found = a_second(lambda options=options: simulate(graph, seeds=500, **options), runs)
        print(f"{name:<18}{found:8,.0f} runs/s   {found / alone:.2f} of driven, {500 * found / runs:,.0f} seeds/s")
    changes = len(mutate(graph, runs=50).mutants)
    print(f"mutated {1e3 / a_second(lambda: mutate(graph, runs=50), changes):8,.0f} ms a change, of 50 walks each")


def main() -> None:
    graph = newsroom()
    floor = a_second(lambda: [play_once(graph) for _ in range(300)], 300)
    print(f"plays   {floor:8,.0f} /s   16 moves, nothing chosen")
    for name, given in (("walks", faults.none), ("walks with faults", faults.all(at_most=2))):
        found = a_second(lambda given=given: verify(graph, runs=1_000, faults=given), 1_000)
        print(f"{name:<18}{found:8,.0f} /s   {found / floor:.2f} of plays")
    show_searches(graph)
    show_simulations(graph)


if __name__ == "__main__":
    main()
