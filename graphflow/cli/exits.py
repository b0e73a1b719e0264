"""Exit codes: they never change their meaning, so that scripts can rely on them."""

from __future__ import annotations

from graphflow.errors import (
    AnswerInvalid,
    ArgumentInvalid,
    DrawingError,
    GraphflowError,
    InputInvalid,
    ModelUnavailable,
    RunNotFound,
    TargetNotFound,
    UsageError,
)

DONE = 0
"""Done, or nothing found."""
FAILED = 1
"""The run failed or was cancelled, a check found something, or the command could not be carried out."""
USAGE = 2
"""What was typed cannot be understood; nothing was started."""
WAITING = 3
"""The run waits for an answer."""
EXHAUSTED = 4
"""The run's budget is used up."""
NOT_FOUND = 5
"""No such file, module, graph or error code."""
INTERRUPTED = 130
"""Ctrl-C."""
CUT_OFF = 141
"""Whoever read stdout has gone: the same as if the signal had ended us."""

HELP = """\
exit codes: 0 done or clean, 1 failed or findings, 2 usage, 3 waiting for an
            answer, 4 budget used up, 5 not found, 130 interrupted"""

_OF_STATUS = {"done": DONE, "waiting": WAITING, "exhausted": EXHAUSTED, "running": INTERRUPTED}
_USAGE_DRAWING = ("GF512", "GF515", "GF516", "GF517")


def exit_of_status(status: str) -> int:
    """What a run that rests with this status ends the command with."""
    return _OF_STATUS.get(status, FAILED)


def exit_of_error(error: GraphflowError) -> int:
    """What an error that nothing was started for ends the command with."""
    if isinstance(error, DrawingError):
        return USAGE if error.code in _USAGE_DRAWING else NOT_FOUND if error.code == "GF513" else FAILED
    if isinstance(error, UsageError | InputInvalid | ModelUnavailable | AnswerInvalid | ArgumentInvalid):
        return USAGE
    if isinstance(error, TargetNotFound | RunNotFound):
        return NOT_FOUND
    return FAILED
