"""Agents and the models they talk to. An agent knows nothing of graphs: a graph performs it at a node (S9, S11)."""

from graphflow.agents.agent import DEFAULT_RETRY, Agent
from graphflow.agents.alone import AgentResult
from graphflow.agents.choosing import choose_model
from graphflow.agents.handoffs import handoff_call
from graphflow.agents.messages import Message, Request, Response, Settings, ToolCall, ToolSpec, tool_call
from graphflow.agents.model import Model
from graphflow.agents.offline import OfflineModel
from graphflow.agents.openai_model import OpenAIModel
from graphflow.agents.prices import FREE, PRICES, Price
from graphflow.agents.scripted import ScriptedModel
from graphflow.agents.tools import Tool

__all__ = [
    "DEFAULT_RETRY",
    "FREE",
    "PRICES",
    "Agent",
    "AgentResult",
    "Message",
    "Model",
    "OfflineModel",
    "OpenAIModel",
    "Price",
    "Request",
    "Response",
    "ScriptedModel",
    "Settings",
    "Tool",
    "ToolCall",
    "ToolSpec",
    "choose_model",
    "handoff_call",
    "tool_call",
]
