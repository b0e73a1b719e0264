"""Every figure with the limit that must hold, the goal, and the floor it is a ratio to: the one table to change.

Goals are those of the design where it names one. The limit of a step is the design's too; the others guard against slow
decay, a little above what holds. A ratio divides CPU time by that of the floor, measured in the same process a moment
before and after. ``exact`` figures count something (bytes, virtual seconds, modules), so no noise excuses them.

Steps and branches are measured without reading the journal: in memory most entries become text only when they are
read, which takes a third of a step more.
"""

from __future__ import annotations

from dataclasses import dataclass

SLACK = 1.15
"""A measured ratio breaks its limit only beyond this: machines that run benchmarks do other things as well."""


@dataclass(frozen=True)
class Limit:
    """What a figure may be at most, what it should be, and what it is measured against."""

    what: str
    floor: str
    limit: float
    goal: float
    exact: bool = False

    def is_broken_by(self, value: float) -> bool:
        return value > self.limit * (1.0 if self.exact else SLACK)


GATHER = "asyncio.gather"
STEP = "d.update(await node(d))"

LIMITS = {
    "chain": Limit("a step in a chain of 1,000 nodes", STEP, 15, 12),
    "loop": Limit("a step in a loop of 10,000", STEP, 15, 12),
    "map_1000": Limit("a branch of a map over 1,000", GATHER, 1.1, 0.8),
    "map_10000": Limit("a branch of a map over 10,000", GATHER, 1, 0.8),
    "map_100000": Limit("a branch of a map over 100,000", GATHER, 0.7, 0.5),
    "map_linear": Limit("a branch of a map over 100,000", "one of a map over 1,000", 1.5, 1.2),
    # a map whose branches all wait: the general way. The floor waits as well
    "map_waiting": Limit("a branch of a map over 10,000 that waits once", GATHER, 2, 1.2),
    "agent_turn": Limit(
        "CPU milliseconds of a turn of an agent in a graph", "more than the bare client takes", 0.3, 0.2
    ),
    "store_alone": Limit("a commit to SQLite, awaited, of one run alone", "the same rows in bare sqlite3", 3, 1.5),
    "store_shared": Limit("CPU microseconds of a commit to SQLite, of 100 runs at once", "1 microsecond", 25, 10),
    "store_batch": Limit("CPU microseconds of an entry, 512 in a commit to SQLite", "1 microsecond", 10, 5),
    "resume": Limit("reading and folding a run of 10,000 steps from SQLite", "parsing its JSON", 10, 4),
    "resume_pruned": Limit("the same run once its history is pruned", "a run of 10 steps", 2, 1),
    "worker_poll": Limit("what a worker asks a store with 10,000 parked runs", "one with 100", 2, 1),
    "runs_list": Limit("the newest 50 of 10,000 parked runs", "of 100", 2, 1),
    "makespan": Limit("makespan of an uneven series-parallel graph", "its critical path", 1.15, 1.05, exact=True),
    "idle_nodes": Limit("a step beside 1,000 nodes that are never reached", "beside 10", 1.1, 1),
    "fields": Limit("a step of a state with 100 fields", "with 5", 1.3, 1),
    "concurrent": Limit("a step of 10,000 runs of 10 steps at once", "the same in bare asyncio", 14, 2),
    "journal_bytes": Limit("bytes of an entry beside its update", "1 byte", 300, 120, exact=True),
    "journal_flat": Limit("an entry after 2,000 appends to a list", "after 100", 1.1, 1, exact=True),
    "replay": Limit("replay of an entry", "parsing its JSON", 8, 2),
    "check_1000": Limit("compile and check 1,000 nodes", "the same graph in networkx, condensed", 40, 12),
    "check_10000": Limit("compile and check 10,000 nodes", "the same graph in networkx, condensed", 40, 12),
    "copy_1": Limit("a copy of a machine with one live cursor", "a dict of 30", 30, 8),
    "copy_100": Limit("a copy of a machine with a hundred live cursors", "a hundred dicts of 30", 15, 5),
    "import": Limit("import graphflow in a fresh process", "an empty process", 12, 7),
    "import_names": Limit(
        "the imports of a graph's file, in a fresh process", "those of pydantic and asyncio", 2.5, 1.5
    ),
    "heavy_imports": Limit(
        "of openai, networkx, graphviz, hypothesis: imported with them", "1 module", 0, 0, exact=True
    ),
    "draw_200": Limit("the SVG of a graph of 200 nodes", "its layout by Graphviz alone", 2, 1.4),
    "draw_linear": Limit("a node of a graph of 200 nodes, drawn, without Graphviz", "of one of 50", 1.5, 1.1),
    "command": Limit("`graphflow run` of an offline graph, start to result", "an empty process", 60, 25),
}
