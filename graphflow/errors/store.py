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


class StoreInvalid(StoreError):
    """What was opened is no store of ours, or one that this version cannot read: damaged, foreign, or newer."""

    code = "GF305"


class Fenced(StoreError):
    """This driver has lost its lease to another: nothing of its last step was written (S18)."""

    code = "GF306"


class StoreUnavailable(StoreError):
    """The store cannot be reached or written now: locked, full, or the connection is lost. Trying again can help."""

    code = "GF307"
    retryable = True


class HistoryPruned(StoreError):
    """A moment of a run that was pruned: its journal begins with a later snapshot."""

    code = "GF308"


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
        "GF305": Code(
            "No store that can be read",
            "The file or database is no store of graphflow's, is damaged, or was written by a newer version. It is left "
            "as it is: nothing is repaired or converted behind your back.",
        ),
        "GF306": Code(
            "The driver has lost its lease",
            "A run has one driver at a time, by a lease with a fencing number (S18). This one was away past its lease and "
            "another took over; what it had not committed by then is not written, and its nodes are stopped.",
        ),
        "GF307": Code(
            "The store cannot be written now",
            "The file is locked, the disk full, or the connection lost. Everything committed before is safe, nothing is "
            "half there, and the run can be resumed once the store is back.",
        ),
        "GF308": Code(
            "That moment of the run was pruned",
            "graphflow runs prune, or prune_history, has put a snapshot in the place of a run's older entries. The run goes "
            "on from it as ever, but what it was before cannot be shown, and nothing can be run again from there.",
        ),
    }
)
