"""Models and what is said to them, for code that makes, chooses or writes one."""

from graphflow.agents.alone import AgentResult
from graphflow.agents.approvals import Approve, ToolRequest
from graphflow.agents.choosing import choose_model
from graphflow.agents.handoffs import handoff_call
from graphflow.agents.limiter import Limiter
from graphflow.agents.mcp_tools import MCPServer
from graphflow.agents.messages import (
    Choice,
    Message,
    Piece,
    Request,
    Response,
    Settings,
    ToolCall,
    ToolSpec,
    tool_call,
)
from graphflow.agents.model import Model, StreamingModel
from graphflow.agents.offline import OfflineModel
from graphflow.agents.openai_model import OpenAIModel
from graphflow.agents.prices import FREE, PRICES, Price
from graphflow.agents.replay_model import ReplayModel
from graphflow.agents.scripted import ScriptedModel
from graphflow.agents.toolbox import ToolSource
from graphflow.agents.tools import Tool

__all__ = [
    "FREE",
    "PRICES",
    "AgentResult",
    "Approve",
    "Choice",
    "Limiter",
    "MCPServer",
    "Message",
    "Model",
    "OfflineModel",
    "OpenAIModel",
    "Piece",
    "Price",
    "ReplayModel",
    "Request",
    "Response",
    "ScriptedModel",
    "Settings",
    "StreamingModel",
    "Tool",
    "ToolCall",
    "ToolRequest",
    "ToolSource",
    "ToolSpec",
    "choose_model",
    "handoff_call",
    "tool_call",
]
