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


CODES.update(
    {
        "GF500": Code("The command failed", "The command could not be carried out."),
        "GF501": Code("Usage", "What was typed cannot be understood. `graphflow COMMAND --help` shows the forms."),
        "GF502": Code(
            "Not found", "TARGET is FILE[:NAME] or MODULE[:NAME] and must lead to a Graph; without NAME it is `graph`."
        ),
    }
)
