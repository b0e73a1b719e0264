"""Models and what is said to them, for code that makes, chooses or writes one."""

from graphflow.agents import (
    FREE,
    PRICES,
    Message,
    Model,
    OfflineModel,
    OpenAIModel,
    Price,
    Request,
    Response,
    ScriptedModel,
    Settings,
    ToolCall,
    ToolSpec,
    choose_model,
    handoff_call,
    tool_call,
)

__all__ = [
    "FREE",
    "PRICES",
    "Message",
    "Model",
    "OfflineModel",
    "OpenAIModel",
    "Price",
    "Request",
    "Response",
    "ScriptedModel",
    "Settings",
    "ToolCall",
    "ToolSpec",
    "choose_model",
    "handoff_call",
    "tool_call",
]
