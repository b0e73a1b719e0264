"""The questions of a run on the command line: answered by ``--answer``, asked on a terminal, or listed for later."""

from __future__ import annotations

import select
import sys
import time
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from urllib.parse import unquote

from graphflow.cli.inputs import split_pair
from graphflow.cli.output import visible
from graphflow.cli.values import meant, read_value
from graphflow.core.plan import Plan
from graphflow.errors import UsageError, shown, unknown_name
from graphflow.graph.answers import Answer
from graphflow.graph.shapes import annotation_text
from graphflow.runtime.run import Question


class Answers:
    """The answers given with ``--answer``, used in the order given. Raises UsageError for those that fit no question."""

    def __init__(self, plan: Plan, given: Sequence[str]) -> None:
        asking = dict(asking_nodes(plan))
        self._values: dict[str, list[Any]] = {}
        for argument in given:
            name, text = split_pair(argument, "NODE=VALUE")
            asks = asking[name] if name in asking else _asked_at(name, asking)
            if asks is None:
                raise UsageError(
                    f"--answer {argument} answers no question of graph {plan.name!r}",
                    code="GF527",
                    why=f"Its questions are asked by: {', '.join(asking)}." if asking else "It asks nothing.",
                    fix=unknown_name(name, asking) if asking else "Leave it out.",
                )
            self._values.setdefault(name, []).append(_value(argument, text, asks))

    def take(self, question: Question) -> Answer | None:
        """The next answer to a question, if there is one."""
        given = (self._values.get(name) for name in (question.id, unquote(question.id), question.node))
        values = next(filter(None, given), None)
        return Answer(question.id, values.pop(0)) if values else None

    def left(self) -> list[str]:
        """The nodes whose answers nobody asked for."""
        return [name for name, values in self._values.items() if values]


def _value(argument: str, text: str, annotation: Any) -> Any:
    try:
        return read_value(text, annotation)
    except ValueError as error:
        raise UsageError(
            f"--answer {argument} is no valid answer",
            code="GF527",
            why=f"The answer is {annotation_text(annotation)}. {error}.",
            fix=valid_is(text, annotation),
        ) from None


def _asked_at(question: str, asking: Mapping[str, Any]) -> Any:
    """What an answer to a question must fit, by its id; that of a tool call stands under the cursor of its agent."""
    names = (segment.rpartition(":")[0] for segment in reversed(unquote(question).split("/")))
    return next((asking[name] for name in names if name in asking), None)


def asking_nodes(plan: Plan, seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, Any]]:
    """The names of the nodes that may ask something, those of sub-graphs too, and what an answer must fit.

    Agents are among them whose tools may need approval (S10.4).
    """
    for node in plan.nodes:
        if node.ask is not None:
            yield node.name, node.ask.answer
        elif node.kind == "agent" and node.work.tools.may_need_approval:
            yield node.name, bool
        elif node.graph is not None and node.graph.name not in seen:
            yield from asking_nodes(node.graph.plan(), seen | {plan.name})


def may_prompt() -> bool:
    """Whether somebody sits there: a terminal to read from, and one to ask on."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class TimeOver(Exception):
    """A question's time was over before it was answered."""


def prompt(question: Question, until: float | None = None) -> Answer | None:
    """Ask on the terminal until the answer is valid; None at the end of input.

    ``until``, in seconds since 1970, is when to stop asking. Raises TimeOver then; what was typed so far is dropped.
    """
    form = form_of(question.answer)
    due = "" if question.due is None else f" (until {clock(question.due)})"
    print(f"\n{question.node} asks{due}:\n\n{indented(question.text)}\n", file=sys.stderr)
    while True:
        print(f"answer ({form}): ", end="", file=sys.stderr, flush=True)
        line = _line_until(until)
        if until is not None and time.time() >= until:
            print("\nIts time is over.", file=sys.stderr)
            _forget_typed()
            raise TimeOver
        if not line:
            print(file=sys.stderr)
            return None
        try:
            return Answer(question.id, read_value(line.strip(), question.answer))
        except ValueError as error:
            print(
                f"That is no answer: {shown(line.strip())}. {error}. {valid_is(line, question.answer)}", file=sys.stderr
            )


def _line_until(until: float | None) -> str:
    """A line of standard input. With a time at which to stop waiting for one, it may be empty."""
    if until is None:
        return sys.stdin.readline()
    while (left := until - time.time()) > 0:
        if _is_typed(left):
            return sys.stdin.readline()
    return ""


if sys.platform == "win32":

    def _is_typed(seconds: float) -> bool:
        """Whether a key was hit, after a moment: consoles cannot be waited for."""
        import msvcrt

        time.sleep(min(seconds, 0.05))
        return msvcrt.kbhit()

    def _forget_typed() -> None:
        """Half a line is still the console's: nothing was read of it."""

else:

    def _is_typed(seconds: float) -> bool:
        """Whether a line can be read within so many seconds. Terminals hand out whole lines."""
        try:
            return bool(select.select([sys.stdin], [], [], min(seconds, 3600.0))[0])
        except (OSError, ValueError):  # no file: it cannot be waited for, and need not be
            return True

    def _forget_typed() -> None:
        """Half a line that was typed is no beginning of the next answer."""
        if sys.stdin.isatty():
            import termios

            termios.tcflush(sys.stdin, termios.TCIFLUSH)


def clock(due: float) -> str:
    """A time, in seconds since 1970, as clocks here show it; with the date if that is another day."""
    there, here = time.localtime(due), time.localtime()
    return time.strftime("%H:%M:%S" if there[:3] == here[:3] else "%Y-%m-%d %H:%M:%S", there)


def indented(text: str) -> str:
    """A question's text, set off from what is ours."""
    return "\n".join(f"  {line}".rstrip() for line in visible(text).splitlines())


def valid_is(text: str, annotation: Any) -> str:
    """What is a valid answer, for who typed another one.

    >>> valid_is("latr", Literal["yes", "later"])
    "Did you mean 'later'? Valid is yes or later."
    """
    close = meant(text, annotation)
    return f"{'' if close is None else f'Did you mean {close!r}? '}Valid is {form_of(annotation)}."


def form_of(annotation: Any) -> str:
    """What an answer looks like.

    >>> form_of(bool), form_of(Literal["yes", "later"]), form_of(str), form_of(list[int])
    ('yes or no', 'yes or later', 'a text', 'list[int], as JSON')
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        return form_of(get_args(annotation)[0])
    if annotation is bool:
        return "yes or no"
    if annotation is str:
        return "a text"
    if annotation in (int, float):
        return "a number"
    if origin is Literal:
        return " or ".join(map(str, get_args(annotation)))
    if origin in (Union, types.UnionType):
        return " or ".join("null" if part is type(None) else form_of(part) for part in get_args(annotation))
    return f"{annotation_text(annotation)}, as JSON"
