"""The error a failed run is raised as: what failed, the lines it is about, the steps that led there, how to go on."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from graphflow.core import reading
from graphflow.errors import Failed, GraphflowError, Place, RunFailed, slip_of
from graphflow.runtime.run import Failure, Run

_PACKAGE = str(Path(__file__).parent.parent) + os.sep
_GO_ON = "Mend the cause, then go on from there: graph.resume(error.run)."


def failure_of(run: Run[Any]) -> RunFailed:
    """What a failed run is raised as. The cause is chained."""
    error = run.error
    cause = run.failures[-1] if run.failures else None
    cursor = cause.cursor if cause else ""
    what = getattr(error, "what", None) or f"{type(error).__name__}: {run.without_secrets(str(error))}"
    is_on_purpose = getattr(error, "code", "") == Failed.code
    standing = "" if is_on_purpose else f" of graph {run.graph!r} failed at {_spot(cause)}"
    why = getattr(error, "why", "") or ""
    failed = RunFailed(
        f"Run {run.id}{standing}: {what}",
        run=run,
        cursor=cursor,
        why=(why + "\n" if why else "") + _story(run),
        fix=_fix(error),
        where=_places(run, error, cursor),
    )
    failed.__cause__ = error
    if error is not None:
        _leave_out_our_frames(error)
    return failed


def _leave_out_our_frames(error: Exception) -> None:
    """A traceback begins where the user's code was called. What graphflow found by itself is told in the error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        trace = trace.tb_next
    if trace is not None or isinstance(error, GraphflowError):
        error.__traceback__ = trace


def _spot(cause: Failure | None) -> str:
    """Where it failed: a cursor; of a join that cannot fire its node, and the cursor of the fork (S8.3)."""
    if cause is None:
        return "its start"
    stands_at = unquote(cause.cursor)
    is_at_its_node = stands_at.rpartition("/")[2].rpartition(":")[0] == cause.node
    return stands_at if is_at_its_node else f"the join {cause.node!r} of {stands_at}"


def _story(run: Run[Any]) -> str:
    last = [f"{unquote(step.cursor)} -> {', '.join(step.to)}" for step in run.steps[-6:] if step.to]
    return "the last steps were " + ";  ".join(last[-5:]) if last else "nothing ran before"


def _fix(error: Exception | None) -> str:
    given: str = getattr(error, "fix", "") or ""
    if given:
        return given.replace("graph.rerun(run,", "graph.rerun(error.run,")
    slip = "" if error is None else slip_of(error)
    return f"{slip}\n{_GO_ON}" if slip else _GO_ON


def _places(run: Run[Any], error: Exception | None, cursor: str) -> tuple[Place, ...]:
    """Where the node was declared, or what the error names, and the line of the user's code that raised."""
    places: tuple[Place, ...] = getattr(error, "where", ())
    node = reading.node_at(run.plan, cursor) if cursor and not places else None
    if node is not None and node.place is not None:
        places = (node.place,)
    raised = None if error is None else _line_raising(error)
    return places if raised is None or raised in places else (*places, raised)


def _line_raising(error: BaseException) -> Place | None:
    """The line of the user's code that raised, nearest to the node: libraries under it are not what is to be mended."""
    seen: BaseException | None = error
    while seen is not None:
        frames = [frame for frame in traceback.extract_tb(seen.__traceback__) if _is_users(frame.filename)]
        if frames:
            return Place(frames[-1].filename, frames[-1].lineno or 1)
        seen = seen.__cause__
    return None


def _is_users(file: str) -> bool:
    is_library = file.startswith((_PACKAGE, sys.prefix + os.sep, sys.base_prefix + os.sep, "<"))
    return not is_library
