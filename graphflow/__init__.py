"""graphflow: graph-based state machines for multi-agent work.

A workflow is a directed graph: nodes are agents, functions, people or graphs; edges are handoff conditions; a scheduler
walks the graph against one shared, typed state. Define graphs in Python, see flows, prove transitions.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphflow.agents.agent import Agent
    from graphflow.core.plan import Limit, Limits, Retry
    from graphflow.core.reducers import Replace, add, append, extend, keep_last, local, merge, union
    from graphflow.core.usage import Budget, Usage
    from graphflow.errors import (
        GraphError,
        GraphflowError,
        GuardrailTripped,
        JoinFailed,
        ModelError,
        NodeError,
        NodeTimeout,
        NoWayOut,
        RunFailed,
    )
    from graphflow.flow import Graph
    from graphflow.graph.answers import Answer
    from graphflow.graph.context import Branch, Context, Handoff
    from graphflow.graph.ends import END, FAIL, START
    from graphflow.graph.expressions import ITEM, contains, fields, not_, one_of, size
    from graphflow.graph.guardrails import Guardrail
    from graphflow.graph.needs import best_effort, quorum
    from graphflow.runtime.run import Run

__version__ = "0.1.0"

_HOME = {
    "Agent": "graphflow.agents.agent",
    "Answer": "graphflow.graph.answers",
    "Branch": "graphflow.graph.context",
    "Budget": "graphflow.core.usage",
    "Context": "graphflow.graph.context",
    "END": "graphflow.graph.ends",
    "FAIL": "graphflow.graph.ends",
    "Graph": "graphflow.flow",
    "GraphError": "graphflow.errors",
    "GraphflowError": "graphflow.errors",
    "Guardrail": "graphflow.graph.guardrails",
    "GuardrailTripped": "graphflow.errors",
    "Handoff": "graphflow.graph.context",
    "ITEM": "graphflow.graph.expressions",
    "JoinFailed": "graphflow.errors",
    "Limit": "graphflow.core.plan",
    "Limits": "graphflow.core.plan",
    "ModelError": "graphflow.errors",
    "NoWayOut": "graphflow.errors",
    "NodeError": "graphflow.errors",
    "NodeTimeout": "graphflow.errors",
    "Replace": "graphflow.core.reducers",
    "Retry": "graphflow.core.plan",
    "Run": "graphflow.runtime.run",
    "RunFailed": "graphflow.errors",
    "START": "graphflow.graph.ends",
    "Usage": "graphflow.core.usage",
    "add": "graphflow.core.reducers",
    "append": "graphflow.core.reducers",
    "best_effort": "graphflow.graph.needs",
    "contains": "graphflow.graph.expressions",
    "extend": "graphflow.core.reducers",
    "fields": "graphflow.graph.expressions",
    "keep_last": "graphflow.core.reducers",
    "local": "graphflow.core.reducers",
    "merge": "graphflow.core.reducers",
    "not_": "graphflow.graph.expressions",
    "one_of": "graphflow.graph.expressions",
    "quorum": "graphflow.graph.needs",
    "size": "graphflow.graph.expressions",
    "union": "graphflow.core.reducers",
}
"""Where each public name lives. They are imported when they are first used: ``import graphflow`` alone costs nothing."""

__all__ = [
    "END",
    "FAIL",
    "ITEM",
    "START",
    "Agent",
    "Answer",
    "Branch",
    "Budget",
    "Context",
    "Graph",
    "GraphError",
    "GraphflowError",
    "Guardrail",
    "GuardrailTripped",
    "Handoff",
    "JoinFailed",
    "Limit",
    "Limits",
    "ModelError",
    "NoWayOut",
    "NodeError",
    "NodeTimeout",
    "Replace",
    "Retry",
    "Run",
    "RunFailed",
    "Usage",
    "add",
    "append",
    "best_effort",
    "contains",
    "extend",
    "fields",
    "keep_last",
    "local",
    "merge",
    "not_",
    "one_of",
    "quorum",
    "size",
    "union",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'graphflow' has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
