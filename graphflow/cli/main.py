"""``graphflow COMMAND``: finds the command, and turns whatever it raises into a message and an exit code.

No traceback of ours is shown unless ``--debug`` asks for it.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from graphflow import __version__
from graphflow.cli import exits
from graphflow.cli.arguments import Parser
from graphflow.cli.driving import nodes_left_at_work
from graphflow.cli.hints import say_as_typed
from graphflow.cli.output import is_unicode, print_error
from graphflow.errors import CommandError, GraphflowError, UsageError, unknown_name


class _Command(Protocol):
    """A module of this package that is a command."""

    def make_parser(self) -> Parser: ...

    def run(self, given: argparse.Namespace) -> int: ...


def _run() -> object:
    from graphflow.cli import running

    return running


def _check() -> object:
    from graphflow.cli import checking

    return checking


def _draw() -> object:
    from graphflow.cli import drawing

    return drawing


def _test() -> object:
    from graphflow.cli import testing

    return testing


def _explain() -> object:
    from graphflow.cli import explaining

    return explaining


def _runs() -> object:
    from graphflow.cli import runs

    return runs


def _worker() -> object:
    from graphflow.cli import working

    return working


def _studio() -> object:
    from graphflow.cli import studio

    return studio


COMMANDS: dict[str, tuple[str, Callable[[], object]]] = {  # loaded when used: none costs the others time
    "run": ("run a graph and print the state it ends with", _run),
    "check": ("check graphs without running them", _check),
    "test": ("try to break graphs: every answer, order and fault", _test),
    "draw": ("draw a graph, on the terminal or in a file", _draw),
    "runs": ("list, show, resume, answer the runs that a store keeps", _runs),
    "worker": ("drive the runs of a store that need it", _worker),
    "studio": ("look at the runs of a store in the browser, and act", _studio),
    "explain": ("tell what an error code means", _explain),
}

_EXAMPLES = (
    "graphflow run graphs/pipeline.py question='what stores power' text=@graphs/texts/batteries.txt",
    "graphflow check graphs/",
    "graphflow test graphs/essay.py",
    "graphflow draw graphs/essay.py -o essay.svg",
    "graphflow runs list --store runs.db",
    "graphflow explain GF204",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. ``arguments`` are those after the program's name, by default the process's own."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    code = _flushed(_guarded(typed))
    if arguments is None and code == exits.INTERRUPTED and nodes_left_at_work():
        print("A blocking node is still at work in a thread; it is left behind.", file=sys.stderr, flush=True)
        os._exit(code)  # the interpreter would wait for its threads
    return code


def _guarded(typed: list[str]) -> int:
    """Carry out what was typed; nothing gets past here as a traceback."""
    is_json, is_debug = "--json" in typed, "--debug" in typed
    _escape_what_a_stream_cannot_show()
    try:
        return _dispatch(typed)
    except SystemExit as done:  # argparse has printed the help
        return done.code if isinstance(done.code, int) else exits.DONE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return exits.INTERRUPTED
    except BrokenPipeError:
        return exits.CUT_OFF
    except GraphflowError as error:
        if is_debug:
            _print_trace(error)
        print_error(error, is_json)
        return exits.exit_of_error(error)
    except Exception as error:
        if is_debug:
            traceback.print_exception(error)
        print_error(_unexpected(error), is_json)
        return exits.FAILED


def _print_trace(error: GraphflowError) -> None:
    """The whole traceback of what is told next, or of its cause: nothing is said twice."""
    if error.__cause__ is not None:
        traceback.print_exception(error.__cause__)
    else:
        print("Traceback (most recent call last):", file=sys.stderr)
        traceback.print_tb(error.__traceback__)


def _dispatch(typed: list[str]) -> int:
    if typed[:1] == ["help"] and typed[1:]:  # as other programs have it
        typed = [*typed[1:], "--help"]
    if not typed or typed[0] in ("-h", "--help", "help"):
        print(help_text(), file=sys.stdout if typed else sys.stderr)
        return exits.DONE if typed else exits.USAGE
    if typed[0] in ("-V", "--version"):
        print(f"graphflow {__version__}")
        return exits.DONE
    name = typed[0]
    if name not in COMMANDS:
        raise UsageError(
            f"graphflow: there is no command {name!r}",
            why="usage: graphflow COMMAND ...",
            fix=unknown_name(name, [*COMMANDS, "--help", "--version"] if name.startswith("-") else COMMANDS),
        )
    command = cast("_Command", COMMANDS[name][1]())
    given = command.make_parser().read(typed[1:])
    try:
        return command.run(given)
    except GraphflowError as error:
        say_as_typed(error, given)
        raise


def help_text() -> str:
    """What ``graphflow --help`` prints."""
    lines = [
        "usage: graphflow COMMAND ...",
        "",
        "Graphs of agents, functions and people: run them, check them, draw them.",
        "",
        "commands:",
        *(f"  {name:<10}{summary}" for name, (summary, _) in COMMANDS.items()),
        "",
        "options:",
        "  --help    this, or after a command its own help with examples",
        "  --version the version",
        "",
        "examples:",
        *(f"  {example}" for example in _EXAMPLES),
        "",
        exits.HELP,
    ]
    return "\n".join(lines)


def _unexpected(error: Exception) -> CommandError:
    """An exception that nobody made on purpose: of the user's own code, or a bug."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{os.path.relpath(last[0].filename)}:{last[0].lineno}" if last else "an unknown line"
    return CommandError(
        f"{type(error).__name__}: {error}",
        why=f"It was raised at {where}.",
        fix="--debug shows the whole traceback. If none of it is your own code, please report it.",
    )


def _escape_what_a_stream_cannot_show() -> None:
    """A stream that takes ASCII only must not end a run with an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and not is_unicode(stream):
            reconfigure(errors="backslashreplace")


def _flushed(code: int) -> int:
    """What was written is out, or its reader is gone: then nothing more may fail at exit."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.CUT_OFF
    return code
