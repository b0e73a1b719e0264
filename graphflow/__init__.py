"""graphflow: graph-based state machines for multi-agent work.

A workflow is a directed graph: nodes are agents, functions, people or graphs; edges are handoff conditions; a scheduler
walks the graph against one shared, typed state. Define graphs in Python, see flows, prove transitions.
"""

from graphflow.core.plan import Limit, Limits, Retry
from graphflow.core.reducers import Replace, add, append, extend, keep_last, local, merge, union
from graphflow.core.usage import Budget, Usage
from graphflow.errors import (
    GraphError,
    GraphflowError,
    JoinFailed,
    ModelError,
    NodeError,
    NodeTimeout,
    NoWayOut,
    RunFailed,
)
from graphflow.flow import Graph
from graphflow.graph.context import Branch, Context, Handoff
from graphflow.graph.ends import END, FAIL, START
from graphflow.graph.expressions import ITEM, contains, fields, not_, size
from graphflow.graph.needs import best_effort, quorum
from graphflow.runtime.run import Run

__version__ = "0.1.0"

__all__ = [
    "END",
    "FAIL",
    "ITEM",
    "START",
    "Branch",
    "Budget",
    "Context",
    "Graph",
    "GraphError",
    "GraphflowError",
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
    "quorum",
    "size",
    "union",
]
