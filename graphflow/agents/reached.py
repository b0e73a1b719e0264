"""Which agents a run of a graph may ask: those of its nodes, of graphs within it, and those that are tools of others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from graphflow.core.plan import Plan


def agents_in(plan: Plan) -> Iterator[Any]:
    """The agents of a graph's nodes and of those of graphs within it."""
    plans, seen = [plan], {plan.name}
    for inner in plans:
        for node in inner.nodes:
            if node.kind == "agent":
                yield node.work
            elif node.graph is not None and node.graph.name not in seen:
                seen.add(node.graph.name)
                plans.append(node.graph.plan())


def agents_reached(plan: Plan) -> list[Any]:
    """The same, and the agents that they call as tools, or that graphs ask which they call; each once."""
    found: dict[int, Any] = {}
    waiting = list(agents_in(plan))
    while waiting:
        agent = waiting.pop(0)
        if id(agent) not in found:
            found[id(agent)] = agent
            waiting.extend(one for tool in _tools_of(agent) for one in tool.agents())
    return list(found.values())


def uses_model_of_run(plan: Plan) -> bool:
    """Whether some agent names no model, and so has that of the run."""
    return any(getattr(agent, "model", None) is None for agent in agents_reached(plan))


def own_models(plan: Plan) -> list[str]:
    """The names of the models that agents name themselves, each once."""
    models = [getattr(agent, "model", None) for agent in agents_reached(plan)]
    named = [model if isinstance(model, str) else str(getattr(model, "name", model)) for model in models if model]
    return list(dict.fromkeys(named))


def _tools_of(agent: Any) -> Iterable[Any]:
    return getattr(getattr(agent, "tools", None), "tools", {}).values()
