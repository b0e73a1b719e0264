"""What the studio's server says: JSON, in which nothing is a secret and nothing is cached, and errors in words."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from graphflow.core.tokens import masked
from graphflow.errors import (
    AnswerInvalid,
    ArgumentInvalid,
    Fenced,
    GraphflowError,
    HistoryPruned,
    InputInvalid,
    Internal,
    RunBusy,
    RunNotFound,
    StoreUnavailable,
    StudioRefused,
    TargetNotFound,
)


def json_text(data: Any) -> bytes:
    """Data as JSON in UTF-8: secrets are asterisks, and what UTF-8 cannot hold is escaped."""
    shown = masked(data)
    try:
        return to_json(shown, inf_nan_mode="strings", fallback=repr)
    except ValueError:  # a lone surrogate
        return json.dumps(shown, ensure_ascii=True, default=repr).encode()


def json_reply(data: Any, status: int = 200) -> Response:
    """An answer to a request."""
    return Response(json_text(data), status, {"Cache-Control": "no-store"}, "application/json")


def error_data(error: BaseException) -> dict[str, object]:
    """What the page shows of an error: code, what, why, fix. One that nobody made on purpose says what it is."""
    known = error if isinstance(error, GraphflowError) else _unexpected(error)
    return known.as_json()


def error_reply(error: BaseException, **more: Any) -> Response:
    """An answer that says what went wrong; ``more`` stands beside the error."""
    return json_reply({"error": error_data(error), **more}, status_of(error))


def status_of(error: BaseException) -> int:
    """The status that an error is answered with."""
    if isinstance(error, StudioRefused):
        return error.status
    for kinds, status in _STATUSES:
        if isinstance(error, kinds):
            return status
    return 400 if isinstance(error, GraphflowError) and not isinstance(error, Internal) else 500


_STATUSES: tuple[tuple[tuple[type[GraphflowError], ...], int], ...] = (
    ((RunNotFound, TargetNotFound), 404),
    ((RunBusy, Fenced), 409),
    ((HistoryPruned,), 410),
    ((AnswerInvalid, InputInvalid, ArgumentInvalid), 422),
    ((StoreUnavailable,), 503),
)


def _unexpected(error: BaseException) -> Internal:
    return Internal(
        f"{type(error).__name__}: {error}",
        why="Nobody raised it on purpose.",
        fix="The terminal of the studio shows the whole traceback. If none of it is your own code, please report it.",
    )
