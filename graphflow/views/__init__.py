"""How graphs are shown: a drawing model made from a plan, and the formats it is written in.

The picture is the graph: it is drawn from declared edges, each exactly once, never inferred or simulated. Layout needs
Graphviz, which is looked for only when a picture is asked for; text, DOT and Mermaid need nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphflow.views.diagram import Diagram, draw

__all__ = ["Diagram", "draw"]


def __getattr__(name: str) -> Any:
    """Load the drawing code when it is first used: importing graphflow must stay cheap."""
    if name in __all__:
        from graphflow.views import diagram

        return getattr(diagram, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
