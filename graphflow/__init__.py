"""graphflow: graph-based state machines for multi-agent work."""

__version__ = "0.1.0"
