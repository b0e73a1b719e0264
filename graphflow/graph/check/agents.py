"""One job per agent, and a supervisor that works through others: what agents are given to work with.

Tools are of one kind if they come from one place: the module of the function, or what ``Tool(..., group=...)`` says. A
tool that has another agent or graph do the work is no tool of the agent's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphflow.core.plan import Node
from graphflow.errors import Finding
from graphflow.graph.check.structure import Structure
from graphflow.graph.check.wording import Wording, listed
from graphflow.graph.work import is_worker
from graphflow.graph.worker import ToolFacts, WorkerFacts


def check_agents(structure: Structure) -> Iterator[Finding]:
    """Findings GF186 and GF189."""
    words = Wording(structure.plan)
    for node in structure.work:
        facts = facts_of(node)
        own = [tool for tool in facts.tools if not tool.is_delegate] if facts is not None else []
        if facts is None or not own:
            continue
        if node.role == "supervisor":
            yield _working_supervisor(words, node, facts, own)
            continue
        written = sorted((node.writes.declared or frozenset()) - {name for name, _ in facts.extends})
        groups: dict[str, list[str]] = {}
        for tool in own:
            groups.setdefault(tool.group, []).append(tool.name)
        if len(written) > 1 and len(groups) > 1:
            yield _several_jobs(words, node, facts, written, groups)


def facts_of(node: Node) -> WorkerFacts | None:
    """What the agent of a node says of itself; None for all other nodes."""
    return node.work.facts() if node.kind == "agent" and is_worker(node.work) else None


def _several_jobs(
    words: Wording, node: Node, facts: WorkerFacts, written: list[str], groups: dict[str, list[str]]
) -> Finding:
    kinds = [f"{group or 'here'} ({listed(names)})" for group, names in groups.items()]
    first = next(iter(groups.values()))[0]
    return words.finding(
        "GF186",
        "advice",
        f"{words.name(node.index)} writes {len(written)} fields, with tools of {len(groups)} kinds",
        where=[node.place, facts.place],
        why=f"It writes {listed(written)}, and its tools come from {listed(kinds)}. One job per agent: one that has several "
        "does each of them worse, and loses all of them when one fails.",
        fix="Make it several nodes: an agent for each kind of tools, which writes what that work is about.\n"
        f'If it is one job, say so: Tool({first}, group="..."), the same for each of its tools.',
        nodes=[node.index],
    )


def _working_supervisor(words: Wording, node: Node, facts: WorkerFacts, own: list[ToolFacts]) -> Finding:
    names = [tool.name for tool in own]
    return words.finding(
        "GF189",
        "error",
        f"The supervisor {words.name(node.index)} has tools of its own: {listed(names)}",
        where=[node.place, facts.place],
        why='Its node says role="supervisor": it plans, delegates and merges. Work that it does itself is seen, limited and '
        "retried by nobody. Agents and graphs as tools are no tools of its own.",
        fix=f"Give {listed(names)} to an agent at a node of its own, or leave role= out.",
        nodes=[node.index],
    )
