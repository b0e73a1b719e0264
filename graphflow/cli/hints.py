"""What errors advise in Python, in the words of the command line: whoever types commands has no ``graph.resume``.

The layers below do not know who calls them. Here the run, the store and the target are known as they were typed.
"""

from __future__ import annotations

import argparse
import re

from graphflow.cli.opening import store_option
from graphflow.errors import GraphflowError

_RESUME = re.compile(r"graph\.resume\('([^']+)', store=\.\.\.\)")
_VERBS = "show|tail|resume|answer|rerun|rm|export"


def say_as_typed(error: GraphflowError, given: argparse.Namespace) -> None:
    """Put what an error advises into commands that can be typed here, store and run included."""
    words = _Words(given)
    error.why, error.fix = words.of(error.why), words.of(error.fix)


class _Words:
    """The command line's words for one command that was typed."""

    def __init__(self, given: argparse.Namespace) -> None:
        run = getattr(given, "run", None) or getattr(given, "run_id", None) or "ID"
        target = getattr(given, "target", None) or "TARGET"
        old_fields = f"In a program, graph.resume('{run}', store=..., migrate=...) takes a function"
        self._option = store_option(getattr(given, "store", None))
        self._command = re.compile(rf"(graphflow runs (?:{_VERBS}) {re.escape(run)})(?![\w@+-]|[.:][\w@+-])")
        self._phrases = {
            "`graph.check()`": f"graphflow check {target}",
            "graph.resume(error.run)": f"graphflow runs resume {run}",
            "graph.resume shows where it stands": f"graphflow runs show {run} shows where it stands",
            "run.steps lists": f"graphflow runs show {run} lists",
            "run.questions lists": f"graphflow runs show {run} lists",
            "run_id= out": "--run-id out",
            "leave store= out, or give a MemoryStore()": "leave --store out",
            "prune_history(store, run_id, graph.plan())": "--graph FILE[:NAME]",
            "rerun this one from an earlier seq": f"this one again: graphflow runs rerun {run} --at SEQ",
            ", or give migrate= a function of the old state's fields.": f". {old_fields} of the old state's fields.",
            "Give migrate= a function": old_fields,
        }

    def of(self, text: str) -> str:
        for written, typed in self._phrases.items():
            text = text.replace(written, typed)
        text = _RESUME.sub(r"graphflow runs resume \1", text)
        return "\n".join(line if "--store" in line else self._with_store(line) for line in text.split("\n"))

    def _with_store(self, line: str) -> str:
        return self._command.sub(lambda found: found[1] + self._option, line)
