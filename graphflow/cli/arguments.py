"""How commands read what was typed, and how their help looks. A mistake is a UsageError with the nearest name."""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Sequence
from itertools import takewhile
from typing import NoReturn

from graphflow.cli import exits
from graphflow.errors import UsageError, nearest


class _HelpFormat(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=min(shutil.get_terminal_size().columns, 100))


def _is_command(word: str) -> bool:
    return word.isalpha() and word.islower()


class Parser(argparse.ArgumentParser):
    """The arguments of one command; ``usage`` begins with its name. Options may stand before, between and after the others."""

    def __init__(self, usage: str, description: str, examples: Sequence[str]) -> None:
        lines = ["examples:", *(f"  {example}" for example in examples), "", exits.HELP]
        super().__init__(
            prog=" ".join(["graphflow", *takewhile(_is_command, usage.split())]),
            usage=f"graphflow {usage} [options]",
            description=description,
            epilog="\n".join(lines),
            formatter_class=_HelpFormat,
            allow_abbrev=False,
        )

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The arguments as typed. Raises UsageError."""
        return self.parse_intermixed_args(list(arguments))

    def error(self, message: str) -> NoReturn:
        """Called by argparse: a usage error in our own form."""
        fix = f"{self.prog} --help shows examples."
        unknown = re.search(r"unrecognized arguments: (--?[\w-]+)", message)
        if unknown:
            message = f"there is no option {unknown[1]}"
            close = nearest(unknown[1], re.findall(r"--[a-z][a-z-]+", self.format_help()))
            fix = f"Did you mean {close}?" if close else fix
        missing = re.search(r"arguments are required: (.*)", message)
        if missing:  # argparse names those too that may be left out
            optional = {action.metavar for action in self._actions if action.nargs in ("*", "?")}
            names = [name for name in missing[1].split(", ") if name not in optional]
            message = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} missing"
        valueless = re.search(r"argument (?:-\w, |-\w/)?(-\S+): expected one argument", message)
        if valueless:
            metavar = next(
                (a.metavar for a in self._actions if valueless[1] in a.option_strings and a.metavar), "VALUE"
            )
            message, fix = f"{valueless[1]} needs a value", f"Write {valueless[1]} {metavar}. {fix}"
        picture = re.search(r"argument --format: invalid choice: '(png|pdf)'", message)
        if picture:
            message = f"--format {picture[1]} would write a picture to the terminal"
            fix = f"A {picture[1]} is written to a file: -o graph.{picture[1]}"
        choice = re.search(r"argument (\S+): invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if choice and not picture:
            known = re.findall(r"[\w.-]+", choice[3])  # Python 3.12 and later quote them otherwise
            message = f"{choice[1]} {choice[2]} is none of {', '.join(known)}"
            close = nearest(choice[2], known)
            fix = f"Did you mean {choice[1]} {close}?" if close else f"Choose one of them: {choice[1]} {known[0]}."
        raise UsageError(f"{self.prog}: {message}", why=self.format_usage().strip(), fix=fix)


def add_common(parser: Parser) -> None:
    """The options that every command has."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, errors too")
    parser.add_argument("--debug", action="store_true", help="show the whole traceback of an error")


TARGET_HELP = "FILE[:NAME] or MODULE[:NAME]; NAME is the variable that holds the graph (default: graph)"
