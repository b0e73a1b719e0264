"""GF3xx: stores, journals and versions of graphs."""

from __future__ import annotations

from graphflow.errors.base import CODES, Code, GraphflowError


class StoreError(GraphflowError):
    """A store could not do what was asked; what it held before is unharmed."""

    code = "GF300"


class RunNotFound(StoreError):
    """No run of that id is in the store."""

    code = "GF301"


class RunBusy(StoreError):
    """The run already has a driver (S18)."""

    code = "GF302"


class JournalInvalid(StoreError):
    """A journal that cannot be folded: damaged, of another format, or of another graph."""

    code = "GF303"


class GraphChanged(StoreError):
    """The graph changed under a run in a way that its live cursors do not survive (S16)."""

    code = "GF304"


CODES.update(
    {
        "GF300": Code("A store failed", "The store could not do what was asked. What was committed before is safe."),
        "GF301": Code("No such run", "The store holds no run of this id. Run ids are printed when a run starts."),
        "GF302": Code(
            "The run has a driver", "A run is driven by one driver at a time (S18); a second one is refused at once."
        ),
        "GF303": Code(
            "A journal cannot be read",
            "The journal is damaged, of a format this version does not know, or belongs to another graph. "
            "It is left as it is.",
        ),
        "GF304": Code(
            "The graph changed under the run",
            "A run can go on under a changed graph if every live cursor's node, every open fork and every state field "
            "in use still exist with the same type (S16). The message lists what does not.",
        ),
    }
)
