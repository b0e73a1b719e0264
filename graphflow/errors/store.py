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


class CipherMissing(StoreError):
    """A state holds secrets, and the store has no cipher to seal them with, or none to open them."""

    code = "GF309"


class CipherKeyUnknown(StoreError):
    """A secret was sealed with a key that is not among those given."""

    code = "GF310"


class SecretDamaged(StoreError):
    """The sealed token of a secret was altered, or is of another process."""

    code = "GF311"


class CipherKeyInvalid(StoreError):
    """What was given as a key of a cipher is none."""

    code = "GF312"


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
        "GF309": Code(
            "Secrets need a cipher",
            "SecretStr, SecretBytes and Secret[...] in a state are never written plainly. In memory they stay what they "
            'are; a store on disk seals them one by one, which needs a cipher: SQLiteStore("runs.db", '
            "cipher=FernetCipher(key)), with the extra graphflow-agents[secrets]. FernetCipher.new_key() makes a key; keep "
            "it where you keep passwords, not beside the store: without it no run that holds a secret can go on. On the "
            "command line the key comes from the variable GRAPHFLOW_KEY. A secret that need not survive the process is "
            "better given to the run than kept in its state: graph.run(state, deps=...), read as ctx.deps (S3.8).",
        ),
        "GF310": Code(
            "Sealed with another key",
            "Each sealed secret names the key it was sealed with, by a short digest. That key is not among those given. "
            "Nothing was changed: give it beside the new one, FernetCipher(new, old), or GRAPHFLOW_KEY=new,old, and the run "
            "goes on; the first key seals, all of them open.",
        ),
        "GF311": Code(
            "A sealed secret was altered",
            "The token of a secret does not open with the key it names: somebody changed it, or the disk failed. It also "
            "happens to a run in memory whose journal was carried to another process. Nothing was changed; everything else "
            "of the run can be read: graphflow runs show and export need no key.",
        ),
        "GF312": Code(
            "No key",
            "A key of FernetCipher is 32 bytes as URL-safe base64, 44 characters, as FernetCipher.new_key() makes them. "
            "Several keys in GRAPHFLOW_KEY stand one after another with a comma between.",
        ),
    }
)
